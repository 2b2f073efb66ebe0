//! What variables say of an SSH connection.

use std::{path::PathBuf, time::Duration};

use rprov_modules::kit::boolean;

use super::Seen;
use super::variables::{
    ARGS, COMMON_ARGS, EXTRA_ARGS, HOST, HOST_KEYS, KEY, KEY_FILE, PASSPHRASE, PASSWORD, PORT,
    RETRIES, TIMEOUT, USER, Variable,
};
use super::words::{self, Word};
use crate::engine::SshArgs;
use crate::engine::outcome::Failure;
use crate::report::Event;
use crate::session::{HostKeyChecking, OptionEffect, SshTarget, ssh_option};

/// In Ansible's order: `ansible_ssh_args`, the other variables, then the other arguments; the first
/// value of an option counts.
pub(super) fn target(seen: Seen<'_>, name: &str) -> Result<SshTarget, Failure> {
    let engine = &seen.play.engine;
    let options = &engine.options;
    let mut target = SshTarget::new(seen.variable(&HOST)?.unwrap_or_else(|| name.to_owned()));
    let SshArgs { args, common, extra } = &options.ssh_args;
    arguments(seen, &ARGS, args, &mut target)?;
    let port = seen.variable(&PORT)?.or(seen.keyword("port")?);
    if let (None, Some(port)) = (target.port, port) {
        target.port =
            Some(port.trim().parse().map_err(|_| {
                Failure::new(format!("expected a port for `{name}`, found `{port}`"))
            })?);
    }
    target.port = target.port.or(options.port);
    let user = seen.variable(&USER)?.or(seen.keyword("remote_user")?).or(options.user.clone());
    target.user = target.user.or(user);
    target.password = seen.variable(&PASSWORD)?.or(options.ssh_password.clone());
    target.key = seen.variable(&KEY)?.or(options.key.clone());
    target.passphrase = seen.variable(&PASSPHRASE)?.or(options.passphrase.clone());
    for secret in [&target.password, &target.key, &target.passphrase].into_iter().flatten() {
        engine.redactor.learn(secret);
    }
    if let Some(file) = seen.variable(&KEY_FILE)?.or(options.private_key.clone()) {
        target.identities.push(expand(&file));
    }
    target.keyring = options.keyring.clone();
    if let Some(seconds) = number(seen, &TIMEOUT)?.or(options.timeout) {
        target.connect_timeout = Duration::from_secs(seconds);
    }
    target.retries = match number(seen, &RETRIES)? {
        Some(retries) => u32::try_from(retries).unwrap_or(u32::MAX),
        None => options.retries,
    };
    let check = seen.variable(&HOST_KEYS)?;
    if check.is_none() && options.any_host_key {
        target.host_key_checking = Some(HostKeyChecking::No);
    }
    if let Some(check) = check {
        match boolean(&check) {
            Some(false) => target.host_key_checking = Some(HostKeyChecking::No),
            Some(true) => {}
            None => {
                let name = HOST_KEYS.names[0];
                let message = format!("expected a boolean for `{name}`, found `{check}`");
                return Err(Failure::new(message));
            }
        }
    }
    arguments(seen, &COMMON_ARGS, common, &mut target)?;
    arguments(seen, &EXTRA_ARGS, extra, &mut target)?;
    Ok(target)
}

pub(super) fn number(seen: Seen<'_>, variable: &Variable) -> Result<Option<u64>, Failure> {
    let Some(text) = seen.variable(variable)? else { return Ok(None) };
    let number = text.trim().parse();
    number.map(Some).map_err(|_| {
        Failure::new(format!("expected a whole number for `{}`, found `{text}`", variable.names[0]))
    })
}

/// Takes over the words of one of the variables that hold arguments of the `ssh` command; where it is
/// not set, what the settings say.
fn arguments(
    seen: Seen<'_>,
    variable: &Variable,
    otherwise: &Option<String>,
    target: &mut SshTarget,
) -> Result<(), Failure> {
    // An empty variable counts: there are no arguments then.
    let Some(text) = seen.last(variable.names)?.or_else(|| otherwise.clone()) else {
        return Ok(());
    };
    // As in Ansible, where `ssh` cannot be started so: no host is reached with them.
    let fail = |why: String| {
        let mut failure = Failure::new(format!("{why}, in `{}`", variable.names[0]));
        failure.unreachable = true;
        failure
    };
    for word in words::parse(&text).map_err(fail)? {
        match word {
            Word::File(file) => target.config = Some(expand(&file)),
            Word::Note(flag, why) => note(seen, variable, &flag, why),
            Word::Option(name, value) => match ssh_option(&name) {
                OptionEffect::Acts => {
                    option(&name, &value, variable.names == ARGS.names, target).map_err(fail)?
                }
                OptionEffect::Idle => {}
                OptionEffect::Noted(why) => note(seen, variable, &format!("{name}={value}"), why),
                OptionEffect::Unknown(near) => {
                    let error = fail(format!("there is no ssh option `{name}`"));
                    return Err(match near {
                        Some(near) => error.helped(format!("did you mean `{near}`?")),
                        None => error,
                    });
                }
            },
        }
    }
    Ok(())
}

fn option(name: &str, value: &str, first: bool, target: &mut SshTarget) -> Result<(), String> {
    match name.to_lowercase().as_str() {
        // Before the variables of the same meaning only in `ansible_ssh_args`.
        "port" => {
            let port = value.parse().map_err(|_| format!("expected a port, found `{value}`"))?;
            if first || target.port.is_none() {
                target.port = Some(port);
            }
        }
        "user" => {
            if first || target.user.is_none() {
                target.user = Some(value.to_owned());
            }
        }
        "identityfile" => target.identities.push(expand(value)),
        _ => target.option(name, value),
    }
    Ok(())
}

fn note(seen: Seen<'_>, variable: &Variable, word: &str, why: &str) {
    let note = format!("`{word}` in `{}` has no effect: {why}", variable.names[0]);
    if seen.play.engine.first_time(&note) {
        seen.play.engine.reporter.report(Event::Warning(note));
    }
}

fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
