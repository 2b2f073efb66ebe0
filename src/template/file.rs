//! Template files: their header line, their own delimiters, and what they include.

use std::path::{Path, PathBuf};

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use rprov_modules::kit::Span;

use super::compile::{render_template, with_line_breaks};
use super::error::{ErrorKind, TemplateError, failed, wrap};
use super::fault::{Fault, Place, broken, convert};
use super::grammar;
use super::lazy::Evaluation;
use super::prepare::{self, Backslash, Marks, Prepared};
use super::value::settle;
use super::{Context, FileOptions, Templar, print, register};

/// The first line of a template file may set options: `#jinja2: trim_blocks: False, …`.
const HEADER: &str = "#jinja2:";

pub(super) fn render(
    templar: &Templar,
    text: &str,
    path: &Path,
    cx: &Context,
    options: &FileOptions,
) -> Result<String, TemplateError> {
    let name = path.to_string_lossy().into_owned();
    let Parsed { mut environment, prepared, normal, skipped, options } =
        parse(templar, text, &name, options)?;
    let marks = Marks::from(&options);
    let beside = path.parent().map(Path::to_owned);
    let loader =
        Loader { cx: cx.clone(), marks: marks.clone(), beside, backslash: Backslash::Escape };
    environment.set_loader(move |name| loader.load(name));
    let evaluation = Evaluation::new(templar, cx);
    let place = Place::file(&normal, options.file, skipped, templar);
    let value = render_template(&environment, &name, &evaluation)
        .and_then(|value| settle(&value))
        .map_err(|error| convert(&error, &evaluation, &prepared, &place))?;
    // As Ansible has it, a file that is one value and no text has no line break at its end.
    let rendered = match value.kind() {
        ValueKind::None if is_template(&normal, &marks) => String::new(),
        ValueKind::None => normal.clone(),
        ValueKind::String => with_line_breaks(&print::text(&value), &normal),
        _ => print::text(&value),
    };
    Ok(match options.newline_sequence.as_str() {
        "\n" => rendered,
        other => rendered.replace('\n', other),
    })
}

/// A template file that was read.
pub(super) struct Parsed {
    /// Holds the template, and no others yet.
    environment: Environment<'static>,
    prepared: Prepared,
    /// The text after the header, with normal line breaks.
    normal: String,
    /// The length of the header: its line is kept in what errors are placed in, and is no part of
    /// what is rendered.
    skipped: usize,
    /// Those of the header included.
    options: FileOptions,
}

/// Reads a template file's text; it is called `name` in the environment.
pub(super) fn parse(
    templar: &Templar,
    text: &str,
    name: &str,
    options: &FileOptions,
) -> Result<Parsed, TemplateError> {
    let mut options = options.clone();
    let (body, skipped) = header(text, &mut options)?;
    let marks = Marks::from(&options);
    let whole =
        Span { file: options.file, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
    let fault = |error: minijinja::Error| {
        TemplateError::new(
            ErrorKind::Syntax,
            error.detail().unwrap_or("invalid delimiters").to_owned(),
            whole,
        )
    };
    let syntax = SyntaxConfig::builder()
        .block_delimiters(marks.block.0.clone(), marks.block.1.clone())
        .variable_delimiters(marks.variable.0.clone(), marks.variable.1.clone())
        .comment_delimiters(marks.comment.0.clone(), marks.comment.1.clone())
        .trim_blocks(options.trim_blocks)
        .lstrip_blocks(options.lstrip_blocks)
        .keep_trailing_newline(true)
        .build()
        .map_err(fault)?;
    let mut environment = register::environment().clone();
    environment.set_syntax(syntax);
    let normal = body.replace("\r\n", "\n").replace('\r', "\n");
    let bare = normal.strip_suffix('\n').unwrap_or(&normal);
    let blanks = prepare::plain_blanks(bare, &marks);
    let bare = blanks.as_deref().unwrap_or(bare);
    if let Some(refused) = grammar::template(bare, &marks) {
        let place = Place::file(&normal, options.file, skipped, templar);
        return Err(broken(&refused.into(), &place));
    }
    let prepared = prepare::template(bare, &marks, Backslash::Escape);
    if let Err(error) = environment.add_template_owned(name.to_owned(), prepared.text.clone()) {
        let place = Place::file(&normal, options.file, skipped, templar);
        return Err(broken(&Fault::syntax(&error, &prepared, 0..bare.len()), &place));
    }
    Ok(Parsed { environment, prepared, normal, skipped, options })
}

/// Reads the header line; gives the text after it and its length.
pub(super) fn header<'a>(
    text: &'a str,
    options: &mut FileOptions,
) -> Result<(&'a str, usize), TemplateError> {
    let Some(rest) = text.strip_prefix(HEADER) else { return Ok((text, 0)) };
    let end = rest.find('\n').map_or(rest.len(), |i| i + 1);
    for pair in rest[..end].split(',') {
        let Some((key, value)) = pair.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let unquoted = value.trim_matches(['"', '\'']);
        let truth = matches!(unquoted, "True" | "true" | "yes" | "1");
        match key {
            "trim_blocks" => options.trim_blocks = truth,
            "lstrip_blocks" => options.lstrip_blocks = truth,
            "newline_sequence" => {
                options.newline_sequence = unquoted.replace("\\r", "\r").replace("\\n", "\n")
            }
            "block_start_string" => options.block_start_string = unquoted.to_owned(),
            "block_end_string" => options.block_end_string = unquoted.to_owned(),
            "variable_start_string" => options.variable_start_string = unquoted.to_owned(),
            "variable_end_string" => options.variable_end_string = unquoted.to_owned(),
            "comment_start_string" => options.comment_start_string = unquoted.to_owned(),
            "comment_end_string" => options.comment_end_string = unquoted.to_owned(),
            // Newlines at the end are always kept; Ansible accepts the key and so do we.
            "keep_trailing_newline" => {}
            _ => {
                let start = text.find(key).unwrap_or(0) as u32;
                let span = Span { file: options.file, start, end: start + key.len() as u32 };
                let known = "trim_blocks, lstrip_blocks, newline_sequence and the delimiters";
                return Err(TemplateError::new(
                    ErrorKind::Syntax,
                    format!("unknown template option `{key}`"),
                    span,
                )
                .help(format!("known options: {known}")));
            }
        }
    }
    Ok((&rest[end..], HEADER.len() + end))
}

impl From<&FileOptions> for Marks {
    fn from(options: &FileOptions) -> Marks {
        Marks {
            block: (options.block_start_string.clone(), options.block_end_string.clone()),
            variable: (options.variable_start_string.clone(), options.variable_end_string.clone()),
            comment: (options.comment_start_string.clone(), options.comment_end_string.clone()),
            trim: options.trim_blocks,
        }
    }
}

/// Finds included and imported templates: beside the file, then where lookups look.
struct Loader {
    cx: Context,
    marks: Marks,
    beside: Option<PathBuf>,
    backslash: Backslash,
}

/// Lets a template that is a string include files.
pub(super) fn load_from(environment: &mut Environment<'_>, cx: &Context, backslash: Backslash) {
    let loader = Loader { cx: cx.clone(), marks: Marks::default(), beside: None, backslash };
    environment.set_loader(move |name| loader.load(name));
}

fn is_template(text: &str, marks: &Marks) -> bool {
    [&marks.variable.0, &marks.block.0, &marks.comment.0]
        .iter()
        .any(|mark| text.contains(mark.as_str()))
}

impl Loader {
    fn load(&self, name: &str) -> Result<Option<String>, minijinja::Error> {
        let near = self.beside.as_ref().map(|dir| dir.join(name)).filter(|path| path.is_file());
        let path = near.or_else(|| self.cx.search.find("templates", name));
        let Some(path) = path else { return Ok(None) };
        let bytes = std::fs::read(&path)
            .map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
        let bytes = if rprov_vault::is_encrypted(&bytes) {
            self.cx.decrypt(&bytes, Span::default()).map_err(wrap)?.into_bytes()
        } else {
            bytes
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| failed(format!("`{}` is not UTF-8", path.display())))?;
        // What is included loses its last line break.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let blanks = prepare::plain_blanks(text, &self.marks);
        let text = blanks.as_deref().unwrap_or(text);
        Ok(Some(prepare::template(text, &self.marks, self.backslash).text))
    }
}
