//! What went wrong, in our words and at its place in the YAML.

use std::ops::Range;
use std::sync::PoisonError;

use rprov_modules::kit::{Node, Span, nearest};

use crate::source::SourceMap;

use super::error::{ErrorKind, TemplateError, unwrap};
use super::grammar::Refused;
use super::lazy::{Evaluation, Miss};
use super::prepare::Prepared;
use super::value::Unfit;
use super::{Templar, register};

/// Why a text is no template, and where in it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    range: Option<Range<usize>>,
}

impl Fault {
    pub(super) fn syntax(
        error: &minijinja::Error,
        prepared: &Prepared,
        whole: Range<usize>,
    ) -> Fault {
        let detail = error.detail().unwrap_or("cannot be read");
        let range =
            error.range().map(|range| prepared.origin(range.start)..prepared.origin(range.end));
        let range = range.filter(|range| range.start < range.end).unwrap_or(whole);
        Fault {
            kind: ErrorKind::Syntax,
            message: format!("syntax error in template: {detail}"),
            help: None,
            range: Some(range),
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Fault {
        let sign = refused.message.rsplit('`').nth(1).unwrap_or_default();
        let words = [("&", "&&", "and"), ("|", "||", "or"), ("!", "!", "not")];
        let word = words.iter().find(|(found, ..)| *found == sign);
        Fault {
            kind: ErrorKind::Syntax,
            message: format!("syntax error in template: {}", refused.message),
            help: word.map(|(_, sign, word)| format!("write `{word}` for `{sign}`")),
            range: Some(refused.range),
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
    pub(super) fn node(text: &'a str, node: &Node, templar: &'a Templar) -> Place<'a> {
        Place::within(text, node.span, &templar.shared.map)
    }

    pub(super) fn within(text: &'a str, span: Span, map: &'a SourceMap) -> Place<'a> {
        Place { text, span, map }
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

    /// A stretch of the text; its ranges come from a text with normal line breaks, which may differ.
    pub(super) fn part(&self, range: &Range<usize>) -> Option<&'a str> {
        self.text.get(range.clone())
    }

    /// The place of a range of the text; the whole scalar where it cannot be told.
    pub(super) fn span(&self, range: Option<Range<usize>>) -> Span {
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

pub(super) fn broken(fault: &Fault, place: &Place<'_>) -> TemplateError {
    let mut error =
        TemplateError::new(fault.kind, &*fault.message, place.span(fault.range.clone()));
    error.help = fault.help.clone();
    error
}

pub(super) fn misfit(unfit: Unfit, evaluation: &Evaluation, place: &Place<'_>) -> TemplateError {
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
pub(super) fn undefined(
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
    let start = range.as_ref().map_or(0, |range| range.start);
    if let Some((miss, inner)) = found.and_then(|miss| Some((miss, miss.inner.clone()?))) {
        return placed(inner, miss, place);
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
        let at = at.map(|at| at..at + miss.text.len()).or_else(|| range.clone());
        let mut error = TemplateError::new(ErrorKind::Undefined, &*miss.message, place.span(at));
        error.help = miss.help.clone();
        return miss.inner.clone().map_or(error, |inner| placed(inner, miss, place));
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

/// With a place, if it has none of its own: where the text stands that missed it.
fn placed(mut error: TemplateError, miss: &Miss, place: &Place<'_>) -> TemplateError {
    if error.span == Span::default() {
        let at = place.text.find(miss.text.as_str()).filter(|_| !miss.text.is_empty());
        error.span = place.span(at.map(|at| at..at + miss.text.len()));
    }
    error
}

pub(super) fn unknown_name(evaluation: &Evaluation, name: &str, span: Span) -> TemplateError {
    let mut error =
        TemplateError::new(ErrorKind::Undefined, format!("`{name}` is undefined"), span);
    error.help = did_you_mean(name, evaluation);
    error
}

pub(super) fn did_you_mean(name: &str, evaluation: &Evaluation) -> Option<String> {
    let mut names = evaluation.cx.names();
    names.extend(register::globals().map(str::to_owned));
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
