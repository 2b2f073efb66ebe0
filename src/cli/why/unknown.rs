//! What to say of a host or a variable that there is not, and of what only a run knows.

use rprov_modules::kit::nearest;

use super::super::Result;
use super::{Why, place, tasks};
use crate::inventory::{Host, Inventory};
use crate::source::Diagnostic;
use crate::template::{ErrorKind, Scope, TemplateError};
use crate::vars::Layers;

/// The kind of the error that nothing defines the variable.
pub(super) const NO_VARIABLE: &str = "no-variable";

/// What only a task has, or a role's task, or a loop's.
const IN_TASKS: [&str; 13] = [
    "ansible_delegated_vars",
    "ansible_failed_result",
    "ansible_failed_task",
    "ansible_index_var",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_search_path",
    "item",
    "omit",
    "role_name",
    "role_path",
];

/// The host of that name.
pub(super) fn known_host<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a Host> {
    inventory.host(name).ok_or_else(|| {
        let error = Diagnostic::error(format!("there is no host `{name}` in the inventory"));
        let known: Vec<&str> = inventory.hosts().map(|host| &*host.name).collect();
        vec![match (inventory.group(name), nearest(name, known.iter().copied())) {
            (Some(_), _) => error.help("it is a group: name one of its hosts"),
            (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
            (None, None) => error.help("`rprov why` takes the name of one host"),
        }]
    })
}

impl Why<'_> {
    pub(super) fn unknown(
        &self,
        host: &Host,
        layers: &Layers,
        later: &[tasks::Later],
    ) -> Diagnostic {
        let name = &self.path.name;
        let mut error = Diagnostic::error(format!("host `{}` has no variable `{name}`", host.name))
            .kind(NO_VARIABLE);
        for later in later {
            let place = place(later.span, self.map);
            error = error.note(format!("a run may set it: {place} ({})", later.how));
        }
        if !later.is_empty() {
            return error;
        }
        if IN_TASKS.contains(&name.as_str()) {
            return error.help("it is known only while a task runs that has it");
        }
        if given_by_settings(name) {
            return error.help("nothing sets it: what `rprov config` shows counts");
        }
        let names = layers.names();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if name.starts_with("ansible_") => {
                error.help("facts are known only while a playbook runs")
            }
            None if self.played => error.help("neither the inventory nor the playbook gives it"),
            None => error.help("`--playbook FILE` adds the variables of its plays and roles"),
        }
    }
}

/// Whether a variable says how to reach a host: where it is not set, settings do.
fn given_by_settings(name: &str) -> bool {
    ["become", "connection", "port", "user", "password", "private_key_file", "host_key_checking"]
        .iter()
        .any(|setting| {
            name.strip_prefix("ansible_")
                .map(|rest| rest.strip_prefix("ssh_").unwrap_or(rest))
                .is_some_and(|rest| rest == *setting || rest.starts_with("become_"))
        })
}

/// What cannot be evaluated here may be known in a run; a part that a plain value does not have is not.
pub(super) fn known_in_a_run(error: TemplateError, plain: bool) -> Diagnostic {
    let undefined = error.kind == ErrorKind::Undefined && error.help.is_none() && !plain;
    let shown = Diagnostic::from(error);
    match undefined {
        true => shown.help("facts, results and `set_fact` are known only while a playbook runs"),
        false => shown,
    }
}
