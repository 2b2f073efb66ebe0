//! The arguments of the engine's own actions, as far as they are written out: kinds of values, what is
//! missing, what excludes what.

use rprov_modules::kit::{Node, nearest};

use super::arguments::has_template;
use super::check::templated;
use crate::playbook::Builtin;
use crate::playbook::kinds::{Kind, fit};
use crate::playbook::load::Load;
use crate::source::Diagnostic;

/// The check of `rprov lint` that tells the same.
const CHECK: &str = "unknown-parameter";

/// What `meta` can do.
const META: &[&str] = &[
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
];

/// What is asked of an action's arguments.
struct Rules {
    kinds: &'static [(&'static str, Kind)],
    choices: &'static [(&'static str, &'static [&'static str])],
    /// Of each of these one must be given.
    needed: &'static [&'static [&'static str]],
    /// Of each of these no two can be given.
    apart: &'static [[&'static str; 2]],
}

impl Rules {
    const NONE: Rules = Rules { kinds: &[], choices: &[], needed: &[], apart: &[] };
}

fn rules(builtin: Builtin) -> Rules {
    match builtin {
        Builtin::AddHost => Rules { needed: &[&["name", "hostname", "host"]], ..Rules::NONE },
        Builtin::Assert => {
            Rules { kinds: &[("quiet", Kind::Boolean)], needed: &[&["that"]], ..Rules::NONE }
        }
        Builtin::AsyncStatus => Rules {
            choices: &[("mode", &["status", "cleanup"])],
            needed: &[&["jid"]],
            ..Rules::NONE
        },
        Builtin::Debug => Rules {
            kinds: &[("verbosity", Kind::Integer)],
            apart: &[["msg", "var"]],
            ..Rules::NONE
        },
        Builtin::Fail | Builtin::SetFact => Rules::NONE,
        Builtin::Fetch => Rules {
            kinds: &[
                ("fail_on_missing", Kind::Boolean),
                ("flat", Kind::Boolean),
                ("validate_checksum", Kind::Boolean),
            ],
            needed: &[&["src"], &["dest"]],
            ..Rules::NONE
        },
        Builtin::GroupBy => Rules { needed: &[&["key"]], ..Rules::NONE },
        Builtin::IncludeRole => Rules {
            kinds: &[
                ("allow_duplicates", Kind::Boolean),
                ("public", Kind::Boolean),
                ("rolespec_validate", Kind::Boolean),
            ],
            needed: &[&["name", "role"]],
            ..Rules::NONE
        },
        Builtin::IncludeTasks => Rules { needed: &[&["file"]], ..Rules::NONE },
        Builtin::IncludeVars => Rules {
            kinds: &[("depth", Kind::Integer), ("ignore_unknown_extensions", Kind::Boolean)],
            choices: &[("hash_behaviour", &["replace", "merge"])],
            needed: &[&["file", "dir"]],
            apart: &[["file", "dir"]],
        },
        Builtin::Meta => {
            Rules { choices: &[("action", META)], needed: &[&["action"]], ..Rules::NONE }
        }
        Builtin::Pause => Rules {
            kinds: &[("echo", Kind::Boolean), ("minutes", Kind::Number), ("seconds", Kind::Number)],
            ..Rules::NONE
        },
        Builtin::Reboot => Rules {
            kinds: &[
                ("connect_timeout", Kind::Number),
                ("post_reboot_delay", Kind::Number),
                ("pre_reboot_delay", Kind::Number),
                ("reboot_timeout", Kind::Number),
            ],
            ..Rules::NONE
        },
        Builtin::SetStats => Rules {
            kinds: &[("aggregate", Kind::Boolean), ("per_host", Kind::Boolean)],
            needed: &[&["data"]],
            ..Rules::NONE
        },
        Builtin::ValidateArgumentSpec => Rules { needed: &[&["argument_spec"]], ..Rules::NONE },
        Builtin::WaitForConnection => Rules {
            kinds: &[
                ("connect_timeout", Kind::Number),
                ("delay", Kind::Number),
                ("sleep", Kind::Number),
                ("timeout", Kind::Number),
            ],
            ..Rules::NONE
        },
    }
}

impl Load<'_> {
    /// Tells what is wrong with the arguments that are written out.
    pub(super) fn check_builtin(&mut self, builtin: Builtin, args: &Node, key: &Node) {
        if args.entries().is_none() {
            return;
        }
        let Rules { kinds, choices, needed, apart } = rules(builtin);
        let mut errors = Vec::new();
        let given = |name: &str| args.get(name).filter(|node| !node.is_null());
        for (name, kind) in kinds {
            errors.extend(given(name).and_then(|node| fit(*kind, name, node).err()));
        }
        for (name, words) in choices {
            let word =
                |node: &Node| node.text().filter(|text| !has_template(text)).map(str::to_owned);
            if let Some(node) = given(name)
                && let Some(word) = word(node)
                && !words.contains(&&*word)
            {
                let known =
                    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                let error = Diagnostic::error(format!("expected one of {known}, found `{word}`"));
                let error = error.at(node.span, "unknown");
                errors.push(match nearest(&word, words.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
        }
        for names in needed {
            if !names.iter().any(|name| args.get(name).is_some()) {
                let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                let error = Diagnostic::error(format!("expected {}", names.join(" or ")));
                let error = error.kind(CHECK).at(key.span, "needs it");
                self.fail(error.help("add it below the action's name"));
            }
        }
        for [one, other] in apart {
            // What is templated may be `omit`.
            let literal = |name: &str| given(name).filter(|node| !templated(node));
            if let (Some(_), Some(second)) = (literal(one), literal(other)) {
                let error = Diagnostic::error(format!("expected `{one}` or `{other}`, found both"));
                errors.push(error.at(second.span, "one too many").help("remove one of them"));
            }
        }
        for error in errors {
            self.fail(error.kind(CHECK).context(key.span, "of this action"));
        }
    }
}
