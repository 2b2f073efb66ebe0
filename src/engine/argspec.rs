//! Argument specs: whether values fit what a role or module says it takes.
//!
//! As in Ansible a value is converted where its type allows that (`"80"` is an integer), and every
//! mistake is told.

use serde_json::{Map, Value};

/// How a number of bytes may be written.
const UNITS: &[&str] = &["y", "z", "e", "p", "t", "g", "m", "k", "b"];

/// Every way in which the values do not fit the spec.
pub(super) fn faults(spec: &Map<String, Value>, values: Map<String, Value>) -> Vec<String> {
    let mut values = values;
    let mut check = Check::default();
    check.options(spec, &Map::new(), &mut values, &mut Vec::new());
    check.faults.extend(check.unknown);
    check.faults
}

#[derive(Default)]
struct Check {
    faults: Vec<String>,
    /// Told last.
    unknown: Vec<String>,
}

impl Check {
    /// One level: `rules` is what the option says that these are the `options` of.
    fn options(
        &mut self,
        spec: &Map<String, Value>,
        rules: &Map<String, Value>,
        values: &mut Map<String, Value>,
        within: &mut Vec<String>,
    ) {
        for (name, option) in spec {
            for alias in words(option.get("aliases")) {
                if let Some(value) = values.remove(&alias) {
                    values.entry(name.clone()).or_insert(value);
                }
            }
        }
        for name in values.keys().filter(|name| !spec.contains_key(*name)) {
            let name = within.iter().chain([name]).cloned().collect::<Vec<_>>().join(".");
            let known: Vec<&str> = spec.keys().map(String::as_str).collect();
            let known = known.join(", ");
            self.unknown.push(format!("unknown argument `{name}`, expected one of: {known}"));
        }
        self.count(rules.get("mutually_exclusive"), values, within, |given, _| {
            (given > 1).then_some("exclude each other")
        });
        for (name, option) in spec {
            if let Some(default) = option.get("default").filter(|default| !default.is_null()) {
                values.entry(name.clone()).or_insert_with(|| default.clone());
            }
        }
        let required = |option: &Value| truth(option.get("required"));
        let missing: Vec<&str> = spec
            .iter()
            .filter(|(name, option)| required(option) && !values.contains_key(*name))
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            self.fault(format!("missing required arguments: {}", missing.join(", ")), within);
        }
        for (name, option) in spec {
            let Some(value) = values.get_mut(name) else { continue };
            let optional = !required(option) && option.get("default").is_none_or(Value::is_null);
            if !(value.is_null() && optional) {
                self.value(name, option, value, within);
            }
        }
        self.count(rules.get("required_together"), values, within, |given, all| {
            (given > 0 && given < all).then_some("are required together")
        });
        self.count(rules.get("required_one_of"), values, within, |given, _| {
            (given == 0).then_some("are missing, one of them is required")
        });
        self.required_if(rules.get("required_if"), values, within);
        self.required_by(rules.get("required_by"), values, within);
        for (name, option) in spec {
            self.below(name, option, values, within);
        }
    }

    fn fault(&mut self, what: String, within: &[String]) {
        self.faults.push(match within.is_empty() {
            true => what,
            false => format!("{what} (in `{}`)", within.join(".")),
        });
    }

    /// The type and the choices of one value, which is converted.
    fn value(&mut self, name: &str, option: &Value, value: &mut Value, within: &[String]) {
        let wanted = option.get("type").and_then(Value::as_str).unwrap_or("str");
        match convert(wanted, value) {
            Ok(converted) => *value = converted,
            Err(why) => return self.fault(format!("argument `{name}`: {why}"), within),
        }
        if let (Some(elements), Value::Array(items)) =
            (option.get("elements").and_then(Value::as_str), &mut *value)
        {
            for (at, item) in items.iter_mut().enumerate() {
                match convert(elements, item) {
                    Ok(converted) => *item = converted,
                    Err(why) => self.fault(format!("argument `{name}[{at}]`: {why}"), within),
                }
            }
        }
        let Some(Value::Array(choices)) = option.get("choices") else { return };
        let given = match &*value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        for wrong in given.into_iter().filter(|given| !choices.iter().any(|c| same(c, given))) {
            let choices: Vec<String> = choices.iter().map(text).collect();
            let why = format!("expected one of {}, found {}", choices.join(", "), text(wrong));
            self.fault(format!("argument `{name}`: {why}"), within);
        }
    }

    /// The `options` of an option that is a mapping, or a list of them.
    fn below(
        &mut self,
        name: &str,
        option: &Value,
        values: &mut Map<String, Value>,
        within: &mut Vec<String>,
    ) {
        let wanted = option.get("type").and_then(Value::as_str).unwrap_or("str");
        let elements = option.get("elements").and_then(Value::as_str).unwrap_or("str");
        let Some(spec) = option.get("options").and_then(Value::as_object) else { return };
        if wanted != "dict" && !(wanted == "list" && elements == "dict") {
            return;
        }
        if truth(option.get("apply_defaults")) && values.get(name).is_none_or(Value::is_null) {
            values.insert(name.to_owned(), Value::Object(Map::new()));
        }
        let empty = Map::new();
        let rules = option.as_object().unwrap_or(&empty);
        // What is no mapping is told of already.
        let mut each = |check: &mut Check, name: String, value: &mut Value| {
            if let Value::Object(inner) = value {
                within.push(name);
                check.options(spec, rules, inner, within);
                within.pop();
            }
        };
        match values.get_mut(name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (at, item) in items.iter_mut().enumerate() {
                    each(self, format!("{name}[{at}]"), item);
                }
            }
            Some(value) => each(self, name.to_owned(), value),
        }
    }

    /// Rules that count how many of some arguments are given.
    fn count(
        &mut self,
        rule: Option<&Value>,
        values: &Map<String, Value>,
        within: &[String],
        broken: impl Fn(usize, usize) -> Option<&'static str>,
    ) {
        let Some(Value::Array(terms)) = rule else { return };
        // One list of names, or a list of such lists.
        let lists: Vec<Vec<String>> = match terms.iter().all(Value::is_string) {
            true => vec![words(rule)],
            false => terms.iter().map(|term| words(Some(term))).collect(),
        };
        for names in lists {
            let given = names.iter().filter(|name| values.contains_key(*name)).count();
            if let Some(what) = broken(given, names.len()) {
                self.fault(format!("the arguments {} {what}", names.join(", ")), within);
            }
        }
    }

    /// `[argument, value, [required…], any?]`
    fn required_if(
        &mut self,
        rule: Option<&Value>,
        values: &Map<String, Value>,
        within: &[String],
    ) {
        for term in rule.and_then(Value::as_array).into_iter().flatten() {
            let (Some(Value::String(name)), Some(wanted)) = (term.get(0), term.get(1)) else {
                continue;
            };
            if !values.get(name).is_some_and(|value| same(value, wanted)) {
                continue;
            }
            let names = words(term.get(2));
            let missing: Vec<&String> =
                names.iter().filter(|name| values.get(*name).is_none_or(Value::is_null)).collect();
            let enough = match truth(term.get(3)) {
                true => missing.len() < names.len(),
                false => missing.is_empty(),
            };
            if !enough {
                let missing: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
                let what = format!(
                    "`{name}` is {}, so these are required: {}",
                    text(wanted),
                    missing.join(", ")
                );
                self.fault(what, within);
            }
        }
    }

    fn required_by(
        &mut self,
        rule: Option<&Value>,
        values: &Map<String, Value>,
        within: &[String],
    ) {
        for (name, needs) in rule.and_then(Value::as_object).into_iter().flatten() {
            let given = |name: &str| values.get(name).is_some_and(|value| !value.is_null());
            let missing: Vec<String> =
                words(Some(needs)).into_iter().filter(|need| !given(need)).collect();
            if given(name) && !missing.is_empty() {
                self.fault(format!("`{name}` requires {}", missing.join(", ")), within);
            }
        }
    }
}

/// A value as its type wants it.
fn convert(wanted: &str, value: &Value) -> Result<Value, String> {
    let wrong = |expected: &str| Err(format!("expected {expected}, found {}", shown(value)));
    match wanted {
        "str" | "path" => Ok(match value {
            Value::String(_) => value.clone(),
            Value::Null => "".into(),
            other => text(other).into(),
        }),
        "raw" => Ok(value.clone()),
        "bool" => match value {
            Value::Bool(_) => Ok(value.clone()),
            other => match rprov_modules::kit::boolean(&text(other)) {
                Some(truth) if other.is_string() || other.is_number() => Ok(truth.into()),
                _ => wrong("a boolean"),
            },
        },
        "int" => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(value.clone()),
            Value::String(_) | Value::Number(_) => match text(value).trim().parse::<f64>() {
                Ok(number) if number.fract() == 0.0 && number.is_finite() => {
                    Ok(Value::from(number as i64))
                }
                _ => wrong("an integer"),
            },
            _ => wrong("an integer"),
        },
        "float" => match value {
            Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
            Value::String(text) => match text.trim().parse::<f64>() {
                Ok(number) => Ok(Value::from(number)),
                Err(_) => wrong("a number"),
            },
            _ => wrong("a number"),
        },
        "list" => match value {
            Value::Array(_) => Ok(value.clone()),
            Value::String(text) => Ok(text.split(',').map(Value::from).collect()),
            Value::Number(_) | Value::Bool(_) => Ok(vec![Value::from(text(value))].into()),
            _ => wrong("a list"),
        },
        "dict" => match value {
            Value::Object(_) => Ok(value.clone()),
            Value::String(text) => match mapping(text) {
                Some(map) => Ok(Value::Object(map)),
                None => wrong("a mapping"),
            },
            _ => wrong("a mapping"),
        },
        "json" | "jsonarg" => match value {
            Value::String(_) | Value::Array(_) | Value::Object(_) => Ok(value.clone()),
            _ => wrong("JSON"),
        },
        "bytes" | "bits" => match is_size(&text(value)) {
            true => Ok(value.clone()),
            false => wrong("a size such as `10M`"),
        },
        other => Err(format!("its type `{other}` in the spec is unknown")),
    }
}

/// `{"a": 1}`, or `a=1, b=2`.
fn mapping(text: &str) -> Option<Map<String, Value>> {
    if text.starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let fields: Vec<&str> =
        text.split([',', ' ']).map(str::trim).filter(|field| !field.is_empty()).collect();
    let pair = |field: &&str| {
        let (key, value) = field.split_once('=')?;
        Some((key.to_owned(), Value::from(value)))
    };
    (!fields.is_empty()).then(|| fields.iter().map(pair).collect())?
}

fn is_size(text: &str) -> bool {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = text[digits..].trim().to_lowercase();
    let first = unit.get(..1).unwrap_or_default();
    text[..digits].parse::<f64>().is_ok() && (unit.is_empty() || UNITS.contains(&first))
}

/// Equal as Python has it: `1`, `1.0` and `true` are.
fn same(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        value => value.as_f64(),
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::String(text)) => rprov_modules::kit::boolean(text) == Some(true),
        _ => false,
    }
}

/// One word, or a list of them.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::String(word)) => vec![word.clone()],
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Number(number) => format!("`{number}`"),
        other => kind(other).to_owned(),
    }
}
