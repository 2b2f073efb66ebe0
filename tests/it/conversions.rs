//! What values become for parameters of each type; `tests/playbook/conversions.tsv` has ansible-core's answers.

use std::path::Path;

use rprov::source::{SourceMap, yaml};
use rprov_modules::kit::{Node, Resolved};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

/// A parameter with choices.
#[derive(Debug, Deserialize, serde::Serialize)]
enum Choice {
    #[serde(rename = "a")]
    A,
    #[serde(rename = "yes")]
    Yes,
    #[serde(rename = "no")]
    No,
    #[serde(rename = "5")]
    Five,
}

/// What the kit makes of it, as JSON.
fn bound<T: DeserializeOwned + serde::Serialize>(node: &Node) -> Option<Json> {
    let value = Option::<T>::deserialize(node).ok()?;
    Some(serde_json::to_value(value).expect("JSON"))
}

fn found(kind: &str, node: &Node) -> Option<Json> {
    match kind {
        "str" | "path" => bound::<String>(node),
        "int" => bound::<i64>(node),
        "float" => bound::<f64>(node),
        "bool" => bound::<bool>(node),
        "list of str" => bound::<Vec<String>>(node),
        "list of int" => bound::<Vec<i64>>(node),
        "dict" => bound::<Map<String, Json>>(node),
        "raw" => bound::<Json>(node),
        "choice" => bound::<Choice>(node),
        other => panic!("{other}"),
    }
}

/// Where rprov decides otherwise on purpose.
fn otherwise(kind: &str, node: &Node, value: &str) -> Option<Option<Json>> {
    let number = node
        .scalar()
        .is_some_and(|scalar| matches!(scalar.resolve(), Resolved::Int(_) | Resolved::Float(_)));
    let digits = node.text().is_some_and(|text| !text.contains('e'));
    Some(match kind {
        // A number is the text it is written as.
        "str" | "path" if number && digits => Some(json!(node.text())),
        "list of str" if number && digits => Some(json!([node.text()])),
        // A boolean is a number in a list of numbers, too.
        "list of int" if ["true", "yes"].contains(&value) => Some(json!([1])),
        "list of int" if value == "no" => Some(json!([0])),
        "list of int" if value == "[true]" => Some(json!([1])),
        // Nothing is a parameter that is not given.
        "choice" if node.is_null() => Some(Json::Null),
        // No parameter takes such numbers.
        "int" | "list of int" if value.contains("99999999") || value == "1.0e+20" => None,
        "raw" if value.contains("99999999") => Some(json!(node.text())),
        // A mapping as Python writes it is no JSON.
        "dict" if value.contains("{'a'") => None,
        _ => return None,
    })
}

#[test]
fn values_become_what_ansible_makes_of_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbook/conversions.tsv");
    let table = std::fs::read_to_string(path).expect("readable");
    assert!(table.lines().count() > 600);
    let mut wrong = Vec::new();
    for line in table.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, value, expected] = fields[..] else { panic!("{line}") };
        let node = yaml::parse_value(&SourceMap::default(), Path::new("v.yml"), value);
        let node = node.expect("YAML");
        let expected: Option<Json> = match expected {
            "refused" => None,
            json => Some(serde_json::from_str(json).expect("JSON")),
        };
        let expected = otherwise(kind, &node, value).unwrap_or(expected);
        let found = found(kind, &node);
        // `true` is 1 where a number is due.
        let one = |json: &Option<Json>| match json {
            Some(Json::Bool(on)) if kind == "int" => Some(json!(i64::from(*on))),
            other => other.clone(),
        };
        if one(&found) != one(&expected) {
            wrong.push(format!("{kind}: {value} is {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
