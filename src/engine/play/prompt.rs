//! `vars_prompt`: variables that are asked for.

use std::sync::Arc;

use minijinja::Value;
use rprov_modules::kit::{Node, boolean};

use super::settings;
use crate::engine::Engine;
use crate::playbook::Play;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, Search, from_node, shown};
use crate::vars::{Layer, Layers, Level};

/// Asks on the terminal for what is not given on the command line; without an answer the default counts.
/// What is asked, and how, may be templates of the play's variables; so may the answers, unless the entry
/// is `unsafe`.
pub(super) fn prompt(engine: &Arc<Engine>, play: &Play) -> Result<Layer, Vec<Diagnostic>> {
    let mut layer = Layer::default();
    if play.vars_prompt.is_empty() {
        return Ok(layer);
    }
    let context = settings::context(engine, play, &Arc::default());
    for entry in &play.vars_prompt {
        let render = |node| engine.templar.render(node, &context);
        let entry = &render(entry).map_err(|error| vec![error.into()])?;
        let field = |key: &str| entry.get(key).filter(|node| !node.is_null());
        let text = |key: &str| field(key).and_then(Node::text);
        let name = text("name").unwrap_or_default();
        if engine.extra.get(name).is_some() {
            continue;
        }
        let yes = |key: &str, otherwise| text(key).and_then(boolean).unwrap_or(otherwise);
        let private = yes("private", true);
        let default = field("default").map(|node| shown(&from_node(node)));
        let question = text("prompt").unwrap_or(name);
        let question = match &default {
            Some(default) if !private => format!("{question} [{default}]: "),
            _ => format!("{question}: "),
        };
        let answer = ask(&question, private, yes("confirm", false));
        let answer = match (answer, default) {
            (Some(answer), None) => answer,
            (Some(answer), Some(_)) if !answer.is_empty() => answer,
            (_, Some(default)) => default,
            (None, None) => {
                return Err(vec![
                    Diagnostic::error(format!("no value was given for `{name}`"))
                        .at(entry.span, "")
                        .help(format!("give it on the command line: `-e {name}=…`")),
                ]);
            }
        };
        if private {
            engine.redactor.learn(&answer);
        }
        match text("encrypt") {
            Some(method) => {
                let hash = encrypt(engine, entry, method, answer).map_err(|error| vec![error])?;
                if private {
                    engine.redactor.learn(&hash.to_string());
                }
                layer.set(name, hash);
            }
            None if yes("unsafe", false) => layer.set(name, answer),
            None => layer.insert(name, Raw::Node(Node::string(entry.span, answer)), entry.span),
        }
    }
    Ok(layer)
}

/// The answer; asked again until it is given twice, if it is to be confirmed. None without a terminal.
fn ask(question: &str, private: bool, confirm: bool) -> Option<String> {
    let mut first = question.to_owned();
    loop {
        let answer = crate::report::ask(&first, private)?;
        if !confirm || crate::report::ask(&format!("confirm {question}"), private)? == answer {
            return Some(answer);
        }
        first = format!("the answers differ\n{question}");
    }
}

/// The hash that `encrypt` wants.
fn encrypt(
    engine: &Engine,
    entry: &Node,
    method: &str,
    answer: String,
) -> Result<Value, Diagnostic> {
    let span = entry.get("encrypt").map_or(entry.span, |node| node.span);
    let mut layer = Layer::default();
    layer.set("rprov_answer", answer);
    let short = method.strip_suffix("_crypt").unwrap_or(method);
    layer.set("rprov_method", short);
    let mut call = "rprov_answer | password_hash(rprov_method".to_owned();
    for key in ["salt", "salt_size"] {
        if let Some(node) = entry.get(key) {
            layer.insert(format!("rprov_{key}"), Raw::Node(node.clone()), node.span);
            call += &format!(", {key}=rprov_{key}");
        }
    }
    call.push(')');
    let scope = Arc::new(Layers::default().with(Level::Play, Arc::new(layer)));
    let context = Context::new(scope, Search::default());
    engine.templar.expression(&call, span, &context).map_err(Diagnostic::from)
}
