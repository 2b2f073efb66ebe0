//! Evaluation: compiled text is remembered, one expression alone keeps its type, and an error of
//! the engine becomes one of ours, at its place in the YAML.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use minijinja::value::ValueKind;
use minijinja::{Environment, Expression, Value};
use rprov_modules::kit::{Entry, Node, NodeKind, Scalar, Span, Tag, nearest};

use crate::source::SourceMap;

use super::error::{ErrorKind, TemplateError, unwrap};
use super::lazy::{self, Evaluation};
use super::prepare::{self, Backslash, Marks, Piece, Prepared};
use super::value::{self, Unfit, finalize, is_omit, to_node};
use super::{Context, FileOptions, Templar, call, file, print, register};

/// More compiled texts than this and the store starts anew: a run has some thousands.
const CACHE: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) map: SourceMap,
    compiled: RwLock<HashMap<Box<str>, Arc<Compiled>>>,
    expressions: RwLock<HashMap<Box<str>, Arc<Part>>>,
}

#[derive(Debug)]
enum Compiled {
    Parts(Vec<Part>),
    Template(Box<Environment<'static>>, Prepared),
    Broken(Fault),
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// One variable: needs no engine.
    Name(String, Range<usize>),
    Expression(Expression<'static, 'static>, Prepared),
    Broken(Fault),
}

/// Why a text is no template, and where in it.
#[derive(Debug, Clone)]
struct Fault {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    range: Option<Range<usize>>,
}

impl Fault {
    fn syntax(error: &minijinja::Error, prepared: &Prepared, whole: Range<usize>) -> Fault {
        let detail = error.detail().unwrap_or("cannot be read");
        let range =
            error.range().map(|range| prepared.origin(range.start)..prepared.origin(range.end));
        let range = range.filter(|range| range.start < range.end).unwrap_or(whole);
        Fault {
            kind: ErrorKind::Syntax,
            message: format!("syntax error in template: {}", lower_first(detail)),
            help: None,
            range: Some(range),
        }
    }
}

/// Where a text stands, to place errors in it.
pub(super) struct Place<'a> {
    text: &'a str,
    span: Span,
    map: &'a SourceMap,
}

impl<'a> Place<'a> {
    fn node(text: &'a str, node: &Node, templar: &'a Templar) -> Place<'a> {
        Place { text, span: node.span, map: &templar.shared.map }
    }

    /// A template file: its text is the file's, after `skipped` bytes of header.
    pub(super) fn file(
        text: &'a str,
        file: u32,
        skipped: usize,
        templar: &'a Templar,
    ) -> Place<'a> {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span { file, start: offset(skipped), end: offset(skipped + text.len()) };
        Place { text, span, map: &templar.shared.map }
    }

    /// The place of a range of the text; the whole scalar where it cannot be told.
    fn span(&self, range: Option<Range<usize>>) -> Span {
        let Some(range) = range.filter(|_| self.span.file != 0) else { return self.span };
        let Some(file) = self.map.text(self.span.file) else { return self.span };
        let bounds = self.span.start as usize..self.span.end as usize;
        let Some(written) = file.get(bounds.clone()) else { return self.span };
        let at = |offset: usize, length: usize| Span {
            file: self.span.file,
            start: self.span.start + offset as u32,
            end: self.span.start + (offset + length) as u32,
        };
        // Written as it reads, up to quotes or a block's first line.
        if let Some(offset) = written.find(self.text) {
            return at(offset + range.start, range.len().max(1));
        }
        // Otherwise the same occurrence of the same words.
        let Some(words) = self.text.get(range.clone()).filter(|words| !words.is_empty()) else {
            return self.span;
        };
        let nth = self.text[..range.start].matches(words).count();
        match written.match_indices(words).nth(nth) {
            Some((offset, _)) => at(offset, words.len()),
            None => self.span,
        }
    }
}

impl Templar {
    /// `map` holds the files that nodes come from: with it errors point into the scalar.
    pub fn new(map: SourceMap) -> Templar {
        Templar { shared: Arc::new(Shared { map, ..Shared::default() }) }
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
        let value = self.bare(text, &node, cx)?;
        self.finish(value, cx, &node)
    }

    fn bare(&self, text: &str, node: &Node, cx: &Context) -> Result<Value, TemplateError> {
        let known = self
            .shared
            .expressions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            .cloned();
        let part = match known {
            Some(part) => part,
            None => {
                let part = Arc::new(compile_expression(text, 0..text.len()));
                remember(&self.shared.expressions, text, &part);
                part
            }
        };
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
        if text.is_empty() || node.is_null() {
            return Err(TemplateError::new(
                ErrorKind::Condition,
                "expected a condition, found nothing",
                node.span,
            ));
        }
        let value = if lazy::is_template(text) {
            self.scalar(&scalar.text, node, cx)?
        } else {
            self.bare(&scalar.text, node, cx)?
        };
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            ValueKind::Undefined => {
                let message =
                    "expected a condition that is true or false, found an `if` without `else`";
                Err(TemplateError::new(ErrorKind::Condition, message, node.span))
            }
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
        let known =
            self.shared.compiled.read().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        let compiled = match known {
            Some(compiled) => compiled,
            None => {
                let compiled = Arc::new(compile(text));
                remember(&self.shared.compiled, text, &compiled);
                compiled
            }
        };
        let evaluation = Evaluation::new(self, cx);
        let value = self.compiled(&compiled, &evaluation, &place)?;
        Ok(match value.as_str().filter(|_| text.ends_with('\n')) {
            Some(found) => Value::from(with_line_breaks(found, text)),
            None => value,
        })
    }

    fn compiled(
        &self,
        compiled: &Compiled,
        evaluation: &Arc<Evaluation>,
        place: &Place<'_>,
    ) -> Result<Value, TemplateError> {
        match compiled {
            Compiled::Broken(fault) => Err(broken(fault, place)),
            Compiled::Template(environment, prepared) => {
                let rendered = if includes(&prepared.text) {
                    let mut environment = environment.clone();
                    file::load_from(&mut environment, &evaluation.cx, Backslash::Plain);
                    render_template(&environment, NAME, evaluation)
                } else {
                    render_template(environment, NAME, evaluation)
                };
                let value =
                    rendered.map_err(|error| convert(&error, evaluation, prepared, place))?;
                shallow(value).map_err(|unfit| misfit(unfit, evaluation, place))
            }
            Compiled::Parts(parts) => {
                if let [part] = &parts[..] {
                    let value = evaluate_part(part, evaluation, place)?.unwrap_or_default();
                    if value.is_undefined() {
                        let message =
                            "the template has no value: its `if` does not hold and has no `else`";
                        return Err(TemplateError::new(ErrorKind::Failed, message, place.span));
                    }
                    return shallow(value).map_err(|unfit| misfit(unfit, evaluation, place));
                }
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    let value = evaluate_part(part, evaluation, place)?;
                    values.extend(value.filter(|value| !value.is_none() && !value.is_undefined()));
                }
                concatenate(values).map_err(|unfit| misfit(unfit, evaluation, place))
            }
        }
    }

    fn finish(&self, value: Value, cx: &Context, node: &Node) -> Result<Value, TemplateError> {
        let text = node.text().unwrap_or_default();
        finalize(value).map_err(|unfit| {
            misfit(unfit, &Evaluation::new(self, cx), &Place::node(text, node, self))
        })
    }
}

fn remember<T>(store: &RwLock<HashMap<Box<str>, Arc<T>>>, text: &str, compiled: &Arc<T>) {
    let mut store = store.write().unwrap_or_else(PoisonError::into_inner);
    if store.len() >= CACHE {
        store.clear();
    }
    store.insert(text.into(), compiled.clone());
}

/// Text around a value makes it text; nothing around it leaves it what it is.
fn concatenate(mut values: Vec<Value>) -> Result<Value, Unfit> {
    match values.len() {
        0 => Ok(Value::from(())),
        1 => shallow(values.remove(0)),
        _ => {
            let mut text = String::new();
            for value in values {
                if is_omit(&value) {
                    return Err(Unfit::Type("omit"));
                }
                text.push_str(&print::text(&finalize(value)?));
            }
            Ok(Value::from(text))
        }
    }
}

/// A value fit to be a variable's: views and tuples become lists, once.
fn shallow(value: Value) -> Result<Value, Unfit> {
    match value.kind() {
        ValueKind::Undefined => Err(Unfit::Undefined),
        ValueKind::Iterable => finalize(value),
        ValueKind::Seq if value.is_tuple() => finalize(value),
        ValueKind::Seq | ValueKind::Map => Ok(value),
        ValueKind::Plain if !is_omit(&value) => finalize(value),
        _ => Ok(value),
    }
}

/// The name of the template that a string is.
const NAME: &str = "template";

/// Whether a prepared template may need other templates.
fn includes(text: &str) -> bool {
    ["include", "import", "extends"].iter().any(|word| text.contains(word))
}

/// The text with as many line breaks at its end as its template has, or more.
///
/// The engine is given a template without its last line break, because it is no part of a value
/// that is not text.
pub(super) fn with_line_breaks(text: &str, template: &str) -> String {
    let count = |text: &str| text.len() - text.trim_end_matches('\n').len();
    format!("{text}{}", "\n".repeat(count(template).saturating_sub(count(text))))
}

fn compile(text: &str) -> Compiled {
    let text = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    let normal;
    let text = if text.contains('\r') {
        normal = text.replace("\r\n", "\n").replace('\r', "\n");
        &normal
    } else {
        text
    };
    let marks = Marks::default();
    let pieces = prepare::pieces(text, &marks);
    if let Some(pieces) = pieces.filter(|pieces| !pieces.contains(&Piece::Other)) {
        let parts: Vec<Part> = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(range) => Part::Text(text[range].to_owned()),
                Piece::Expression(range) => compile_expression(text, range),
                Piece::Other => Part::Text(String::new()),
            })
            .collect();
        let fault = parts.iter().find_map(|part| match part {
            Part::Broken(fault) => Some(fault.clone()),
            _ => None,
        });
        return fault.map_or(Compiled::Parts(parts), Compiled::Broken);
    }
    let prepared = prepare::template(text, &marks, Backslash::Plain);
    let mut environment = register::environment().clone();
    match environment.add_template_owned(NAME, prepared.text.clone()) {
        Ok(()) => Compiled::Template(Box::new(environment), prepared),
        Err(error) => Compiled::Broken(Fault::syntax(&error, &prepared, 0..text.len())),
    }
}

fn compile_expression(text: &str, range: Range<usize>) -> Part {
    let word = text[range.clone()].trim();
    if is_name(word) {
        return Part::Name(word.to_owned(), range);
    }
    let prepared = prepare::expression(text, range.clone(), Backslash::Plain);
    match register::environment().compile_expression_owned(prepared.text.clone()) {
        Ok(expression) => Part::Expression(expression, prepared),
        Err(error) => Part::Broken(Fault::syntax(&error, &prepared, range)),
    }
}

/// Whether the text is one plain name that can only be a variable.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matches!(
            text,
            "true" | "false" | "none" | "and" | "or" | "not" | "if" | "else" | "in" | "is" | "for"
        )
        && !register::is_global(text)
}

fn evaluate_part(
    part: &Part,
    evaluation: &Arc<Evaluation>,
    place: &Place<'_>,
) -> Result<Option<Value>, TemplateError> {
    match part {
        Part::Text(text) => Ok(Some(Value::from(text.as_str()))),
        Part::Broken(fault) => Err(broken(fault, place)),
        Part::Name(name, range) => match evaluation.variable(name) {
            Some(value) => value.map(Some),
            None => {
                let start =
                    range.start + place.text[range.clone()].find(name.as_str()).unwrap_or(0);
                Err(unknown_name(evaluation, name, place.span(Some(start..start + name.len()))))
            }
        },
        Part::Expression(expression, prepared) => {
            let root = Value::from_dyn_object(evaluation.clone());
            let value = expression.eval(root).and_then(value::valid);
            let value = value.map_err(|error| convert(&error, evaluation, prepared, place))?;
            if value.is_undefined() && is_missing(&value) {
                let range = prepared.origin(0)..prepared.origin(prepared.text.len());
                return Err(undefined(evaluation, place, Some(range), ""));
            }
            Ok(Some(value))
        }
    }
}

/// Whether an undefined value comes from a name, not from an `if` without `else`.
fn is_missing(value: &Value) -> bool {
    call::defined(&register::environment().empty_state(), value).is_err()
}

pub(super) fn render_template(
    environment: &Environment<'_>,
    name: &str,
    evaluation: &Arc<Evaluation>,
) -> Result<Value, minijinja::Error> {
    let root = Value::from_dyn_object(evaluation.clone());
    let text = environment.get_template(name)?.render(root)?;
    let mut printed = evaluation.printed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match printed.last.take() {
        Some(value) if printed.values == 1 && printed.bytes == text.len() => value,
        None if text.is_empty() => Value::from(()),
        _ => Value::from(text),
    })
}

fn broken(fault: &Fault, place: &Place<'_>) -> TemplateError {
    let mut error =
        TemplateError::new(fault.kind, &*fault.message, place.span(fault.range.clone()));
    error.help = fault.help.clone();
    error
}

fn misfit(unfit: Unfit, evaluation: &Evaluation, place: &Place<'_>) -> TemplateError {
    match unfit {
        Unfit::Undefined => undefined(evaluation, place, None, ""),
        Unfit::Type("omit") => TemplateError::new(
            ErrorKind::Omitted,
            "`omit` used where nothing can be left out",
            place.span,
        ),
        Unfit::Type(name) => TemplateError::new(
            ErrorKind::Failed,
            format!("a {name} cannot be the value of a template"),
            place.span,
        ),
        Unfit::Error(error) => convert(&error, evaluation, &Prepared::default(), place),
    }
}

/// The error of an undefined value used in `range` of the text.
fn undefined(
    evaluation: &Evaluation,
    place: &Place<'_>,
    range: Option<Range<usize>>,
    detail: &str,
) -> TemplateError {
    let whole = 0..place.text.len();
    let snippet = place.text.get(range.clone().unwrap_or(whole.clone())).unwrap_or(place.text);
    let missed = evaluation.missed.lock().unwrap_or_else(PoisonError::into_inner);
    // The engine knows the name when it is a plain one.
    let named = detail.split('`').nth(1).filter(|_| detail.contains("` is undefined"));
    let named = named.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    if let Some(name) = named {
        if let Some(inner) =
            missed.iter().rev().find(|miss| miss.text == name).and_then(|miss| miss.inner.clone())
        {
            return inner;
        }
        let from = range.as_ref().map_or(0, |range| range.start);
        let at =
            names(place.text).into_iter().filter(|(_, found)| *found == name).map(|(at, _)| at);
        // The nearest use to where the engine stopped.
        let at = at.min_by_key(|at| at.abs_diff(from)).map(|at| at..at + name.len());
        return unknown_name(evaluation, name, place.span(at));
    }
    let found = missed
        .iter()
        .rev()
        .filter(|miss| !miss.text.is_empty())
        .find(|miss| snippet.contains(miss.text.as_str()) || miss.text.contains(snippet));
    let start = range.map_or(0, |range| range.start);
    if let Some(inner) = found.and_then(|miss| miss.inner.clone()) {
        return inner;
    }
    if let Some(miss) = found {
        let at = place
            .text
            .get(start..)
            .and_then(|rest| rest.find(miss.text.as_str()))
            .map(|at| at + start);
        let at =
            at.or_else(|| place.text.find(miss.text.as_str())).map(|at| at..at + miss.text.len());
        let mut error = TemplateError::new(ErrorKind::Undefined, &*miss.message, place.span(at));
        error.help = miss.help.clone();
        return error;
    }
    // The engine stopped at a filter or test: its name is no variable.
    let before = place.text.get(..start).unwrap_or_default().trim_end();
    let plugin = before.ends_with('|') || before.ends_with(" is") || before.ends_with(" not");
    let unknown = |text: &str, base: usize| {
        let mut names = names(text).into_iter();
        let (at, name) = names
            .find(|(_, name)| evaluation.cx.lookup(name).is_none() && !register::is_global(name))?;
        let at = base + at;
        Some(unknown_name(evaluation, name, place.span(Some(at..at + name.len()))))
    };
    if let Some(error) = Some(()).filter(|()| !plugin).and_then(|()| unknown(snippet, start)) {
        return error;
    }
    if let Some(miss) = missed.last() {
        let at = place.text.find(miss.text.as_str()).filter(|_| !miss.text.is_empty());
        let at = at.map(|at| at..at + miss.text.len());
        let mut error = TemplateError::new(ErrorKind::Undefined, &*miss.message, place.span(at));
        error.help = miss.help.clone();
        return miss.inner.clone().unwrap_or(error);
    }
    if let Some(error) = unknown(place.text, 0) {
        return error;
    }
    let message = format!("`{}` is undefined", snippet.trim());
    TemplateError::new(
        ErrorKind::Undefined,
        message,
        place.span(Some(start..start + snippet.len())),
    )
}

fn unknown_name(evaluation: &Evaluation, name: &str, span: Span) -> TemplateError {
    let mut error =
        TemplateError::new(ErrorKind::Undefined, format!("`{name}` is undefined"), span);
    error.help = did_you_mean(name, evaluation);
    error
}

pub(super) fn did_you_mean(name: &str, evaluation: &Evaluation) -> Option<String> {
    let names = evaluation.cx.names();
    nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}

/// The names in an expression that stand for variables, with their offsets.
fn names(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut before = ' ';
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c == '"' || c == '\'' {
            for (_, inner) in rest.by_ref() {
                if inner == c {
                    break;
                }
            }
            before = c;
        } else if c.is_alphabetic() || c == '_' {
            let end = text[at..]
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(text.len(), |n| at + n);
            while rest.next_if(|(i, _)| *i < end).is_some() {}
            let word = &text[at..end];
            let keyword = matches!(
                word,
                "and"
                    | "or"
                    | "not"
                    | "if"
                    | "else"
                    | "in"
                    | "is"
                    | "for"
                    | "true"
                    | "false"
                    | "none"
                    | "True"
                    | "False"
                    | "None"
            );
            let argument = text[end..].trim_start().starts_with('=')
                && !text[end..].trim_start().starts_with("==");
            if !matches!(before, '.' | '|' | '0'..='9') && !keyword && !argument {
                found.push((at, word));
            }
            before = if word == "is" { '|' } else { 'a' };
        } else if !c.is_whitespace() {
            before = c;
        }
    }
    found
}

fn lower_first(text: &str) -> String {
    text.to_owned()
}

/// An error of the engine in our words and at our place.
pub(super) fn convert(
    error: &minijinja::Error,
    evaluation: &Evaluation,
    prepared: &Prepared,
    place: &Place<'_>,
) -> TemplateError {
    let range = error.range().map(|range| prepared.origin(range.start)..prepared.origin(range.end));
    let range = range.filter(|range| range.start < range.end && range.end <= place.text.len());
    if let Some(ours) = unwrap(error) {
        let mut ours = ours.clone();
        if ours.span == Span::default() {
            ours.span = place.span(range);
        }
        return ours;
    }
    use minijinja::ErrorKind as Engine;
    let span = place.span(range.clone());
    let detail = error.detail().unwrap_or_default();
    let snippet = range.clone().and_then(|range| place.text.get(range)).unwrap_or_default();
    match error.kind() {
        Engine::UndefinedError => undefined(evaluation, place, range, detail),
        Engine::InvalidOperation
            if detail.contains("unsupported types") && detail.contains("undefined") =>
        {
            undefined(evaluation, place, range, detail)
        }
        Engine::UnknownFunction => {
            let name = detail.strip_suffix(" is unknown").unwrap_or(snippet);
            unknown_name(evaluation, name, span)
        }
        Engine::UnknownFilter | Engine::UnknownTest => {
            let filter = error.kind() == Engine::UnknownFilter;
            let what = if filter { "filter" } else { "test" };
            let name = detail.split(' ').nth(1).unwrap_or(snippet);
            let mut error =
                TemplateError::new(ErrorKind::Syntax, format!("no {what} named `{name}`"), span);
            error.help = nearest(name, register::names(filter))
                .map(|near| format!("did you mean `{near}`?"));
            error
        }
        Engine::OutOfFuel => {
            TemplateError::new(ErrorKind::Failed, "the template does not come to an end", span)
        }
        Engine::SyntaxError => TemplateError::new(
            ErrorKind::Syntax,
            format!("syntax error in template: {detail}"),
            span,
        ),
        Engine::BadInclude | Engine::EvalBlock => {
            let mut source = std::error::Error::source(error);
            let mut message = detail.to_owned();
            while let Some(inner) = source {
                if let Some(inner) = inner.downcast_ref::<minijinja::Error>() {
                    message = format!("{detail}: {}", inner.detail().unwrap_or("failed"));
                }
                source = inner.source();
            }
            TemplateError::new(ErrorKind::Failed, message, span)
        }
        _ if detail.is_empty() => {
            TemplateError::new(ErrorKind::Failed, error.kind().to_string(), span)
        }
        _ => TemplateError::new(ErrorKind::Failed, detail, span),
    }
}
