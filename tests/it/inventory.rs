//! Inventories and patterns give what ansible-core gives, and mistakes are shown where they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use rprov::inventory::{Inventory, pattern};
use rprov::source::{Diagnostic, SourceMap, render_all};
use rprov::template::Raw;
use rprov::vars::files::Reader;
use rprov::vars::{InventoryVars, Layer, Level};
use rprov_modules::kit::{Deserialize, Span};
use serde_json::{Map, Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory")
}

fn load(sources: &[&str]) -> Result<Inventory, Vec<Diagnostic>> {
    load_with(sources, &Reader::new(SourceMap::default()))
}

fn load_with(sources: &[&str], reader: &Reader) -> Result<Inventory, Vec<Diagnostic>> {
    load_extra(sources, reader, &Arc::default())
}

fn load_extra(
    sources: &[&str],
    reader: &Reader,
    extra: &Arc<Layer>,
) -> Result<Inventory, Vec<Diagnostic>> {
    let path = |source: &&str| match source.contains(',') {
        true => (*source).to_owned(),
        false => root().join(source).to_string_lossy().into_owned(),
    };
    let sources: Vec<String> = sources.iter().map(path).collect();
    Inventory::load(&sources, reader, extra, &Arc::default())
}

/// Compares one directory of `tests/inventory` with what `ansible-inventory --list` said of it.
fn check(case: &str, sources: &[&str], playbook_dir: Option<&str>) {
    check_extra(case, sources, playbook_dir, &[]);
}

/// What came out of an expression is marked in Ansible's listing; here that is a tag of the node.
fn unmarked(value: &mut Value) {
    if let Some(text) = value.get_mut("__ansible_unsafe") {
        *value = text.take();
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(unmarked),
        Value::Object(entries) => entries.values_mut().for_each(unmarked),
        _ => {}
    }
}

/// The same with `-e`.
fn check_extra(case: &str, sources: &[&str], playbook_dir: Option<&str>, extra: &[&str]) {
    let reader = Reader::new(SourceMap::default());
    let extra: Vec<String> = extra.iter().map(|&word| word.to_owned()).collect();
    let extra = Arc::new(rprov::vars::extra::parse(&extra, &reader).unwrap());
    let inventory = load_extra(sources, &reader, &extra);
    let inventory =
        Arc::new(inventory.unwrap_or_else(|errors| {
            panic!("{case}: {}", render_all(&errors, &reader.map, false))
        }));
    let golden = std::fs::read_to_string(root().join(case).join("expected.json")).unwrap();
    let mut golden: Value = serde_json::from_str(&golden).unwrap();
    unmarked(&mut golden);
    let vars =
        InventoryVars::new(inventory.clone(), playbook_dir.map(|dir| root().join(dir)), reader);

    let special = [
        "inventory_hostname",
        "inventory_hostname_short",
        "inventory_dir",
        "inventory_file",
        "group_names",
    ];
    for host in inventory.hosts() {
        let layers = vars.layers(host).unwrap().with(Level::Extra, extra.clone());
        let mut ours = Map::new();
        for name in rprov::template::Scope::names(&layers) {
            let (level, binding) = layers.definitions(&name).next().unwrap();
            if level != Level::Default && !special.contains(&&*name) {
                let Raw::Node(node) = &binding.value else { panic!("{name} is final") };
                ours.insert(name.clone(), Value::deserialize(node).unwrap());
            }
        }
        let theirs = golden["_meta"]["hostvars"].get(&*host.name).cloned().unwrap_or(json!({}));
        let theirs = theirs.as_object().unwrap();
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for name in names {
            assert_eq!(ours.get(name), theirs.get(name), "{case}: {name} of {}", host.name);
        }
    }
    let none = vec![];
    for group in inventory.groups() {
        let theirs = |key: &str| -> Vec<&str> {
            let names = golden[&*group.name].get(key).and_then(Value::as_array).unwrap_or(&none);
            names.iter().map(|name| name.as_str().unwrap()).collect()
        };
        let hosts: Vec<&str> = group.own_hosts(&inventory).map(|host| &*host.name).collect();
        // The listing leaves out who is in `all` itself.
        if &*group.name != "all" {
            assert_eq!(hosts, theirs("hosts"), "{case}: hosts of {}", group.name);
        }
        let children: Vec<&str> = group.children(&inventory).map(|group| &*group.name).collect();
        assert_eq!(children, theirs("children"), "{case}: children of {}", group.name);
    }
    for name in golden.as_object().unwrap().keys().filter(|name| *name != "_meta") {
        assert!(inventory.group(name).is_some(), "{case}: group {name}");
    }
}

#[test]
fn inventories_are_ansibles() {
    check("ini", &["ini/hosts"], None);
    check("literals", &["literals/hosts"], None);
    check("lines", &["lines/hosts"], None);
    check("yaml", &["yaml/hosts.yml"], None);
    check("plain", &["plain/hosts"], None);
    check("json", &["json/hosts.json"], None);
    check("directory", &["directory/env"], None);
    check("several", &["several/one", "several/two", "x1,h3,x2:22,"], None);
    check("order", &["order/hosts"], None);
    check("beside", &["beside/inv/hosts"], Some("beside/pb"));
    check("script", &["script/hosts", "script/each.py"], None);
    check("legacy", &["legacy/hosts.sh"], None);
    check("toml", &["toml/hosts.toml"], None);
    check("constructed", &["constructed/env"], None);
    check_extra("made", &["made/env"], None, &["cloud=north"]);
}

#[test]
fn patterns_are_ansibles() {
    let inventory = load(&["patterns.hosts"]).unwrap();
    let golden = std::fs::read_to_string(root().join("patterns.tsv")).unwrap();
    for line in golden.lines() {
        let (pattern, theirs) = line.split_once('\t').unwrap();
        let ours = pattern::select(&inventory, pattern, Span::default(), None);
        match ours {
            Ok(selection) => assert_eq!(selection.hosts.join(" "), theirs, "{pattern}"),
            // What matches nothing is an error here; there it is an empty run.
            Err(error) => assert_eq!("", theirs, "{pattern}: {}", error.message()),
        }
    }
}

/// As ansible-playbook 2.19 shows them: of several sources the first that names a host counts.
#[test]
fn a_host_knows_the_file_it_was_first_named_in() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hosts");
    std::fs::write(&file, "a y=2\nb\n").unwrap();
    let file = file.to_string_lossy().into_owned();
    let shown = |sources: &[&str]| {
        let inventory = Arc::new(load(sources).unwrap());
        let vars = InventoryVars::new(inventory.clone(), None, Reader::new(SourceMap::default()));
        let text = |host: &str, name: &str| {
            let layers = vars.layers(inventory.host(host).unwrap()).unwrap();
            match layers.definitions(name).next().map(|(_, binding)| &binding.value) {
                Some(Raw::Value(value)) => value.to_string().replace(&file, "FILE"),
                _ => "undefined".to_owned(),
            }
        };
        ["a", "b", "localhost"]
            .map(|host| format!("{} {}", text(host, "inventory_file"), text(host, "inventory_dir")))
    };
    let directory = dir.path().display().to_string();
    let here = format!("FILE {directory}");
    assert_eq!(shown(&["a,", &file]), ["a, None", &here, "undefined undefined"]);
    assert_eq!(shown(&[&file, "a,c,"]), [&here, &here, "undefined undefined"]);
}

/// A fault per file: the text, and what is said about it.
#[test]
fn mistakes_are_shown_where_they_are() {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root().join("faults"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries.iter().filter(|path| path.extension().is_none_or(|ending| ending != "out"))
    {
        let map = SourceMap::default();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let shown = match load_with(&[&format!("faults/{name}")], &Reader::new(map.clone())) {
            Ok(inventory) => render_all(inventory.warnings(), &map, false),
            Err(errors) => render_all(&errors, &map, false),
        };
        golden(&root().join("faults").join(format!("{name}.out")), &shown);
    }
}

#[test]
fn unmatched_patterns_say_what_was_meant() {
    let inventory = load(&["patterns.hosts"]).unwrap();
    let map = SourceMap::default();
    let mut shown = String::new();
    for text in [
        "wbe",
        "web:wbe",
        "web[9]",
        "web:!odl",
        "empty",
        "~(",
        "web:80",
        "all:&empty",
        "nothing_like_it",
        "gone[1:]",
    ] {
        let file = map.add(Path::new("play.yml"), format!("- hosts: {text}\n").into());
        let span = Span { file, start: 9, end: 9 + text.len() as u32 };
        let said = match pattern::select(&inventory, text, span, None) {
            Ok(selection) => render_all(&notes(&selection), &map, false),
            Err(error) => error.render(&map, false),
        };
        shown += &format!("{}\n\n", said.trim_end());
    }
    for limit in ["zeta,wbe", "@nowhere", "web:!web", "web[7]", "web1,db:!db"] {
        let error = pattern::Limit::new(&inventory, limit).unwrap_err();
        shown += &format!("{}\n\n", error.render(&map, false));
    }
    let limit = pattern::Limit::new(&inventory, "zeta").unwrap();
    let selection = pattern::select(&inventory, "db", Span::default(), Some(&limit)).unwrap();
    assert!(selection.hosts.is_empty());
    shown += &render_all(&notes(&selection), &map, false);
    golden(&root().join("patterns.out"), &shown);
}

#[test]
fn limit_reads_files_and_keeps_the_order_of_the_pattern() {
    let inventory = load(&["patterns.hosts"]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "web1\n\nweb2\n").unwrap();
    let limit = pattern::Limit::new(&inventory, &format!("@{}", file.path().display())).unwrap();
    let selection = pattern::select(&inventory, "web", Span::default(), Some(&limit)).unwrap();
    assert_eq!(selection.hosts.join(" "), "web2 web1");
}

#[test]
fn a_source_that_is_not_there_is_an_error() {
    let errors = load(&["ini/host"]).unwrap_err();
    assert!(errors[0].message().ends_with("ini/host` does not exist"), "{}", errors[0].message());
    let map = SourceMap::default();
    assert!(errors[0].render(&map, false).contains("ini/hosts`?"));
}

#[test]
fn localhost_is_implied_until_it_is_written() {
    let inventory = load(&["patterns.hosts"]).unwrap();
    let host = inventory.host("localhost").unwrap();
    assert!(host.implicit && inventory.hosts().all(|other| other.name != host.name));
    let inventory = load(&["localhost,"]).unwrap();
    assert!(!inventory.host("localhost").unwrap().implicit);
    let selection = pattern::select(&inventory, "127.0.0.1", Span::default(), None).unwrap();
    assert_eq!(selection.hosts.join(" "), "localhost");
}

fn golden(path: &Path, text: &str) {
    let text = text.replace(&format!("{}/", root().display()), "");
    let text = format!("{}\n", text.trim_end());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, text).unwrap();
    } else {
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(text, expected, "{} (UPDATE=1 rewrites it)", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_breaks_the_reader(text in r#"([\[\]:=#;'"\\ \n{}a-c0-9\t,éß-]|\[web\]\n|:vars|:children|x=|host){0,60}"#) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let map = SourceMap::default();
        match Inventory::load(&[file.path().to_string_lossy().into_owned()], &Reader::new(map.clone()), &Arc::default(), &Arc::default()) {
            Ok(inventory) => for host in inventory.hosts() {
                inventory.groups_of(host);
            },
            Err(errors) => drop(render_all(&errors, &map, false)),
        }
    }

    #[test]
    fn no_pattern_breaks_the_selection(text in r#"([\[\]:!&,~*?()|a-c0-9. -]|web|db){0,12}"#) {
        let inventory = load(&["patterns.hosts"]).unwrap();
        let _ = pattern::select(&inventory, &text, Span::default(), None);
        let _ = pattern::Limit::new(&inventory, &text);
    }
}

fn notes(selection: &rprov::inventory::pattern::Selection) -> Vec<rprov::source::Diagnostic> {
    selection.missed.iter().chain(&selection.notes).cloned().collect()
}
