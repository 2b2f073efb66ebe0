//! Templates: golden tables of ansible-core's answers, diagnostics, and no panic on any text.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use proptest::prelude::*;
use rprov::config::{Config, Surroundings};
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

fn node(map: &SourceMap, text: &str) -> Node {
    yaml::parse_value(map, Path::new("play.yml"), text).expect("valid YAML")
}

fn golden_context(map: &SourceMap) -> Context {
    let cx = context(map, &std::fs::read_to_string(here("vars.yml")).expect("readable"));
    cx.decrypt_with(Arc::new(|envelope| {
        let envelope = rprov_vault::ansible::Envelope::parse(envelope).expect("an envelope");
        Ok(envelope.open(b"secretpw").expect("its password").to_vec())
    }))
}

/// The value as the generator writes it.
fn plain(value: &Value) -> serde_json::Value {
    if let Ok(number) = f64::try_from(value.clone())
        && !number.is_finite()
    {
        return number.to_string().to_lowercase().into();
    }
    if let Ok(number) = i128::try_from(value.clone())
        && value.is_integer()
        && i64::try_from(number).is_err()
        && u64::try_from(number).is_err()
    {
        return (number as f64).into();
    }
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
    // The settings as they are by default.
    let config = Config::load(&map, &Surroundings::default()).expect("no settings, no mistakes");
    let templar = Templar::with_config(map.clone(), Arc::new(config), Arc::new(|_: &str| {}));
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
                let wanted = expected["value"].to_string();
                (found == wanted, found)
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

#[test]
fn core_filters() {
    compare("core");
}

#[test]
fn core_tests() {
    compare("core_tests");
}

#[test]
fn core_lookups() {
    compare("core_lookups");
}

#[test]
fn community_general() {
    compare("community");
}

#[test]
fn ansible_utils() {
    compare("utils");
}

#[test]
fn python_isms() {
    compare("python");
}

/// Each file in `diagnostics/` holds variables and a template that has no value; beside it stands
/// what the user is told.
#[test]
fn diagnostics() {
    let mut report = String::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(here("diagnostics"))
        .expect("a directory")
        .map(|entry| entry.expect("readable").path())
        .collect();
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
            let _ =
                writeln!(report, "{}\n--- expected\n{expected}--- found\n{found}", name.display());
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn facts_and_results_are_never_templates() {
    let map = SourceMap::default();
    let cx = context(&map, "a: '{{ result.stdout }}'\nb: !unsafe '{{ a }}'\n");
    let stdout = Value::from_pairs([("stdout", "{{ nosuch }}")]);
    let cx = cx.with([("result".to_owned(), Raw::Value(stdout))]);
    let templar = Templar::new(map.clone());
    let value = |text: &str| templar.value(&node(&map, text), &cx).expect("a value").to_string();
    assert_eq!(value("'{{ result.stdout }}'"), "{{ nosuch }}");
    assert_eq!(value("'{{ a }}!'"), "{{ nosuch }}!");
    assert_eq!(value("'{{ b }}'"), "{{ a }}");
    assert_eq!(value("!unsafe '{{ a }}'"), "{{ a }}");
}

#[test]
fn render_keeps_spans_and_drops_omit() {
    let map = SourceMap::default();
    let cx = context(&map, "mode: '0644'\nport: 80\n");
    let templar = Templar::new(map.clone());
    let text = "{path: '/etc/{{ port }}', mode: '{{ mode }}', owner: '{{ owner | default(omit) }}', \
                port: '{{ port }}', list: [a, '{{ omit }}'], version: 3.10, raw: !unsafe '{{ x }}'}";
    let before = node(&map, text);
    let after = templar.render(&before, &cx).expect("a value");
    let text_of = |key: &str| after.get(key).and_then(Node::text).map(str::to_owned);
    assert_eq!(text_of("path").as_deref(), Some("/etc/80"));
    assert_eq!(text_of("mode").as_deref(), Some("0644"));
    assert_eq!(text_of("owner"), None, "omitted");
    assert_eq!(text_of("version").as_deref(), Some("3.10"), "the field decides");
    assert_eq!(text_of("raw").as_deref(), Some("{{ x }}"));
    assert_eq!(after.get("list").and_then(Node::items).map(<[Node]>::len), Some(1));
    assert_eq!(after.get("path").map(|node| node.span), before.get("path").map(|node| node.span));
    // A string that looks like a number stays one, a number does not become one.
    assert!(!after.get("mode").and_then(Node::scalar).is_some_and(|scalar| scalar.plain));
    assert!(after.get("port").and_then(Node::scalar).is_some_and(|scalar| scalar.plain));
    assert!(templar.render(&node(&map, "'{{ omit }}'"), &cx).is_err());
}

#[test]
fn vaulted_values_are_opened_when_they_are_used() {
    let map = SourceMap::default();
    let cx = context(&map, "secret: !vault ROT\nurl: 'x:{{ secret }}'\n");
    let templar = Templar::new(map.clone());
    let error = templar.value(&node(&map, "'{{ url }}'"), &cx).expect_err("no password");
    assert!(error.message.contains("no vault password"), "{error}");
    let cx = cx.with([]).decrypt_with(Arc::new(|envelope| {
        assert_eq!(envelope, b"ROT");
        Ok(b"s3cret".to_vec())
    }));
    assert_eq!(
        templar.value(&node(&map, "'{{ url }}'"), &cx).expect("a value").as_str(),
        Some("x:s3cret")
    );
}

/// Template files as the `template` module reads them.
#[test]
fn files() {
    let map = SourceMap::default();
    let cx = golden_context(&map);
    let templar = Templar::new(map.clone());
    let render = |text: &str, options: &FileOptions| {
        templar.file(text, &here("search/templates/main.j2"), &cx, options)
    };
    let plain = FileOptions::default();
    for (text, expected) in [
        ("a\n{% if t %}\nb\n{% endif %}\nc\n", "a\nb\nc\n"),
        ("  {% if t %}\nb\n  {% endif %}\nc", "  b\n  c"),
        ("#jinja2: trim_blocks: False\na\n{% if t %}\nb\n{% endif %}\n", "a\n\nb\n"),
        ("#jinja2:lstrip_blocks: True, trim_blocks: True\n  {% if t %}\nb\n  {% endif %}\n", "b\n"),
        (
            "#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ s ]] {{ s }}\n",
            "str {{ s }}\n",
        ),
        ("{{ 'a\\nb' }}|{{ '\\d' }}|{{ \"\\x41\" }}\n", "a\nb|\\d|A\n"),
        ("{{ l }} {{ none }} {{ t }}\n", "['a', 1, {'k': None}]  True\n"),
        ("{% include 'inc.j2' %}{% include 'sub/none.j2' ignore missing %}", "included 5"),
        ("{% from 'macros.j2' import hi %}{{ hi(s) }}", "hi str-2"),
        ("{{ l }}", "['a', 1, {'k': None}]"),
        ("{{ l }}\n", "['a', 1, {'k': None}]"),
        ("{{ n }}\n", ""),
        ("\n", "\n"),
        ("", ""),
        ("a\r\nb\r\n", "a\nb\n"),
        ("{{ 'x' | regex_replace('(x)', '\\\\1y') }}", "xy"),
        ("{% raw %}{{ x }}{% endraw %}\ny", "{{ x }}y"),
        ("{# a\ncomment #}\nx\n", "x\n"),
    ] {
        assert_eq!(render(text, &plain).expect(text), expected, "{text}");
    }
    let crlf = FileOptions { newline_sequence: "\r\n".into(), ..FileOptions::default() };
    assert_eq!(render("a\nb\n", &crlf).expect("a value"), "a\r\nb\r\n");
    let text = "#jinja2: lstrip_blocks: True\nserver {{ s }};\nroot {{ document_root }};\n";
    let file = map.add(Path::new("site.conf.j2"), text.into());
    let error = render(text, &FileOptions { file, ..plain.clone() }).expect_err("undefined");
    let shown = Diagnostic::from(error).render(&map, false);
    assert!(
        shown.contains("site.conf.j2:3:9") && shown.contains("`document_root` is undefined"),
        "{shown}"
    );
    let error = render("#jinja2: nosuch: 1\n", &plain).expect_err("unknown option");
    assert_eq!(error.message, "unknown template option `nosuch`");
}

/// Variables through variables, on a thread with the smallest stack in use.
#[test]
fn a_long_chain_of_variables_is_refused_before_the_stack_ends() {
    let run = |length: usize| {
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || {
                let map = SourceMap::default();
                let mut text = format!("v{length}: end\n");
                for i in 0..length {
                    let _ = writeln!(
                        text,
                        "v{i}: {{x: '{{{{ v{} | default(1) | to_json | from_json }}}}'}}",
                        i + 1
                    );
                }
                let cx = context(&map, &text);
                Templar::new(map.clone()).value(&node(&map, "'{{ v0 }}'"), &cx).map(drop)
            })
            .expect("a thread")
            .join()
            .expect("no panic")
    };
    assert_eq!(run(30), Ok(()));
    assert_eq!(run(2000).expect_err("too deep").kind, ErrorKind::Recursive);
}

#[test]
fn a_context_with_locals_sees_them_everywhere() {
    let map = SourceMap::default();
    let cx = context(&map, "greeting: 'hi {{ item }}'\n");
    let templar = Templar::new(map.clone());
    let greeting = node(&map, "'{{ greeting }}'");
    for item in ["a", "b"] {
        let cx = cx.with([("item".to_owned(), Raw::Value(Value::from(item)))]);
        assert_eq!(
            templar.value(&greeting, &cx).expect("a value").to_string(),
            format!("hi {item}")
        );
    }
    let error = templar.value(&greeting, &cx).expect_err("no item");
    assert_eq!(error.to_string(), "`item` is undefined, in variable `greeting`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(text in r#"([a-z0-9 .\[\](){}|%'"\\~+*/<>=!,:#-]|\{\{|\}\}|\{%|%\}| in | is | if | for | set |users|d\.|é|⏎|\|default|\|map|\|join|__at|loop|endfor|range\(3\)){0,60}"#) {
        let map = SourceMap::default();
        let cx = golden_context(&map);
        let templar = Templar::new(map.clone());
        let whole = Node::string(Span::default(), text.as_str());
        let inner = Node::string(Span::default(), format!("{{{{ {text} }}}}"));
        let _ = templar.value(&whole, &cx);
        let _ = templar.value(&inner, &cx);
        let _ = templar.condition(&whole, &cx);
        let _ = templar.file(&text, Path::new("x.j2"), &cx, &FileOptions::default());
    }
}

#[test]
fn names_are_those_jinja_finds() {
    let recorded = std::fs::read_to_string(here("names.json")).expect("readable");
    let recorded: std::collections::BTreeMap<String, Vec<String>> =
        serde_json::from_str(&recorded).expect("valid");
    let map = SourceMap::default();
    let mut wrong = String::new();
    for (text, expected) in &recorded {
        let options = FileOptions { trim_blocks: false, ..FileOptions::default() };
        let names = rprov::template::names::Names::of_file(text, &options, &map);
        // `lookup('vars', 'x')` uses x; the name is text to Jinja.
        let by_name = text.contains("'vars'");
        let found: std::collections::BTreeSet<String> =
            names.uses.into_iter().map(|used| used.name).collect();
        let found: Vec<String> =
            found.into_iter().filter(|name| !by_name || expected.contains(name)).collect();
        if found != *expected {
            let _ = writeln!(wrong, "{text}\n  expected {expected:?}\n  found    {found:?}");
        }
    }
    assert!(recorded.len() > 200, "only {} recorded", recorded.len());
    assert!(wrong.is_empty(), "{wrong}");
}

/// `tests/template/syntax.tsv` has Jinja's verdicts; `syntax.py` made it.
#[test]
fn what_jinja_cannot_read_is_told_without_evaluating() {
    let table = std::fs::read_to_string(here("syntax.tsv")).expect("readable");
    let templar = Templar::default();
    let mut faults = String::new();
    let mut refused = 0;
    for line in table.lines() {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().expect("three fields");
        let (verdict, kind, text) = (next(), next(), next());
        let node = Node::string(Span::default(), text);
        let found = match kind {
            "template" => templar.syntax(&node),
            _ => templar.expression_syntax(&node),
        };
        refused += usize::from(verdict == "refused");
        if found.is_empty() != (verdict == "ok") {
            writeln!(faults, "{line}\n  {found:?}").expect("in memory");
        }
    }
    assert!(refused > 300);
    assert!(faults.is_empty(), "{faults}");
}

/// `do` needs an extension in Ansible, and so is not in the tables of its answers.
#[test]
fn do_takes_any_expression() {
    let map = SourceMap::default();
    let cx = context(&map, "t: true\n");
    for (text, expected) in [
        (
            "{% set q = [] %}{% do q.append(1) if t %}{% do q.append(2) if not t %}{{ q | join(',') }}",
            "1",
        ),
        ("{% do t %}{% do [] %}x", "x"),
        ("{% do 1, 2 %}x", "x"),
    ] {
        let found = Templar::default().value(&Node::string(Span::default(), text), &cx);
        assert_eq!(found.expect(text), Value::from(expected), "{text}");
    }
}
