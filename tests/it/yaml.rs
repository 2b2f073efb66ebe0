//! YAML: what a text means, what is said about a text that is wrong, and how values are written.
//!
//! `tests/yaml/*.json` holds what PyYAML and Ansible do; `tests/yaml/golden.py` made it.

use std::path::{Path, PathBuf};

use minijinja::Value;
use rprov::source::emit::{Layout, to_yaml};
use rprov_modules::kit::Resolved;
use rprov_modules::kit::resolve;
use serde_json::Value as Json;

fn golden(name: &str) -> Vec<Json> {
    let path = directory().join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml")
}

#[test]
fn scalars_have_the_type_pyyaml_gives_them() {
    let cases = golden("resolve.json");
    assert!(cases.len() > 3000);
    let mut faults = vec![];
    for case in &cases {
        let (text, tag, value) = (&case[0], &case[1], &case[2]);
        let (text, value) = (text.as_str().unwrap(), value.as_str().unwrap());
        let found = resolve::plain(text);
        let right = match tag.as_str().unwrap() {
            "str" => found == Resolved::Str && resolve::is_string(text),
            // Read as strings, but quoted when strings are written.
            "timestamp" | "merge" | "value" | "raises" => {
                found == Resolved::Str && !resolve::is_string(text)
            }
            "null" => found == Resolved::Null,
            "bool" => found == Resolved::Bool(value == "true"),
            "int" => match value.parse::<i128>() {
                Ok(int) => found == Resolved::Int(int),
                Err(_) => found == Resolved::Str && !resolve::is_string(text),
            },
            "float" => match found {
                Resolved::Float(found) if found.is_nan() => value == "nan",
                Resolved::Float(found) => {
                    value.parse::<f64>().unwrap().to_bits() == found.to_bits()
                }
                _ => false,
            },
            other => panic!("{other}"),
        };
        if !right {
            faults.push(format!("{case} is read as {found:?}"));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

fn layout(json: &Json) -> Layout {
    let mut layout = Layout::NICE;
    for (key, value) in json.as_object().unwrap() {
        match &**key {
            "indent" => layout.indent = value.as_u64().unwrap() as usize,
            "width" => layout.width = value.as_u64().unwrap() as usize,
            "sort_keys" => layout.sort_keys = value.as_bool().unwrap(),
            "default_flow_style" => layout.default_flow_style = value.as_bool(),
            "explicit_start" => layout.explicit_start = value.as_bool().unwrap(),
            "explicit_end" => layout.explicit_end = value.as_bool().unwrap(),
            other => panic!("{other}"),
        }
    }
    layout
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(value) => match (value.as_i64(), value.as_u64()) {
            (Some(int), _) => Value::from(int),
            (_, Some(int)) => Value::from(int),
            _ => Value::from(value.as_f64().unwrap()),
        },
        Json::String(value) => Value::from(value.as_str()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(entries) => {
            Value::from_pairs(entries.iter().map(|(key, item)| (key.as_str(), value(item))))
        }
    }
}

#[test]
fn values_are_written_as_ansible_writes_them() {
    let cases = golden("emit.json");
    assert!(cases.len() > 600);
    let mut faults = vec![];
    for case in &cases {
        let value = value(&case["value"]);
        let layouts = [
            ("terse", Layout::TERSE),
            ("nice", Layout::NICE),
            ("laid_out", layout(&case["layout"])),
        ];
        for (name, layout) in layouts {
            let (found, expected) = (to_yaml(&value, &layout), case[name].as_str().unwrap());
            if found != expected {
                faults.push(format!(
                    "{layout:?}\n{}\nexpected {expected:?}\nfound    {found:?}",
                    case["value"]
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} differ:\n{}",
        faults.len(),
        faults[..faults.len().min(30)].join("\n\n")
    );
}
