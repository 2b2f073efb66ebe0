//! Text to compiled parts and parts to a value: one expression alone keeps its type.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use minijinja::value::ValueKind;
use minijinja::{Environment, Expression, Value};

use super::error::{ErrorKind, TemplateError};
use super::fault::{Fault, Place, broken, convert, misfit, undefined, unknown_name};
use super::grammar::{self, Where};
use super::lazy::Evaluation;
use super::prepare::{self, Backslash, Marks, Piece, Prepared};
use super::value::{self, Unfit, finalize, is_omit};
use super::{call, file, print, register};

#[derive(Debug)]
pub(super) enum Compiled {
    Parts(Vec<Part>),
    Template(Box<Environment<'static>>, Prepared),
    Broken(Fault),
}

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    /// One variable: needs no engine.
    Name(String, Range<usize>),
    Expression(Expression<'static, 'static>, Prepared),
    Broken(Fault),
}

impl Compiled {
    /// The value of the whole; containers may still be lazy.
    pub(super) fn value(
        &self,
        evaluation: &Arc<Evaluation>,
        place: &Place<'_>,
    ) -> Result<Value, TemplateError> {
        match self {
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
                        return Err(TemplateError::new(
                            ErrorKind::Failed,
                            message,
                            place.span(None),
                        ));
                    }
                    return shallow(value).map_err(|unfit| misfit(unfit, evaluation, place));
                }
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    let value = evaluate_part(part, evaluation, place)?;
                    // An `if` that does not hold and has no `else` prints nothing, as text.
                    let value = value.map(|value| match value.is_undefined() {
                        true => Value::from(""),
                        false => value,
                    });
                    values.extend(value.filter(|value| !value.is_none()));
                }
                concatenate(values).map_err(|unfit| misfit(unfit, evaluation, place))
            }
        }
    }
}

/// Text around a value makes it text; nothing around it leaves it what it is.
pub(super) fn concatenate(mut values: Vec<Value>) -> Result<Value, Unfit> {
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
pub(super) fn shallow(value: Value) -> Result<Value, Unfit> {
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

pub(super) fn compile(text: &str) -> Compiled {
    let text = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    let normal;
    let text = if text.contains('\r') {
        normal = text.replace("\r\n", "\n").replace('\r', "\n");
        &normal
    } else {
        text
    };
    let marks = Marks::default();
    let blanks = prepare::plain_blanks(text, &marks);
    let text = blanks.as_deref().unwrap_or(text);
    let pieces = prepare::pieces(text, &marks);
    if let Some(pieces) = pieces.filter(|pieces| !pieces.contains(&Piece::Other)) {
        let parts: Vec<Part> = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(range) => Part::Text(text[range].to_owned()),
                Piece::Expression(range) => {
                    compile_expression(text, range, Backslash::Plain, Where::Printed)
                }
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
    if let Some(refused) = grammar::template(text, &marks) {
        return Compiled::Broken(refused.into());
    }
    match environment.add_template_owned(NAME, prepared.text.clone()) {
        Ok(()) => Compiled::Template(Box::new(environment), prepared),
        Err(error) => Compiled::Broken(Fault::syntax(&error, &prepared, 0..text.len())),
    }
}

pub(super) fn compile_expression(
    text: &str,
    range: Range<usize>,
    backslash: Backslash,
    place: Where,
) -> Part {
    let word = text[range.clone()].trim();
    if is_name(word) {
        return Part::Name(word.to_owned(), range);
    }
    if let Some(refused) = grammar::expression(text, range.clone(), place) {
        return Part::Broken(refused.into());
    }
    let prepared = prepare::expression(text, range.clone(), backslash);
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

pub(super) fn evaluate_part(
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
                let start = range.start
                    + place.part(range).and_then(|part| part.find(name.as_str())).unwrap_or(0);
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
