//! An action whose name is a template (`action: "{{ ansible_pkg_mgr }} name=git"`): what it is, and
//! whether its parameters are right, is known when a host reaches it.

use std::path::Path;

use super::{Found, action_or_absent};
use crate::playbook::{Action, Builtin, Loader, Task};
use crate::source::Diagnostic;

impl Loader {
    /// What a task with a templated action is where the template comes to `name`.
    ///
    /// # Errors
    /// No such action, or wrong parameters.
    pub(crate) fn named(
        &self,
        task: &Task,
        name: &str,
        playbook_dir: &Path,
    ) -> Result<Task, Vec<Diagnostic>> {
        let error = |text: String| vec![Diagnostic::error(text).at(task.span, "this is its name")];
        let found = match action_or_absent(name) {
            Some(Found::Action(Action::Builtin(Builtin::Meta)) | Found::Import(_)) => {
                return Err(error(format!("`{name}` cannot be named by a template")));
            }
            Some(found) => found,
            None => return Err(error(format!("there is no module `{name}`"))),
        };
        let mut load = self.load(playbook_dir.to_owned());
        let args = load.arguments(&task.args, &found, &task.chain.keywords, task.span);
        let (Some(args), Found::Action(action)) = (args, found) else { return Err(load.errors) };
        let (args, defaults) = load.with_defaults(action, args, &task.chain);
        let others = load.other_defaults(action, &task.chain);
        if defaults.is_empty() && others.is_empty() {
            load.check(action, &args, &args, false);
        }
        if !load.errors.is_empty() {
            return Err(load.errors);
        }
        Ok(Task {
            name: task.name.clone(),
            action,
            written: name.to_owned(),
            args,
            defaults,
            others,
            chain: task.chain.clone(),
            span: task.span,
        })
    }
}
