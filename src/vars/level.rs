//! The order in which definitions of a variable win: one table.

/// Where a variable was defined; a later level wins over an earlier one. The order is Ansible's,
/// measured level against level by `tests/vars/generate.py`.
///
/// Options of the command line (`-u`, `--become-user`) are no variables: any variable that sets the
/// same thing wins over them. A mapping replaces a mapping, unless `hash_behaviour` says `merge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// How the host is reached, where nothing says so: `ansible_host`, `ansible_user` …
    Implied,
    /// What rprov itself defines for templates, to be overridden: `ansible_managed`.
    Default,
    /// `defaults/main.yml` of a role.
    RoleDefaults,
    /// Variables of the group `all` in the inventory: `[all:vars]`.
    InventoryAll,
    /// Variables of other groups in the inventory: `[web:vars]`.
    InventoryGroup,
    /// `group_vars/all` beside the inventory.
    InventoryGroupVarsAll,
    /// `group_vars/all` beside the playbook.
    PlaybookGroupVarsAll,
    /// `group_vars/web` beside the inventory.
    InventoryGroupVars,
    /// `group_vars/web` beside the playbook.
    PlaybookGroupVars,
    /// Variables of the host in the inventory; also `inventory_hostname` and its kind.
    InventoryHost,
    /// `host_vars/NAME` beside the inventory.
    InventoryHostVars,
    /// `host_vars/NAME` beside the playbook.
    PlaybookHostVars,
    /// Gathered facts and `set_fact` with `cacheable`.
    Facts,
    /// `vars:` of the play.
    Play,
    /// `vars_prompt:` of the play.
    Prompt,
    /// `vars_files:` of the play.
    PlayFiles,
    /// `vars/main.yml` of a role.
    Role,
    /// `vars:` of blocks, the inner block last; of an entry in `roles:`; of `import_role` and
    /// `import_tasks`.
    Block,
    /// `vars:` of the task.
    Task,
    /// What `include_vars` has read.
    IncludeVars,
    /// `set_fact` and `register`.
    SetFact,
    /// Parameters in an entry of `roles:`, such as `port` in `{ role: web, port: 80 }`.
    RoleParams,
    /// `vars:` of `include_tasks` and `include_role`.
    IncludeParams,
    /// The command line: `-e`, and `name=value` words.
    Extra,
    /// What the engine says of the run and nobody can override: `playbook_dir`, `groups`,
    /// `ansible_check_mode`, `role_path` …
    Special,
}

impl Level {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Level::Implied => "how the host is reached",
            Level::Default => "rprov's default",
            Level::RoleDefaults => "role defaults",
            Level::InventoryAll => "group all in the inventory",
            Level::InventoryGroup => "group in the inventory",
            Level::InventoryGroupVarsAll => "group_vars/all beside the inventory",
            Level::PlaybookGroupVarsAll => "group_vars/all beside the playbook",
            Level::InventoryGroupVars => "group_vars beside the inventory",
            Level::PlaybookGroupVars => "group_vars beside the playbook",
            Level::InventoryHost => "host in the inventory",
            Level::InventoryHostVars => "host_vars beside the inventory",
            Level::PlaybookHostVars => "host_vars beside the playbook",
            Level::Facts => "facts",
            Level::Play => "play vars",
            Level::Prompt => "vars_prompt",
            Level::PlayFiles => "vars_files",
            Level::Role => "role vars",
            Level::Block => "vars of a block, a role entry or an import",
            Level::Task => "task vars",
            Level::IncludeVars => "include_vars",
            Level::SetFact => "set_fact or register",
            Level::RoleParams => "role parameters",
            Level::IncludeParams => "vars of an include",
            Level::Extra => "extra variables",
            Level::Special => "special variable",
        }
    }
}
