//! Connections into containers and directories: the command that runs `sh` there.

use std::time::Duration;

use rprov_modules::kit::boolean;
use serde_json::Value;

use super::Seen;
use super::variables::{
    CHROOT_EXE, DOCKER_ARGS, DOCKER_DIRECTORY, DOCKER_ENVIRONMENT, DOCKER_HOST, DOCKER_PRIVILEGED,
    DOCKER_TIMEOUT, DOCKER_USER, HOST, PODMAN_ARGS, PODMAN_DIRECTORY, PODMAN_ENVIRONMENT,
    PODMAN_EXE, PODMAN_HOST, PODMAN_TIMEOUT, USER, Variable,
};
use crate::engine::outcome::Failure;
use crate::session::Enter;
use crate::template::Raw;

/// What can be entered.
pub(super) const KINDS: [&str; 4] = ["docker", "podman", "nspawn", "chroot"];

/// The command that enters a host of a kind; `None` for a kind that is not known.
pub(super) fn enter(seen: Seen<'_>, name: &str, kind: &str) -> Result<Option<Enter>, Failure> {
    let settings = &seen.play.engine.options.containers;
    let place = |own: Option<&Variable>| -> Result<String, Failure> {
        let own = own.map(|own| seen.variable(own)).transpose()?.flatten();
        Ok(own.or(seen.variable(&HOST)?).unwrap_or_else(|| name.to_owned()))
    };
    let user = || -> Result<Option<String>, Failure> {
        let keyword = seen.keyword("remote_user")?;
        let options = seen.play.engine.options.user.clone();
        Ok(seen.variable(&USER)?.or(keyword).or(options))
    };
    let split = |variable: &Variable, otherwise: &Option<String>| -> Result<Vec<String>, Failure> {
        let text = seen.variable(variable)?.or(otherwise.clone()).unwrap_or_default();
        shlex::split(&text)
            .ok_or_else(|| Failure::new(format!("a quote is not closed in `{text}`")))
    };
    let seconds = |variable: &Variable, otherwise: Option<u64>| -> Result<_, Failure> {
        let seconds = super::ssh::number(seen, variable)?.or(otherwise);
        Ok(seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs))
    };
    let (mut environment, mut patience) = (Vec::new(), None);
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    match kind {
        "docker" => {
            add(&["docker"]);
            split(&DOCKER_ARGS, &settings.docker_args)?.iter().for_each(|word| add(&[word]));
            add(&["exec", "-i"]);
            if let Some(user) = seen.variable(&DOCKER_USER)?.or(user()?) {
                add(&["--user", &user]);
            }
            let directory = seen.variable(&DOCKER_DIRECTORY)?;
            if let Some(directory) = directory.or(settings.docker_directory.clone()) {
                add(&["--workdir", &directory]);
            }
            let privileged = seen.variable(&DOCKER_PRIVILEGED)?.map(|text| boolean(&text));
            if privileged.unwrap_or(Some(settings.docker_privileged)) == Some(true) {
                add(&["--privileged"]);
            }
            environment = variables(seen, &DOCKER_ENVIRONMENT)?;
            environment.iter().for_each(|(name, _)| add(&["--env", name]));
            patience = seconds(&DOCKER_TIMEOUT, settings.docker_timeout)?;
            add(&[&place(Some(&DOCKER_HOST))?]);
        }
        "podman" => {
            let exe = seen.variable(&PODMAN_EXE)?.or(settings.podman_exe.clone());
            add(&[&exe.unwrap_or_else(|| "podman".to_owned())]);
            split(&PODMAN_ARGS, &settings.podman_args)?.iter().for_each(|word| add(&[word]));
            add(&["exec", "-i"]);
            if let Some(user) = user()? {
                add(&["--user", &user]);
            }
            if let Some(directory) = seen.variable(&PODMAN_DIRECTORY)? {
                add(&["--workdir", &directory]);
            }
            environment = variables(seen, &PODMAN_ENVIRONMENT)?;
            environment.iter().for_each(|(name, _)| add(&["--env", name]));
            patience = seconds(&PODMAN_TIMEOUT, settings.podman_timeout)?;
            add(&[&place(Some(&PODMAN_HOST))?]);
        }
        "nspawn" => {
            let place = place(None)?;
            let user = user()?.map(|user| format!("--uid={user}"));
            match place.starts_with('/') {
                // A tree that is not running: a container for the time of the connection.
                true => {
                    // Nothing but a shell runs in it: no bus, no unit and no name are needed.
                    add(&["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe"]);
                    add(&["--directory", &place]);
                    // Each user's shell is a container of its own over the same tree, side by side.
                    environment = vec![("SYSTEMD_NSPAWN_LOCK".to_owned(), "0".to_owned())];
                    user.iter().for_each(|user| add(&[&user.replace("--uid", "--user")]));
                }
                false => {
                    add(&["systemd-run", "--quiet", "--pipe", "--wait", "--collect"]);
                    add(&[&format!("--machine={place}")]);
                    user.iter().for_each(|user| add(&[user]));
                }
            }
        }
        "chroot" => {
            let exe = seen.variable(&CHROOT_EXE)?.or(settings.chroot_exe.clone());
            add(&[&exe.unwrap_or_else(|| "chroot".to_owned())]);
            if let Some(user) = user()?.filter(|user| user != "root") {
                add(&[&format!("--userspec={user}")]);
            }
            add(&[&place(None)?]);
        }
        _ => return Ok(None),
    }
    Ok(Some(Enter { words, environment, patience }))
}

/// A variable that is a mapping of names to texts.
fn variables(seen: Seen<'_>, variable: &Variable) -> Result<Vec<(String, String)>, Failure> {
    let name = variable.names[0];
    let value = match seen.vars.scope.get(name) {
        None => return Ok(vec![]),
        Some(Raw::Value(value)) => value,
        Some(Raw::Node(node)) => {
            seen.play.engine.templar.value(&node, seen.vars).map_err(Failure::from)?
        }
    };
    let entries = match serde_json::to_value(&value) {
        Ok(Value::Object(entries)) => entries,
        Ok(Value::Null) => return Ok(vec![]),
        _ => {
            let error = Failure::new(format!("expected `{name}` to be a mapping"));
            return Err(error.helped("write `NAME: value` below it"));
        }
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(entries.into_iter().map(|(name, value)| (name, text(value))).collect())
}
