//! Results as YAML for people: text of several lines stands as it is.
//!
//! Four columns for each level, as Ansible's `result_format=yaml`. What is shown need not be read
//! back: white space at the end of text is dropped.

use serde_json::Value;

use crate::source::emit::{Layout, to_yaml};
use crate::template::from_json;

const STEP: usize = 4;

/// The value in lines, each indented by `indent` columns and begun by a line break.
pub(super) fn block(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    below(value, indent, &mut out);
    out
}

/// What belongs behind a key or a dash, or on the lines after it.
fn below(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort_unstable();
            for key in keys {
                line(indent, out);
                entry(key, &entries[key], indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                line(indent, out);
                self::item(item, indent, out);
            }
        }
        other => {
            line(indent, out);
            scalar(other, indent, out);
        }
    }
}

fn entry(key: &str, value: &Value, indent: usize, out: &mut String) {
    out.push_str(&word(&Value::from(key)));
    out.push(':');
    match value {
        Value::Object(entries) if !entries.is_empty() => below(value, indent + STEP, out),
        // A list stands below its key.
        Value::Array(items) if !items.is_empty() => below(value, indent, out),
        other => {
            out.push(' ');
            scalar(other, indent + STEP, out);
        }
    }
}

fn item(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            out.push_str("-   ");
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort_unstable();
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    line(indent + STEP, out);
                }
                entry(key, &entries[key], indent + STEP, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str("-   ");
            for (at, one) in items.iter().enumerate() {
                if at > 0 {
                    line(indent + STEP, out);
                }
                item(one, indent + STEP, out);
            }
        }
        other => {
            out.push_str("- ");
            scalar(other, indent + STEP, out);
        }
    }
}

fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value.as_str().map(str::trim_end) {
        Some(text) if text.contains('\n') && !text.contains('\r') => {
            // A block whose first line is indented needs to say so.
            out.push_str(if text.starts_with([' ', '\n']) { "|4-" } else { "|-" });
            for one in text.split('\n') {
                match one.is_empty() {
                    true => out.push('\n'),
                    false => {
                        line(indent, out);
                        out.push_str(one.trim_end());
                    }
                }
            }
        }
        _ => out.push_str(&word(value)),
    }
}

/// A scalar on one line.
fn word(value: &Value) -> String {
    let layout = Layout { width: usize::MAX, ..Layout::TERSE };
    let text = to_yaml(&from_json(value), &layout);
    text.trim_end_matches("...\n").trim_end().to_owned()
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_ansible_lays_it_out() {
        let value = serde_json::json!({
            "msg": ["a", {"b": 1, "c": "x\ny\n"}],
            "deep": {"list": [[1, 2], []], "none": null},
            "text": "two\n\n  lines",
            "yes": "yes",
        });
        let expected = "
    deep:
        list:
        -   - 1
            - 2
        - []
        none: null
    msg:
    - a
    -   b: 1
        c: |-
            x
            y
    text: |-
        two

          lines
    'yes': 'yes'";
        assert_eq!(block(&value, 4), expected);
    }
}
