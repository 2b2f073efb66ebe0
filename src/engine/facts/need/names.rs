//! Which names are facts, and which variables a run reads without anybody naming them.

/// Names with the prefix of facts that the run itself or the inventory gives.
const GIVEN: &[&str] = &[
    "ansible_check_mode",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_connection",
    "ansible_delegated_vars",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_failed_result",
    "ansible_failed_task",
    "ansible_forks",
    "ansible_host",
    "ansible_index_var",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_managed",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_password",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_port",
    "ansible_private_key_file",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_search_path",
    "ansible_shell_executable",
    "ansible_shell_type",
    "ansible_skip_tags",
    "ansible_timeout",
    "ansible_user",
    "ansible_verbosity",
    "ansible_version",
];

/// Whether a name can mean a fact.
pub(super) fn is_fact(name: &str) -> bool {
    if matches!(name, "gather_subset" | "module_setup") {
        return true;
    }
    let prefixed = ["ansible_", "facter_", "ohai_"].iter().any(|prefix| name.starts_with(prefix));
    prefixed && !GIVEN.contains(&name) && !connects(name)
}

/// How a host is reached and acted on.
fn connects(name: &str) -> bool {
    name.starts_with("ansible_become")
        || (name.starts_with("ansible_ssh_") && !name.starts_with("ansible_ssh_host_key_"))
        || (name.starts_with("ansible_") && name.ends_with("_interpreter"))
}

/// Whether the run reads a variable though no text names it.
pub(super) fn is_used_unseen(name: &str) -> bool {
    connects(name)
        || matches!(
            name,
            "ansible_connection"
                | "ansible_host"
                | "ansible_password"
                | "ansible_port"
                | "ansible_shell_executable"
                | "ansible_shell_type"
                | "ansible_user"
        )
}
