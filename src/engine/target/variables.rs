//! Every `ansible_…` variable about connections and users that Ansible documents: one table, from
//! which COMPATIBILITY.md is made.

/// What a variable does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Effect {
    Acts,
    /// It has nothing to act on, and is passed over.
    Idle,
    /// It would change something that is not done here: an error, but for these values.
    Refused(&'static [&'static str]),
}

/// A variable under all its names: the last that is set counts, as in Ansible.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Variable {
    pub(super) names: &'static [&'static str],
    pub(super) effect: Effect,
    /// What it is for, or why it has no effect.
    pub(super) what: &'static str,
}

const fn acts(names: &'static [&'static str], what: &'static str) -> Variable {
    Variable { names, effect: Effect::Acts, what }
}

const fn idle(names: &'static [&'static str], what: &'static str) -> Variable {
    Variable { names, effect: Effect::Idle, what }
}

const fn refused(
    names: &'static [&'static str],
    what: &'static str,
    but: &'static [&'static str],
) -> Variable {
    Variable { names, effect: Effect::Refused(but), what }
}

pub(super) const CONNECTION: Variable = acts(
    &["ansible_connection"],
    "`ssh`, `local`, `docker`, `podman`, `nspawn` or `chroot`, also with the name of its collection",
);
pub(in crate::engine) const HOST: Variable =
    acts(&["ansible_host", "ansible_ssh_host"], "name or address; default: the host's name");
pub(super) const PORT: Variable = acts(&["ansible_port", "ansible_ssh_port"], "the port");
pub(super) const USER: Variable = acts(&["ansible_user", "ansible_ssh_user"], "the login user");
pub(super) const PASSWORD: Variable =
    acts(&["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"], "tried after all keys");
pub(super) const KEY_FILE: Variable = acts(
    &["ansible_private_key_file", "ansible_ssh_private_key_file"],
    "a private key, tried first",
);
pub(super) const KEY: Variable = acts(
    &["ansible_private_key", "ansible_ssh_private_key"],
    "the text of a private key, tried first; it never becomes a file",
);
pub(super) const PASSPHRASE: Variable = acts(
    &["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"],
    "of the two above",
);
pub(super) const ARGS: Variable = acts(
    &["ansible_ssh_args"],
    "words of the `ssh` command, see below; before the other variables",
);
pub(super) const COMMON_ARGS: Variable =
    acts(&["ansible_ssh_common_args"], "words of the `ssh` command, after the other variables");
pub(super) const EXTRA_ARGS: Variable = acts(&["ansible_ssh_extra_args"], "the same, last");
pub(super) const TIMEOUT: Variable =
    acts(&["ansible_ssh_timeout"], "seconds for connecting and authenticating together");
pub(super) const RETRIES: Variable =
    acts(&["ansible_ssh_retries"], "how often a host that cannot be reached is tried again");
pub(super) const HOST_KEYS: Variable = acts(
    &["ansible_host_key_checking", "ansible_ssh_host_key_checking"],
    "`false` accepts any host key",
);
pub(super) const BECOME: Variable = acts(&["ansible_become"], "whether to become another user");
pub(super) const BECOME_METHOD: Variable =
    acts(&["ansible_become_method"], "`sudo`, `su`, `doas` or `runuser`");
pub(super) const BECOME_USER: Variable = acts(
    &["ansible_become_user", "ansible_sudo_user", "ansible_su_user", "ansible_doas_user"],
    "the user to become; names of another method do not count",
);
pub(super) const BECOME_PASSWORD: Variable = acts(
    &[
        "ansible_become_password",
        "ansible_become_pass",
        "ansible_sudo_pass",
        "ansible_su_pass",
        "ansible_doas_pass",
    ],
    "travels on standard input, and only when it is asked for",
);
pub(super) const BECOME_EXE: Variable = acts(
    &["ansible_become_exe", "ansible_sudo_exe", "ansible_su_exe", "ansible_doas_exe"],
    "the program, and words of its own",
);
pub(super) const BECOME_FLAGS: Variable = acts(
    &["ansible_become_flags", "ansible_sudo_flags", "ansible_su_flags", "ansible_doas_flags"],
    "words behind the program; for sudo in place of `-H`. `-S` and `-n` are the session's business",
);
pub(super) const SUDO_DIRECTORY: Variable =
    acts(&["ansible_sudo_chdir"], "a directory to be in before sudo is started");
pub(super) const DOCKER_HOST: Variable =
    acts(&["ansible_docker_host"], "the container; after it `ansible_host`, then the host's name");
pub(super) const DOCKER_USER: Variable =
    acts(&["ansible_docker_user"], "the user in the container; after it `ansible_user`");
pub(super) const DOCKER_ARGS: Variable =
    acts(&["ansible_docker_extra_args"], "words of `docker` before `exec`");
pub(super) const DOCKER_DIRECTORY: Variable =
    acts(&["ansible_docker_working_dir"], "`docker exec --workdir`");
pub(super) const DOCKER_PRIVILEGED: Variable =
    acts(&["ansible_docker_privileged"], "`docker exec --privileged`");
pub(super) const DOCKER_ENVIRONMENT: Variable = acts(
    &["ansible_docker_extra_env"],
    "a mapping of variables for what runs in the container; their values are in no process list",
);
pub(super) const DOCKER_TIMEOUT: Variable =
    acts(&["ansible_docker_timeout"], "seconds until a shell in the container must answer");
pub(super) const PODMAN_HOST: Variable =
    acts(&["ansible_podman_host"], "the container; after it `ansible_host`, then the host's name");
pub(super) const PODMAN_ARGS: Variable =
    acts(&["ansible_podman_extra_args"], "words of `podman` before `exec`");
pub(super) const PODMAN_EXE: Variable =
    acts(&["ansible_podman_executable"], "the program; default: `podman`");
pub(super) const PODMAN_DIRECTORY: Variable =
    acts(&["ansible_podman_working_directory"], "`podman exec --workdir`");
pub(super) const PODMAN_ENVIRONMENT: Variable =
    acts(&["ansible_podman_extra_env"], "as `ansible_docker_extra_env`");
pub(super) const PODMAN_TIMEOUT: Variable =
    acts(&["ansible_podman_timeout"], "as `ansible_docker_timeout`; 0 is the default");
pub(super) const CHROOT_EXE: Variable =
    acts(&["ansible_chroot_exe"], "the program; default: `chroot`");

/// The table, in the order in which it is shown.
pub(super) const ALL: &[Variable] = &[
    CONNECTION,
    HOST,
    PORT,
    USER,
    PASSWORD,
    KEY_FILE,
    KEY,
    PASSPHRASE,
    ARGS,
    COMMON_ARGS,
    EXTRA_ARGS,
    TIMEOUT,
    RETRIES,
    HOST_KEYS,
    BECOME,
    BECOME_METHOD,
    BECOME_USER,
    BECOME_PASSWORD,
    BECOME_EXE,
    BECOME_FLAGS,
    SUDO_DIRECTORY,
    DOCKER_HOST,
    DOCKER_USER,
    DOCKER_ARGS,
    DOCKER_DIRECTORY,
    DOCKER_PRIVILEGED,
    DOCKER_ENVIRONMENT,
    DOCKER_TIMEOUT,
    PODMAN_HOST,
    PODMAN_ARGS,
    PODMAN_EXE,
    PODMAN_DIRECTORY,
    PODMAN_ENVIRONMENT,
    PODMAN_TIMEOUT,
    CHROOT_EXE,
    refused(
        &["ansible_ssh_executable"],
        "no program is started for SSH",
        &["ssh", "/usr/bin/ssh", "/usr/local/bin/ssh"],
    ),
    refused(&["ansible_ssh_pkcs11_provider"], "keys on a token come from an agent", &[]),
    refused(&["ansible_shell_type"], "targets have a POSIX `sh`", &["sh", "csh", "fish"]),
    idle(
        &["ansible_pipelining", "ansible_ssh_pipelining"],
        "everything goes through one shell as it is",
    ),
    idle(
        &["ansible_control_path", "ansible_control_path_dir"],
        "a host has one connection for the whole run",
    ),
    idle(
        &[
            "ansible_ssh_transfer_method",
            "ansible_scp_executable",
            "ansible_scp_extra_args",
            "ansible_sftp_executable",
            "ansible_sftp_extra_args",
            "ansible_sftp_batch_mode",
        ],
        "files travel through the shell",
    ),
    idle(
        &["ansible_podman_mount_detection", "ansible_podman_ignore_mount_errors"],
        "files travel through the shell",
    ),
    idle(&["ansible_podman_privilege_escalation"], "`ansible_become_method` says it"),
    idle(&["ansible_ssh_use_tty"], "there is a terminal when sudo insists on one"),
    idle(
        &["ansible_ssh_password_mechanism", "ansible_sshpass_prompt"],
        "passwords are given in process",
    ),
    idle(&["ansible_ssh_verbosity"], "there is no `ssh` to be talkative"),
    idle(&["ansible_su_prompt_l10n"], "a prompt is known by its form in any language"),
    idle(
        &["ansible_local_become_success_timeout", "ansible_local_become_strip_preamble"],
        "the same session as over SSH",
    ),
    idle(&["ansible_python_interpreter"], "no Python is needed"),
    idle(&["ansible_shell_executable"], "the session's shell is `/bin/sh`"),
    idle(
        &[
            "ansible_remote_tmp",
            "ansible_system_tmpdirs",
            "ansible_common_remote_group",
            "ansible_shell_allow_world_readable_temp",
            "ansible_admin_users",
        ],
        "no module is copied to the host",
    ),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// The table in COMPATIBILITY.md is this one. `UPDATE=1` writes it anew.
    #[test]
    fn the_table_is_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/COMPATIBILITY.md");
        let text = std::fs::read_to_string(path).expect("a readable file");
        let mut table = String::from("| variable | here |\n| --- | --- |\n");
        for Variable { names, effect, what } in ALL {
            let listed = |texts: &[&str]| {
                texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
            };
            let names = listed(names);
            let what = match effect {
                Effect::Acts => (*what).to_owned(),
                Effect::Idle => format!("passed over: {what}"),
                Effect::Refused([]) => format!("an error: {what}"),
                Effect::Refused(but) => format!("an error but for {}: {what}", listed(but)),
            };
            let _ = writeln!(table, "| {names} | {what} |");
        }
        let (begin, end) = ("<!-- connection variables -->\n", "<!-- end -->\n");
        let from = text.find(begin).expect("the beginning of the table") + begin.len();
        let to = from + text[from..].find(end).expect("the end of the table");
        if std::env::var_os("UPDATE").is_some() {
            let new = format!("{}{table}{}", &text[..from], &text[to..]);
            std::fs::write(path, new).expect("a writable file");
        } else {
            assert_eq!(&text[from..to], table, "UPDATE=1 rewrites it");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> =
            ALL.iter().flat_map(|variable| variable.names).copied().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
