//! `delegate_to`: another host acts in this one's place.
//!
//! The task itself is rendered with this host's variables; the way to the delegate, and the user it
//! acts as there, come from the delegate's.

use std::{borrow::Cow, sync::Arc};

use super::flags::flag;
use super::host::Host;
use super::implied;
use super::outcome::Failure;
use super::target::{HOST, Seen};
use super::task::At;
use crate::inventory::{self, HostName, Inventory};
use crate::source::Diagnostic;
use crate::template::{Context, Raw};

/// The host that acts.
pub(super) struct Delegate {
    pub(super) host: Arc<Host>,
    /// How the delegate sees the variables of the task.
    pub(super) view: Context,
    /// Its name for people, with its address if that is another.
    pub(super) label: String,
    /// `delegate_facts`: what is learnt is learnt of it.
    pub(super) learns: bool,
}

/// The host that acts in this one's place, if one is named.
pub(super) fn delegate(at: &At<'_>, context: &Context) -> Result<Option<Delegate>, Failure> {
    let Some(node) = at.task.chain.nearest("delegate_to") else { return Ok(None) };
    let engine = &at.play.engine;
    let name = super::perform::text(&engine.templar, node, context)?.unwrap_or_default();
    if name.is_empty() {
        let error = Diagnostic::error("expected the name of a host to delegate to, found nothing");
        return Err(error.at(node.span, "").into());
    }
    if *name == *at.host.name {
        return Ok(None);
    }
    let host = engine.host(&HostName::from(name.as_str()));
    let view = at.play.context(&host, Some(at.task)).map_err(Failure::from_all)?;
    let seen = Seen { play: at.play, task: at.task, vars: &view, own: context };
    let address = seen.variable(&HOST)?.filter(|address| *address != name);
    let label = match address {
        Some(address) => format!("{name}({address})"),
        None => name,
    };
    let learns = flag(at.play, at.task, at.host, "delegate_facts");
    Ok(Some(Delegate { host, view, label, learns }))
}

/// The name of the host that was to act, for people: as it is written where it cannot be rendered.
pub(super) fn label(at: &At<'_>, context: &Context) -> Option<String> {
    match delegate(at, context) {
        Ok(delegate) => delegate.map(|delegate| delegate.label),
        Err(_) => at.task.chain.nearest("delegate_to")?.text().map(str::to_owned),
    }
}

/// The host of that name; one that no inventory knows has the variables of `all`.
pub(super) fn known<'a>(inventory: &'a Inventory, name: &str) -> Cow<'a, inventory::Host> {
    match inventory.host(name) {
        Some(host) => Cow::Borrowed(host),
        None => Cow::Owned(Inventory::stranger(name)),
    }
}

/// The task's variables with `ansible_delegated_vars`: those of the delegate by its name.
pub(super) fn with_delegated(at: &At<'_>, context: &Context) -> Context {
    let Some(node) = at.task.chain.nearest("delegate_to") else { return context.clone() };
    let name = super::perform::text(&at.play.engine.templar, node, context).ok().flatten();
    let Some(name) = name.filter(|name| !name.is_empty()) else { return context.clone() };
    let engine = &at.play.engine;
    let inventory = engine.world.inventory();
    let own = known(&inventory, &name);
    let view = super::include::view(engine, &own);
    let all = minijinja::Value::from_pairs([(name.as_str(), view)]);
    let all = ("ansible_delegated_vars".to_owned(), Raw::Value(all));
    // How a host is reached now means the delegate.
    let layers = engine.world.vars().layers(&own).unwrap_or_default();
    let implied = implied::layer(engine, (&name, &name), &at.task.chain, &layers, context);
    let implied = implied
        .iter()
        .filter(|(name, _)| context.scope.given(name).is_none())
        .map(|(name, binding)| (name.to_owned(), binding.value.clone()));
    context.with(implied.chain([all]))
}
