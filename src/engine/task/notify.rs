//! `notify`: which handlers a task wants.

use rprov_modules::kit::Node;

use super::At;
use crate::engine::handlers;
use crate::engine::outcome::{Done, Failure};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::Context;

impl At<'_> {
    /// Notifies what the task wants, if it has changed something.
    pub(super) fn notify(&self, context: &Context, done: &mut Done) {
        if done.changed && !done.is_failed() {
            match self.wanted(context) {
                Ok(names) => self.tell(names, done),
                Err(failure) => done.failure = Some(failure),
            }
        }
    }

    /// The names in `notify`: those of the task, or else of the innermost block or import that has some.
    pub(super) fn wanted(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        if let Some(node) = self.task.chain.nearest("notify") {
            let node = self.play.engine.templar.render(node, context).map_err(Failure::from)?;
            match node.items() {
                Some(items) => names.extend(items.iter().filter_map(Node::text).map(str::to_owned)),
                None => names.extend(node.text().map(str::to_owned)),
            }
        }
        Ok(names)
    }

    pub(super) fn tell(&self, names: Vec<String>, done: &mut Done) {
        for name in names {
            if !handlers::notify(self.play, self.host, &name, self.rest.in_handlers()) {
                let at = self.task.chain.nearest("notify").map_or(self.task.span, |node| node.span);
                let handlers = self.play.handlers();
                let known: Vec<&str> =
                    handlers.iter().filter_map(|h| h.name.as_ref()?.text()).collect();
                let mut error = Diagnostic::error(format!("there is no handler `{name}`"))
                    .at(at, "notified here");
                if let Some(near) = rprov_modules::kit::nearest(&name, known) {
                    error = error.help(format!("did you mean `{near}`?"));
                }
                match self.play.engine.options.missing_handlers {
                    false => done.failure = Some(Failure::from(error)),
                    true => {
                        let warning = Event::Warning(error.message().to_owned());
                        self.play.engine.reporter.report(warning);
                    }
                }
            }
        }
    }
}
