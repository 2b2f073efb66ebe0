//! Modules on a real machine: each file of `tests/converge/` is a list of tasks that are run in a
//! directory of their own (`ROOT`). After the steps of a plan, the same probe must plan nothing;
//! `expect` says `changed` (default), `ok` or `refused`; `check` is a shell test of the outcome.
//!
//! This is the smallest engine there can be: every ask and step is a process. It runs with every
//! POSIX shell that this machine has. `TRIAL='ssh root@host'` tries the files of
//! `tests/converge/root/` there, which change accounts and crontabs.

use std::{
    env, fs,
    io::Write,
    path::Path,
    process::{Command as Process, Stdio},
};

use rprov_modules::kit::*;

use super::modules::{arguments, facts, parse};

#[test]
fn files_converge() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/converge");
    let applets = tempfile::tempdir().unwrap();
    let path = format!("PATH={}", applets.path().display());
    let busybox = Process::new("busybox").arg("--install").arg("-s").arg(applets.path()).status();
    let mut shells = vec![vec!["sh", "-c"]];
    if busybox.is_ok_and(|status| status.success()) {
        // Nothing but busybox: what Alpine has.
        shells.push(vec!["env", &path, "sh", "-c"]);
    }
    for shell in shells {
        if Process::new(shell[0]).args(&shell[1..]).arg("true").status().is_ok_and(|s| s.success())
        {
            Machine { prefix: shell.into_iter().map(str::to_owned).collect() }.run_all(&here);
        }
    }
}

#[test]
fn accounts_converge_on_a_trial_host() {
    let Ok(trial) = env::var("TRIAL") else { return };
    let machine = Machine { prefix: trial.split(' ').map(str::to_owned).collect() };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/converge");
    machine.run_all(&here);
    machine.run_all(&here.join("root"));
}

struct Machine {
    /// What runs the one word that follows as a shell command.
    prefix: Vec<String>,
}

impl Machine {
    fn run_all(&self, directory: &Path) {
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "yml"))
            .filter(|path| !env::var("TRIAL_ONLY").is_ok_and(|only| !path.ends_with(only)))
            .collect();
        files.sort();
        for file in files {
            let root = self.sh("mktemp -d /tmp/converge.XXXXXX", &[], None).out();
            let root = root.trim();
            let text = fs::read_to_string(&file).unwrap().replace("ROOT", root);
            for (number, task) in parse(&file, &text).items().unwrap().iter().enumerate() {
                let name = format!("{:?} {} task {}", self.prefix, file.display(), number + 1);
                self.task(task, &name, root);
            }
            self.sh(r#"rm -rf -- "$1""#, &[root.into()], None);
        }
    }

    fn task(&self, task: &Node, name: &str, root: &str) {
        let (spec, args) = task
            .entries()
            .unwrap()
            .iter()
            .find_map(|e| Some((rprov_modules::find(e.key.text()?)?, &e.value)))
            .unwrap_or_else(|| panic!("{name}: no module"));
        let expect = task.get("expect").and_then(Node::text).unwrap_or("changed");
        let mut goal =
            (spec.bind)(&arguments(spec, args)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let supplies = goal.needs().iter().map(|need| self.supply(need, task)).collect();
        goal.supply(supplies).unwrap();
        let facts = facts(&[("home", root)].into());
        let plan = match self.plan(&*goal, &facts) {
            Ok(plan) => plan,
            Err(why) if expect == "refused" => {
                let expected = task.get("because").and_then(Node::text).unwrap_or_default();
                assert!(why.message.contains(expected), "{name}: {}", why.message);
                return;
            }
            Err(why) => panic!("{name}: {}", why.message),
        };
        let found = if plan.is_empty() { "ok" } else { "changed" };
        assert_eq!(found, expect, "{name}: {plan:#?}");
        for Change { step, .. } in &plan.changes {
            let reply = self.step(step);
            assert!(reply.ok(), "{name}: {step:?}\n{}{}", reply.out(), reply.err());
        }
        let after = self.plan(&*goal, &facts).unwrap_or_else(|e| panic!("{name}: {}", e.message));
        if plan.settles {
            assert!(after.is_empty(), "{name}: not quiet: {after:#?}");
        }
        let values = if plan.is_empty() { &plan.values } else { &after.values };
        for Entry { key, value } in task.get("values").and_then(Node::entries).unwrap_or_default() {
            let key = key.text().unwrap();
            let mut found = Some(&serde_json::Value::from(values.clone())).cloned();
            for part in key.split('.') {
                found = found.and_then(|v| v.get(part).cloned());
            }
            let expected: serde_json::Value = Deserialize::deserialize(value).unwrap();
            assert_eq!(found, Some(expected), "{name}: {key} of {values:#?}");
        }
        if let Some(check) = task.get("check").and_then(Node::text) {
            let script = format!("cd {}; {check}", quote(root));
            let reply = self.line(&script, None);
            assert!(reply.ok(), "{name}: {check}: {}{}", reply.out(), reply.err());
        }
    }

    fn plan(&self, goal: &dyn Goal, facts: &Facts) -> Result<Plan> {
        let mut probe = goal.probe_plan(facts);
        loop {
            let answers: Vec<_> = probe.asks().iter().map(|ask| self.answer(ask)).collect();
            match probe.read(answers) {
                Next::Done(plan) => return plan,
                Next::More(more) => probe = more,
            }
        }
    }

    fn supply(&self, need: &Need, task: &Node) -> Supply {
        let src = match need {
            Need::File { src } | Need::Template { src, .. } => src,
        };
        let Some(entries) = task.get("tree") else {
            let content = task.get("file").and_then(Node::text).unwrap_or_default();
            return Supply::File {
                path: src.clone(),
                content: content.as_bytes().into(),
                mode: 0o755,
            };
        };
        let entries = entries.entries().unwrap().iter().map(|entry| {
            let (path, text) = (entry.key.text().unwrap(), entry.value.text().unwrap());
            let directory = path.ends_with('/');
            TreeEntry {
                path: path.trim_end_matches('/').into(),
                mode: if directory { 0o755 } else { 0o640 },
                content: (!directory && !text.starts_with("-> ")).then(|| text.as_bytes().into()),
                link: text.strip_prefix("-> ").map(str::to_owned),
            }
        });
        Supply::Tree { path: src.clone(), entries: entries.collect() }
    }

    fn line(&self, line: &str, stdin: Option<&[u8]>) -> Reply {
        let mut child = Process::new(&self.prefix[0])
            .args(&self.prefix[1..])
            .arg(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // A command that does not read its input is no error.
        let _ = input.write_all(stdin.unwrap_or_default());
        drop(input);
        let output = child.wait_with_output().unwrap();
        Reply {
            status: output.status.code().unwrap_or(255),
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }

    fn sh(&self, text: &str, args: &[String], stdin: Option<&[u8]>) -> Reply {
        let mut line = "exec ".to_owned();
        // The same shell again, so that the parameters are its own.
        line += "sh -c ";
        line += &quote(text);
        for arg in std::iter::once(&"sh".to_owned()).chain(args) {
            line.push(' ');
            line += &quote(arg);
        }
        self.line(&line, stdin)
    }

    fn out(&self, text: &str, args: &[&String]) -> Option<String> {
        let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
        let reply = self.sh(text, &args, None);
        reply.ok().then(|| reply.out().trim_end_matches('\n').to_owned())
    }

    fn answer(&self, ask: &Ask) -> Answer {
        match ask {
            Ask::Stat { path, follow } => {
                let option = if *follow { "-L" } else { "" }.to_owned();
                let format = "%f %u %g %U %G %s %X %Y %Z %i %d %h";
                let text = format!(r#"stat $2 -c '{format}' -- "$1""#);
                Answer::Stat(self.out(&text, &[path, &option]).map(|line| {
                    let target = self.out(r#"[ -z "$2" ] && readlink -- "$1""#, &[path, &option]);
                    stat(&line, target)
                }))
            }
            Ask::Read { path, limit, unless } => {
                let Some(size) = self.out(r#"stat -Lc %s -- "$1""#, &[path]) else {
                    return Answer::Content(Content::Absent);
                };
                let Some(sha256) = self.digest(path, "sha256sum") else {
                    return Answer::Content(Content::NotAFile);
                };
                let size = size.parse().unwrap();
                Answer::Content(match () {
                    () if Some(&sha256) == unless.as_ref() => Content::Same,
                    () if size > *limit => Content::Large { size, sha256 },
                    () => Content::Bytes(
                        self.sh(r#"cat -- "$1""#, std::slice::from_ref(path), None).stdout.into(),
                    ),
                })
            }
            Ask::Digest { path, algorithm } => {
                Answer::Digest(self.digest(path, &format!("{algorithm:?}sum").to_lowercase()))
            }
            Ask::User { name } => Answer::User(self.user(name)),
            Ask::Group { name } => Answer::Group(
                self.out(r#"getent group "$1" || grep "^$1:" /etc/group"#, &[name]).map(|line| {
                    let fields: Vec<_> = line.split(':').collect();
                    Group {
                        name: fields[0].into(),
                        gid: fields[2].parse().unwrap(),
                        members: fields[3].split(',').map(str::to_owned).collect(),
                    }
                }),
            ),
            Ask::Sh { script, .. } => {
                Answer::Sh(self.sh(script.text, &script.args, script.stdin.as_deref()))
            }
            Ask::Package { .. } | Ask::Unit { .. } => panic!("{ask:?} is not for this test"),
        }
    }

    fn digest(&self, path: &String, tool: &str) -> Option<String> {
        let line = self.out(r#"[ -f "$1" ] && "$2" <"$1""#, &[path, &tool.to_owned()])?;
        line.split(' ').next().map(str::to_owned)
    }

    fn user(&self, name: &String) -> Option<User> {
        let line = self.out(r#"getent passwd "$1" || grep "^$1:" /etc/passwd"#, &[name])?;
        let fields: Vec<_> = line.split(':').collect();
        let groups = self.out(r#"id -Gn -- "$1""#, &[&fields[0].to_owned()])?;
        Some(User {
            name: fields[0].into(),
            uid: fields[2].parse().unwrap(),
            gid: fields[3].parse().unwrap(),
            comment: fields[4].into(),
            home: fields[5].into(),
            shell: fields[6].into(),
            groups: groups.split(' ').map(str::to_owned).collect(),
        })
    }

    fn step(&self, step: &Step) -> Reply {
        match step {
            Step::Run { script, .. } => self.sh(script.text, &script.args, script.stdin.as_deref()),
            Step::Put(put) => self.put(put),
            Step::Command(command) => self.command(command),
        }
    }

    fn put(&self, put: &Put) -> Reply {
        let text = r#"
            new=$1.new; keep=$2; owner=$3; path=$1; backup=$4
            cat >"$new" || exit
            if [ -e "$path" ]; then
                : "${keep:=$(stat -c %a -- "$path")}"
                : "${owner:=$(stat -c %u:%g -- "$path")}"
            fi
            [ -z "$owner" ] || chown "$owner" "$new" || exit
            [ -z "$keep" ] || chmod "$keep" "$new" || exit
            shift 4
            if [ $# -gt 0 ]; then "$@" || { rm -f "$new"; exit 1; }; fi
            [ -z "$backup" ] || cp -p "$path" "$path.backup~"
            mv -f "$new" "$path""#;
        let new = format!("{}.new", put.path);
        let owner = match (&put.owner, &put.group) {
            (None, None) => String::new(),
            (owner, group) => format!(
                "{}{}",
                owner.as_deref().unwrap_or_default(),
                group.as_ref().map_or(String::new(), |g| format!(":{g}"))
            ),
        };
        let mut args = vec![
            put.path.clone(),
            put.mode.map_or_else(String::new, |mode| format!("{mode:o}")),
            owner,
            if put.backup { "backup" } else { "" }.into(),
        ];
        args.extend(put.validate.iter().flatten().map(|word| word.replace("%s", &new)));
        self.sh(text, &args, Some(&put.content))
    }

    fn command(&self, command: &Command) -> Reply {
        let mut args = vec![command.chdir.clone().unwrap_or_else(|| ".".into())];
        match &command.program {
            Program::Argv(words) => args.extend(words.iter().cloned()),
            Program::Shell { text, executable } | Program::Raw { text, executable } => {
                let shell = executable.as_deref().unwrap_or("/bin/sh");
                args.extend([shell.into(), "-c".into(), text.clone()]);
            }
            Program::Upload { .. } => panic!("uploads are not for this test"),
        }
        self.sh(r#"cd -- "$1" && shift && "$@""#, &args, command.stdin.as_deref())
    }
}

fn stat(line: &str, target: Option<String>) -> Stat {
    let words: Vec<&str> = line.split(' ').collect();
    let raw = u32::from_str_radix(words[0], 16).unwrap();
    Stat {
        kind: match raw >> 12 {
            0o4 => FileKind::Directory,
            0o12 => FileKind::Link,
            0o10 => FileKind::File,
            0o1 => FileKind::Fifo,
            0o2 => FileKind::Character,
            0o6 => FileKind::Block,
            _ => FileKind::Socket,
        },
        mode: raw & 0o7777,
        uid: words[1].parse().unwrap(),
        gid: words[2].parse().unwrap(),
        owner: words[3].into(),
        group: words[4].into(),
        size: words[5].parse().unwrap(),
        atime: words[6].parse().unwrap(),
        mtime: words[7].parse().unwrap(),
        ctime: words[8].parse().unwrap(),
        inode: words[9].parse().unwrap(),
        device: words[10].parse().unwrap(),
        links: words[11].parse().unwrap(),
        target,
    }
}
