//! The calls of a [`Templar`]: values, nodes, expressions, conditions, files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::kit::{Entry, Node, NodeKind, Scalar, Span, Tag};

use crate::config::{ALLOW_BROKEN_CONDITIONALS, Config};
use crate::source::SourceMap;

use super::call::Call;
use super::compile::{
    Compiled, Part, compile, compile_expression, evaluate_part, with_line_breaks,
};
use super::error::{ErrorKind, TemplateError};
use super::error::{failed, wrap};
use super::fault::{Place, misfit};
use super::grammar::Where;
use super::lazy::{self, Evaluation};
use super::prepare::{self, Backslash};
use super::value::{self, finalize, is_omit, to_node};
use super::{Context, FileOptions, Secrets, Templar, print};

/// More compiled texts than this and the store starts anew: a run has some thousands.
const CACHE: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) map: SourceMap,
    pub(super) config: Arc<Config>,
    secrets: Told,
    compiled: RwLock<HashMap<Box<str>, Arc<Compiled>>>,
    expressions: RwLock<HashMap<Box<str>, Arc<Part>>>,
    conditions: RwLock<HashMap<Box<str>, Arc<Part>>>,
}

/// Who is told the secrets that templates make.
#[derive(Default)]
struct Told(Option<Secrets>);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Told").field(&self.0.is_some()).finish()
    }
}

impl Templar {
    /// `map` holds the files that nodes come from: with it errors point into the scalar.
    pub fn new(map: SourceMap) -> Templar {
        Templar { shared: Arc::new(Shared { map, ..Shared::default() }) }
    }

    /// The same, with settings for the lookup `config`; `secrets` is told the keys, passwords and
    /// hashes that templates make.
    pub fn with_config(map: SourceMap, config: Arc<Config>, secrets: Secrets) -> Templar {
        let secrets = Told(Some(secrets));
        Templar { shared: Arc::new(Shared { map, config, secrets, ..Shared::default() }) }
    }

    /// Says that a text is a secret.
    pub(super) fn tell(&self, secret: &str) {
        if let Told(Some(secrets)) = &self.shared.secrets {
            secrets(secret);
        }
    }

    /// The value of a node with all templates in it evaluated, in native types.
    ///
    /// # Errors
    /// If any part has no value. A lone `omit` is returned as [`value::omit`]'s value; inside
    /// containers it is left out.
    pub fn value(&self, node: &Node, cx: &Context) -> Result<Value, TemplateError> {
        let value = lazy::evaluate(self, cx, node, "this value")?;
        self.finish(value, cx, node)
    }

    /// The node with all templates in it evaluated; spans are kept, `omit` entries are dropped.
    ///
    /// # Errors
    /// If any part has no value, or the whole is `omit`.
    pub fn render(&self, node: &Node, cx: &Context) -> Result<Node, TemplateError> {
        self.rendered(node, cx)?.ok_or_else(|| {
            TemplateError::new(
                ErrorKind::Omitted,
                "`omit` used where nothing can be left out",
                node.span,
            )
        })
    }

    fn rendered(&self, node: &Node, cx: &Context) -> Result<Option<Node>, TemplateError> {
        match &node.kind {
            NodeKind::Scalar(Scalar { tag: Some(Tag::Unsafe), text, .. }) => {
                Ok(Some(Node::string(node.span, text.clone())))
            }
            NodeKind::Scalar(scalar)
                if scalar.tag == Some(Tag::Vault) || lazy::is_template(&scalar.text) =>
            {
                let value = self.value(node, cx)?;
                Ok((!is_omit(&value)).then(|| to_node(&value, node.span)))
            }
            NodeKind::Scalar(_) => Ok(Some(node.clone())),
            NodeKind::List(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for item in items {
                    kept.extend(self.rendered(item, cx)?);
                }
                Ok(Some(Node::list(node.span, kept)))
            }
            NodeKind::Map(entries) => {
                let mut kept = Vec::with_capacity(entries.len());
                for Entry { key, value } in entries {
                    if let Some(value) = self.rendered(value, cx)? {
                        kept.push(Entry { key: key.clone(), value });
                    }
                }
                Ok(Some(Node::map(node.span, kept)))
            }
        }
    }

    /// The value of a bare expression, as in `when:`, `until:` or `debug: var=`.
    ///
    /// # Errors
    /// If the text is no expression or has no value.
    pub fn expression(&self, text: &str, span: Span, cx: &Context) -> Result<Value, TemplateError> {
        let node = Node::string(span, text);
        let value = self.bare(text, &node, cx, Backslash::Plain)?;
        self.finish(value, cx, &node)
    }

    fn bare(
        &self,
        text: &str,
        node: &Node,
        cx: &Context,
        backslash: Backslash,
    ) -> Result<Value, TemplateError> {
        let part = self.expression_of(text, backslash);
        let evaluation = Evaluation::new(self, cx);
        evaluate_part(&part, &evaluation, &Place::node(text, node, self))
            .map(|value| value.unwrap_or_default())
    }

    /// Whether a condition holds: a boolean, an expression without braces (with them it is taken
    /// too), or a list of such of which all must hold; the first that does not ends it.
    ///
    /// # Errors
    /// If the value is no boolean: a string or a number is not silently taken for true.
    pub fn condition(&self, node: &Node, cx: &Context) -> Result<bool, TemplateError> {
        let scalar = match &node.kind {
            NodeKind::List(items) => {
                for item in items {
                    if item.items().is_some() && !self.lenient() {
                        let message = "expected a condition, found a list";
                        return Err(TemplateError::new(ErrorKind::Condition, message, item.span)
                            .help("write the condition as one string"));
                    }
                    if !self.condition(item, cx)? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            NodeKind::Map(_) => {
                let message = "expected a condition, found a mapping";
                return Err(TemplateError::new(ErrorKind::Condition, message, node.span)
                    .help("write the condition as one string"));
            }
            NodeKind::Scalar(scalar) => scalar,
        };
        let text = scalar.text.trim();
        if scalar.plain && matches!(value::from_scalar(scalar).kind(), ValueKind::Bool) {
            return Ok(value::from_scalar(scalar).is_true());
        }
        // `when:` and nothing behind it.
        if node.is_null() {
            return Ok(true);
        }
        if text.is_empty() {
            return Err(TemplateError::new(
                ErrorKind::Condition,
                "expected a condition, found nothing",
                node.span,
            ));
        }
        let value = if text.starts_with("{{") || text.starts_with("{%") {
            self.scalar(&scalar.text, node, cx)?
        } else {
            self.bare(&scalar.text, node, cx, Backslash::Embedded)
                .map_err(|error| about_equals(error, text))?
        };
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            ValueKind::Undefined => {
                let message =
                    "expected a condition that is true or false, found an `if` without `else`";
                Err(TemplateError::new(ErrorKind::Condition, message, node.span))
            }
            _ if self.lenient() => Ok(value.is_true()),
            _ => {
                let found = print::type_name(&value);
                let message = format!(
                    "expected a condition that is true or false, found a value of type `{found}`"
                );
                let help = match found {
                    "str" => format!(
                        "compare it (`{text} == '…'`), or write `{text} | bool` or `{text} | length > 0`"
                    ),
                    "list" | "dict" => format!("write `{text} | length > 0`"),
                    "NoneType" => format!("write `{text} is not none`"),
                    _ => format!("write `{text} | bool`, or compare it"),
                };
                Err(TemplateError::new(ErrorKind::Condition, message, node.span).help(help))
            }
        }
    }

    /// A template file's text, rendered. `path` is where `include` and `import` look first.
    ///
    /// # Errors
    /// If the file is no template or uses what has no value.
    pub fn file(
        &self,
        text: &str,
        path: &Path,
        cx: &Context,
        options: &FileOptions,
    ) -> Result<String, TemplateError> {
        super::file::render(self, text, path, cx, options)
    }

    /// The value of a string that may hold templates; containers may still be lazy.
    pub(super) fn scalar(
        &self,
        text: &str,
        node: &Node,
        cx: &Context,
    ) -> Result<Value, TemplateError> {
        let place = Place::node(text, node, self);
        let compiled = self.compiled(text);
        let evaluation = Evaluation::new(self, cx);
        let value = compiled.value(&evaluation, &place)?;
        Ok(match value.as_str().filter(|_| text.ends_with('\n')) {
            Some(found) => Value::from(with_line_breaks(found, text)),
            None => value,
        })
    }

    /// Whether conditions may be neither true nor false.
    pub(super) fn lenient(&self) -> bool {
        self.shared.config.flag(&ALLOW_BROKEN_CONDITIONALS)
    }

    /// A string that may hold templates, compiled once.
    pub(super) fn compiled(&self, text: &str) -> Arc<Compiled> {
        known(&self.shared.compiled, text, || compile(text))
    }

    /// An expression without braces, compiled once.
    pub(super) fn expression_of(&self, text: &str, backslash: Backslash) -> Arc<Part> {
        let store = match backslash {
            Backslash::Embedded => &self.shared.conditions,
            _ => &self.shared.expressions,
        };
        known(store, text, || {
            let blanks = prepare::plain_blanks_within(text, 0..text.len());
            let text = blanks.as_deref().unwrap_or(text);
            compile_expression(text, 0..text.len(), backslash, Where::Condition)
        })
    }

    fn finish(&self, value: Value, cx: &Context, node: &Node) -> Result<Value, TemplateError> {
        let text = node.text().unwrap_or_default();
        finalize(value).map_err(|unfit| {
            misfit(unfit, &Evaluation::new(self, cx), &Place::node(text, node, self))
        })
    }
}

/// What a text was compiled to; now, if it was not yet.
fn known<T>(
    store: &RwLock<HashMap<Box<str>, Arc<T>>>,
    text: &str,
    compile: impl FnOnce() -> T,
) -> Arc<T> {
    if let Some(known) = store.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return known.clone();
    }
    let compiled = Arc::new(compile());
    let mut store = store.write().unwrap_or_else(PoisonError::into_inner);
    if store.len() >= CACHE {
        store.clear();
    }
    store.insert(text.into(), compiled.clone());
    compiled
}

/// `a = b` sets nothing and compares nothing.
pub(super) fn about_equals(error: TemplateError, text: &str) -> TemplateError {
    let single = text.split(" = ").count() == 2 && error.kind == ErrorKind::Syntax;
    match single && error.help.is_none() {
        true => error.help("`==` compares, `=` does not"),
        false => error,
    }
}

/// The filter `__embedded`: a literal of a condition that is a template itself.
pub(super) fn embedded(call: &mut Call<'_, '_, '_>) -> Result<Value, minijinja::Error> {
    let evaluation =
        lazy::here(call.state).ok_or_else(|| failed("a template cannot be evaluated here"))?;
    let text = call.string()?;
    let node = Node::string(Span::default(), text);
    evaluation.templar.scalar(text, &node, &evaluation.cx).map_err(wrap)
}
