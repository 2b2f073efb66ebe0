//! What a play says of its own run, rendered once with what is known before any host is.

use std::sync::Arc;

use rprov_modules::kit::{Node, boolean};

use crate::engine::Engine;
use crate::inventory::HostName;
use crate::playbook::{ORDERS, Play, STRATEGIES, has_template};
use crate::source::Diagnostic;
use crate::template::{Context, Search};
use crate::vars::{Layer, Layers, Level};

/// How hosts go through a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// All hosts do a task, then the next.
    Linear,
    /// Each host as fast as it can.
    Free,
    /// The same, but no more hosts than forks are begun.
    HostPinned,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Settings {
    pub(super) strategy: Strategy,
    pub(super) max_fail_percentage: Option<f64>,
    pub(in crate::engine) force_handlers: bool,
}

/// What a play's own keywords may use: its variables, the answers to its questions, `-e`, and what
/// the run says of itself, such as `groups`.
pub(super) fn context(engine: &Arc<Engine>, play: &Play, prompted: &Arc<Layer>) -> Context {
    let mut files = Layer::default();
    for entry in &play.vars_files {
        if let Some(name) = entry.text().filter(|name| !has_template(name))
            && let Ok(node) = engine.loader.file(&play.dir.join(name), Some(entry.span))
        {
            files.extend(Layer::from_node(&node).unwrap_or_default());
        }
    }
    let hostvars = crate::engine::include::hostvars(engine);
    let mut special = engine.special.layer(&engine.world.inventory(), hostvars);
    super::vars::set_dir(&mut special, play);
    let scope = Layers::default()
        .with(Level::Play, play.vars.clone())
        .with(Level::Prompt, prompted.clone())
        .with(Level::PlayFiles, Arc::new(files))
        .with(Level::Extra, engine.extra.clone())
        .with(Level::Special, Arc::new(special));
    let context = Context::new(Arc::new(scope), Search { dirs: vec![play.dir.clone()] });
    match &engine.decrypt {
        Some(decrypt) => context.decrypt_with(decrypt.clone()),
        None => context,
    }
}

impl Settings {
    /// Whether hosts do not wait for each other.
    pub(in crate::engine) fn is_free(self) -> bool {
        self.strategy != Strategy::Linear
    }

    pub(super) fn new(
        engine: &Engine,
        play: &Play,
        context: &Context,
    ) -> Result<Settings, Diagnostic> {
        let text = |name: &str| text(engine, play, context, name);
        let strategy = match text("strategy")? {
            None => Strategy::Linear,
            Some((name, node)) => {
                // Those of mitogen only say how modules are sent.
                let short = name.rsplit('.').next().unwrap_or_default();
                match short.strip_prefix("mitogen_").unwrap_or(short) {
                    "linear" | "debug" => Strategy::Linear,
                    "free" => Strategy::Free,
                    "host_pinned" => Strategy::HostPinned,
                    _ => return Err(crate::playbook::unknown_word(&name, node.span, STRATEGIES)),
                }
            }
        };
        let max_fail_percentage = match text("max_fail_percentage")? {
            None => None,
            Some((text, node)) => match text.trim().trim_end_matches('%').parse::<f64>() {
                Ok(percent) => Some(percent),
                Err(_) => {
                    let error = format!("expected a percentage, found `{text}`");
                    return Err(Diagnostic::error(error).at(node.span, ""));
                }
            },
        };
        let force_handlers = match text("force_handlers")? {
            None => false,
            Some((text, node)) => boolean(&text).ok_or_else(|| {
                Diagnostic::error(format!("expected a boolean, found `{text}`")).at(node.span, "")
            })?,
        };
        Ok(Settings { strategy, max_fail_percentage, force_handlers })
    }
}

/// Puts hosts into the `order` of the play.
pub(super) fn order(
    engine: &Engine,
    play: &Play,
    context: &Context,
    hosts: &mut [HostName],
) -> Result<(), Diagnostic> {
    let Some((order, node)) = text(engine, play, context, "order")? else { return Ok(()) };
    match order.as_str() {
        "inventory" => {}
        "sorted" => hosts.sort(),
        "reverse_sorted" => {
            hosts.sort();
            hosts.reverse();
        }
        "reverse_inventory" => hosts.reverse(),
        "shuffle" => {
            use rand::seq::SliceRandom;
            hosts.shuffle(&mut rand::rng());
        }
        _ => return Err(crate::playbook::unknown_word(&order, node.span, ORDERS)),
    }
    Ok(())
}

/// A keyword of the play, rendered, and where it stands.
fn text<'a>(
    engine: &Engine,
    play: &'a Play,
    context: &Context,
    name: &str,
) -> Result<Option<(String, &'a Node)>, Diagnostic> {
    let Some(node) = play.chain.keywords.get(name).filter(|node| !node.is_null()) else {
        return Ok(None);
    };
    let rendered = engine.templar.render(node, context).map_err(Diagnostic::from)?;
    match rendered.text() {
        Some(text) => Ok(Some((text.to_owned(), node))),
        None => {
            let found = rendered.type_name();
            Err(Diagnostic::error(format!("expected a word for `{name}`, found {found}"))
                .at(node.span, ""))
        }
    }
}
