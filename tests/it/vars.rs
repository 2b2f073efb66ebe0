//! Precedence, extra variables, `hostvars` and special variables mean what ansible-core means.

use std::path::Path;
use std::sync::Arc;

use rprov::inventory::{Host, Inventory};
use rprov::source::{SourceMap, render_all};
use rprov::template::{Context, Raw, Scope, Search, Templar, to_node};
use rprov::vars::files::Reader;
use rprov::vars::hostvars::{Contexts, hostvars};
use rprov::vars::{InventoryVars, Layer, Layers, Level, extra, special};
use rprov_modules::kit::{Deserialize, Node, Span};
use serde_json::{Value, json};

/// The levels by their names, lowest first.
const LEVELS: [Level; 22] = {
    use Level::*;
    [
        RoleDefaults,
        InventoryAll,
        InventoryGroup,
        InventoryGroupVarsAll,
        PlaybookGroupVarsAll,
        InventoryGroupVars,
        PlaybookGroupVars,
        InventoryHost,
        InventoryHostVars,
        PlaybookHostVars,
        Facts,
        Play,
        Prompt,
        PlayFiles,
        Role,
        Block,
        Task,
        IncludeVars,
        SetFact,
        RoleParams,
        IncludeParams,
        Extra,
    ]
};

fn level(name: &str) -> Level {
    LEVELS.into_iter().find(|level| format!("{level:?}") == name).unwrap()
}

fn golden(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vars").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn layer(name: &str, value: &str) -> Arc<Layer> {
    let mut layer = Layer::default();
    layer.set(name, value);
    Arc::new(layer)
}

#[test]
fn precedence_is_ansibles() {
    let rows = golden("precedence.tsv");
    assert_eq!(
        rows.len(),
        LEVELS.len() * (LEVELS.len() - 1) / 2,
        "every level against every other"
    );
    for row in rows {
        let mut layers = Layers::default();
        for name in [&row[1], &row[0]] {
            layers.push(level(name), layer("x", name));
        }
        let (won, _) = layers.definitions("x").next().unwrap();
        assert_eq!(format!("{won:?}"), row[2], "{} against {}", row[0], row[1]);
    }
}

#[test]
fn special_variables_are_overridden_as_in_ansible() {
    let inventory = Arc::new(inventory("[web]\nh\n"));
    let vars = InventoryVars::new(inventory.clone(), None, Reader::new(SourceMap::default()));
    let mut layers = vars.layers(inventory.host("h").unwrap()).unwrap();
    layers.push(Level::Special, Arc::new(special::Run::default().layer(&inventory, ().into())));
    let hosts = [Arc::from("h")];
    let hosts: Vec<_> = hosts.iter().collect();
    let play = special::Play { name: "p", all: &hosts, hosts: &hosts, batch: &hosts };
    layers.push(Level::Special, Arc::new(play.layer()));
    layers.push(
        Level::Special,
        Arc::new(special::role(special::Role {
            name: "r",
            collection: None,
            path: Path::new("/roles/r"),
            parents: vec![],
        })),
    );
    for row in golden("special.tsv") {
        assert!(layers.get(&row[0]).is_some(), "{} is defined", row[0]);
        let with = layers.clone().with(Level::Extra, layer(&row[0], "mine"));
        let (won, _) = with.definitions(&row[0]).next().unwrap();
        assert_eq!(won == Level::Extra, row[1] == "overridden", "{}", row[0]);
    }
}

fn inventory(text: &str) -> Inventory {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Inventory::load(
        &[file.path().to_string_lossy().into_owned()],
        &Reader::new(SourceMap::default()),
        &Arc::default(),
        &Arc::default(),
    )
    .unwrap()
}

fn extra_vars(arguments: &[&str]) -> Result<Value, String> {
    let reader = Reader::new(SourceMap::default());
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let layer = extra::parse(&arguments, &reader)
        .map_err(|errors| render_all(&errors, &reader.map, false))?;
    let pairs = layer.iter().map(|(name, binding)| {
        let Raw::Node(node) = &binding.value else { panic!("{name} is final") };
        (name.to_owned(), Value::deserialize(node).unwrap())
    });
    Ok(Value::Object(pairs.collect()))
}

#[test]
fn extra_variables_are_ansibles() {
    // Each answer was given by `ansible localhost -m debug -a var=x -e …`.
    for (argument, x) in [
        ("x=5", json!("5")),
        (" x='a b' y=1", json!("a b")),
        ("x=\"a\"b", json!("\"a\"b")),
        ("x={{ 1 + 1 }}", json!("{{ 1 + 1 }}")),
        ("x=a\\nb", json!("a\nb")),
        ("x=a\\=b", json!("a\\=b")),
        ("x= y=1", json!("")),
        ("x=a=b", json!("a=b")),
        ("{\"x\": 5}", json!(5)),
        ("{x: yes}", json!(true)),
        ("x=true", json!("true")),
        ("x=\"a \\\"q\\\" b\"", json!("a \"q\" b")),
        ("x='a\nb'", json!("a\nb")),
        ("x=[1,2]", json!("[1,2]")),
        ("x=a#b", json!("a#b")),
        ("x=it\\'s", json!("it's")),
        ("x=\\x41\\101", json!("A\\101")),
    ] {
        assert_eq!(extra_vars(&[argument]).unwrap()["x"], x, "{argument}");
    }
    assert_eq!(extra_vars(&["x=1 y=1", "x=2"]).unwrap(), json!({"x": "2", "y": "1"}));
}

#[test]
fn wrong_extra_variables_are_shown() {
    for (argument, says) in [
        ("x={\"a\": 1}", "expected `name=value`, found `1}`"),
        ("x", "expected `name=value`, found `x`"),
        ("1x=4", "`1x` is no name for a variable"),
        ("[1]", "expected a mapping of variables, found a list"),
        ("@nowhere.yml", "cannot read `nowhere.yml`: no such file or directory"),
        ("=5", "expected `name=value`, found `=5`"),
        ("x=it's y=1", "this quote is never closed"),
        ("x=1 y=\"", "this quote is never closed"),
    ] {
        let said = extra_vars(&[argument]).unwrap_err();
        assert!(said.contains(says), "{argument}: {said}");
    }
}

#[test]
fn a_word_keeps_its_value_as_it_is() {
    let reader = Reader::new(SourceMap::default());
    let layer = extra::word("branch=feat/a 'b'=c", &reader).unwrap();
    let Raw::Node(node) = &layer.get("branch").unwrap().value else { panic!() };
    assert_eq!(node.text(), Some("feat/a 'b'=c"));
    assert!(extra::word("deploy", &reader).is_none() && extra::word("--x=1", &reader).is_none());
}

#[derive(Debug)]
struct Own(Arc<InventoryVars>);

impl Contexts for Own {
    fn context(&self, host: &Host) -> Result<Context, String> {
        let layers = self.0.layers(host).map_err(|errors| errors[0].message().to_owned())?;
        Ok(Context::new(Arc::new(layers), Search::default()))
    }
}

#[test]
fn hostvars_are_seen_as_the_host_sees_them() {
    let map = SourceMap::default();
    let inventory = Arc::new(inventory(
        "[web]\nh1 port=80\nh2 port=81 bad='{{ nope }}'\n[web:vars]\nurl=http://{{ inventory_hostname }}:{{ port }}\n",
    ));
    let reader = Reader::new(map.clone());
    let vars = Arc::new(InventoryVars::new(inventory.clone(), None, reader));
    let templar = Templar::new(map);
    let all = hostvars(inventory.clone(), templar.clone(), Arc::new(Own(vars.clone())));
    let run = special::Run::default().layer(&inventory, all);
    let layers =
        vars.layers(inventory.host("h1").unwrap()).unwrap().with(Level::Special, Arc::new(run));
    let cx = Context::new(Arc::new(layers), Search::default());
    let value = |text: &str| templar.value(&Node::string(Span::default(), text), &cx);
    let shown =
        |text: &str| Value::deserialize(&to_node(&value(text).unwrap(), Span::default())).unwrap();
    assert_eq!(shown("{{ hostvars['h2'].url }}"), json!("http://h2:81"));
    assert_eq!(shown("{{ hostvars.h2['port'] }}"), json!(81));
    assert_eq!(shown("{{ hostvars['nope'].url | default('none') }}"), json!("none"));
    assert_eq!(shown("{{ hostvars['h2'].nope is defined }}"), json!(false));
    assert_eq!(shown("{{ hostvars | list }}"), json!(["h1", "h2"]));
    assert_eq!(shown("{{ groups.web[1] }} {{ group_names }}"), json!("h2 ['web']"));
    assert_eq!(shown("{{ ansible_version.major }}"), json!(2));
    assert_eq!(shown("{{ hostvars['localhost'].ansible_connection }}"), json!("local"));
    let error = value("{{ hostvars['h2'].bad }}").unwrap_err();
    assert!(error.message.contains("nope"), "{error}");
}

#[test]
fn a_vaulted_file_is_opened_and_its_values_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets.yml");
    std::fs::write(&path, "$ANSIBLE_VAULT;1.1;AES256\n00\n").unwrap();
    let map = SourceMap::default();
    let error = Reader::new(map.clone()).layer(&path).unwrap_err();
    assert!(
        error.message().contains("is encrypted and no vault password is known"),
        "{}",
        error.message()
    );

    let told = Arc::new(std::sync::Mutex::new(vec![]));
    let tell = told.clone();
    let reader = Reader::new(map).with_vault(
        Arc::new(|_| Ok(b"a: hush\nb: [5, {c: shh}]\n".to_vec())),
        Arc::new(move |text| tell.lock().unwrap().push(text.to_owned())),
    );
    assert!(reader.layer(&path).unwrap().get("b").is_some());
    assert_eq!(*told.lock().unwrap(), ["hush", "5", "shh"]);
}
