//! A value as what YAML has: scalars with their text, lists, mappings in order.

use std::cmp::Ordering;

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::kit::resolve;

use super::Layout;

/// What will be written, before it is laid out.
pub(super) enum Tree {
    /// `plain` reads back as what it was without quotes, `string` with them.
    Scalar {
        text: String,
        plain: bool,
        string: bool,
    },
    List {
        items: Vec<Tree>,
        flow: bool,
    },
    Map {
        entries: Vec<(Tree, Tree)>,
        flow: bool,
    },
}

impl Tree {
    pub(super) fn of(value: &Value, layout: &Layout) -> Tree {
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Tree> = value
                    .try_iter()
                    .map(|items| items.map(|item| Tree::of(&item, layout)).collect())
                    .unwrap_or_default();
                let flow = flow(layout, items.iter().all(Tree::is_scalar));
                Tree::List { items, flow }
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> =
                    value.try_iter().map(Iterator::collect).unwrap_or_default();
                if layout.sort_keys {
                    sort(&mut keys);
                }
                let entry = |key: &Value| {
                    let value = value.get_item(key).unwrap_or_default();
                    (Tree::of(key, layout), Tree::of(&value, layout))
                };
                let entries: Vec<(Tree, Tree)> = keys.iter().map(entry).collect();
                let scalars =
                    entries.iter().all(|(key, value)| key.is_scalar() && value.is_scalar());
                Tree::Map { entries, flow: flow(layout, scalars) }
            }
            kind => {
                let text = match kind {
                    ValueKind::None | ValueKind::Undefined => "null".to_owned(),
                    ValueKind::Number if !value.is_integer() => {
                        f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
                    }
                    ValueKind::Bool => value.is_true().to_string(),
                    _ => value.to_string(),
                };
                let typed = matches!(
                    kind,
                    ValueKind::None | ValueKind::Undefined | ValueKind::Number | ValueKind::Bool
                );
                let plain = typed || resolve::is_string(&text);
                Tree::Scalar { text, plain, string: !typed }
            }
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Tree::Scalar { .. })
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Tree::Scalar { .. } => false,
            Tree::List { items, .. } => items.is_empty(),
            Tree::Map { entries, .. } => entries.is_empty(),
        }
    }
}

/// Whether a collection stands on one line. Scalars with a style of their own never share one.
fn flow(layout: &Layout, scalars: bool) -> bool {
    layout.default_flow_style.unwrap_or(scalars && layout.default_style.is_none())
}

/// Python's order; keys that Python cannot compare stay as they are.
fn sort(keys: &mut [Value]) {
    let number = |value: &Value| match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        _ => None,
    };
    if keys.iter().all(|key| key.as_str().is_some()) {
        keys.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    } else if keys.iter().all(|key| number(key).is_some()) {
        keys.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal));
    }
}

/// Python's `repr` of a float, with the `.0` that YAML 1.1 wants before an exponent.
fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let digits = if digits.contains('.') { digits.to_owned() } else { format!("{digits}.0") };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
