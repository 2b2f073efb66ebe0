//! Every setting that has a meaning here: its names, its type, its default, what it does.
//!
//! What Ansible has beside these, and rprov no use for, is in [`super::idle`].

use super::Kind;

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// As Ansible calls it; the `config` lookup takes this name.
    pub name: &'static str,
    /// Its keys in `ansible.cfg` as `section.key`; the last one given counts.
    pub keys: &'static [&'static str],
    /// Its environment variables; the last one set counts.
    pub variables: &'static [&'static str],
    /// Its key in `rprov.toml`, if it is ours.
    pub ours: Option<&'static str>,
    pub kind: Kind,
    /// As it would be written. `None`: no value.
    pub default: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $id:ident = $name:literal, $kind:expr, $default:expr,
        $keys:expr, $variables:expr $(, ours $ours:literal)?;)+) => {
        $($(#[doc = $doc])+
        pub const $id: Setting = Setting {
            name: $name,
            keys: &$keys,
            variables: &$variables,
            ours: [$(Some($ours),)? None][0],
            kind: $kind,
            default: $default,
            doc: concat!($($doc),+),
        };)+

        /// All of them, in the order in which they are shown.
        pub const SETTINGS: &[&Setting] = &[$(&$id),+];
    };
}

settings! {
    /// The directory of Ansible's own files; other defaults are below it.
    HOME = "ANSIBLE_HOME", Kind::Path, Some("~/.ansible"), ["defaults.home"], ["ANSIBLE_HOME"];

    /// Inventories, where `-i` and `env=` give none. The default counts if it exists.
    INVENTORY = "DEFAULT_HOST_LIST", Kind::Paths, Some("/etc/ansible/hosts"),
        ["defaults.inventory"], ["ANSIBLE_INVENTORY"];
    /// What a term of a host pattern is that matches nothing while others match.
    HOST_PATTERN_MISMATCH = "HOST_PATTERN_MISMATCH", Kind::Choice(&["warning", "error", "ignore"]),
        Some("warning"), ["inventory.host_pattern_mismatch"], ["ANSIBLE_HOST_PATTERN_MISMATCH"];
    /// Which inventory sources are read: host_list, advanced_host_list, script, auto, yaml, ini, toml,
    /// constructed and generator.
    INVENTORY_ENABLED = "INVENTORY_ENABLED", Kind::List,
        Some("host_list, script, auto, yaml, ini, toml"),
        ["inventory.enable_plugins"], ["ANSIBLE_INVENTORY_ENABLED"];
    /// Files of an inventory directory whose names end like this are passed over.
    INVENTORY_IGNORE_EXTS = "INVENTORY_IGNORE_EXTS", Kind::List,
        Some(".pyc, .pyo, .swp, .bak, ~, .rpm, .md, .txt, .rst, .orig, .cfg, .retry"),
        ["defaults.inventory_ignore_extensions", "inventory.ignore_extensions"],
        ["ANSIBLE_INVENTORY_IGNORE"];
    /// Files of an inventory directory are passed over if one of these expressions is found in the
    /// name.
    INVENTORY_IGNORE_PATTERNS = "INVENTORY_IGNORE_PATTERNS", Kind::List, Some(""),
        ["defaults.inventory_ignore_patterns", "inventory.ignore_patterns"],
        ["ANSIBLE_INVENTORY_IGNORE_REGEX"];
    /// Endings of inventories in YAML.
    INVENTORY_YAML = "yaml_extensions", Kind::List, Some(".yaml, .yml, .json"),
        ["defaults.yaml_valid_extensions", "inventory_plugin_yaml.yaml_valid_extensions"],
        ["ANSIBLE_YAML_FILENAME_EXT", "ANSIBLE_INVENTORY_PLUGIN_EXTS"];
    /// Whether `constructed` inventories that do not say use the variables of the command line.
    INVENTORY_EXTRA_VARS = "use_extra_vars", Kind::Boolean, Some("false"),
        ["inventory_plugins.use_extra_vars"], ["ANSIBLE_INVENTORY_USE_EXTRA_VARS"];
    /// Whether characters that no variable's name may have become `_` in the names of groups: with
    /// always and silently they do.
    TRANSFORM_INVALID_GROUP_CHARS = "TRANSFORM_INVALID_GROUP_CHARS",
        Kind::Choice(&["always", "ignore", "never", "silently"]), Some("never"),
        ["defaults.force_valid_group_names"], ["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"];
    /// `rprov inventory` shows variables where they are given, as `--export` does.
    INVENTORY_EXPORT = "INVENTORY_EXPORT", Kind::Boolean, Some("false"),
        ["inventory.export"], ["ANSIBLE_INVENTORY_EXPORT"];
    /// Endings of files in `group_vars/` and `host_vars/`, in the order in which they are looked for.
    YAML_FILENAME_EXTENSIONS = "YAML_FILENAME_EXTENSIONS", Kind::List, Some(".yml, .yaml, .json"),
        ["defaults.yaml_valid_extensions"], ["ANSIBLE_YAML_FILENAME_EXT"];
    /// Without `host_group_vars` in it, no `group_vars/` and `host_vars/` are read.
    VARIABLE_PLUGINS_ENABLED = "VARIABLE_PLUGINS_ENABLED", Kind::List, Some("host_group_vars"),
        ["defaults.vars_plugins_enabled"], ["ANSIBLE_VARS_ENABLED"];
    /// The order in which variables of groups are merged; only the default is possible.
    VARIABLE_PRECEDENCE = "VARIABLE_PRECEDENCE", Kind::List,
        Some("all_inventory, groups_inventory, all_plugins_inventory, all_plugins_play, groups_plugins_inventory, groups_plugins_play"),
        ["defaults.precedence"], ["ANSIBLE_PRECEDENCE"];
    /// What a key is that a mapping has twice, of which the last one counts.
    DUPLICATE_KEY = "DUPLICATE_YAML_DICT_KEY", Kind::Choice(&["error", "ignore", "warn"]),
        Some("warn"), ["defaults.duplicate_dict_key"], ["ANSIBLE_DUPLICATE_YAML_DICT_KEY"];
    /// Where roles are looked for, after the places beside the playbook.
    ROLES_PATH = "DEFAULT_ROLES_PATH", Kind::Search,
        Some("{{ANSIBLE_HOME}}/roles:/usr/share/ansible/roles:/etc/ansible/roles"),
        ["defaults.roles_path"], ["ANSIBLE_ROLES_PATH"];
    /// Where `ansible_collections/` is looked for.
    COLLECTIONS_PATH = "COLLECTIONS_PATHS", Kind::Search,
        Some("{{ANSIBLE_HOME}}/collections:/usr/share/ansible/collections"),
        ["defaults.collections_path"], ["ANSIBLE_COLLECTIONS_PATH"];
    /// The directory that stands for the playbook's where there is none: in `run` and `inventory`.
    PLAYBOOK_DIR = "PLAYBOOK_DIR", Kind::Path, None,
        ["defaults.playbook_dir"], ["ANSIBLE_PLAYBOOK_DIR"];

    /// The connection, where nothing else gives one.
    TRANSPORT = "DEFAULT_TRANSPORT", Kind::Text, Some("ssh"),
        ["defaults.transport"], ["ANSIBLE_TRANSPORT"];
    /// The user to log in as, where nothing else gives one.
    REMOTE_USER = "DEFAULT_REMOTE_USER", Kind::Text, None,
        ["defaults.remote_user"], ["ANSIBLE_REMOTE_USER"];
    /// The port, where nothing else gives one.
    REMOTE_PORT = "DEFAULT_REMOTE_PORT", Kind::Number, None,
        ["defaults.remote_port"], ["ANSIBLE_REMOTE_PORT"];
    /// The private key to log in with, where nothing else gives one.
    PRIVATE_KEY_FILE = "DEFAULT_PRIVATE_KEY_FILE", Kind::Path, None,
        ["defaults.private_key_file"], ["ANSIBLE_PRIVATE_KEY_FILE"];
    /// Whether a host with an unknown key is refused.
    HOST_KEY_CHECKING = "HOST_KEY_CHECKING", Kind::Boolean, Some("true"),
        ["defaults.host_key_checking", "ssh_connection.host_key_checking"],
        ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"];
    /// Seconds until connecting is given up.
    TIMEOUT = "DEFAULT_TIMEOUT", Kind::Number, Some("10"),
        ["defaults.timeout", "ssh_connection.timeout"], ["ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"];
    /// Arguments as for `ssh`: `-o`, `-i`, `-J`, `-F`, `-p` and `-l` count.
    SSH_ARGS = "ssh_args", Kind::Text, None, ["ssh_connection.ssh_args"], ["ANSIBLE_SSH_ARGS"];
    /// More arguments as for `ssh`.
    SSH_COMMON_ARGS = "ssh_common_args", Kind::Text, None,
        ["ssh_connection.ssh_common_args"], ["ANSIBLE_SSH_COMMON_ARGS"];
    /// More arguments as for `ssh`.
    SSH_EXTRA_ARGS = "ssh_extra_args", Kind::Text, None,
        ["ssh_connection.ssh_extra_args"], ["ANSIBLE_SSH_EXTRA_ARGS"];
    /// No program is started for SSH: only the usual one may be named.
    SSH_EXECUTABLE = "ssh_executable",
        Kind::Choice(&["ssh", "/usr/bin/ssh", "/usr/local/bin/ssh"]), Some("ssh"),
        ["ssh_connection.ssh_executable"], ["ANSIBLE_SSH_EXECUTABLE"];
    /// How often a host that cannot be reached is tried again.
    SSH_RETRIES = "reconnection_retries", Kind::Number, Some("0"),
        ["connection.retries", "ssh_connection.retries"], ["ANSIBLE_SSH_RETRIES"];
    /// The text of the private key to log in with, where nothing else gives one.
    PRIVATE_KEY = "private_key", Kind::Secret, None, [], ["ANSIBLE_PRIVATE_KEY"];
    /// The passphrase of that key, and of the one in a file.
    PRIVATE_KEY_PASSPHRASE = "private_key_passphrase", Kind::Secret, None, [],
        ["ANSIBLE_PRIVATE_KEY_PASSPHRASE"];
    /// Words of docker before `exec`.
    DOCKER_ARGS = "docker_extra_args", Kind::Text, None, ["docker_connection.extra_cli_args"], [];
    /// Seconds until a shell in a container of docker must answer.
    DOCKER_TIMEOUT = "container_timeout", Kind::Number, None,
        ["docker_connection.timeout"], ["ANSIBLE_DOCKER_TIMEOUT"];
    /// The directory to be in within a container of docker.
    DOCKER_DIRECTORY = "working_dir", Kind::Text, None,
        ["docker_connection.working_dir"], ["ANSIBLE_DOCKER_WORKING_DIR"];
    /// Whether what is run in a container of docker has extended rights there.
    DOCKER_PRIVILEGED = "privileged", Kind::Boolean, Some("false"),
        ["docker_connection.privileged"], ["ANSIBLE_DOCKER_PRIVILEGED"];
    /// The program in place of chroot.
    CHROOT_EXE = "chroot_exe", Kind::Text, None, ["chroot_connection.exe"], ["ANSIBLE_CHROOT_EXE"];
    /// Words of podman before `exec`.
    PODMAN_ARGS = "podman_extra_args", Kind::Text, None,
        ["defaults.podman_extra_args"], ["ANSIBLE_PODMAN_EXTRA_ARGS"];
    /// The program in place of podman.
    PODMAN_EXECUTABLE = "podman_executable", Kind::Text, None, [], ["ANSIBLE_PODMAN_EXECUTABLE"];
    /// Seconds until a shell in a container of podman must answer.
    PODMAN_TIMEOUT = "podman_timeout", Kind::Number, None,
        ["defaults.podman_timeout"], ["ANSIBLE_PODMAN_TIMEOUT"];
    /// Ask for the password to log in, as `-k` does.
    ASK_PASS = "DEFAULT_ASK_PASS", Kind::Boolean, Some("false"),
        ["defaults.ask_pass"], ["ANSIBLE_ASK_PASS"];
    /// The file with the password to log in.
    CONNECTION_PASSWORD_FILE = "CONNECTION_PASSWORD_FILE", Kind::Path, None,
        ["defaults.connection_password_file"], ["ANSIBLE_CONNECTION_PASSWORD_FILE"];

    /// Act as another user, where nothing else says.
    BECOME = "DEFAULT_BECOME", Kind::Boolean, Some("false"),
        ["privilege_escalation.become"], ["ANSIBLE_BECOME"];
    /// How to become another user.
    BECOME_METHOD = "DEFAULT_BECOME_METHOD", Kind::Text, Some("sudo"),
        ["privilege_escalation.become_method"], ["ANSIBLE_BECOME_METHOD"];
    /// The user to become.
    BECOME_USER = "DEFAULT_BECOME_USER", Kind::Text, Some("root"),
        ["privilege_escalation.become_user"], ["ANSIBLE_BECOME_USER"];
    /// Further words for the method's command.
    BECOME_FLAGS = "DEFAULT_BECOME_FLAGS", Kind::Text, None,
        ["privilege_escalation.become_flags"], ["ANSIBLE_BECOME_FLAGS"];
    /// The method's command.
    BECOME_EXE = "DEFAULT_BECOME_EXE", Kind::Text, None,
        ["privilege_escalation.become_exe"], ["ANSIBLE_BECOME_EXE"];
    /// The password to become another user, where nothing else gives one.
    BECOME_PASS = "become_pass", Kind::Secret, None, [], ["ANSIBLE_BECOME_PASS"];
    /// The user to become with sudo.
    SUDO_USER = "sudo_become_plugin.user", Kind::Text, None,
        ["sudo_become_plugin.user"], ["ANSIBLE_SUDO_USER"];
    /// Further words for sudo.
    SUDO_FLAGS = "sudo_become_plugin.flags", Kind::Text, None,
        ["sudo_become_plugin.flags"], ["ANSIBLE_SUDO_FLAGS"];
    /// The command in place of sudo.
    SUDO_EXE = "sudo_become_plugin.executable", Kind::Text, None,
        ["sudo_become_plugin.executable"], ["ANSIBLE_SUDO_EXE"];
    /// The password for sudo.
    SUDO_PASS = "sudo_become_plugin.password", Kind::Secret, None,
        ["sudo_become_plugin.password"], ["ANSIBLE_SUDO_PASS"];
    /// The user to become with su.
    SU_USER = "su_become_plugin.user", Kind::Text, None,
        ["su_become_plugin.user"], ["ANSIBLE_SU_USER"];
    /// Further words for su.
    SU_FLAGS = "su_become_plugin.flags", Kind::Text, None,
        ["su_become_plugin.flags"], ["ANSIBLE_SU_FLAGS"];
    /// The command in place of su.
    SU_EXE = "su_become_plugin.executable", Kind::Text, None,
        ["su_become_plugin.executable"], ["ANSIBLE_SU_EXE"];
    /// The password for su.
    SU_PASS = "su_become_plugin.password", Kind::Secret, None,
        ["su_become_plugin.password"], ["ANSIBLE_SU_PASS"];
    /// The user to become with doas.
    DOAS_USER = "doas_become_plugin.user", Kind::Text, None,
        ["doas_become_plugin.user"], ["ANSIBLE_DOAS_USER"];
    /// Further words for doas.
    DOAS_FLAGS = "doas_become_plugin.flags", Kind::Text, None,
        ["doas_become_plugin.flags"], ["ANSIBLE_DOAS_FLAGS"];
    /// The command in place of doas.
    DOAS_EXE = "doas_become_plugin.executable", Kind::Text, None,
        ["doas_become_plugin.executable"], ["ANSIBLE_DOAS_EXE"];
    /// The password for doas.
    DOAS_PASS = "doas_become_plugin.password", Kind::Secret, None,
        ["doas_become_plugin.password"], ["ANSIBLE_DOAS_PASS"];
    /// The user to become with runuser.
    RUNUSER_USER = "runuser_become_plugin.user", Kind::Text, None,
        ["runuser_become_plugin.user"], ["ANSIBLE_RUNUSER_USER"];
    /// Further words for runuser.
    RUNUSER_FLAGS = "runuser_become_plugin.flags", Kind::Text, None,
        ["runuser_become_plugin.flags"], ["ANSIBLE_RUNUSER_FLAGS"];
    /// The command in place of runuser.
    RUNUSER_EXE = "runuser_become_plugin.executable", Kind::Text, None,
        ["runuser_become_plugin.executable"], ["ANSIBLE_RUNUSER_EXE"];
    /// The password for runuser.
    RUNUSER_PASS = "runuser_become_plugin.password", Kind::Secret, None,
        ["runuser_become_plugin.password"], ["ANSIBLE_RUNUSER_PASS"];
    /// A directory to be in before sudo is started.
    SUDO_CHDIR = "sudo_become_plugin.chdir", Kind::Text, None,
        ["sudo_become_plugin.chdir"], ["ANSIBLE_SUDO_CHDIR"];
    /// Ask for the `BECOME password`, whatever the method; otherwise it is the method's.
    AGNOSTIC_BECOME_PROMPT = "AGNOSTIC_BECOME_PROMPT", Kind::Boolean, Some("true"),
        ["privilege_escalation.agnostic_become_prompt"], ["ANSIBLE_AGNOSTIC_BECOME_PROMPT"];
    /// Ask for the password to become another user, as `-K` does.
    BECOME_ASK_PASS = "DEFAULT_BECOME_ASK_PASS", Kind::Boolean, Some("false"),
        ["privilege_escalation.become_ask_pass"], ["ANSIBLE_BECOME_ASK_PASS"];
    /// The file with the password to become another user.
    BECOME_PASSWORD_FILE = "BECOME_PASSWORD_FILE", Kind::Path, None,
        ["defaults.become_password_file"], ["ANSIBLE_BECOME_PASSWORD_FILE"];

    /// Hosts at a time; 0 is all of them.
    FORKS = "DEFAULT_FORKS", Kind::Number, Some("0"),
        ["defaults.forks"], ["ANSIBLE_FORKS"], ours "forks";
    /// How hosts go through a play that does not say: linear, free or host_pinned.
    STRATEGY = "DEFAULT_STRATEGY", Kind::Text, Some("linear"),
        ["defaults.strategy"], ["ANSIBLE_STRATEGY"];
    /// Whether plays that do not say gather facts: explicit is no, smart is once for a host.
    GATHERING = "DEFAULT_GATHERING", Kind::Choice(&["implicit", "explicit", "smart"]),
        Some("implicit"), ["defaults.gathering"], ["ANSIBLE_GATHERING"];
    /// Where facts are kept for later runs: memory is nowhere, jsonfile a directory.
    FACT_CACHING = "CACHE_PLUGIN", Kind::Text, Some("memory"),
        ["defaults.fact_caching"], ["ANSIBLE_CACHE_PLUGIN"];
    /// The directory of the fact cache.
    FACT_CACHING_CONNECTION = "CACHE_PLUGIN_CONNECTION", Kind::Text, None,
        ["defaults.fact_caching_connection"], ["ANSIBLE_CACHE_PLUGIN_CONNECTION"];
    /// What the names of the fact cache's files begin with.
    FACT_CACHING_PREFIX = "CACHE_PLUGIN_PREFIX", Kind::Text, Some("ansible_facts"),
        ["defaults.fact_caching_prefix"], ["ANSIBLE_CACHE_PLUGIN_PREFIX"];
    /// Seconds until cached facts are too old; 0 is never.
    FACT_CACHING_TIMEOUT = "CACHE_PLUGIN_TIMEOUT", Kind::Number, Some("86400"),
        ["defaults.fact_caching_timeout"], ["ANSIBLE_CACHE_PLUGIN_TIMEOUT"];
    /// Whether facts are variables of their own, and not in `ansible_facts` alone.
    INJECT_FACTS = "INJECT_FACTS_AS_VARS", Kind::Boolean, Some("true"),
        ["defaults.inject_facts_as_vars"], ["ANSIBLE_INJECT_FACT_VARS"];
    /// Whether the variables of roles are theirs alone, where a role does not say.
    PRIVATE_ROLE_VARS = "DEFAULT_PRIVATE_ROLE_VARS", Kind::Boolean, Some("false"),
        ["defaults.private_role_vars"], ["ANSIBLE_PRIVATE_ROLE_VARS"];
    /// Whether a key of a task that means nothing is an error, or a warning.
    INVALID_TASK_ATTRIBUTE_FAILED = "INVALID_TASK_ATTRIBUTE_FAILED", Kind::Boolean, Some("true"),
        ["defaults.invalid_task_attribute_failed"], ["ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED"];
    /// Whether conditions may have other values than true and false.
    ALLOW_BROKEN_CONDITIONALS = "ALLOW_BROKEN_CONDITIONALS", Kind::Boolean, Some("false"),
        ["defaults.allow_broken_conditionals"], ["ANSIBLE_ALLOW_BROKEN_CONDITIONALS"];
    /// What happens to mappings that are defined more than once.
    HASH_BEHAVIOUR = "DEFAULT_HASH_BEHAVIOUR", Kind::Choice(&["replace", "merge"]),
        Some("replace"), ["defaults.hash_behaviour"], ["ANSIBLE_HASH_BEHAVIOUR"];
    /// A failure on one host ends a play that does not say for all.
    ANY_ERRORS_FATAL = "ANY_ERRORS_FATAL", Kind::Boolean, Some("false"),
        ["defaults.any_errors_fatal"], ["ANSIBLE_ANY_ERRORS_FATAL"];
    /// Run notified handlers on failed hosts, too.
    FORCE_HANDLERS = "DEFAULT_FORCE_HANDLERS", Kind::Boolean, Some("false"),
        ["defaults.force_handlers"], ["ANSIBLE_FORCE_HANDLERS"];
    /// Whether to notify a handler that is not there is an error, or a warning.
    ERROR_ON_MISSING_HANDLER = "ERROR_ON_MISSING_HANDLER", Kind::Boolean, Some("true"),
        ["defaults.error_on_missing_handler"], ["ANSIBLE_ERROR_ON_MISSING_HANDLER"];
    /// Seconds after which tasks that do not say are given up; 0 is never.
    TASK_TIMEOUT = "TASK_TIMEOUT", Kind::Number, Some("0"),
        ["defaults.task_timeout"], ["ANSIBLE_TASK_TIMEOUT"];
    /// Seconds between questions after a job of `async`, where `poll` does not say.
    POLL_INTERVAL = "DEFAULT_POLL_INTERVAL", Kind::Number, Some("15"),
        ["defaults.poll_interval"], ["ANSIBLE_POLL_INTERVAL"];
    /// The directory on hosts in which results of `async` are kept.
    ASYNC_DIR = "async_dir", Kind::Text, Some("~/.ansible_async"),
        ["defaults.async_dir"], ["ANSIBLE_ASYNC_DIR"];
    /// Hide the results of tasks that do not say.
    NO_LOG = "DEFAULT_NO_LOG", Kind::Boolean, Some("false"),
        ["defaults.no_log"], ["ANSIBLE_NO_LOG"];
    /// The module of `rprov run` without `-m`.
    MODULE_NAME = "DEFAULT_MODULE_NAME", Kind::Text, Some("command"), ["defaults.module_name"], [];
    /// The arguments of `rprov run` without `-a`.
    MODULE_ARGS = "DEFAULT_MODULE_ARGS", Kind::Text, None,
        ["defaults.module_args"], ["ANSIBLE_MODULE_ARGS"];
    /// Tags to run, where `--tags` gives none.
    TAGS_RUN = "TAGS_RUN", Kind::List, Some(""), ["tags.run"], ["ANSIBLE_RUN_TAGS"];
    /// Tags to pass over, where `--skip-tags` gives none.
    TAGS_SKIP = "TAGS_SKIP", Kind::List, Some(""), ["tags.skip"], ["ANSIBLE_SKIP_TAGS"];

    /// Ask for the vault password, as `-J` does.
    ASK_VAULT_PASS = "DEFAULT_ASK_VAULT_PASS", Kind::Boolean, Some("false"),
        ["defaults.ask_vault_pass"], ["ANSIBLE_ASK_VAULT_PASS"];
    /// The file with the vault password, or a script that prints it.
    VAULT_PASSWORD_FILE = "DEFAULT_VAULT_PASSWORD_FILE", Kind::Path, None,
        ["defaults.vault_password_file"], ["ANSIBLE_VAULT_PASSWORD_FILE"];
    /// Further vault passwords, each as `--vault-id` takes it.
    VAULT_IDENTITY_LIST = "DEFAULT_VAULT_IDENTITY_LIST", Kind::List, Some(""),
        ["defaults.vault_identity_list"], ["ANSIBLE_VAULT_IDENTITY_LIST"];
    /// The label of vault passwords, and of envelopes, that have none.
    VAULT_IDENTITY = "DEFAULT_VAULT_IDENTITY", Kind::Text, Some("default"),
        ["defaults.vault_identity"], ["ANSIBLE_VAULT_IDENTITY"];
    /// The label of the vault password to encrypt with, where `--encrypt-vault-id` does not say.
    VAULT_ENCRYPT_IDENTITY = "DEFAULT_VAULT_ENCRYPT_IDENTITY", Kind::Text, None,
        ["defaults.vault_encrypt_identity"], ["ANSIBLE_VAULT_ENCRYPT_IDENTITY"];
    /// Try only vault passwords that have the label of the envelope.
    VAULT_ID_MATCH = "DEFAULT_VAULT_ID_MATCH", Kind::Boolean, Some("false"),
        ["defaults.vault_id_match"], ["ANSIBLE_VAULT_ID_MATCH"];

    /// No colours.
    NOCOLOR = "ANSIBLE_NOCOLOR", Kind::Boolean, Some("false"),
        ["defaults.nocolor"], ["ANSIBLE_NOCOLOR"];
    /// Colours also where there is no terminal.
    FORCE_COLOR = "ANSIBLE_FORCE_COLOR", Kind::Boolean, Some("false"),
        ["defaults.force_color"], ["ANSIBLE_FORCE_COLOR"];
    /// The colour of results that change nothing.
    COLOR_OK = "COLOR_OK", Kind::Color, Some("green"), ["colors.ok"], ["ANSIBLE_COLOR_OK"];
    /// The colour of results that change something.
    COLOR_CHANGED = "COLOR_CHANGED", Kind::Color, Some("yellow"), ["colors.changed"], ["ANSIBLE_COLOR_CHANGED"];
    /// The colour of failures.
    COLOR_ERROR = "COLOR_ERROR", Kind::Color, Some("red"), ["colors.error"], ["ANSIBLE_COLOR_ERROR"];
    /// The colour of tasks that are skipped.
    COLOR_SKIP = "COLOR_SKIP", Kind::Color, Some("cyan"), ["colors.skip"], ["ANSIBLE_COLOR_SKIP"];
    /// The colour of hosts that cannot be reached.
    COLOR_UNREACHABLE = "COLOR_UNREACHABLE", Kind::Color, Some("bright red"), ["colors.unreachable"], ["ANSIBLE_COLOR_UNREACHABLE"];
    /// The colour of files that are included.
    COLOR_INCLUDED = "COLOR_INCLUDED", Kind::Color, Some("cyan"), ["colors.included"], ["ANSIBLE_COLOR_INCLUDED"];
    /// The colour of warnings.
    COLOR_WARN = "COLOR_WARN", Kind::Color, Some("bright purple"), ["colors.warn"], ["ANSIBLE_COLOR_WARN"];
    /// The colour of lines that are added.
    COLOR_DIFF_ADD = "COLOR_DIFF_ADD", Kind::Color, Some("green"), ["colors.diff_add"], ["ANSIBLE_COLOR_DIFF_ADD"];
    /// The colour of lines that are removed.
    COLOR_DIFF_REMOVE = "COLOR_DIFF_REMOVE", Kind::Color, Some("red"), ["colors.diff_remove"], ["ANSIBLE_COLOR_DIFF_REMOVE"];
    /// The colour of places of differences.
    COLOR_DIFF_LINES = "COLOR_DIFF_LINES", Kind::Color, Some("cyan"), ["colors.diff_lines"], ["ANSIBLE_COLOR_DIFF_LINES"];
    /// Show differences.
    DIFF = "DIFF_ALWAYS", Kind::Boolean, Some("true"), ["diff.always"], ["ANSIBLE_DIFF_ALWAYS"],
        ours "diff";
    /// Lines around a difference.
    DIFF_CONTEXT = "DIFF_CONTEXT", Kind::Number, Some("3"),
        ["diff.context"], ["ANSIBLE_DIFF_CONTEXT"];
    /// Bytes of a file of which differences are shown line by line.
    MAX_DIFF_SIZE = "MAX_FILE_SIZE_FOR_DIFF", Kind::Number, Some("1048576"),
        ["defaults.max_diff_size"], ["ANSIBLE_MAX_DIFF_SIZE"];
    /// As many `-v` at least.
    VERBOSITY = "DEFAULT_VERBOSITY", Kind::Number, Some("0"),
        ["defaults.verbosity"], ["ANSIBLE_VERBOSITY"];
    /// The form of the output: default, yaml, json, minimal or oneline.
    STDOUT_CALLBACK = "DEFAULT_STDOUT_CALLBACK", Kind::Text, Some("default"),
        ["defaults.stdout_callback"], ["ANSIBLE_STDOUT_CALLBACK"];
    /// How results are written.
    RESULT_FORMAT = "result_format", Kind::Choice(&["json", "yaml"]), Some("json"),
        ["defaults.callback_result_format"], ["ANSIBLE_CALLBACK_RESULT_FORMAT"];
    /// Show hosts that skip a task.
    DISPLAY_SKIPPED_HOSTS = "DISPLAY_SKIPPED_HOSTS", Kind::Boolean, Some("true"),
        ["defaults.display_skipped_hosts"], ["ANSIBLE_DISPLAY_SKIPPED_HOSTS"];
    /// Show hosts where nothing is to be changed.
    DISPLAY_OK_HOSTS = "display_ok_hosts", Kind::Boolean, Some("true"),
        ["defaults.display_ok_hosts"], ["ANSIBLE_DISPLAY_OK_HOSTS"];
    /// Results in JSON over several lines, or on one.
    FORMAT_PRETTY = "pretty_results", Kind::Boolean, Some("true"),
        ["defaults.callback_format_pretty"], ["ANSIBLE_CALLBACK_FORMAT_PRETTY"];
    /// Failures go to standard error.
    DISPLAY_FAILED_STDERR = "display_failed_stderr", Kind::Boolean, Some("false"),
        ["defaults.display_failed_stderr"], ["ANSIBLE_DISPLAY_FAILED_STDERR"];
    /// Mark plays and tasks that only show what they would change.
    CHECK_MODE_MARKERS = "check_mode_markers", Kind::Boolean, Some("false"),
        ["defaults.check_mode_markers"], ["ANSIBLE_CHECK_MODE_MARKERS"];
    /// Show when each host begins a task.
    SHOW_PER_HOST_START = "show_per_host_start", Kind::Boolean, Some("false"),
        ["defaults.show_per_host_start"], ["ANSIBLE_SHOW_PER_HOST_START"];
    /// Show at the end what `set_stats` has counted.
    SHOW_CUSTOM_STATS = "SHOW_CUSTOM_STATS", Kind::Boolean, Some("false"),
        ["defaults.show_custom_stats"], ["ANSIBLE_SHOW_CUSTOM_STATS"];
    /// Show what modules warn of.
    ACTION_WARNINGS = "ACTION_WARNINGS", Kind::Boolean, Some("true"),
        ["defaults.action_warnings"], ["ANSIBLE_ACTION_WARNINGS"];
    /// Show what is deprecated.
    DEPRECATION_WARNINGS = "DEPRECATION_WARNINGS", Kind::Boolean, Some("true"),
        ["defaults.deprecation_warnings"], ["ANSIBLE_DEPRECATION_WARNINGS"];
    /// The program that shows long texts; also in the variable PAGER.
    PAGER = "PAGER", Kind::Text, Some("less"), ["defaults.pager"], ["ANSIBLE_PAGER", "PAGER"];
    /// The program to edit texts with; also in the variables VISUAL and EDITOR.
    EDITOR = "EDITOR", Kind::Text, Some("vi"),
        ["defaults.editor"], ["ANSIBLE_EDITOR", "EDITOR"];
    /// As many `-v` in the log at least.
    LOG_VERBOSITY = "LOG_VERBOSITY", Kind::Number, Some("0"),
        ["defaults.log_verbosity"], ["ANSIBLE_LOG_VERBOSITY"];
    /// A file to which all output is appended, without colours and secrets.
    LOG_PATH = "DEFAULT_LOG_PATH", Kind::Path, None, ["defaults.log_path"], ["ANSIBLE_LOG_PATH"];
    /// After a failure write the hosts that failed to `PLAYBOOK.retry`, for `--limit @FILE`.
    RETRY_FILES_ENABLED = "RETRY_FILES_ENABLED", Kind::Boolean, Some("false"),
        ["defaults.retry_files_enabled"], ["ANSIBLE_RETRY_FILES_ENABLED"];
    /// The directory of retry files. Default: the playbook's.
    RETRY_FILES_SAVE_PATH = "RETRY_FILES_SAVE_PATH", Kind::Path, None,
        ["defaults.retry_files_save_path"], ["ANSIBLE_RETRY_FILES_SAVE_PATH"];
    /// The variable `ansible_managed`.
    ANSIBLE_MANAGED = "DEFAULT_MANAGED_STR", Kind::Text, Some("Ansible managed"),
        ["defaults.ansible_managed"], [];
}
