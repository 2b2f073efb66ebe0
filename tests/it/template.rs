//! Templates: golden tables of ansible-core's answers, diagnostics, and no panic on any text.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use proptest::prelude::*;
use rprov::source::{Diagnostic, SourceMap, yaml};
use rprov::template::{
    Context, ErrorKind, FileOptions, Raw, Scope, Search, Templar, TemplateError,
};
use rprov_modules::kit::{Node, Span};

#[derive(Debug)]
struct Vars(HashMap<String, Raw>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Raw> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort();
        names
    }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/template").join(name)
}

/// Variables from a YAML mapping.
fn context(map: &SourceMap, text: &str) -> Context {
    let vars = yaml::parse_value(map, Path::new("vars.yml"), text).expect("valid YAML");
    let vars = vars.entries().unwrap_or_default().iter().map(|entry| {
        (entry.key.text().unwrap_or_default().to_owned(), Raw::Node(entry.value.clone()))
    });
    Context::new(Arc::new(Vars(vars.collect())), Search { dirs: vec![here("search")] })
}

fn golden_context(map: &SourceMap) -> Context {
    context(map, &std::fs::read_to_string(here("vars.yml")).expect("readable"))
}

/// The value as the generator writes it.
fn plain(value: &Value) -> serde_json::Value {
    match value.as_bytes().filter(|_| value.as_str().is_none()) {
        Some(bytes) => serde_json::json!({ "bytes": String::from_utf8_lossy(bytes) }),
        None => serde_json::to_value(value).unwrap_or_else(|_| value.to_string().into()),
    }
}

fn kind(error: &TemplateError) -> &'static str {
    match error.kind {
        ErrorKind::Undefined => "undefined",
        ErrorKind::Syntax => "syntax",
        _ => "failed",
    }
}

/// Every template of a table, against what ansible-core answers.
fn compare(table: &str) {
    let map = SourceMap::default();
    let cx = golden_context(&map);
    let templar = Templar::new(map.clone());
    let text = std::fs::read_to_string(here(&format!("{table}.json"))).expect("readable");
    let answers: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).expect("JSON");
    let known = std::fs::read_to_string(here("differences.yml")).expect("readable");
    let known = yaml::parse_value(&map, Path::new("differences.yml"), &known).expect("valid YAML");
    let known: Vec<&str> = known
        .items()
        .unwrap_or_default()
        .iter()
        .filter_map(|row| row.get("template")?.text())
        .collect();
    let mut report = String::new();
    for (template, expected) in &answers {
        let node = Node::string(Span::default(), template.replace('⏎', "\n"));
        let found = match table {
            "conditions" => templar.condition(&node, &cx).map(Value::from),
            _ => templar.value(&node, &cx),
        };
        let omitted = found.as_ref().is_ok_and(rprov::template::is_omit);
        let (same, found) = match (&found, expected.get("error").and_then(|kind| kind.as_str())) {
            (Ok(_), Some(_)) if omitted => (true, String::new()),
            (Ok(value), None) => {
                let found = plain(value).to_string();
                (found == expected["value"].to_string(), found)
            }
            (Ok(value), Some(_)) => (false, plain(value).to_string()),
            (Err(error), Some(expected)) => {
                (kind(error) == expected, format!("{}: {error}", kind(error)))
            }
            (Err(error), None) => (false, format!("{}: {error}", kind(error))),
        };
        if same == known.contains(&template.as_str()) {
            let note = if same { "no longer differs" } else { "differs" };
            let _ =
                writeln!(report, "{template}\n  {note}\n  ansible {expected}\n  rprov   {found}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn values() {
    compare("values");
}

#[test]
fn templates() {
    compare("templates");
}

#[test]
fn filters() {
    compare("filters");
}

#[test]
fn tests() {
    compare("tests");
}

#[test]
fn methods() {
    compare("methods");
}

#[test]
fn lookups() {
    compare("lookups");
}

#[test]
fn conditions() {
    compare("conditions");
}

/// Each file in `diagnostics/` holds variables and a template that has no value; beside it stands
/// what the user is told.
#[test]
fn diagnostics() {
    let mut report = String::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(here("diagnostics")).expect("a directory").map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    for path in files {
        let map = SourceMap::default();
        let text = std::fs::read_to_string(&path).expect("readable");
        let name = PathBuf::from(path.file_name().expect("a name"));
        let case = yaml::parse_value(&map, &name, &text).expect("valid YAML");
        let vars = case.get("vars").and_then(Node::entries).unwrap_or_default();
        let vars = vars.iter().map(|entry| {
            (entry.key.text().unwrap_or_default().to_owned(), Raw::Node(entry.value.clone()))
        });
        let cx = Context::new(Arc::new(Vars(vars.collect())), Search::default());
        let templar = Templar::new(map.clone());
        let found = match (case.get("value"), case.get("when")) {
            (Some(value), _) => templar.value(value, &cx),
            (_, when) => templar.condition(when.expect("value or when"), &cx).map(Value::from),
        };
        let found = match found {
            Ok(value) => format!("no error: {value:?}\n"),
            Err(error) => Diagnostic::from(error).render(&map, false) + "\n",
        };
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &found).expect("writable");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            let _ = writeln!(report, "{}\n--- expected\n{expected}--- found\n{found}", name.display());
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
