//! What may stand beside an include or an import, and below `apply`.
//!
//! An include is no task that changes something: it takes few keywords, the others are for what it
//! brings. An import is gone when the run begins: what follows from the result of a task means nothing
//! there. As ansible-core has it (`tests/playbook/includes.tsv`).

use rprov_modules::kit::Node;

use super::check::unknown_parameter;
use super::{Found, Import};
use crate::playbook::keywords::{self, BLOCK, HANDLER, Keywords, Kind};
use crate::playbook::load::Load;
use crate::playbook::{Action, Builtin};
use crate::source::Diagnostic;

/// Beside `include_tasks` and `include_role`.
const INCLUDE: &[&str] = &[
    "args",
    "collections",
    "debugger",
    "ignore_errors",
    "loop",
    "loop_control",
    "name",
    "no_log",
    "register",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
];

/// Beside `import_tasks` and `import_role`: taken, and without effect.
const IDLE: &[&str] = &[
    "async",
    "changed_when",
    "delay",
    "failed_when",
    "loop_control",
    "poll",
    "register",
    "retries",
    "until",
];

impl Import {
    /// Those of the include that does the same in the run, without `apply`.
    pub(super) fn parameters(self) -> Vec<&'static str> {
        let include = match self {
            Import::Tasks => Builtin::IncludeTasks,
            Import::Role => Builtin::IncludeRole,
        };
        include.parameters().iter().copied().filter(|name| *name != "apply").collect()
    }
}

impl Load<'_> {
    /// Checks what stands beside and below an include or an import; nothing for other tasks.
    pub(super) fn check_beside(
        &mut self,
        found: &Found,
        written: &str,
        keywords: &Keywords,
        args: &Node,
        place: u8,
    ) {
        match found {
            Found::Import(import) => self.check_import(*import, keywords, args),
            Found::Action(Action::Builtin(Builtin::IncludeTasks | Builtin::IncludeRole)) => {
                self.check_include(written, keywords, place);
                self.check_applied(args.get("apply"));
            }
            Found::Action(_) => {}
        }
    }

    fn check_include(&mut self, written: &str, keywords: &Keywords, place: u8) {
        for (name, node) in keywords.iter() {
            if INCLUDE.contains(&name) || (name == "listen" && place == HANDLER) {
                continue;
            }
            let help = match keywords::kind(name, BLOCK) {
                Kind::Keyword(_) => {
                    format!(
                        "for the tasks it brings, write `apply: {{{name}: …}}` below `{written}`"
                    )
                }
                _ => format!("write `{name}` on the tasks it brings"),
            };
            self.fail(
                Diagnostic::error(format!("`{name}` cannot stand beside `{written}`"))
                    .at(node.span, "")
                    .help(help),
            );
        }
    }

    fn check_applied(&mut self, apply: Option<&Node>) {
        if let Some(node) = apply.filter(|apply| apply.entries().is_none()) {
            let found = node.type_name();
            let error = Diagnostic::error(format!("expected keywords for `apply`, found {found}"));
            self.fail(error.at(node.span, "").help("write `apply: {become: true}`"));
        }
        for entry in apply.and_then(Node::entries).unwrap_or_default() {
            let key = entry.key.text().unwrap_or_default();
            let nested = matches!(key, "block" | "rescue" | "always");
            if !nested && matches!(keywords::kind(key, BLOCK), Kind::Keyword(_)) {
                continue;
            }
            let error = Diagnostic::error(format!("`{key}` cannot stand below `apply`"))
                .at(entry.key.span, "no keyword of a block");
            self.fail(match keywords::suggestion(key, BLOCK) {
                Some(near) if !nested && near != key => {
                    error.help(format!("did you mean `{near}`?"))
                }
                _ => error,
            });
        }
        self.check_kinds(&Keywords::applied(apply));
    }

    fn check_import(&mut self, import: Import, keywords: &Keywords, args: &Node) {
        for (name, node) in keywords.iter().filter(|(name, _)| IDLE.contains(name)) {
            let note =
                format!("`{name}` has no effect beside an import: it happens before the run");
            self.loader.warn(Diagnostic::warning(note).at(node.span, ""));
        }
        if let Some(node) = keywords.get("loop") {
            let error = Diagnostic::error("an import takes no loop").at(node.span, "");
            self.fail(
                error.help("it happens before the run; use `include_tasks` or `include_role`"),
            );
        }
        let known = import.parameters();
        for entry in args.entries().unwrap_or_default() {
            let name = entry.key.text().unwrap_or_default();
            if !known.contains(&name) {
                self.fail(unknown_parameter(entry, &known, None));
            }
        }
    }
}
