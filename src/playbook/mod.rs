//! Playbooks as written: plays, blocks, tasks and roles, typed and spanned, still templated.
//!
//! Nothing here knows a host. Every error that can be found in the text is found while loading and
//! all of them are reported together.

mod absent;
mod collections;
mod defaults;
mod find_role;
pub(crate) mod freeform;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod installed;
mod items;
mod keywords;
mod kinds;
mod known_tags;
mod load;
mod play;
mod role;
mod spec;
mod statics;
mod syntax;
mod tags;
mod task;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rprov_modules::kit::{Node, Span, Spec};

pub(crate) use self::absent::exists_elsewhere;
pub use self::collections::playbook_file;
pub(crate) use self::installed::Installed;
pub use self::keywords::Keywords;
pub(crate) use self::keywords::is_keyword;
pub(crate) use self::kinds::{fits, fits_loop, integer, number};
pub(crate) use self::load::Included;
pub use self::load::{Loader, Settings};
pub use self::role::Role;
pub(crate) use self::role::Wanted;
pub(crate) use self::syntax::{TEMPLATE_SYNTAX, faulty, syntax};
pub use self::tags::TagFilter;
pub(crate) use self::task::{TERMS, WITH, find_tasks, has_template, is_action};
pub(crate) use self::words::{ORDERS, STRATEGIES, unknown_word};

use crate::vars::Layer;

/// A play: which hosts, and what happens there in which order.
#[derive(Debug)]
pub struct Play {
    pub name: Option<Node>,
    pub hosts: Node,
    /// What every task of the play inherits.
    pub chain: Arc<Chain>,
    pub vars: Arc<Layer>,
    pub vars_files: Vec<Node>,
    pub vars_prompt: Vec<Node>,
    /// Roles whose defaults and vars the whole play sees: those of `roles:` and `import_role`.
    pub roles: Vec<Arc<Role>>,
    pub names: RoleNames,
    /// `pre_tasks`, then roles and `tasks`, then `post_tasks`: handlers are flushed after each.
    pub phases: Vec<Arc<[Item]>>,
    pub handlers: Vec<Arc<Task>>,
    /// The playbook's directory.
    pub dir: PathBuf,
    pub span: Span,
}

/// The names of a play's roles.
#[derive(Debug, Clone, Default)]
pub struct RoleNames {
    /// Those it lists, imports or includes, each as often.
    pub own: Vec<String>,
    /// Those that others depend on.
    pub dependent: Vec<String>,
}

impl RoleNames {
    /// Adds those that an include brings.
    pub fn extend(&mut self, more: RoleNames) {
        self.own.extend(more.own);
        self.dependent.extend(more.dependent);
    }
}

/// A step of a play's list.
#[derive(Debug, Clone)]
pub enum Item {
    Task(Arc<Task>),
    Block(Arc<Block>),
    /// A role ends here.
    RoleEnd(Arc<Role>),
}

/// Tasks that share keywords, with what to do when one fails and what to do in any case.
#[derive(Debug)]
pub struct Block {
    pub chain: Arc<Chain>,
    pub body: Arc<[Item]>,
    pub rescue: Arc<[Item]>,
    pub always: Arc<[Item]>,
}

/// One task, its arguments still templated.
#[derive(Debug)]
pub struct Task {
    pub name: Option<Node>,
    pub action: Action,
    /// The name of the action as it is written.
    pub written: String,
    /// A mapping, or a scalar that renders to one.
    pub args: Node,
    /// Parameters that count where `args` has none, the weakest first: only those that must be
    /// rendered to be known; the others are in `args`.
    pub defaults: Vec<Node>,
    /// The same, for the module that acts in its place on some hosts.
    pub others: Vec<Node>,
    /// The task's own keywords, then those of what it stands in.
    pub chain: Arc<Chain>,
    /// Where the action's name stands.
    pub span: Span,
}

/// What a task does.
#[derive(Clone, Copy)]
pub enum Action {
    Module(&'static Spec),
    Builtin(Builtin),
    /// A module rprov does not have, behind a condition: an error for a host that reaches it.
    Absent,
    /// Its name is a template: [`Loader::named`].
    Templated,
}

/// Actions that the engine carries out itself: they change the play, not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    AddHost,
    Assert,
    AsyncStatus,
    Debug,
    Fail,
    Fetch,
    GroupBy,
    IncludeRole,
    IncludeTasks,
    IncludeVars,
    Meta,
    Pause,
    Reboot,
    SetFact,
    SetStats,
    ValidateArgumentSpec,
    WaitForConnection,
}

/// Keywords and role of one level, linked to the level around it: task, blocks, includes, role, play.
#[derive(Debug)]
pub struct Chain {
    pub keywords: Keywords,
    pub level: ChainLevel,
    /// `vars:` of this level.
    pub vars: Arc<Layer>,
    /// The role this level belongs to, if any.
    pub role: Option<Arc<Role>>,
    /// The directory of the file this level was written in.
    pub dir: PathBuf,
    pub up: Option<Arc<Chain>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainLevel {
    /// What stands beside `import_playbook`.
    Import,
    Play,
    Role,
    Block,
    Include,
    Task,
}

/// The way from a file back to itself, for people.
fn circle(open: &[PathBuf], path: &Path) -> String {
    let begin = open.iter().position(|known| known == path).unwrap_or_default();
    let names = open[begin..].iter().map(PathBuf::as_path).chain([path]);
    names.map(|name| format!("`{}`", name.display())).collect::<Vec<_>>().join(" → ")
}

/// A directory for people: the working directory has a name, too.
fn shown(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

impl Chain {
    /// From the innermost level to the play.
    pub fn levels(&self) -> impl Iterator<Item = &Chain> {
        std::iter::successors(Some(self), |chain| chain.up.as_deref())
    }

    /// The nearest definition of a keyword.
    pub fn nearest(&self, keyword: &str) -> Option<&Node> {
        self.levels().find_map(|chain| chain.keywords.get(keyword))
    }

    /// All definitions of a keyword, from the play inwards.
    pub fn all(&self, keyword: &str) -> Vec<&Node> {
        let mut found: Vec<_> =
            self.levels().filter_map(|chain| chain.keywords.get(keyword)).collect();
        found.reverse();
        found
    }
}

impl Task {
    pub fn keyword(&self, name: &str) -> Option<&Node> {
        self.chain.keywords.get(name)
    }

    pub fn role(&self) -> Option<&Arc<Role>> {
        self.chain.role.as_ref()
    }

    /// Whether people see the name of its role before its own: not of `include_role`, as in Ansible.
    pub fn tells_role(&self) -> bool {
        !matches!(self.action, Action::Builtin(Builtin::IncludeRole))
    }
}

impl Action {
    /// Whether both do the same, whatever they are called.
    pub fn same(self, other: Action) -> bool {
        match (self, other) {
            (Action::Module(one), Action::Module(other)) => std::ptr::eq(one, other),
            (Action::Builtin(one), Action::Builtin(other)) => one == other,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Action::Module(spec) => f.write_str(spec.name()),
            Action::Builtin(builtin) => builtin.fmt(f),
            Action::Absent => f.write_str("absent"),
            Action::Templated => f.write_str("templated"),
        }
    }
}

impl Builtin {
    /// Every name a playbook may use, with the free-form parameter it takes.
    pub const NAMES: &[(&str, Builtin)] = &[
        ("add_host", Builtin::AddHost),
        ("assert", Builtin::Assert),
        ("async_status", Builtin::AsyncStatus),
        ("debug", Builtin::Debug),
        ("fail", Builtin::Fail),
        ("fetch", Builtin::Fetch),
        ("group_by", Builtin::GroupBy),
        ("include_role", Builtin::IncludeRole),
        ("include_tasks", Builtin::IncludeTasks),
        ("include_vars", Builtin::IncludeVars),
        ("meta", Builtin::Meta),
        ("pause", Builtin::Pause),
        ("reboot", Builtin::Reboot),
        ("set_fact", Builtin::SetFact),
        ("set_stats", Builtin::SetStats),
        ("validate_argument_spec", Builtin::ValidateArgumentSpec),
        ("wait_for_connection", Builtin::WaitForConnection),
    ];

    /// The parameters it takes; empty means any.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Builtin::AddHost | Builtin::SetFact => &[],
            Builtin::GroupBy => &["key", "parents"],
            Builtin::ValidateArgumentSpec => {
                &["argument_spec", "provided_arguments", "validate_args_context"]
            }
            Builtin::SetStats => &["aggregate", "data", "per_host"],
            Builtin::Assert => &["that", "msg", "fail_msg", "success_msg", "quiet"],
            Builtin::AsyncStatus => &["jid", "mode"],
            Builtin::Debug => &["msg", "var", "verbosity"],
            Builtin::Fail => &["msg"],
            Builtin::Fetch => &["src", "dest", "flat", "fail_on_missing", "validate_checksum"],
            Builtin::IncludeRole => &[
                "name",
                "role",
                "tasks_from",
                "vars_from",
                "defaults_from",
                "handlers_from",
                "apply",
                "public",
                "allow_duplicates",
                "rolespec_validate",
            ],
            Builtin::IncludeTasks => &["file", "apply"],
            Builtin::IncludeVars => &[
                "file",
                "dir",
                "name",
                "depth",
                "files_matching",
                "ignore_files",
                "extensions",
                "ignore_unknown_extensions",
                "hash_behaviour",
            ],
            Builtin::Meta => &["action"],
            Builtin::Pause => &["seconds", "minutes", "prompt", "echo"],
            Builtin::Reboot => &[
                "boot_time_command",
                "connect_timeout",
                "connect_timeout_sec",
                "msg",
                "post_reboot_delay",
                "post_reboot_delay_sec",
                "pre_reboot_delay",
                "pre_reboot_delay_sec",
                "reboot_command",
                "reboot_timeout",
                "reboot_timeout_sec",
                "search_paths",
                "test_command",
            ],
            Builtin::WaitForConnection => &["connect_timeout", "delay", "sleep", "timeout"],
        }
    }

    /// Whether `module_defaults` count for it: not for what changes the list of tasks.
    pub fn takes_defaults(self) -> bool {
        !matches!(self, Builtin::IncludeRole | Builtin::IncludeTasks | Builtin::Meta)
    }

    /// The parameter that a bare string sets.
    pub fn free_form(self) -> Option<&'static str> {
        match self {
            Builtin::IncludeTasks | Builtin::IncludeVars => Some("file"),
            Builtin::Meta => Some("action"),
            _ => None,
        }
    }
}
