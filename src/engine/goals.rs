//! What a task shall do on a host: its module bound to its arguments, or the module that acts in its
//! place there.
//!
//! As in Ansible, `package` on a host with apt is `apt` with the same arguments, and takes the
//! `module_defaults` of both; so are `service` and `systemd`. Which one it is depends on the host, so
//! both are bound, the other one only where it makes a difference.

use rprov_modules::kit::{ArgError, Facts, Goal, Node, Spec, Through};

use super::arguments;
use super::outcome::Failure;
use super::play::PlayRun;
use crate::playbook::Task;
use crate::source::Diagnostic;
use crate::template::Context;

type Bound = Result<Box<dyn Goal>, Failure>;

/// The goal on any host that a task may have.
pub(super) struct Goals {
    own: Bound,
    other: Option<(Through, Node, Bound)>,
}

impl Goals {
    /// # Errors
    /// When the arguments can be used on no host.
    pub(super) fn new(
        play: &PlayRun,
        task: &Task,
        spec: &'static Spec,
        context: &Context,
    ) -> Result<Goals, Failure> {
        let args = arguments::rendered(play, task, context)?;
        let own = (spec.bind)(&args).map_err(|error| failure(task, spec, error));
        let Some(through) = spec.through.filter(|_| own.is_err() || !task.others.is_empty()) else {
            return own.map(|goal| Goals { own: Ok(goal), other: None });
        };
        let mut inner = through.arguments(&args);
        arguments::complete(play, &mut inner, &task.others, context)?;
        let spec = (through.spec)();
        let bound = (spec.bind)(&inner).map_err(|error| failure(task, spec, error));
        match (own, bound) {
            (Err(failure), Err(_)) => Err(failure),
            (own, bound) => Ok(Goals { own, other: Some((through, args, bound)) }),
        }
    }

    /// What is to be done on the host with these facts.
    ///
    /// # Errors
    /// When the arguments cannot be used there.
    pub(super) fn on(&self, facts: &Facts) -> Result<&dyn Goal, Failure> {
        let bound = match &self.other {
            Some((through, args, bound)) if (through.here)(facts, args) => bound,
            _ => &self.own,
        };
        bound.as_deref().map_err(Clone::clone)
    }

    /// The goal that may need something of this machine.
    pub(super) fn own(&mut self) -> Option<&mut Box<dyn Goal>> {
        self.own.as_mut().ok()
    }
}

fn failure(task: &Task, spec: &Spec, error: ArgError) -> Failure {
    let mut shown = Diagnostic::error(error.message)
        .at(error.span.unwrap_or(task.span), "")
        .context(task.span, format!("in this `{}` task", spec.name()));
    if let Some(help) = error.help {
        shown = shown.help(help);
    }
    Failure::from(shown)
}
