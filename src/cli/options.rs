//! What a run is told: the command line, and where it says nothing, the settings.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Result, privilege};
use rprov_modules::kit::{Node, Span};

use super::args::RunArgs;
use super::basis::Basis;
use super::password::{self, Source};
use crate::config::{self, Config, Origin, Surroundings};
use crate::engine::{ContainerSettings, Options, SshArgs};
use crate::inventory::pattern::{Limit, Mismatch};
use crate::playbook::TagFilter;
use crate::session::Keyring;

/// The tags to run and those to pass over. As in Ansible, flags add to what the settings give.
pub(super) fn tags(config: &Config, args: &RunArgs) -> (Vec<String>, Vec<String>) {
    let both = |mut given: Vec<String>, flags: &[String]| {
        let words = flags.iter().flat_map(|list| list.split(','));
        given.extend(words.map(|tag| tag.trim().to_owned()));
        given
    };
    (
        both(config.list(&config::TAGS_RUN), &args.play.tags),
        both(config.list(&config::TAGS_SKIP), &args.play.skip_tags),
    )
}

/// Keywords of plays that do not have them, from the settings.
pub(super) fn keywords(config: &Config) -> Vec<(&'static str, Node)> {
    let node = |setting, text: &str| {
        let span = match config.origin(setting) {
            Origin::File(span) => span,
            _ => Span::default(),
        };
        Node::string(span, text)
    };
    let mut keywords = Vec::new();
    for (keyword, setting) in [
        ("any_errors_fatal", &config::ANY_ERRORS_FATAL),
        ("force_handlers", &config::FORCE_HANDLERS),
        ("no_log", &config::NO_LOG),
    ] {
        if config.flag(setting) {
            keywords.push((keyword, node(setting, "true")));
        }
    }
    if let Some(seconds) = config.number(&config::TASK_TIMEOUT).filter(|seconds| *seconds > 0) {
        keywords.push(("timeout", node(&config::TASK_TIMEOUT, &seconds.to_string())));
    }
    if let Some(strategy) = config.given(&config::STRATEGY).and_then(|value| value.as_str()) {
        keywords.push(("strategy", node(&config::STRATEGY, strategy)));
    }
    keywords
}

/// # Errors
/// When a password cannot be had.
pub(super) fn options(
    basis: &Basis,
    args: &RunArgs,
    tags: TagFilter,
    limit: Option<Limit>,
) -> Result<Options> {
    let config = &basis.config;
    let around = Surroundings::here().map_err(|error| vec![error])?;
    let (reach, act, play) = (&args.reach, &args.act, &args.play);
    let text = |flag: &Option<String>, setting| {
        flag.clone().or_else(|| config.given(setting)?.as_str().map(str::to_owned))
    };
    let file = |flag: &Option<String>, setting, ask: bool| -> Option<PathBuf> {
        let given = config.text(setting).map(PathBuf::from).filter(|_| !ask);
        match flag.as_deref() {
            Some("-") => Some(PathBuf::from("-")),
            Some(path) => Some(config::path(path, &around)),
            None => given,
        }
    };
    let login =
        file(&reach.connection_password_file, &config::CONNECTION_PASSWORD_FILE, reach.ask_pass);
    let other =
        file(&reach.become_password_file, &config::BECOME_PASSWORD_FILE, reach.ask_become_pass);
    let login = Source {
        ask: reach.ask_pass || config.flag(&config::ASK_PASS),
        file: login.as_deref(),
        question: "SSH password: ",
    };
    let method = text(&reach.become_method, &config::BECOME_METHOD);
    let whose = match config.flag(&config::AGNOSTIC_BECOME_PROMPT) {
        true => "BECOME".to_owned(),
        false => method.as_deref().unwrap_or("sudo").to_uppercase(),
    };
    let question = match login.ask && login.file.is_none() {
        true => format!("{whose} password[defaults to SSH password]: "),
        false => format!("{whose} password: "),
    };
    let other = Source {
        ask: reach.ask_become_pass || config.flag(&config::BECOME_ASK_PASS),
        file: other.as_deref(),
        question: &question,
    };
    let one = |error| vec![error];
    let ssh_password = password::get(basis, &login).map_err(one)?;
    let become_password = match password::get(basis, &other).map_err(one)? {
        // As in Ansible, an empty answer is the password that was given to log in.
        Some(answer) if answer.is_empty() => ssh_password.clone(),
        answer => answer,
    };
    Ok(Options {
        check: act.check,
        diff: act.diff || (!act.no_diff && config.flag(&config::DIFF)),
        verbosity: basis.verbosity(act.verbose),
        forks: act.forks.unwrap_or_else(|| number(config, &config::FORKS).unwrap_or_default()),
        tags,
        limit,
        mismatch: match config.text(&config::HOST_PATTERN_MISMATCH) {
            Some("error") => Mismatch::Error,
            Some("ignore") => Mismatch::Ignore,
            _ => Mismatch::Warning,
        },
        user: text(&reach.user, &config::REMOTE_USER),
        port: number(config, &config::REMOTE_PORT),
        private_key: text(&reach.private_key, &config::PRIVATE_KEY_FILE),
        key: text(&None, &config::PRIVATE_KEY),
        passphrase: text(&None, &config::PRIVATE_KEY_PASSPHRASE),
        connection: text(&reach.connection, &config::TRANSPORT).filter(|name| name != "smart"),
        timeout: reach.timeout.or_else(|| config.given(&config::TIMEOUT)?.as_u64()),
        retries: number(config, &config::SSH_RETRIES).unwrap_or_default(),
        any_host_key: !config.flag(&config::HOST_KEY_CHECKING),
        ssh_args: SshArgs {
            args: text(&None, &config::SSH_ARGS),
            common: text(&reach.ssh_common_args, &config::SSH_COMMON_ARGS),
            extra: text(&reach.ssh_extra_args, &config::SSH_EXTRA_ARGS),
        },
        become_: reach.become_ || config.flag(&config::BECOME),
        become_method: method,
        become_settings: privilege::methods(config, reach.become_user.as_deref()),
        ssh_password,
        become_password,
        poll: config.number(&config::POLL_INTERVAL),
        async_dir: text(&None, &config::ASYNC_DIR),
        starts: config.flag(&config::SHOW_PER_HOST_START),
        quiet_modules: !config.flag(&config::ACTION_WARNINGS),
        quiet_deprecations: !config.flag(&config::DEPRECATION_WARNINGS),
        force_handlers: play.force_handlers,
        missing_handlers: !config.flag(&config::ERROR_ON_MISSING_HANDLER),
        start_at_task: play.start_at_task.clone(),
        step: play.step,
        pending: super::state::directory().filter(|_| !play.no_pending_handlers),
        facts: super::facts::settings(config, act.flush_cache).map_err(one)?,
        containers: ContainerSettings {
            docker_args: text(&None, &config::DOCKER_ARGS),
            docker_timeout: config.number(&config::DOCKER_TIMEOUT).or(reach.timeout),
            docker_directory: text(&None, &config::DOCKER_DIRECTORY),
            docker_privileged: config.flag(&config::DOCKER_PRIVILEGED),
            chroot_exe: text(&None, &config::CHROOT_EXE),
            podman_args: text(&None, &config::PODMAN_ARGS),
            podman_timeout: config.number(&config::PODMAN_TIMEOUT),
            podman_exe: text(&None, &config::PODMAN_EXECUTABLE),
        },
        keyring: Keyring::new(Arc::new(|file| {
            crate::report::ask(&format!("Passphrase of {}: ", file.display()), true)
        })),
        ..Options::default()
    })
}

fn number<T: TryFrom<u64>>(config: &Config, setting: &config::Setting) -> Option<T> {
    T::try_from(config.number(setting)?).ok()
}
