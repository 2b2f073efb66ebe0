//! Keywords whose values are templates: of the kind they take, or the task fails at their place.

use rprov_modules::kit::Node;

use super::At;
use crate::engine::outcome::Failure;
use crate::playbook::{fits, has_template};
use crate::source::Diagnostic;
use crate::template::Context;

/// Those that nothing else would complain of: they are read where no task can fail.
const READ_ASIDE: &[&str] = &[
    "any_errors_fatal",
    "check_mode",
    "delay",
    "delegate_facts",
    "diff",
    "no_log",
    "retries",
    "run_once",
    "throttle",
    "timeout",
];

impl At<'_> {
    /// Whether what the task's keywords render to can be used.
    pub(super) fn keywords(&self, context: &Context) -> Result<(), Failure> {
        for name in READ_ASIDE {
            if let Some(node) = self.task.chain.nearest(name)
                && node.text().is_some_and(has_template)
            {
                self.rendered(name, node, context)?;
            }
        }
        Ok(())
    }

    /// A keyword's value, of its kind.
    pub(super) fn rendered(
        &self,
        name: &str,
        node: &Node,
        context: &Context,
    ) -> Result<Node, Diagnostic> {
        let rendered = self.play.engine.templar.render(node, context)?;
        fits(name, &rendered)?;
        Ok(rendered)
    }
}
