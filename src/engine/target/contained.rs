//! Connections into containers and directories: the command that runs `sh` there.

use rprov_modules::kit::boolean;

use super::Seen;
use super::variables::{
    CHROOT_EXE, DOCKER_ARGS, DOCKER_DIRECTORY, DOCKER_HOST, DOCKER_PRIVILEGED, DOCKER_USER, HOST,
    PODMAN_ARGS, PODMAN_EXE, PODMAN_HOST, USER, Variable,
};
use crate::engine::outcome::Failure;

/// What can be entered.
pub(super) const KINDS: [&str; 4] = ["docker", "podman", "nspawn", "chroot"];

/// The words before those of `sh`; `None` for a kind that is not known.
pub(super) fn words(
    seen: Seen<'_>,
    name: &str,
    kind: &str,
) -> Result<Option<Vec<String>>, Failure> {
    let place = |own: Option<&Variable>| -> Result<String, Failure> {
        let own = own.map(|own| seen.variable(own)).transpose()?.flatten();
        Ok(seen.variable(&HOST)?.or(own).unwrap_or_else(|| name.to_owned()))
    };
    let user = || -> Result<Option<String>, Failure> {
        let keyword = seen.keyword("remote_user")?;
        let options = seen.play.engine.options.user.clone();
        Ok(seen.variable(&USER)?.or(keyword).or(options))
    };
    let split = |variable: &Variable| -> Result<Vec<String>, Failure> {
        let text = seen.variable(variable)?.unwrap_or_default();
        shlex::split(&text)
            .ok_or_else(|| Failure::new(format!("a quote is not closed in `{text}`")))
    };
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    match kind {
        "docker" => {
            add(&["docker"]);
            split(&DOCKER_ARGS)?.iter().for_each(|word| add(&[word]));
            add(&["exec", "-i"]);
            if let Some(user) = user()?.or(seen.variable(&DOCKER_USER)?) {
                add(&["--user", &user]);
            }
            if let Some(directory) = seen.variable(&DOCKER_DIRECTORY)? {
                add(&["--workdir", &directory]);
            }
            if seen.variable(&DOCKER_PRIVILEGED)?.is_some_and(|text| boolean(&text) == Some(true)) {
                add(&["--privileged"]);
            }
            add(&[&place(Some(&DOCKER_HOST))?]);
        }
        "podman" => {
            add(&[&seen.variable(&PODMAN_EXE)?.unwrap_or_else(|| "podman".to_owned())]);
            split(&PODMAN_ARGS)?.iter().for_each(|word| add(&[word]));
            add(&["exec", "-i"]);
            if let Some(user) = user()? {
                add(&["--user", &user]);
            }
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
            add(&[&seen.variable(&CHROOT_EXE)?.unwrap_or_else(|| "chroot".to_owned())]);
            if let Some(user) = user()?.filter(|user| user != "root") {
                add(&[&format!("--userspec={user}")]);
            }
            add(&[&place(None)?]);
        }
        _ => return Ok(None),
    }
    Ok(Some(words))
}
