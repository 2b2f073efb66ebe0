//! Tags: the few that mean something here, and an error for all others.

use rprov_modules::kit::{Node, NodeKind, Resolved, Scalar, Span, Tag, nearest};

use super::events::{RawTag, Style};
use crate::source::Diagnostic;

/// `!unsafe` on a collection holds for every string in it.
pub(super) fn mark_unsafe(node: &mut Node) {
    let mut rest = vec![node];
    while let Some(node) = rest.pop() {
        match &mut node.kind {
            NodeKind::Scalar(scalar)
                if scalar.tag.is_none() && scalar.resolve() == Resolved::Str =>
            {
                scalar.tag = Some(Tag::Unsafe);
            }
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => rest.extend(items),
            NodeKind::Map(entries) => rest.extend(entries.iter_mut().map(|entry| &mut entry.value)),
        }
    }
}

/// A scalar with what its style and tag make of it.
pub(super) fn scalar(
    text: &str,
    style: Style,
    tag: Option<RawTag>,
    span: Span,
) -> Result<Scalar, Diagnostic> {
    let mut scalar = Scalar { text: text.into(), plain: style == Style::Plain, tag: None };
    let Some(tag) = tag else { return Ok(scalar) };
    let typed = |scalar: Scalar, what: &str, fits: fn(&Resolved) -> bool| {
        let scalar = Scalar { plain: true, ..scalar };
        if fits(&scalar.resolve()) {
            return Ok(scalar);
        }
        let error =
            Diagnostic::error(format!("expected {what} after `{}`, found `{text}`", tag.name));
        Err(error.at(span, "").help(format!("remove the tag `{}`", tag.name)))
    };
    match &*tag.name {
        "!!str" | "!" => scalar.plain = false,
        "!!int" => {
            scalar = typed(scalar, "a whole number", |value| matches!(value, Resolved::Int(_)))?
        }
        "!!bool" => {
            scalar = typed(scalar, "a boolean", |value| matches!(value, Resolved::Bool(_)))?
        }
        "!!null" => scalar = Scalar { text: "null".into(), plain: true, tag: None },
        "!!float" => {
            if scalar.text.parse::<i64>().is_ok() {
                scalar.text = format!("{text}.0").into();
            }
            scalar = typed(scalar, "a number", |value| matches!(value, Resolved::Float(_)))?;
        }
        "!!timestamp" => {}
        "!vault" | "!vault-encrypted" => scalar.tag = Some(Tag::Vault),
        "!unsafe" if scalar.resolve() == Resolved::Str => scalar.tag = Some(Tag::Unsafe),
        // A number or boolean is no template.
        "!unsafe" => {}
        _ => return Err(unknown_tag(&tag, span.file, "a value")),
    }
    Ok(scalar)
}

pub(super) fn unknown_tag(tag: &RawTag, file: u32, what: &str) -> Diagnostic {
    let known = ["!vault", "!unsafe", "!!str", "!!int", "!!float", "!!bool", "!!null"];
    let error = Diagnostic::error(format!("unknown tag `{}` on {what}", tag.name));
    let error = error.at(Span { file, start: tag.start, end: tag.end }, "");
    match nearest(&tag.name, known) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("quote the value if the `!` is part of it"),
    }
}
