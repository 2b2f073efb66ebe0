//! Random secrets pushed through every module and every sink: nothing that comes out has one in it,
//! whole, encoded or in parts, and no program that is started while the run lasts.
//!
//! `tests/canary/tasks.yml` changes an embedded host for real. Besides, every parameter of every
//! module takes a secret in check mode: that list is made of the modules' own examples, so a new
//! module is in it by itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rprov::session::embedded::{Sandbox, Support};
use rprov_modules::kit::{Node, NodeKind};
use serde_json::Value;

use super::modules::{arguments, parse};
use super::traced;

const PASSWORD: &str = "vault password";

/// The secrets of one run.
struct Canaries {
    word: String,
    odd: String,
    lines: String,
    short: String,
    asked: String,
    /// Given only where no program may have it as a word.
    hidden: String,
    /// A number, written as YAML may.
    pin: String,
}

impl Canaries {
    fn new() -> Canaries {
        Canaries {
            word: random("Cw", 14),
            odd: format!("{} é'\"\\$`&+; {}", random("Co", 10), random("", 8)),
            lines: format!(
                "{}\n{}+{}\n{}==",
                random("Cl", 20),
                random("", 9),
                random("", 9),
                random("", 12)
            ),
            short: "q7Z".to_owned(),
            asked: random("Ca", 12),
            hidden: random("Ch", 14),
            pin: format!("{}_{}", rand::random_range(1000..9999), rand::random_range(10000..99999)),
        }
    }

    /// What must not be seen: the secrets, and pieces of them long enough to be no accident.
    fn traces(&self) -> BTreeSet<String> {
        let mut traces = BTreeSet::new();
        for secret in [&self.word, &self.odd, &self.lines, &self.asked, &self.hidden] {
            for line in secret.lines() {
                traces.extend(
                    line.split([' ', '+'])
                        .filter(|part| part.len() > 7 && part.is_ascii())
                        .map(str::to_owned),
                );
            }
            // From the fourth byte on, aligned in three ways; the ends hang on what is around them.
            for shift in 0..3 {
                let digits = STANDARD.encode(&secret.as_bytes()[shift..]);
                traces.insert(digits[4..digits.len().min(20) - 4].to_owned());
            }
        }
        traces.insert(format!("\"{}\"", self.short));
        traces.insert(self.pin.replace('_', ""));
        traces
    }

    fn vars(&self) -> String {
        let text = |value: &str| Value::from(value).to_string();
        format!(
            "word: {}\npin: {}\nhidden: {}\nodd: {}\nlines: {}\nshort: {}\n",
            text(&self.word),
            self.pin,
            text(&self.hidden),
            text(&self.odd),
            text(&self.lines),
            text(&self.short)
        )
    }
}

fn random(start: &str, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut out = start.to_owned();
    for _ in 0..length {
        out.push(LETTERS[rand::random_range(0..LETTERS.len())].into());
    }
    out
}

/// Runs rprov; returns all that it printed, and the programs that were started with a trace among
/// their words or in their environment.
fn run(dir: &Path, canaries: &Canaries, words: &[&str]) -> (String, Vec<String>) {
    let words = [&["canary", "env=demo"], words].concat();
    let (output, mut started) = traced::run(dir, env!("CARGO_BIN_EXE_rprov"), &words);
    let traces = canaries.traces();
    started.retain(|line| traces.iter().any(|trace| line.contains(trace.as_str())));
    let mut text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    text += &fs::read_to_string(dir.join("log")).unwrap_or_default();
    (text, started)
}

/// A project with the secrets in a vault, and these tasks.
fn project(canaries: &Canaries, tasks: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    };
    let sealed = |text: &str| {
        rprov_vault::ansible::seal(text.as_bytes(), PASSWORD.as_bytes(), None).expect("sealed")
    };
    write("vault-password", PASSWORD);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(dir.path().join("vault-password"), private).expect("a mode");
    write("inventories/demo/hosts", "canary ansible_connection=embedded\n");
    write("inventories/demo/secrets", &sealed(&canaries.vars()));
    write("playbooks/templates/canary.j2", "{{ word }} {{ odd | b64encode }}\n{{ lines }}\n");
    write("playbooks/files/canary.sh", &sealed(&format!("echo '{}'; exit 3\n", canaries.word)));
    let mut play = "- hosts: all\n  gather_facts: false\n".to_owned();
    writeln!(
        play,
        "  vars_prompt: [{{name: asked, default: {}}}]\n  ignore_errors: true\n  tasks:",
        canaries.asked
    )
    .expect("text");
    tasks.lines().filter(|line| !line.starts_with('#')).for_each(|line| {
        writeln!(play, "  {line}").expect("text");
    });
    write("playbooks/canary.yml", &play);
    dir
}

fn check(canaries: &Canaries, tasks: &str, words: &[&str], least: usize) {
    let dir = project(canaries, tasks);
    let (text, argv) = run(dir.path(), canaries, words);
    let recap = text.rsplit("canary  ").next().unwrap_or_default();
    let done: usize = recap
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| matches!(*name, "ok" | "ignored" | "skipped"))
        .filter_map(|(_, count)| count.parse::<usize>().ok())
        .sum();
    assert!(done >= least, "{done} tasks of {least} took place\n{text}");
    for trace in canaries.traces() {
        let around = text.find(&trace).map(|at| {
            let from = text[..at].rfind("TASK [").unwrap_or(0);
            text[from..].chars().take(2000).collect::<String>()
        });
        assert_eq!(around, None, "`{trace}` came out of {words:?}");
    }
    assert!(argv.is_empty(), "started: {argv:#?}");
    let changed = recap.split_once("changed=").and_then(|(_, n)| n.split(' ').next()?.parse().ok());
    assert!(changed.unwrap_or(0) > 15, "{text}");
    assert!(text.contains("•••"), "{text}");
}

fn skipped() -> bool {
    match Sandbox::probe() {
        Support::Yes(_) => false,
        Support::No(error) => {
            eprintln!("skipped: canary: {error}; {}", error.help());
            true
        }
    }
}

#[test]
fn no_secret_comes_out_of_real_changes() {
    if skipped() {
        return;
    }
    let tasks = include_str!("../canary/tasks.yml");
    let count = tasks.lines().filter(|line| line.starts_with("- ")).count();
    for words in [&["-vvv"][..], &["-D"], &["--check", "-v"]] {
        check(&Canaries::new(), tasks, words, count);
    }
}

/// For every parameter of every module, a task with a secret in it.
fn every_parameter() -> (String, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    let (mut tasks, mut count) = (String::new(), 0);
    for spec in rprov_modules::MODULES {
        let file = [format!("{}.rs", spec.name()), format!("{}/mod.rs", spec.name())]
            .map(|name| root.join(name))
            .into_iter()
            .find(|path| path.is_file())
            .unwrap_or_else(|| panic!("{} has a file", spec.name()));
        let text = fs::read_to_string(&file).expect("a module");
        let doc: String = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
            .collect();
        let example = doc.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let example = parse(&file, example.expect("an example"));
        let first = &example.items().expect("tasks")[0];
        let entries = first.entries().expect("a task");
        let args =
            entries.iter().find(|e| e.key.text().is_some_and(|k| rprov_modules::find(k).is_some()));
        let args = arguments(spec, &args.expect("a module").value);
        let schema = (spec.schema)().to_value();
        for (name, _) in schema["properties"].as_object().into_iter().flatten() {
            let mut given = serde_json::Map::new();
            for entry in args.entries().unwrap_or_default() {
                given.insert(entry.key.text().expect("a name").into(), json(&entry.value));
            }
            let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
            let secret = match name.as_str() {
                "repo" | "url" | "deb" => "http://me:{{ hidden }}@127.0.0.1:9/x",
                _ if named(&["password", "passphrase", "secret", "token"]) => "{{ hidden }}",
                _ => ["{{ word }}", "{{ odd }}", "x {{ lines }}"][count % 3],
            };
            given.insert(name.clone(), secret.into());
            let given = Value::Object(given);
            writeln!(tasks, "- {}: {given}\n  timeout: 2", spec.name()).expect("text");
            count += 1;
        }
    }
    (tasks, count)
}

fn json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar.text.as_ref().into(),
        NodeKind::List(items) => items.iter().map(json).collect(),
        NodeKind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.text().expect("a key").to_owned(), json(&entry.value)))
            .collect(),
    }
}

#[test]
fn no_secret_comes_out_of_any_parameter() {
    if skipped() {
        return;
    }
    let (tasks, count) = every_parameter();
    assert!(count > 200, "{count}");
    let canaries = Canaries::new();
    let dir = project(&canaries, &tasks);
    let (text, mut started) = run(dir.path(), &canaries, &["--check", "-vvv"]);
    // A path is a word, whatever it is made of; a password is not.
    started.retain(|line| line.contains(&canaries.hidden));
    assert!(started.is_empty(), "started: {started:#?}");
    assert!(text.matches("TASK [").count() >= count, "{text}");
    for trace in canaries.traces() {
        let around = text.find(&trace).map(|at| {
            let from = text[..at].rfind("TASK [").unwrap_or(0);
            text[from..].chars().take(2000).collect::<String>()
        });
        assert_eq!(around, None, "`{trace}` came out");
    }
}
