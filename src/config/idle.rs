//! What Ansible knows and rprov has no use for, and why: accepted without a word, told by
//! `rprov config -v`, and listed in COMPATIBILITY.md, which is made of this table.

use super::SETTINGS;

/// Keys and variables that have no effect for one reason.
#[derive(Debug)]
pub struct Idle {
    pub why: &'static str,
    /// `section.key`; a `*` at the beginning or the end of either stands for anything.
    pub keys: &'static [&'static str],
    pub variables: &'static [&'static str],
}

const fn idle(
    why: &'static str,
    keys: &'static [&'static str],
    variables: &'static [&'static str],
) -> Idle {
    Idle { why, keys, variables }
}

/// The table.
pub const IDLE: &[Idle] = &[
    idle(
        "plugins and modules are written in Python, which is not run here",
        &[
            "defaults.action_plugins",
            "defaults.become_plugins",
            "defaults.bin_ansible_callbacks",
            "defaults.cache_plugins",
            "defaults.callback_plugins",
            "defaults.callback_whitelist",
            "defaults.callbacks_enabled",
            "defaults.cliconf_plugins",
            "defaults.connection_plugins",
            "defaults.doc_fragment_plugins",
            "defaults.facts_modules",
            "defaults.filter_plugins",
            "defaults.httpapi_plugins",
            "defaults.inventory_plugins",
            "defaults.library",
            "defaults.lookup_plugins",
            "defaults.module_ignore_exts",
            "defaults.module_utils",
            "defaults.netconf_plugins",
            "defaults.old_plugin_cache_clear",
            "defaults.plugin_filters_cfg",
            "defaults.strategy_plugins",
            "defaults.terminal_plugins",
            "defaults.test_plugins",
            "defaults.vars_plugins",
            "callback_*.*",
            "inventory_plugin_*.*",
            "lookup_*.*",
            "vars_*.*",
            "*_plugin.*",
            "*_connection.*",
            "*_lookup.*",
            "*_inventory.*",
        ],
        &[
            "ANSIBLE_ACTION_PLUGINS",
            "ANSIBLE_BECOME_PLUGINS",
            "ANSIBLE_CACHE_PLUGINS",
            "ANSIBLE_CALLBACKS_ENABLED",
            "ANSIBLE_CALLBACK_PLUGINS",
            "ANSIBLE_CLICONF_PLUGINS",
            "ANSIBLE_CONNECTION_PLUGINS",
            "ANSIBLE_DOC_FRAGMENT_PLUGINS",
            "ANSIBLE_FACTS_MODULES",
            "ANSIBLE_FILTER_PLUGINS",
            "ANSIBLE_HTTPAPI_PLUGINS",
            "ANSIBLE_INVENTORY_PLUGINS",
            "ANSIBLE_LIBRARY",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS",
            "ANSIBLE_LOOKUP_PLUGINS",
            "ANSIBLE_MODULE_IGNORE_EXTS",
            "ANSIBLE_MODULE_UTILS",
            "ANSIBLE_NETCONF_PLUGINS",
            "ANSIBLE_OLD_PLUGIN_CACHE_CLEAR",
            "ANSIBLE_STRATEGY_PLUGINS",
            "ANSIBLE_TERMINAL_PLUGINS",
            "ANSIBLE_TEST_PLUGINS",
            "ANSIBLE_VARS_PLUGINS",
        ],
    ),
    idle(
        "collections give roles and playbooks, from `collections_path` alone",
        &[
            "defaults.collections_on_ansible_version_mismatch",
            "defaults.collections_scan_sys_path",
            "defaults.validate_action_group_metadata",
        ],
        &[
            "ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH",
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH",
            "ANSIBLE_VALIDATE_ACTION_GROUP_METADATA",
        ],
    ),
    idle(
        "`ansible-galaxy` installs roles and collections",
        &["galaxy.*", "galaxy_server.*", "galaxy_server.*.*"],
        &["ANSIBLE_GALAXY_*"],
    ),
    idle(
        "no Python runs on hosts, and nothing is copied there to be run",
        &[
            "defaults.admin_users",
            "defaults.allow_world_readable_tmpfiles",
            "defaults.common_remote_group",
            "defaults.executable",
            "defaults.interpreter_python",
            "defaults.keep_remote_files",
            "defaults.local_tmp",
            "defaults.module_compression",
            "defaults.module_strict_utf8_response",
            "defaults.python_module_rlimit_nofile",
            "defaults.remote_tmp",
            "defaults.system_tmpdirs",
        ],
        &[
            "ANSIBLE_ADMIN_USERS",
            "ANSIBLE_COMMON_REMOTE_GROUP",
            "ANSIBLE_EXECUTABLE",
            "ANSIBLE_KEEP_REMOTE_FILES",
            "ANSIBLE_LOCAL_TEMP",
            "ANSIBLE_MODULE_STRICT_UTF8_RESPONSE",
            "ANSIBLE_PYTHON_INTERPRETER",
            "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE",
            "ANSIBLE_REMOTE_TEMP",
            "ANSIBLE_REMOTE_TMP",
            "ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP",
            "ANSIBLE_SYSTEM_TMPDIRS",
        ],
    ),
    idle(
        "one connection and one shell serve the whole run, files included",
        &[
            "connection.pipelining",
            "defaults.pipelining",
            "ssh_connection.control_path",
            "ssh_connection.control_path_dir",
            "ssh_connection.pipelining",
            "ssh_connection.scp_executable",
            "ssh_connection.scp_extra_args",
            "ssh_connection.sftp_batch_mode",
            "ssh_connection.sftp_executable",
            "ssh_connection.sftp_extra_args",
            "ssh_connection.transfer_method",
        ],
        &[
            "ANSIBLE_PODMAN_IGNORE_MOUNT_ERRORS",
            "ANSIBLE_PODMAN_MOUNT_DETECTION",
            "ANSIBLE_PIPELINING",
            "ANSIBLE_SCP_EXECUTABLE",
            "ANSIBLE_SCP_EXTRA_ARGS",
            "ANSIBLE_SFTP_BATCH_MODE",
            "ANSIBLE_SFTP_EXECUTABLE",
            "ANSIBLE_SFTP_EXTRA_ARGS",
            "ANSIBLE_SSH_CONTROL_PATH",
            "ANSIBLE_SSH_CONTROL_PATH_DIR",
            "ANSIBLE_SSH_PIPELINING",
            "ANSIBLE_SSH_TRANSFER_METHOD",
        ],
    ),
    idle(
        "SSH is spoken in process: passwords and keys are given without a program, and a terminal is \
         there when sudo insists on one",
        &[
            "connection.ssh_agent",
            "connection.ssh_agent_executable",
            "connection.ssh_agent_key_lifetime",
            "ssh_connection.password_mechanism",
            "ssh_connection.sshpass_prompt",
            "ssh_connection.usetty",
            "ssh_connection.verbosity",
        ],
        &[
            "ANSIBLE_SSHPASS_PROMPT",
            "ANSIBLE_SSH_AGENT",
            "ANSIBLE_SSH_AGENT_EXECUTABLE",
            "ANSIBLE_SSH_AGENT_KEY_LIFETIME",
            "ANSIBLE_SSH_PASSWORD_MECHANISM",
            "ANSIBLE_SSH_USETTY",
            "ANSIBLE_SSH_VERBOSITY",
        ],
    ),
    idle(
        "keys on a token come from an agent",
        &["ssh_connection.pkcs11_provider"],
        &["ANSIBLE_PKCS11_PROVIDER"],
    ),
    idle(
        "a prompt is known by its form in any language",
        &["su_become_plugin.localized_prompts"],
        &["ANSIBLE_SU_PROMPT_L10N"],
    ),
    idle(
        "who is root already, or the login user, becomes nobody: the result is the same",
        &["privilege_escalation.become_allow_same_user"],
        &["ANSIBLE_BECOME_ALLOW_SAME_USER"],
    ),
    idle(
        "targets are reached by SSH, in containers or locally, and have a POSIX `sh`",
        &[
            "accelerate.*",
            "defaults.network_group_modules",
            "defaults.use_persistent_connections",
            "defaults.win_async_startup_timeout",
            "netconf_connection.*",
            "paramiko_connection.*",
            "persistent_connection.*",
            "selinux.libvirt_lxc_noseclabel",
            "winrm.*",
        ],
        &[
            "ANSIBLE_CONNECTION_PATH",
            "ANSIBLE_LIBVIRT_LXC_NOSECLABEL",
            "ANSIBLE_NETCONF_SSH_CONFIG",
            "ANSIBLE_NETWORK_GROUP_MODULES",
            "ANSIBLE_PARAMIKO_*",
            "ANSIBLE_PERSISTENT_*",
            "ANSIBLE_USE_PERSISTENT_CONNECTIONS",
            "ANSIBLE_WIN_ASYNC_STARTUP_TIMEOUT",
        ],
    ),
    idle(
        "a file is replaced as a whole on every filesystem",
        &["selinux.special_context_filesystems"],
        &["ANSIBLE_SELINUX_SPECIAL_FS"],
    ),
    idle(
        "nothing is logged on hosts",
        &["defaults.no_target_syslog", "defaults.syslog_facility", "defaults.target_log_info"],
        &["ANSIBLE_NO_TARGET_SYSLOG", "ANSIBLE_SYSLOG_FACILITY", "ANSIBLE_TARGET_LOG_INFO"],
    ),
    idle(
        "values keep their type, loop controls and `do` are always there, an undefined variable is \
         always an error, and what a lookup returns is never a template",
        &[
            "defaults.allow_embedded_templates",
            "defaults.allow_unsafe_lookups",
            "defaults.error_on_undefined_vars",
            "defaults.jinja2_extensions",
            "defaults.jinja2_native",
            "defaults.null_representation",
            "jinja2.*",
        ],
        &[
            "ANSIBLE_ALLOW_EMBEDDED_TEMPLATES",
            "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
            "ANSIBLE_JINJA2_EXTENSIONS",
            "ANSIBLE_JINJA2_NATIVE",
            "ANSIBLE_NULL_REPRESENTATION",
            "ANSIBLE_STRING_TYPE_FILTERS",
        ],
    ),
    idle(
        "a source that cannot be used is always an error, and so is having none",
        &[
            "defaults.localhost_warning",
            "inventory.any_unparsed_is_failed",
            "inventory.inventory_unparsed_warning",
            "inventory.unparsed_is_failed",
        ],
        &[
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING",
            "ANSIBLE_LOCALHOST_WARNING",
        ],
    ),
    idle(
        "sources are read at every run, and files of variables when a host needs them",
        &["defaults.run_vars_plugins", "inventory.cache*", "vars_host_group_vars.stage"],
        &["ANSIBLE_INVENTORY_CACHE*", "ANSIBLE_RUN_VARS_PLUGINS", "ANSIBLE_VARS_PLUGIN_STAGE"],
    ),
    idle(
        "what a script says on standard error is shown when it fails",
        &["inventory_plugin_script.always_show_stderr"],
        &["ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR"],
    ),
    idle(
        "a run is not a conversation",
        &["defaults.enable_task_debugger", "defaults.task_debugger_ignore_errors"],
        &["ANSIBLE_ENABLE_TASK_DEBUGGER", "ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS"],
    ),
    idle(
        "each envelope has a random salt of its own",
        &["defaults.vault_encrypt_salt"],
        &["ANSIBLE_VAULT_ENCRYPT_SALT"],
    ),
    idle(
        "no cows are drawn",
        &[
            "defaults.cow_selection",
            "defaults.cowpath",
            "defaults.cowsay_enabled_stencils",
            "defaults.nocows",
        ],
        &["ANSIBLE_COW_*", "ANSIBLE_NOCOWS"],
    ),
    idle(
        "nothing is shown that would have this colour",
        &[
            "colors.console_prompt",
            "colors.debug",
            "colors.deprecate",
            "colors.doc_*",
            "colors.highlight",
            "colors.verbose",
        ],
        &[
            "ANSIBLE_COLOR_CONSOLE_PROMPT",
            "ANSIBLE_COLOR_DEBUG",
            "ANSIBLE_COLOR_DEPRECATE",
            "ANSIBLE_COLOR_DOC_*",
            "ANSIBLE_COLOR_HIGHLIGHT",
            "ANSIBLE_COLOR_VERBOSE",
        ],
    ),
    idle(
        "about Ansible's own processes, warnings and documents",
        &[
            "defaults.debug",
            "defaults.devel_warning",
            "defaults.display_traceback",
            "defaults.docsite_root_url",
            "defaults.internal_poll_interval",
            "defaults.log_filter",
        ],
        &[
            "ANSIBLE_DEBUG",
            "ANSIBLE_DEVEL_WARNING",
            "ANSIBLE_DISPLAY_TRACEBACK",
            "ANSIBLE_LOG_FILTER",
            "ANSIBLE_WORKER_*",
        ],
    ),
    idle(
        "gone from Ansible itself",
        &[
            "defaults.command_warnings",
            "defaults.collections_paths",
            "defaults.fact_path",
            "defaults.gather_subset",
            "defaults.gather_timeout",
            "defaults.hostfile",
            "defaults.module_lang",
            "defaults.module_set_locale",
            "defaults.squash_actions",
            "defaults.su",
            "defaults.sudo_user",
        ],
        &["ANSIBLE_SU"],
    ),
    idle(
        "a failure tells its place, `-v` tells more of results, and arguments, which may be secret, are \
         not shown",
        &[
            "defaults.display_args_to_stdout",
            "defaults.show_task_path_on_failure",
            "defaults.verbose_to_stderr",
        ],
        &[
            "ANSIBLE_DISPLAY_ARGS_TO_STDOUT",
            "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE",
            "ANSIBLE_VERBOSE_TO_STDERR",
        ],
    ),
    idle(
        "nothing is found wrong with this machine that could be passed over",
        &["defaults.system_warnings"],
        &["ANSIBLE_SYSTEM_WARNINGS"],
    ),
    idle("not done yet", &["defaults.playbook_vars_root"], &["ANSIBLE_PLAYBOOK_VARS_ROOT"]),
];

/// Why a key of Ansible's has no effect; `None` if Ansible does not know it either.
pub(super) fn key(section: &str, key: &str) -> Option<&'static str> {
    let fits_key = |pattern: &str| {
        pattern.rsplit_once('.').is_some_and(|(of, name)| fits(of, section) && fits(name, key))
    };
    let all = IDLE.iter().flat_map(|idle| idle.keys.iter().map(|pattern| (*pattern, idle.why)));
    // A mistyped key of SSH's own section is no plugin's.
    let fitting = all.filter(|(pattern, _)| {
        fits_key(pattern) && (section != "ssh_connection" || !pattern.starts_with('*'))
    });
    // A name says more than a pattern of names.
    fitting.max_by_key(|(pattern, _)| pattern.len()).map(|(_, why)| why)
}

/// Why a variable of Ansible's has no effect; `None` if Ansible does not know it either.
pub(super) fn variable(name: &str) -> Option<&'static str> {
    let knows = |idle: &&Idle| idle.variables.iter().any(|pattern| fits(pattern, name));
    IDLE.iter().find(knows).map(|idle| idle.why)
}

fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(begin)) => text.starts_with(begin),
        (None, None) => pattern == text,
    }
}

/// The key that was probably meant.
pub(super) fn nearest_key(section: &str, key: &str) -> Option<String> {
    let written = format!("{section}.{key}");
    let known: Vec<&str> = SETTINGS
        .iter()
        .flat_map(|setting| setting.keys)
        .chain(IDLE.iter().flat_map(|idle| idle.keys))
        .filter(|key| !key.contains('*'))
        .copied()
        .collect();
    // The right key in the wrong section comes first.
    let elsewhere = known.iter().find(|name| name.rsplit('.').next() == Some(key)).copied();
    let nearest = elsewhere.or_else(|| rprov_modules::kit::nearest(&written, known));
    nearest.map(str::to_owned)
}
