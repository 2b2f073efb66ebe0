//! Differences for people: unified and coloured text, `before → after` for properties; what is
//! binary or huge is summarised.
//!
//! Secrets are masked before lines are cut apart or short: half a secret is not recognised.

use std::fmt::Write;

use rprov_modules::kit::{Diff, Text};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use similar::{ChangeTag, TextDiff};

use super::Redactor;
use super::palette::Style;

/// The most lines of one text difference that are shown.
const MOST_LINES: usize = 400;
/// The longest line that is shown whole, in characters.
const LONGEST_LINE: usize = 400;

/// How much of a difference is shown.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Lines around what differs. Default: 3.
    pub context: usize,
    /// Bytes of the largest file that is shown line by line. Default: 1 MiB.
    pub size: usize,
}

impl Default for Extent {
    fn default() -> Extent {
        Extent { context: 3, size: 1 << 20 }
    }
}

/// One difference, each line ending in a newline.
pub(super) fn render(diff: &Diff, style: Style, extent: Extent, redactor: &Redactor) -> String {
    match diff {
        Diff::Text { path, before, after } => text(path, before, after, style, extent, redactor),
        Diff::Field { subject, name, before, after } => {
            let side =
                |value: &str| if value.is_empty() { "(none)".to_owned() } else { value.to_owned() };
            format!(
                "    {subject}: {name} {} → {}\n",
                style.removed(&side(before)),
                style.added(&side(after))
            )
        }
        Diff::Note(what) => format!("    {}\n", style.changed(what)),
    }
}

/// Differences as Ansible's modules tell them: `before` and `after`, texts or properties by name; an
/// event with neither is `prepared`.
pub(super) fn values(diffs: &[Diff], redactor: &Redactor) -> Value {
    let mut list: Vec<Value> = Vec::new();
    for diff in diffs {
        match diff {
            Diff::Text { path, before, after } => {
                let side = |text: &Text| match readable(text, Extent::default()) {
                    Some(text) => redactor.clean(text),
                    None => summary(text),
                };
                list.push(json!({
                    "before_header": path,
                    "before": side(before),
                    "after_header": path,
                    "after": side(after),
                }));
            }
            Diff::Field { subject, name, before, after } => {
                let same = list.last_mut().filter(|last| last["after"]["path"] == **subject);
                match same {
                    Some(last) => {
                        last["before"][*name] = before.as_str().into();
                        last["after"][*name] = after.as_str().into();
                    }
                    None => list.push(json!({
                        "before": {"path": subject, *name: before},
                        "after": {"path": subject, *name: after},
                    })),
                }
            }
            Diff::Note(what) => list.push(json!({"prepared": what})),
        }
    }
    list.into()
}

fn text(
    path: &str,
    before: &Text,
    after: &Text,
    style: Style,
    extent: Extent,
    redactor: &Redactor,
) -> String {
    let (Some(old), Some(new)) = (readable(before, extent), readable(after, extent)) else {
        return format!(
            "    {path}: {} → {}\n",
            style.removed(&summary(before)),
            style.added(&summary(after))
        );
    };
    let same = old == new;
    let (old, new) = (redactor.clean_text(old), redactor.clean_text(new));
    let label = |text: &Text, name: &str| match text {
        Text::Absent => "(absent)".to_owned(),
        _ => name.to_owned(),
    };
    let mut out = String::new();
    let _ = writeln!(out, "    {}", style.removed(&format!("--- {}", label(before, path))));
    let _ = writeln!(out, "    {}", style.added(&format!("+++ {}", label(after, path))));
    let differences = TextDiff::configure()
        .timeout(std::time::Duration::from_millis(300))
        .diff_lines(&*old, &*new);
    let mut shown = 0;
    for hunk in differences.unified_diff().context_radius(extent.context).iter_hunks() {
        let _ = writeln!(out, "    {}", style.place(&hunk.header().to_string()));
        for change in hunk.iter_changes() {
            shown += 1;
            if shown > MOST_LINES {
                continue;
            }
            let line = cut(change.value().trim_end_matches(['\n', '\r']));
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(out, "    {}", style.removed(&format!("-{line}"))),
                ChangeTag::Insert => writeln!(out, "    {}", style.added(&format!("+{line}"))),
                ChangeTag::Equal => writeln!(out, "     {line}"),
            };
            if change.missing_newline() {
                let _ = writeln!(out, "    \\ no newline at end of file");
            }
        }
    }
    if shown > MOST_LINES {
        let _ = writeln!(out, "    … {} more lines", shown - MOST_LINES);
    }
    if shown == 0 && !same {
        return format!("    {path}: a secret in it changes\n");
    }
    if shown == 0 {
        return format!("    {path}: {} → {}\n", summary(before), summary(after));
    }
    out
}

/// The text, unless it is binary or huge. Nothing is an empty text.
fn readable(text: &Text, extent: Extent) -> Option<&str> {
    match text {
        Text::Absent => Some(""),
        Text::Bytes(bytes) if bytes.len() <= extent.size && !bytes.contains(&0) => {
            std::str::from_utf8(bytes).ok()
        }
        Text::Bytes(_) | Text::Large { .. } => None,
    }
}

fn summary(text: &Text) -> String {
    let of = |size: u64, digest: &str| match digest.get(..12) {
        Some(short) => format!("{size} bytes, sha256 {short}…"),
        None => format!("{size} bytes"),
    };
    match text {
        Text::Absent => "(absent)".to_owned(),
        Text::Large { size, sha256 } => of(*size, sha256),
        Text::Bytes(bytes) => {
            let digest: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
            of(bytes.len() as u64, &digest)
        }
    }
}

/// Control characters made visible, long lines cut.
fn cut(line: &str) -> String {
    let mut out: String = line
        .chars()
        .take(LONGEST_LINE)
        .map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if line.chars().count() > LONGEST_LINE {
        out.push('…');
    }
    out
}
