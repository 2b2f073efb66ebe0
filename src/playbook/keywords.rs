//! The keywords of plays, roles, blocks and tasks: one table.

use rprov_modules::kit::{Node, nearest};

/// Where a keyword may stand.
pub(super) const PLAY: u8 = 1;
pub(super) const ROLE: u8 = 2;
pub(super) const BLOCK: u8 = 4;
pub(super) const TASK: u8 = 8;
pub(super) const HANDLER: u8 = 16;
const ANY: u8 = PLAY | ROLE | BLOCK | TASK | HANDLER;
const INNER: u8 = ROLE | BLOCK | TASK | HANDLER;
const LEAF: u8 = TASK | HANDLER;

/// Every keyword rprov acts on, and where it may stand.
const TABLE: &[(&str, u8)] = &[
    ("action", LEAF),
    ("always", BLOCK),
    ("any_errors_fatal", ANY),
    ("args", LEAF),
    ("async", LEAF),
    ("become", ANY),
    ("become_exe", ANY),
    ("become_flags", ANY),
    ("become_method", ANY),
    ("become_user", ANY),
    ("block", BLOCK),
    ("changed_when", LEAF),
    ("check_mode", ANY),
    ("collections", ANY),
    ("connection", ANY),
    ("debugger", ANY),
    ("delay", LEAF),
    ("delegate_facts", INNER),
    ("delegate_to", INNER),
    ("diff", ANY),
    ("environment", ANY),
    ("fact_path", PLAY),
    ("failed_when", LEAF),
    ("force_handlers", PLAY),
    ("gather_facts", PLAY),
    ("gather_subset", PLAY),
    ("gather_timeout", PLAY),
    ("handlers", PLAY),
    ("hosts", PLAY),
    ("ignore_errors", ANY),
    ("ignore_unreachable", ANY),
    ("listen", HANDLER),
    ("local_action", LEAF),
    ("loop", LEAF),
    ("loop_control", LEAF),
    ("max_fail_percentage", PLAY),
    ("module_defaults", ANY),
    ("name", ANY),
    ("no_log", ANY),
    ("notify", BLOCK | LEAF),
    ("order", PLAY),
    ("poll", LEAF),
    ("port", ANY),
    ("post_tasks", PLAY),
    ("pre_tasks", PLAY),
    ("register", LEAF),
    ("remote_user", ANY),
    ("rescue", BLOCK),
    ("retries", LEAF),
    ("roles", PLAY),
    ("run_once", ANY),
    ("serial", PLAY),
    ("strategy", PLAY),
    ("tags", ANY),
    ("tasks", PLAY),
    ("throttle", ANY),
    ("timeout", ANY),
    ("until", LEAF),
    ("vars", ANY),
    ("vars_files", PLAY),
    ("vars_prompt", PLAY),
    ("when", INNER),
];

/// The keywords written at one level, in order.
#[derive(Debug, Default)]
pub struct Keywords(Vec<(&'static str, Node)>);

impl Keywords {
    /// Every keyword that is acted on.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, _)| *name)
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, node)| node)
    }

    /// All that are written at this level.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Node)> {
        self.0.iter().map(|(name, node)| (*name, node))
    }

    /// The keywords of a task that runs under any `--tags`.
    pub(crate) fn always() -> Keywords {
        Keywords(vec![("tags", Node::string(Default::default(), "always"))])
    }

    /// `apply` of an include: keywords for the tasks that are included.
    pub(crate) fn applied(node: Option<&Node>) -> Keywords {
        let mut keywords = Keywords::default();
        for entry in node.and_then(Node::entries).unwrap_or_default() {
            if let Kind::Keyword(name) = kind(entry.key.text().unwrap_or_default(), BLOCK) {
                keywords.set(name, entry.value.clone());
            }
        }
        keywords
    }

    /// The same with one more keyword, unless it is there.
    pub(crate) fn or(mut self, name: &'static str, node: Option<&Node>) -> Keywords {
        if let Some(node) = node
            && self.get(name).is_none()
        {
            self.set(name, node.clone());
        }
        self
    }

    pub(super) fn set(&mut self, name: &'static str, node: Node) {
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some(found) => found.1 = node,
            None => self.0.push((name, node)),
        }
    }
}

/// What a key of a mapping is.
pub(super) enum Kind {
    Keyword(&'static str),
    /// An Ansible keyword, at a place where it means nothing.
    Misplaced,
    Other,
}

pub(super) fn kind(key: &str, place: u8) -> Kind {
    match TABLE.iter().find(|(name, _)| *name == key) {
        Some((name, places)) if places & place != 0 => Kind::Keyword(name),
        Some(_) => Kind::Misplaced,
        None => Kind::Other,
    }
}

/// Whether plays, roles, blocks and tasks all take a keyword.
pub(super) fn is_common(key: &str) -> bool {
    // What names may be short for does not go with an import.
    key != "collections" && TABLE.iter().any(|(name, places)| *name == key && *places == ANY)
}

/// Whether a key of a task is a keyword of Ansible's, at whatever place.
pub(crate) fn is_keyword(key: &str) -> bool {
    !matches!(kind(key, ANY), Kind::Other)
}

/// The keyword nearest to a mistyped one.
pub(super) fn suggestion(key: &str, place: u8) -> Option<&'static str> {
    nearest(key, TABLE.iter().filter(|(_, places)| places & place != 0).map(|(name, _)| *name))
}
