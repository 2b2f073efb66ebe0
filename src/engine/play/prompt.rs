//! `vars_prompt`: variables that are asked for.

use std::sync::Arc;

use minijinja::Value;
use rprov_modules::kit::{Node, boolean};

use crate::engine::Engine;
use crate::playbook::Play;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, Search};
use crate::vars::{Layer, Layers, Level};

/// Asks on the terminal for what is not given on the command line; without a terminal the default
/// counts.
pub(super) fn prompt(engine: &Engine, play: &Play) -> Result<Layer, Vec<Diagnostic>> {
    let mut layer = Layer::default();
    for entry in &play.vars_prompt {
        let field = |key: &str| entry.get(key).and_then(Node::text);
        let name = field("name").unwrap_or_default();
        if engine.extra.get(name).is_some() {
            continue;
        }
        let yes = |key: &str, otherwise| field(key).and_then(boolean).unwrap_or(otherwise);
        let value = match ask(name, field("prompt"), yes("private", true), yes("confirm", false)) {
            Some(answer) => Value::from(answer),
            None => match entry.get("default") {
                Some(default) => crate::template::from_node(default),
                None => {
                    return Err(vec![
                        Diagnostic::error(format!("no value was given for `{name}`"))
                            .at(entry.span, "")
                            .help(format!("give it on the command line: `-e {name}=…`")),
                    ]);
                }
            },
        };
        let private = yes("private", true);
        if private {
            engine.redactor.learn(&value.to_string());
        }
        let value = match field("encrypt") {
            Some(method) => encrypt(engine, entry, method, value).map_err(|error| vec![error])?,
            None => value,
        };
        if private {
            engine.redactor.learn(&value.to_string());
        }
        layer.set(name, value);
    }
    Ok(layer)
}

/// The answer; asked again until it is given twice, if it is to be confirmed.
fn ask(name: &str, question: Option<&str>, private: bool, confirm: bool) -> Option<String> {
    let question = question.unwrap_or(name);
    loop {
        let answer = crate::report::ask(&format!("{question}: "), private)
            .filter(|answer| !answer.is_empty())?;
        if !confirm {
            return Some(answer);
        }
        let again = crate::report::ask(&format!("confirm {question}: "), private)?;
        if again == answer {
            return Some(answer);
        }
    }
}

/// The hash that `encrypt` wants.
fn encrypt(engine: &Engine, entry: &Node, method: &str, value: Value) -> Result<Value, Diagnostic> {
    let span = entry.get("encrypt").map_or(entry.span, |node| node.span);
    let mut layer = Layer::default();
    layer.set("rprov_answer", value);
    let short = method.strip_suffix("_crypt").unwrap_or(method);
    layer.set("rprov_method", short);
    let mut call = "rprov_answer | string | password_hash(rprov_method".to_owned();
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
