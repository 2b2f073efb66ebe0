//! What settings say about becoming another user with each method.

use std::collections::HashMap;

use crate::config::{self, Config, Origin, Setting};
use crate::engine::BecomeSettings;

/// Settings of one method: the user, words for the program, the program, the password.
type OfMethod = (&'static str, [&'static Setting; 4]);

const METHODS: [OfMethod; 4] = [
    ("sudo", [&config::SUDO_USER, &config::SUDO_FLAGS, &config::SUDO_EXE, &config::SUDO_PASS]),
    ("su", [&config::SU_USER, &config::SU_FLAGS, &config::SU_EXE, &config::SU_PASS]),
    ("doas", [&config::DOAS_USER, &config::DOAS_FLAGS, &config::DOAS_EXE, &config::DOAS_PASS]),
    (
        "runuser",
        [
            &config::RUNUSER_USER,
            &config::RUNUSER_FLAGS,
            &config::RUNUSER_EXE,
            &config::RUNUSER_PASS,
        ],
    ),
];

/// What counts for each method. `user` is the flag `--become-user`, which wins.
pub(super) fn methods(
    config: &Config,
    user: Option<&str>,
) -> HashMap<&'static str, BecomeSettings> {
    let of = |(name, [its_user, flags, exe, password]): OfMethod| {
        let settings = BecomeSettings {
            user: match user {
                Some(user) => Some(user.to_owned()),
                None => nearer(config, its_user, &config::BECOME_USER),
            },
            flags: nearer(config, flags, &config::BECOME_FLAGS),
            exe: nearer(config, exe, &config::BECOME_EXE),
            password: nearer(config, password, &config::BECOME_PASS),
            directory: given(config, &config::SUDO_CHDIR).filter(|_| name == "sudo"),
        };
        (name, settings)
    };
    METHODS.into_iter().map(of).collect()
}

/// The method's own setting, or the one for all methods: variables of the environment win over files.
fn nearer(config: &Config, own: &Setting, all: &Setting) -> Option<String> {
    let variable = |setting| matches!(config.origin(setting), Origin::Variable(_));
    match variable(all) && !variable(own) {
        true => given(config, all),
        false => given(config, own).or_else(|| given(config, all)),
    }
}

fn given(config: &Config, setting: &Setting) -> Option<String> {
    config.given(setting)?.as_str().map(str::to_owned)
}
