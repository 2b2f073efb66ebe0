//! `rprov run PATTERN -m MODULE -a ARGS`: one task on hosts, as the `ansible` command runs it.

use std::fmt::Write;

use super::Result;
use super::args::{AdHocArgs, PlayArgs, RunArgs};
use super::basis::Basis;
use super::inputs::{environment, split};
use super::run::run;
use super::verbs::{Look, Plan};
use crate::config::{MODULE_ARGS, MODULE_NAME};
use crate::source::Diagnostic;

/// Those that stand among plays, and mean nothing alone.
const OF_PLAYS: [&str; 2] = ["import_playbook", "include"];

pub(super) fn run_one(basis: &Basis, args: AdHocArgs) -> Result {
    let AdHocArgs { words, input, act, reach, .. } = &args;
    let (words, patterns) = split(words.clone());
    let pattern = match &patterns[..] {
        [] => {
            let error = Diagnostic::error("expected a host pattern");
            return Err(vec![error.help("write `rprov run PATTERN -m MODULE -a ARGS`")]);
        }
        [one] => one,
        [_, other, ..] => {
            let error =
                Diagnostic::error(format!("expected one host pattern, found also `{other}`"));
            let help = "hosts are told apart by commas; arguments belong behind `-a`, in quotes";
            return Err(vec![error.help(help)]);
        }
    };
    let (environment, words) = environment(words)?;
    let given = args.module_name.as_deref().or(basis.config.text(&MODULE_NAME));
    // To list hosts nothing has to be said of what they should do.
    let module = match act.list_hosts {
        true => "ping",
        false => given.unwrap_or("command"),
    };
    let bare = module
        .strip_prefix("ansible.builtin.")
        .or_else(|| module.strip_prefix("ansible.legacy."))
        .unwrap_or(module);
    if OF_PLAYS.contains(&bare) {
        let error = Diagnostic::error(format!("`{module}` means nothing outside of a play"));
        return Err(vec![error.help("write a playbook and run `rprov playbook FILE`")]);
    }
    let arguments = args.args.as_deref().or(basis.config.text(&MODULE_ARGS));
    let arguments = arguments.filter(|_| !act.list_hosts).unwrap_or_default();
    let plan = Plan {
        playbooks: vec![],
        text: Some(play(pattern, module, arguments, &args)),
        look: Look::AdHoc { one_line: args.one_line, tree: args.tree.clone() },
        environment,
        words,
        keep: false,
        playbook_dir: args.playbook_dir.clone(),
    };
    let args = RunArgs {
        input: input.clone(),
        act: act.clone(),
        reach: reach.clone(),
        play: PlayArgs::default(),
    };
    run(basis, &plan, &args)
}

/// The play around the task.
fn play(pattern: &str, module: &str, arguments: &str, args: &AdHocArgs) -> String {
    // JSON's strings are YAML's.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut play = String::new();
    let _ = writeln!(play, "- hosts: {}", quoted(pattern));
    let _ = writeln!(play, "  gather_facts: false");
    let _ = writeln!(play, "  tasks:");
    let arguments = match arguments.trim() {
        "" => String::new(),
        map if map.starts_with('{') && !map.starts_with("{{") => map.replace('\n', "\n      "),
        text => quoted(text),
    };
    let _ = writeln!(play, "    - {}: {arguments}", quoted(module));
    for (keyword, value) in [
        ("timeout", args.task_timeout),
        ("async", args.background),
        ("poll", args.background.and(args.poll)),
    ] {
        if let Some(value) = value {
            let _ = writeln!(play, "      {keyword}: {value}");
        }
    }
    play
}
