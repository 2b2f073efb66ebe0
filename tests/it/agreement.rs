//! The table of agreement in COMPATIBILITY.md, made from the golden cases.
//!
//! `tests/template/core_names.json` holds the names ansible-core 2.19 knows, as its `ansible-doc -l` tells
//! them. `UPDATE=1 cargo test agreement` writes the table. Without it the lists of filters and tests are
//! compared, but for their counts: those, the lookups and the keywords follow when the table is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rprov::source::{SourceMap, yaml};
use rprov::template::names::{Names, PluginKind, plugin_names};
use rprov_modules::kit::{Node, Span};

const BEGIN: &str = "<!-- agreement:begin -->\n";
const END: &str = "<!-- agreement:end -->\n";

/// The collections with golden cases, and the tables those are in.
const COLLECTIONS: [&str; 2] = ["community.general.", "ansible.utils."];

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root(name)).expect(name)
}

/// The golden cases of one name.
#[derive(Default)]
struct Cases {
    agree: usize,
    /// Why, and how often.
    differ: BTreeMap<String, usize>,
}

type ByName = BTreeMap<(PluginKind, String), Cases>;

/// The cases of every filter, test and lookup; how many there are at all.
fn golden() -> (ByName, usize) {
    let map = SourceMap::default();
    let known = yaml::parse_value(
        &map,
        Path::new("differences.yml"),
        &read("tests/template/differences.yml"),
    )
    .expect("valid YAML");
    let text = |row: &Node, key: &str| {
        row.get(key).and_then(Node::text).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let known: BTreeMap<String, String> = known
        .items()
        .unwrap_or_default()
        .iter()
        .map(|row| (text(row, "template"), text(row, "reason")))
        .collect();
    let mut cases = ByName::new();
    let mut count = 0;
    for entry in std::fs::read_dir(root("tests/template")).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let conditions = path.file_stem().is_some_and(|stem| stem == "conditions");
        let table = path.with_extension("json");
        let table: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(table).expect("recorded")).expect("JSON");
        for template in table.keys() {
            count += 1;
            let node = Node::string(Span::default(), template.replace('⏎', "\n"));
            let names = match conditions {
                true => Names::of_condition(&node, &map),
                false => Names::of_node(&node, &map),
            };
            // Where core leads a short name to a collection, it counts for the full one.
            let full = |kind: PluginKind, name: &str| {
                let name = name.trim_start_matches("ansible.builtin.");
                let moved = format!("{}{name}", COLLECTIONS[0]);
                match plugin_names(kind).contains(&moved.as_str())
                    && !["dict", "to_yaml"].contains(&name)
                {
                    true => moved,
                    false => name.to_owned(),
                }
            };
            let mut plugins: Vec<(PluginKind, String)> =
                names.plugins.iter().map(|used| (used.kind, full(used.kind, &used.name))).collect();
            plugins.dedup();
            match known.get(template.as_str()) {
                // What differs is the first that is asked; the others only show it.
                Some(reason) => {
                    if let Some(first) = plugins.into_iter().next() {
                        *cases
                            .entry(first)
                            .or_default()
                            .differ
                            .entry(reason.clone())
                            .or_default() += 1;
                    }
                }
                None => {
                    for name in plugins.into_iter().collect::<BTreeSet<_>>() {
                        cases.entry(name).or_default().agree += 1;
                    }
                }
            }
        }
    }
    (cases, count)
}

/// How many plays with ansible-core's recorded answer use a keyword, and in how many rprov's differs.
fn plays(keyword: &str) -> (usize, usize) {
    let (mut agree, mut differ) = (0, 0);
    for entry in std::fs::read_dir(root("tests/engine")).expect("listed") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let used = text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            line.strip_prefix(keyword).is_some_and(|rest| rest.starts_with(':'))
        });
        match (used, text.contains("=== rprov")) {
            (true, true) => differ += 1,
            (true, false) => agree += 1,
            _ => {}
        }
    }
    (agree, differ)
}

/// Words in lines of at most a hundred columns.
fn wrapped(words: &[String]) -> String {
    let mut out = String::new();
    let mut width = 0;
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { "," } else { "" };
        if width > 0 && width + word.len() + 2 > 100 {
            out.push('\n');
            width = 0;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        let _ = write!(out, "{word}{comma}");
        width += word.len() + comma.len();
    }
    out
}

/// The lists that are compared, and the whole table.
fn table() -> (Vec<String>, String) {
    let recorded: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&read("tests/template/core_names.json")).expect("JSON");
    let (cases, count) = golden();
    let mut summary = String::new();
    let mut lists = String::new();
    let mut without: Vec<String> = Vec::new();
    let mut strict: Vec<String> = Vec::new();
    for (kind, word, plural) in [
        (PluginKind::Filter, "filter", "filters"),
        (PluginKind::Test, "test", "tests"),
        (PluginKind::Lookup, "lookup", "lookups"),
    ] {
        let ours: BTreeSet<&str> = plugin_names(kind).into_iter().collect();
        let mut row = |title: &str, names: &[String]| {
            let (mut agree, mut differ, mut absent) = (Vec::new(), Vec::new(), Vec::new());
            for name in names {
                let short = COLLECTIONS.iter().find_map(|prefix| name.strip_prefix(prefix));
                let short = short.unwrap_or(name);
                if !ours.contains(name.as_str()) {
                    absent.push(format!("`{short}`"));
                    continue;
                }
                match cases.get(&(kind, name.clone())) {
                    Some(found) if !found.differ.is_empty() => {
                        let reasons: Vec<String> =
                            found.differ.iter().map(|(why, n)| format!("{why} ({n})")).collect();
                        differ.push((short.to_owned(), found.agree, reasons.join("; ")));
                    }
                    Some(found) => agree.push(format!("`{short}` {}", found.agree)),
                    None => without.push(format!("{word} {name}")),
                }
            }
            let _ = writeln!(
                summary,
                "| {title} | {} | {} | {} | {} |",
                names.len(),
                agree.len(),
                differ.len(),
                absent.len()
            );
            let list =
                format!("**{title}** that agree, with their cases:\n\n{}\n", wrapped(&agree));
            let _ = writeln!(lists, "{list}");
            if kind != PluginKind::Lookup {
                strict.push(list);
            }
            for (name, n, why) in differ {
                let _ =
                    writeln!(lists, "- `{name}` agrees in {n} cases and differs on purpose: {why}");
            }
            if !absent.is_empty() {
                let _ = writeln!(lists, "- not available: {}", absent.join(", "));
            }
            lists.push('\n');
        };
        row(plural, &recorded[word]);
        for prefix in COLLECTIONS {
            let names: Vec<String> = ours
                .iter()
                .filter(|name| name.starts_with(prefix))
                .map(ToString::to_string)
                .collect();
            if !names.is_empty() {
                row(&format!("{plural} of {}", prefix.trim_end_matches('.')), &names);
            }
        }
    }
    let ours: BTreeSet<&str> = rprov::playbook::Keywords::names().collect();
    let (mut agree, mut differ, mut absent, mut unused) = (vec![], vec![], vec![], vec![]);
    for name in &recorded["keyword"] {
        match (ours.contains(name.as_str()), plays(name)) {
            (false, _) => absent.push(format!("`{name}`")),
            (true, (0, 0)) => unused.push(format!("`{name}`")),
            (true, (n, 0)) => agree.push(format!("`{name}` {n}")),
            (true, (n, m)) => differ.push(format!("`{name}` {n} and {m}")),
        }
    }
    let _ = writeln!(
        summary,
        "| keywords | {} | {} | {} | {} |",
        recorded["keyword"].len(),
        agree.len() + unused.len(),
        differ.len(),
        absent.len()
    );
    let _ = writeln!(
        lists,
        "**keywords** that agree, with the plays in `tests/engine` that use them:\n\n{}\n",
        wrapped(&agree)
    );
    let _ = writeln!(
        lists,
        "- in plays that agree, and in plays with a difference that is on purpose (each says why):\n{}",
        wrapped(&differ)
    );
    if !unused.is_empty() {
        let _ = writeln!(lists, "- taken, and in no recorded play: {}", wrapped(&unused));
    }
    if !absent.is_empty() {
        let _ = writeln!(lists, "- not available: {}", wrapped(&absent));
    }
    assert!(without.is_empty(), "no golden case for {without:#?}");
    let whole = format!(
        "Counted from {count} recorded answers of ansible-core 2.19 to templates, and from the plays in\n\
         `tests/engine`. A name agrees when it has cases and none of them differs.\n\n\
         | | names | agree | differ in a case | not available |\n| --- | --- | --- | --- | --- |\n\
         {summary}\n{}\n",
        lists.trim_end()
    );
    (strict, whole)
}

/// Without numbers, and in one line.
fn names_alone(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",")
}

#[test]
fn the_table_is_up_to_date() {
    let text = read("COMPATIBILITY.md");
    let (before, rest) = text.split_once(BEGIN).expect("a place for the table");
    let (found, after) = rest.split_once(END).expect("an end of the table");
    let (strict, expected) = table();
    if std::env::var_os("UPDATE").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        std::fs::write(root("COMPATIBILITY.md"), text).expect("writable");
    } else {
        let found = names_alone(found);
        assert!(
            strict.iter().all(|list| found.contains(&names_alone(list))),
            "the table of agreement is out of date: `UPDATE=1 cargo test agreement` writes it"
        );
    }
}
