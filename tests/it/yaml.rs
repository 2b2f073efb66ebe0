//! YAML: what a text means, what is said about a text that is wrong, and how values are written.
//!
//! `tests/yaml/*.json` holds what PyYAML and Ansible do; `tests/yaml/golden.py` made it.

use std::path::{Path, PathBuf};

use minijinja::Value;
use proptest::prelude::*;
use rprov::source::emit::{Layout, to_yaml};
use rprov::source::{Diagnostic, SourceMap, render_all, yaml};
use rprov_modules::kit::{Node, Resolved, Span, Tag, resolve};
use serde::Deserialize;
use serde_json::{Value as Json, json};

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

/// Each file is a text, a line `=====`, and what is said about it.
#[test]
fn mistakes_are_explained() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory().join("errors"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut faults = vec![];
    for file in files {
        let content = std::fs::read_to_string(&file).unwrap();
        let (text, expected) = content.split_once("=====\n").unwrap_or((&content, ""));
        let map = SourceMap::default();
        let found = match yaml::parse(&map, Path::new("play.yml"), text) {
            Ok(nodes) => format!("no error: {nodes:?}\n"),
            Err(diagnostic) => format!("{}\n", diagnostic.render(&map, false)),
        };
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, format!("{text}=====\n{found}")).unwrap();
        } else if found != expected {
            faults.push(format!("{}:\n{found}", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
fn parsed(text: &str) -> Node {
    let map = SourceMap::default();
    match yaml::parse_value(&map, Path::new("x.yml"), text) {
        Ok(node) => node,
        Err(diagnostic) => panic!("{}\n{text}", diagnostic.render(&map, false)),
    }
}

/// The node with the types of YAML 1.1.
fn json(node: &Node) -> Json {
    Json::deserialize(node).unwrap()
}

#[test]
fn merge_keys_bring_what_is_not_there() {
    let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\none:\n  y: 9\n  <<: *a\nmany:\n  <<: [*a, *b]\n  w: 5\n\
                quoted: {\"<<\": 1}\n";
    let node = parsed(text);
    assert_eq!(json(node.get("one").unwrap()), json!({"x": 1, "y": 9}));
    assert_eq!(
        json(node.get("many").unwrap()),
        json!({"y": 2, "z": 4, "x": 1, "w": 5}),
        "the first of a list wins"
    );
    assert_eq!(json(node.get("quoted").unwrap()), json!({"<<": 1}));
    let x = node.get("one").unwrap().get("x").unwrap();
    assert_eq!(
        &text[x.span.start as usize..x.span.end as usize],
        "1",
        "the span is where the value is written"
    );
    assert_eq!(x.span.start, 10);
}

#[test]
fn spans_cover_what_is_written() {
    let text = "\u{feff}key: väl\r\nlist:\r\n  - 'a'\r\n  - {b: \"c d\"}\r\n  - &x !unsafe y\r\nblock: |\r\n  l1\r\n  l2\r\nnone:\r\n";
    let node = parsed(text);
    let slice = |node: &Node| &text[node.span.start as usize..node.span.end as usize];
    assert_eq!(slice(node.get("key").unwrap()), "väl");
    let items = node.get("list").unwrap().items().unwrap();
    assert_eq!(slice(&items[0]), "'a'");
    assert_eq!(slice(&items[1]), "{b: \"c d\"}");
    assert_eq!(slice(items[1].get("b").unwrap()), "\"c d\"");
    assert_eq!(slice(&items[2]), "y");
    assert_eq!(items[2].scalar().unwrap().tag, Some(Tag::Unsafe));
    assert_eq!(slice(node.get("list").unwrap()), "- 'a'\r\n  - {b: \"c d\"}\r\n  - &x !unsafe y");
    assert_eq!(node.get("block").unwrap().text(), Some("l1\nl2\n"));
    assert_eq!(slice(node.get("none").unwrap()), "");
    assert!(node.get("none").unwrap().is_null());
    assert_eq!(slice(&node.entries().unwrap()[1].key), "list");
}

#[test]
fn tags_and_styles_decide_what_is_a_string() {
    let node = parsed(
        "a: !!str 1\nb: !!int '2'\nc: '3'\nd: !!float 4\ne: !!null x\nf: ! 5\ng: !unsafe 6\nh: !unsafe [7, '{{ x }}', {y: z}]\n\
         i: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  31\nj: 0644\nk: run --remove-orphans\t--volumes\nl: 3.10\n",
    );
    assert_eq!(
        json(&node),
        json!({"a": "1", "b": 2, "c": "3", "d": 4.0, "e": null, "f": "5", "g": 6, "h": [7, "{{ x }}", {"y": "z"}],
            "i": "$ANSIBLE_VAULT;1.1;AES256\n31\n", "j": 420, "k": "run --remove-orphans\t--volumes", "l": 3.1})
    );
    assert_eq!(node.get("i").unwrap().scalar().unwrap().tag, Some(Tag::Vault));
    let list = node.get("h").unwrap().items().unwrap();
    assert_eq!(list[0].scalar().unwrap().tag, None);
    assert_eq!(list[1].scalar().unwrap().tag, Some(Tag::Unsafe));
    assert_eq!(list[2].get("y").unwrap().scalar().unwrap().tag, Some(Tag::Unsafe));
    assert_eq!(node.get("j").unwrap().text(), Some("0644"));
}

#[test]
fn tabs_within_quotes_are_blanks() {
    // PyYAML's answers.
    let text = "a: 'x\n\ty'\nb: \"p\n \t q\n\n\tr\"\nc: |\n  k\tv\n  \tw\n";
    let expected = serde_json::json!({"a": "x y", "b": "p q\nr", "c": "k\tv\n\tw\n"});
    assert_eq!(json(&parsed(text)), expected);
    let map = SourceMap::default();
    assert!(yaml::parse(&map, Path::new("t.yml"), "a: 'x\n\ty'\nb:\n\tc: 1\n").is_err());
}

#[test]
fn a_file_may_end_without_a_line_break() {
    let value = |text: &str| json(&parsed(text));
    assert_eq!(value("a: |\n  x\n  y"), json!({"a": "x\ny"}));
    assert_eq!(value("a: >\n  x\n  y"), json!({"a": "x y"}));
    assert_eq!(value("a: |\n  x\n  "), json!({"a": "x\n"}));
    assert_eq!(value("a: |-\n  x"), json!({"a": "x"}));
    assert_eq!(value("a: |\n  x\n# c"), json!({"a": "x\n"}));
}

#[test]
fn diagnostics_show_several_places_and_fit_the_terminal() {
    let map = SourceMap::default();
    let play = map.add(Path::new("play.yml"), "- hosts: web\n  roles: [app]\n".into());
    let role = map.add(
        Path::new("roles/app/tasks/main.yml"),
        "- debug:\n    msg: \"\u{1b}[31m{{ a }}\"\n".into(),
    );
    let mut wide = "word ".repeat(30);
    wide.push_str("here ");
    wide.push_str(&"more ".repeat(30));
    let wide = map.add(Path::new("wide.yml"), wide.into());
    let span = |file, start, end| Span { file, start, end };
    let two = Diagnostic::error("`a` is not defined")
        .at(span(role, 27, 28), "used here")
        .context(span(play, 23, 26), "in this role")
        .note("`a` is looked up in facts, vars and defaults")
        .help("define it in `defaults/main.yml`");
    let long = Diagnostic::warning("a long line").at(span(wide, 150, 154), "here");
    let none =
        Diagnostic::error("no inventory").help("give one with `-i`").at(Span::default(), "nowhere");
    let all = render_all(&[two.clone(), long.clone(), none, two], &map, false);
    let mut found = format!("{all}\n\n== 40 columns\n{}\n", long.render_within(&map, false, 40));
    let colored = long.render(&map, true);
    assert!(colored.contains("\u{1b}[") && !found.contains('\u{1b}'));
    let path = directory().join("rendered.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    if expected != found {
        found.insert_str(0, "rendered.txt differs from:\n");
        panic!("{found}");
    }
}

#[test]
fn values_beyond_json_are_written() {
    let terse = |value: Value| to_yaml(&value, &Layout::TERSE);
    assert_eq!(terse(Value::from(f64::INFINITY)), ".inf\n");
    assert_eq!(terse(Value::from(f64::NEG_INFINITY)), "-.inf\n");
    assert_eq!(terse(Value::from(f64::NAN)), ".nan\n");
    assert_eq!(terse(Value::from(10i128.pow(30))), "1000000000000000000000000000000\n");
    let keys = [(Value::from(10), 1), (Value::from(9), 2), (Value::from(true), 3)];
    assert_eq!(terse(Value::from_pairs(keys)), "{true: 3, 9: 2, 10: 1}\n");
    let mixed = [(Value::from("b"), 1), (Value::from(1), 2), (Value::from(()), 3)];
    assert_eq!(
        terse(Value::from_pairs(mixed)),
        "{b: 1, 1: 2, null: 3}\n",
        "no order in Python either"
    );
    assert_eq!(terse(Value::make_iterable(|| (1..4).map(Value::from))), "[1, 2, 3]\n");
}

#[test]
fn documents_may_be_none_or_many() {
    let map = SourceMap::default();
    let parse = |text: &str| yaml::parse(&map, Path::new("x.yml"), text).unwrap();
    assert_eq!(parse(""), []);
    assert_eq!(parse("# only a comment\n"), []);
    assert_eq!(parse("---\na\n---\n- b\n...\n").len(), 2);
    assert!(parse("---\n")[0].is_null());
    assert!(yaml::parse_value(&map, Path::new("x.yml"), "").unwrap().is_null());
    let error = yaml::parse_value(&map, Path::new("x.yml"), "a\n---\nb\n").unwrap_err();
    assert_eq!(error.message(), "expected one YAML document, found a second one");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let map = SourceMap::default();
    let error = yaml::parse_bytes(&map, Path::new("x.yml"), b"a: 1\nb: caf\xe9 x\n").unwrap_err();
    assert_eq!(error.message(), "`x.yml` is not UTF-8");
    let (_, line, column) = map.line_col(error.span().unwrap()).unwrap();
    assert_eq!((line, column), (2, 7));
    let error = yaml::parse_bytes(&map, Path::new("x.yml"), b"\xff\xfea\0:\0").unwrap_err();
    assert!(error.render(&map, false).contains("help: it is UTF-16: save it as UTF-8"));
}

#[test]
fn small_texts_do_not_become_huge() {
    let map = SourceMap::default();
    let parse = |text: &str| {
        yaml::parse(&map, Path::new("x.yml"), text).map_err(|error| error.message().to_owned())
    };
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", alias.repeat(9));
    }
    assert_eq!(parse(&bomb).unwrap_err(), "aliases repeat more than 1000000 values");
    let deep = "more than 200 levels of lists and mappings";
    assert_eq!(parse(&"[".repeat(100_000)).unwrap_err(), deep);
    assert_eq!(parse(&"- ".repeat(100_000)).unwrap_err(), deep);
    let nested: String = (0..500).map(|i| format!("x{i}: &x{i} [*x{}]\n", i - 1)).collect();
    assert_eq!(parse(&nested.replace("*x-1", "1")).unwrap_err(), deep);
    assert!(parse(&format!("{}1{}", "[".repeat(199), "]".repeat(199))).is_ok());
}

/// Values that YAML 1.1 and 1.2 write alike.
fn values() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        "[a-zA-Z][ -~]{0,30}",
        "[a-z ]{60,200}",
        "(#|- |[a-z]|: |\n| |'|\"|é|😀|\\t|\\{|\\]|,|&|!|%|@){1,20}",
        Just(String::new()),
    ];
    let leaf = prop_oneof![
        3 => text.clone().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|entries| entries.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn what_is_written_is_read_back(expected in values(), indent in 2usize..9, width in 20usize..100, flow in any::<Option<bool>>()) {
        let layout = Layout { indent, width, default_flow_style: flow, ..Layout::TERSE };
        let text = to_yaml(&value(&expected), &layout);
        prop_assert_eq!(json(&parsed(&text)), expected.clone(), "{}", text);
        let other: Json = serde_yaml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(other, expected, "{}", text);
    }

    #[test]
    fn no_bytes_break_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let map = SourceMap::default();
        if let Err(diagnostic) = yaml::parse_bytes(&map, Path::new("x.yml"), &bytes) {
            diagnostic.render(&map, false);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "a", "b: ", ": ", ":", "- ", "-", "\n", "\n", "\n  ", "\n    ", "\t", " ", "{", "}", "[", "]", "{{ x }}", "{% y %}", ",", "\"",
                "'", "#", " #", "&a ", "*a", "*b", "<<: ", "!vault ", "!x ", "|", ">-", "? ", "é", "😀", "\\", "@", "`", "%", "---\n", "...", "\r\n", "\u{feff}", "~",
            ]),
            0..40,
        ),
    ) {
        let map = SourceMap::default();
        let text = words.concat();
        match yaml::parse(&map, Path::new("x.yml"), &text) {
            Ok(nodes) => {
                for node in nodes {
                    prop_assert!(text.get(node.span.start as usize..node.span.end as usize).is_some());
                }
            }
            Err(diagnostic) => {
                diagnostic.render(&map, true);
                diagnostic.render_within(&map, false, 40);
            }
        }
    }
}

#[test]
fn json_is_read_as_well() {
    let text = "{\n\t\"a\": [\n\t\t1, \"\\ud83d\\ude00 \\/\"],\n\t\"b\":{\"c\":null,\"d\":true,\"e\":1.5e3,\"f\":-1E3,\"g\":\"1e3\"}\n}\n";
    assert_eq!(
        json(&parsed(text)),
        json!({"a": [1, "😀 /"], "b": {"c": null, "d": true, "e": 1500.0, "f": -1000.0, "g": "1e3"}})
    );
    assert_eq!(json(&parsed("{a: 1e3}")), json!({"a": "1e3"}), "this is YAML");
}

/// `tests/yaml/readings.json`, which `readings.py` made.
#[test]
fn what_ansible_refuses_is_refused() {
    let mut faults = vec![];
    let cases = golden("readings.json");
    assert!(cases.len() > 80);
    for case in &cases {
        let text = case[0].as_str().unwrap();
        let map = SourceMap::default();
        match (yaml::parse_value(&map, Path::new("x.yml"), text), case[1].get("value")) {
            (Err(_), None) => {}
            (Ok(node), Some(value)) if json(&node) == *value => {}
            (found, expected) => faults.push(format!("{text:?}: {found:?}, not {expected:?}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
