//! Templates: golden tables of ansible-core's answers, diagnostics, and no panic on any text.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rprov::source::{Diagnostic, SourceMap, yaml};
use rprov::template::{Context, FileOptions, Raw, Scope, Search, Templar, TemplateError};
use rprov_modules::kit::Node;

#[derive(Debug)]
struct Vars(HashMap<String, Raw>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Raw> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Variables from a YAML mapping.
fn context(map: &SourceMap, text: &str) -> Context {
    let vars = yaml::parse_value(map, Path::new("vars.yml"), text).expect("valid YAML");
    let vars = vars.entries().unwrap_or_default().iter().map(|entry| {
        (entry.key.text().unwrap_or_default().to_owned(), Raw::Node(entry.value.clone()))
    });
    Context::new(Arc::new(Vars(vars.collect())), Search::default())
}

fn node(map: &SourceMap, text: &str) -> Node {
    yaml::parse_value(map, Path::new("play.yml"), text).expect("valid YAML")
}

fn diagnostic(error: TemplateError, map: &SourceMap) -> String {
    Diagnostic::from(error).render(map, false)
}

#[test]
fn smoke() {
    let map = SourceMap::default();
    let cx = context(
        &map,
        "a: '{{ b }}'\nb: '{{ c }}'\nc: '{{ a }}'\nhost: h\nport: 80\nurl: 'http://{{ host }}:{{ port }}'\nd: {x: '{{ port }}', broken: '{{ nosuch }}'}\n",
    );
    let templar = Templar::new(map.clone());
    for text in [
        "'{{ url }}'",
        "'{{ d.x }}'",
        "'{{ d }}'",
        "'{{ d.y }}'",
        "'{{ hots }}'",
        "'{{ a }}'",
        "'{{ nosuch.a.b | default(port) }}'",
        "'{{ 1 + }}'",
        "'{{ url | uper }}'",
        "'x {{ [host, 1, none, 1.0] }}'",
        "'{% if hots %}1{% endif %}'",
        "'{{ hots == 1 }}'",
        "'{{ hots ~ 1 }}'",
        "'{{ 1 in hots }}'",
        "'{{ host and hots }}'",
        "'{{ hots | string }}'",
    ] {
        let node = node(&map, text);
        match templar.value(&node, &cx) {
            Ok(value) => println!("{text} => {value:?}"),
            Err(error) => println!("{text} => {}", diagnostic(error, &map)),
        }
    }
    let out = templar.file(
        "#jinja2: trim_blocks: True\n{% if host %}\n{{ url }} {{ none }}\n{% endif %}\n",
        Path::new("x.j2"),
        &cx,
        &FileOptions::default(),
    );
    println!("{out:?}");
}
