//! Variables are evaluated when they are used: one at a time, and containers part by part.
//!
//! - A variable is evaluated once per [`Context`] and remembered; errors are not.
//! - A scalar whose evaluation needs itself is an error that shows the way round.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use rprov_modules::kit::{Node, NodeKind, Span, Tag};

use super::error::{ErrorKind, TemplateError, wrap};
use super::value::{from_node, from_scalar};
use super::{Context, Raw, Templar};

/// The name under which filters and functions find the evaluation they run in.
pub(super) const HERE: &str = "__here";

/// Variables deeper than this inside each other are refused: the stack is finite.
const DEPTH: usize = 48;

/// One evaluation: the root of the names a template sees.
pub(super) struct Evaluation {
    pub(super) templar: Templar,
    pub(super) cx: Context,
    /// Lookups that found nothing, in order.
    pub(super) missed: Mutex<Vec<Miss>>,
    /// What a template printed so far.
    pub(super) printed: Mutex<Printed>,
}

#[derive(Debug, Clone)]
pub(super) struct Miss {
    /// The text as written.
    pub(super) text: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The variable is there, but what it is made of is undefined: its own error.
    pub(super) inner: Option<TemplateError>,
}

impl Miss {
    /// Of a variable or a part of one that needs something undefined.
    pub(super) fn inner(text: &str, error: TemplateError) -> Miss {
        Miss {
            text: text.to_owned(),
            message: error.message.clone(),
            help: None,
            inner: Some(error),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) values: usize,
    pub(super) bytes: usize,
    pub(super) last: Option<Value>,
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variables")
    }
}

impl Evaluation {
    pub(super) fn new(templar: &Templar, cx: &Context) -> Arc<Evaluation> {
        Arc::new(Evaluation {
            templar: templar.clone(),
            cx: cx.clone(),
            missed: Mutex::default(),
            printed: Mutex::default(),
        })
    }

    pub(super) fn miss(&self, miss: Miss) {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).push(miss);
    }

    /// Says where the last thing that was missed is needed, if that is not known.
    pub(super) fn say_where(&self, text: &str) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = missed.last_mut().filter(|last| last.text.is_empty()) {
            last.text = text.to_owned();
        }
    }

    /// The value of a variable. `None`: there is no such variable.
    pub(super) fn variable(&self, name: &str) -> Option<Result<Value, TemplateError>> {
        if let Some(value) = self.cx.remembered(name) {
            return Some(Ok(value));
        }
        let value = match self.cx.lookup(name)? {
            Raw::Value(value) => Ok(value),
            Raw::Node(node) => {
                let span = node.span;
                evaluate(&self.templar, &self.cx, &node, name)
                    .map_err(|error| error.within(name, span))
            }
        };
        if let Ok(value) = &value {
            self.cx.remember(name, value);
        }
        Some(value)
    }
}

/// The evaluation that a filter, test or function runs in.
pub(super) fn here(state: &minijinja::State<'_, '_>) -> Option<Arc<Evaluation>> {
    state.lookup(HERE)?.downcast_object::<Evaluation>()
}

impl Object for Evaluation {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == HERE {
            return Some(Value::from_dyn_object(self.clone()));
        }
        match self.variable(key) {
            Some(Ok(value)) => Some(value),
            // Made of something undefined: undefined itself, so that `default` helps.
            Some(Err(error)) if error.kind == ErrorKind::Undefined => {
                self.miss(Miss::inner(key, error));
                None
            }
            Some(Err(error)) => Some(Value::from(wrap(error))),
            None => None,
        }
    }
}

/// A node's value: scalars are evaluated, containers that hold templates become lazy ones.
pub(super) fn evaluate(
    templar: &Templar,
    cx: &Context,
    node: &Node,
    label: &str,
) -> Result<Value, TemplateError> {
    match &node.kind {
        NodeKind::Scalar(scalar) => match &scalar.tag {
            Some(Tag::Unsafe) => Ok(Value::from(&*scalar.text)),
            Some(Tag::Vault) => {
                let text = cx.decrypt(scalar.text.as_bytes(), node.span)?;
                let secret = Node::string(node.span, text.as_str());
                guarded(cx, node, label, || templar.scalar(&text, &secret, cx))
            }
            _ if is_template(&scalar.text)
                && matches!(scalar.resolve(), rprov_modules::kit::Resolved::Str) =>
            {
                guarded(cx, node, label, || templar.scalar(&scalar.text, node, cx))
            }
            _ => Ok(from_scalar(scalar)),
        },
        _ if !has_templates(node) => Ok(from_node(node)),
        NodeKind::List(items) => Ok(Value::from_object(LazyList(Parts::new(
            templar,
            cx,
            label,
            items.iter().enumerate().map(|(i, item)| (Value::from(i), item.clone())).collect(),
        )))),
        NodeKind::Map(entries) => Ok(Value::from_object(LazyMap(Parts::new(
            templar,
            cx,
            label,
            entries.iter().map(|entry| (from_node(&entry.key), entry.value.clone())).collect(),
        )))),
    }
}

/// Whether a string can be a template at all.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

pub(super) fn has_templates(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => match scalar.tag {
            Some(Tag::Unsafe) => false,
            Some(Tag::Vault) => true,
            _ => is_template(&scalar.text),
        },
        NodeKind::List(items) => items.iter().any(has_templates),
        NodeKind::Map(entries) => entries.iter().any(|entry| has_templates(&entry.value)),
    }
}

/// What is being evaluated on this thread, outermost first.
struct Active {
    context: usize,
    span: Span,
    label: String,
}

thread_local! {
    static ACTIVE: RefCell<Vec<Active>> = const { RefCell::new(Vec::new()) };
}

/// Pops its entry even when the evaluation unwinds.
struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        ACTIVE.with_borrow_mut(|active| {
            active.pop();
        });
    }
}

fn guarded(
    cx: &Context,
    node: &Node,
    label: &str,
    run: impl FnOnce() -> Result<Value, TemplateError>,
) -> Result<Value, TemplateError> {
    let context = cx.identity();
    ACTIVE.with_borrow_mut(|active| {
        let same = |entry: &Active| {
            entry.context == context && entry.span == node.span && entry.label == label
        };
        if let Some(first) = active.iter().position(same) {
            let names: Vec<&str> =
                active[first..].iter().map(|entry| &*entry.label).chain([label]).collect();
            let message = format!("recursive variable: {}", names.join(" -> "));
            return Err(TemplateError::new(ErrorKind::Recursive, message, node.span).help(
                format!("`{label}` needs its own value; give one of them a value of its own"),
            ));
        }
        if active.len() >= DEPTH {
            let message =
                format!("variables refer to each other more than {DEPTH} deep, at `{label}`");
            return Err(TemplateError::new(ErrorKind::Recursive, message, node.span));
        }
        active.push(Active { context, span: node.span, label: label.to_owned() });
        Ok(())
    })?;
    let _entered = Entered;
    run()
}

/// The parts of a container, each evaluated when it is first used.
struct Parts {
    templar: Templar,
    cx: Context,
    label: String,
    parts: Vec<(Value, Node, OnceLock<Value>)>,
    index: OnceLock<HashMap<Value, usize>>,
}

impl Parts {
    fn new(templar: &Templar, cx: &Context, label: &str, parts: Vec<(Value, Node)>) -> Parts {
        Parts {
            templar: templar.clone(),
            cx: cx.clone(),
            label: label.to_owned(),
            parts: parts.into_iter().map(|(key, node)| (key, node, OnceLock::new())).collect(),
            index: OnceLock::new(),
        }
    }

    fn get(&self, at: usize) -> Option<Value> {
        let (key, node, known) = self.parts.get(at)?;
        if let Some(value) = known.get() {
            return Some(value.clone());
        }
        let label = match key.as_str() {
            Some(key) => format!("{}.{key}", self.label),
            None => format!("{}[{key}]", self.label),
        };
        match evaluate(&self.templar, &self.cx, node, &label) {
            Ok(value) => Some(known.get_or_init(|| value).clone()),
            Err(error) => Some(Value::from(wrap(error.within(&label, node.span)))),
        }
    }

    fn find(&self, key: &Value) -> Option<usize> {
        let index = self.index.get_or_init(|| {
            self.parts.iter().enumerate().map(|(i, (k, ..))| (k.clone(), i)).collect()
        });
        index.get(key).copied()
    }
}

/// A mapping in a variable.
pub(super) struct LazyMap(Parts);

impl fmt::Debug for LazyMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.label)
    }
}

impl Object for LazyMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = self.0.find(key)?;
        self.0.get(at)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.parts.iter().map(|(key, ..)| key.clone()).collect())
    }
}

/// A list in a variable.
pub(super) struct LazyList(Parts);

impl fmt::Debug for LazyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.label)
    }
}

impl Object for LazyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if !matches!(key.kind(), ValueKind::Number) {
            return None;
        }
        self.0.get(key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.parts.len())
    }
}
