//! Golden plans: each file under `tests/modules/<module>/` holds a task, what the host answers to
//! the module's questions, and the plan that follows. `UPDATE=1 cargo test` rewrites them.
//!
//! ```text
//! path: /etc/motd               the task's arguments, as in a playbook
//! mode: "0600"
//! --- facts                     optional: what differs from root on Debian 12
//! user: deploy
//! --- supplies                  what the module needs of the controller; answers are indented
//! file motd
//!   file /play/files/motd 0644
//!   | hello
//! --- asks                      what it asks the host; answers are indented
//! lstat /etc/motd
//!   file 0644 root:root
//! --- plan
//! /etc/motd: mode 0644 -> 0600
//!   $ chmod 0600 /etc/motd
//! ```
//!
//! Answers, `absent` (or an empty success) by default:
//! `KIND MODE OWNER:GROUP [-> TARGET] [size=N] [uid=N] [gid=N] [mtime=N] …` for a stat; `| ` lines,
//! `same`, `not a file` or `large SIZE SHA256` for a content; the bare text for a digest or version;
//! `LOAD ACTIVE SUB FILESTATE [needs_reload]` for a unit; a passwd line and ` groups=a,b` for a user;
//! a group line for a group; `exit N`, `| ` and `! ` (stderr) lines for a script (`\0` is NUL). A last line `\`
//! takes the newline of the line before away.

use std::{collections::HashMap, env, fmt::Write, fs, path::Path, sync::Arc};

use rprov::source::{SourceMap, yaml};
use rprov_modules::kit::{self, *};

#[test]
fn golden_plans() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let mut wrong = String::new();
    for path in cases(&root) {
        let module = path.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
        let spec = rprov_modules::find(module).expect("a directory is named after a module");
        let old = fs::read_to_string(&path).unwrap();
        let new = replay(spec, &path, &old);
        if new == old {
            continue;
        }
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &new).unwrap();
        } else {
            let diff = similar::TextDiff::from_lines(&old, &new);
            writeln!(wrong, "{}\n{}", path.display(), diff.unified_diff()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE=1 accepts");
}

#[test]
fn examples_bind() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    let mut seen = 0;
    for file in fs::read_dir(root).unwrap().map(|e| e.unwrap().path()) {
        if file.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let doc: String = text
            .lines()
            .map_while(|l| l.strip_prefix("//!"))
            .map(|l| format!("{}\n", l.strip_prefix(' ').unwrap_or(l)))
            .collect();
        let Some((_, rest)) = doc.split_once("```yaml\n") else { continue };
        let (example, _) = rest.split_once("```").expect("a closed example");
        let tasks = parse(&file, example);
        for task in tasks.items().expect("an example is a list of tasks") {
            let (spec, args) = task
                .entries()
                .unwrap()
                .iter()
                .find_map(|e| Some((rprov_modules::find(e.key.text()?)?, &e.value)))
                .unwrap_or_else(|| panic!("{}: no module in the example", file.display()));
            if let Err(error) = (spec.bind)(&arguments(spec, args)) {
                panic!("{}: {error}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= rprov_modules::MODULES.len(), "every module has an example");
}

#[test]
fn the_registry_is_sorted_and_documented() {
    let names: Vec<_> = rprov_modules::MODULES.iter().map(Spec::name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for spec in rprov_modules::MODULES {
        let schema = (spec.schema)().to_value();
        assert!(schema["description"].is_string(), "{}: no description", spec.name());
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{}.{field}: no manual", spec.name());
        }
    }
    assert!(rprov_modules::find("ansible.builtin.ping").is_some());
    assert!(rprov_modules::find("ansible.legacy.ping").is_some());
    assert!(rprov_modules::find("nobody.knows.ping").is_none());
}

fn cases(root: &Path) -> Vec<std::path::PathBuf> {
    let list = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let mut cases: Vec<_> = list(root)
        .filter(|p| p.is_dir())
        .flat_map(|dir| list(&dir))
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
        .collect();
    cases.sort();
    cases
}

pub(crate) fn parse(path: &Path, text: &str) -> Node {
    let map = SourceMap::default();
    yaml::parse_value(&map, path, text).unwrap_or_else(|e| panic!("{}", e.render(&map, false)))
}

/// What the engine makes of a task's value: free-form text goes to its parameter.
pub(crate) fn arguments(spec: &Spec, node: &Node) -> Node {
    match (spec.free_form, node.scalar()) {
        _ if node.is_null() => Node::map(node.span, vec![]),
        (Some(parameter), Some(_)) => Node::map(
            node.span,
            vec![Entry { key: Node::string(node.span, parameter), value: node.clone() }],
        ),
        _ => node.clone(),
    }
}

fn replay(spec: &Spec, path: &Path, case: &str) -> String {
    let case = Case::read(case);
    let mut out = case.task.clone();
    let facts = case.facts.as_ref().map_or_else(
        || facts(&HashMap::new()),
        |text| {
            write!(out, "--- facts\n{text}").unwrap();
            facts(&text.lines().filter_map(|l| l.split_once(": ")).collect())
        },
    );
    let mut goal = match (spec.bind)(&arguments(spec, &parse(path, &case.task))) {
        Ok(goal) => goal,
        Err(error) => {
            write!(out, "--- plan\nerror: {error}\n").unwrap();
            error.help.iter().for_each(|help| writeln!(out, "  help: {help}").unwrap());
            return out;
        }
    };
    let needs = goal.needs();
    if !needs.is_empty() {
        out += "--- supplies\n";
        let supplies = needs.iter().map(|need| {
            let line = need_line(need);
            let default = "  file /src 0644\n".to_owned();
            let canned = case.supplies.get(&line).unwrap_or(&default);
            write!(out, "{line}\n{canned}").unwrap();
            supply(canned)
        });
        let supplies = supplies.collect();
        if let Err(refusal) = goal.supply(supplies) {
            return out + "--- plan\n" + &refused(&refusal);
        }
    }
    let mut probe = goal.probe_plan(&facts);
    let mut asked: Vec<String> = Vec::new();
    let plan = loop {
        let answers: Vec<Answer> = probe
            .asks()
            .iter()
            .map(|ask| {
                let line = ask_line(ask);
                let default = default_answer(ask);
                let canned = case.asks.get(&line).unwrap_or(&default);
                let answer = answer(ask, canned);
                if !asked.contains(&line) {
                    if asked.is_empty() {
                        out += "--- asks\n";
                    }
                    write!(out, "{line}\n{canned}").unwrap();
                    asked.push(line);
                }
                answer
            })
            .collect();
        match probe.read(answers) {
            Next::Done(plan) => break plan,
            Next::More(more) => probe = more,
        }
    };
    out += "--- plan\n";
    match plan {
        Ok(plan) => print(&plan, &mut out),
        Err(refusal) => out += &refused(&refusal),
    }
    out
}

struct Case {
    task: String,
    facts: Option<String>,
    supplies: HashMap<String, String>,
    asks: HashMap<String, String>,
}

impl Case {
    fn read(text: &str) -> Case {
        let mut case = Case {
            task: String::new(),
            facts: None,
            supplies: HashMap::new(),
            asks: HashMap::new(),
        };
        let mut section = "task".to_owned();
        let mut question = String::new();
        for line in text.split_inclusive('\n') {
            if let Some(name) = line.strip_prefix("--- ") {
                section = name.trim_end().to_owned();
                continue;
            }
            let blocks = match section.as_str() {
                "task" => {
                    case.task += line;
                    continue;
                }
                "facts" => {
                    *case.facts.get_or_insert_default() += line;
                    continue;
                }
                "supplies" => &mut case.supplies,
                "asks" => &mut case.asks,
                "plan" => break,
                other => panic!("unknown section `{other}`"),
            };
            if line.starts_with(' ') {
                blocks.entry(question.clone()).or_default().push_str(line);
            } else {
                question = line.trim_end_matches('\n').to_owned();
            }
        }
        case
    }
}

pub(crate) fn facts(given: &HashMap<&str, &str>) -> Facts {
    let get = |key: &str, default: &str| given.get(key).unwrap_or(&default).trim().to_owned();
    Facts {
        user: get("user", "root"),
        uid: get("uid", "0").parse().unwrap(),
        gid: get("gid", "0").parse().unwrap(),
        home: get("home", "/root"),
        system: Arc::new(System {
            id: get("id", "debian"),
            id_like: get("id_like", "").split_whitespace().map(str::to_owned).collect(),
            version: get("version", "12"),
            codename: get("codename", "bookworm"),
            architecture: get("architecture", "x86_64"),
            hostname: get("hostname", "h"),
            kernel: get("kernel", "6.1.0"),
            package_manager: match get("package_manager", "apt").as_str() {
                "apt" => Some(PackageManager::Apt),
                "dnf" => Some(PackageManager::Dnf),
                "apk" => Some(PackageManager::Apk),
                "zypper" => Some(PackageManager::Zypper),
                "pacman" => Some(PackageManager::Pacman),
                _ => None,
            },
            service_manager: match get("service_manager", "systemd").as_str() {
                "systemd" => ServiceManager::Systemd,
                "openrc" => ServiceManager::OpenRc,
                _ => ServiceManager::SysV,
            },
            homes: get("homes", "root=/root deploy=/home/deploy")
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='))
                .map(|(user, home)| (user.to_owned(), home.to_owned()))
                .collect(),
        }),
    }
}

// Questions and answers as text.

fn need_line(need: &Need) -> String {
    match need {
        Need::File { src } => format!("file {src}"),
        Need::Template { src, options } if *options == TemplateOptions::default() => {
            format!("template {src}")
        }
        Need::Template { src, options } => {
            let options = format!("{options:?}").replace(['{', '}'], ",");
            let given = options.split(',').map(str::trim).filter(|o| o.contains("Some("));
            let options = given.collect::<Vec<_>>().join(", ");
            format!("template {src} {options}")
        }
    }
}

fn supply(canned: &str) -> Supply {
    let mut root = None;
    let mut entries = Vec::new();
    for (head, body) in heads(canned) {
        let words: Vec<&str> = head.split(' ').collect();
        let mode = |i: usize| u32::from_str_radix(words[i], 8).unwrap();
        let entry = match words[0] {
            "tree" => {
                root = Some(words[1].to_owned());
                continue;
            }
            "file" if root.is_none() => {
                return Supply::File { path: words[1].into(), content: body.into(), mode: mode(2) };
            }
            "file" => (mode(2), Some(body.into()), None),
            "dir" => (mode(2), None, None),
            "link" => (0o777, None, Some(words[3].to_owned())),
            other => panic!("expected tree, file, dir or link, found `{other}`"),
        };
        let (mode, content, link) = entry;
        entries.push(TreeEntry { path: words[1].into(), mode, content, link });
    }
    Supply::Tree { path: root.expect("a supply"), entries }
}

/// Lines that are no content, each with the content that follows it.
fn heads(canned: &str) -> Vec<(&str, Vec<u8>)> {
    let mut heads: Vec<(&str, Vec<u8>)> = Vec::new();
    for line in canned.lines().map(str::trim_start) {
        match line.strip_prefix('|') {
            _ if line == "\\" => drop(heads.last_mut().unwrap().1.pop()),
            Some(text) => {
                let body = &mut heads.last_mut().expect("a line before `|`").1;
                body.extend(text.strip_prefix(' ').unwrap_or(text).bytes().chain([b'\n']));
            }
            None => heads.push((line, vec![])),
        }
    }
    heads
}

fn ask_line(ask: &Ask) -> String {
    match ask {
        Ask::Stat { path, follow: true } => format!("stat {path}"),
        Ask::Stat { path, follow: false } => format!("lstat {path}"),
        Ask::Read { path, limit, unless: None } => format!("read {path} up to {limit}"),
        Ask::Read { path, limit, unless: Some(digest) } => {
            format!("read {path} up to {limit} unless {}…", digest.get(..8).unwrap_or_default())
        }
        Ask::Digest { path, algorithm } => {
            format!("digest {path} {}", format!("{algorithm:?}").to_lowercase())
        }
        Ask::Package { manager, name } => {
            format!("package {name} {}", format!("{manager:?}").to_lowercase())
        }
        Ask::Unit { name } => format!("unit {name}"),
        Ask::User { name } => format!("user {name}"),
        Ask::Group { name } => format!("group {name}"),
        Ask::Sh { script, cost } => {
            let mark = match cost {
                Cost::Cheap => "$",
                Cost::Costly => "$$",
                Cost::Act => "act $",
            };
            format!("{mark} {}", one_line(script))
        }
    }
}

/// A script of many lines is known by its first line, which should say what it does.
fn one_line(script: &Script) -> String {
    let shown = script.to_string();
    let text = script.text.trim();
    match text.split_once('\n') {
        None => shown.replace('\n', "\\n"),
        Some((first, _)) => {
            let data = shown.strip_prefix(script.text).unwrap_or_default();
            format!("{first} …{data}").replace('\n', "\\n")
        }
    }
}

fn default_answer(ask: &Ask) -> String {
    match ask {
        Ask::Sh { .. } => "  exit 0\n".into(),
        Ask::Unit { .. } => "  not-found inactive dead -\n".into(),
        _ => "  absent\n".into(),
    }
}

fn answer(ask: &Ask, canned: &str) -> Answer {
    let line = canned.lines().next().unwrap_or_default().trim();
    let some = (line != "absent").then_some(line);
    match ask {
        Ask::Stat { .. } => Answer::Stat(some.map(stat_answer)),
        Ask::Read { .. } => Answer::Content(content_answer(canned)),
        Ask::Digest { .. } => Answer::Digest(some.map(str::to_owned)),
        Ask::Package { .. } => Answer::Package(some.map(str::to_owned)),
        Ask::Unit { .. } => {
            let mut words = line.split(' ').map(|w| if w == "-" { "" } else { w }.to_owned());
            let mut word = || words.next().unwrap_or_default();
            let (load, active, sub, file_state) = (word(), word(), word(), word());
            let needs_reload = line.ends_with(" needs_reload");
            let fragment = match load.as_str() {
                "loaded" => "/lib/systemd/system/x.service".into(),
                _ => String::new(),
            };
            Answer::Unit(Unit { load, active, sub, file_state, fragment, needs_reload })
        }
        Ask::User { .. } => Answer::User(some.map(|line| {
            let (line, groups) = line.split_once(" groups=").unwrap_or((line, ""));
            let f: Vec<&str> = line.split(':').collect();
            kit::User {
                name: f[0].into(),
                uid: f[2].parse().unwrap(),
                gid: f[3].parse().unwrap(),
                comment: f[4].into(),
                home: f[5].into(),
                shell: f[6].into(),
                groups: words(groups),
            }
        })),
        Ask::Group { .. } => Answer::Group(some.map(|line| {
            let f: Vec<&str> = line.split(':').collect();
            kit::Group {
                name: f[0].into(),
                gid: f[2].parse().unwrap(),
                members: words(f.get(3).unwrap_or(&"")),
            }
        })),
        Ask::Sh { .. } => Answer::Sh(reply(canned)),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(',').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn stat_answer(line: &str) -> Stat {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("too few words in `{line}`"));
    let kind = match word() {
        "file" => FileKind::File,
        "dir" => FileKind::Directory,
        "link" => FileKind::Link,
        "block" => FileKind::Block,
        "char" => FileKind::Character,
        "fifo" => FileKind::Fifo,
        "socket" => FileKind::Socket,
        other => panic!("expected a kind of file, found `{other}`"),
    };
    let mode = u32::from_str_radix(word(), 8).unwrap();
    let (owner, group) = word().split_once(':').unwrap();
    let id = |name: &str| name.parse().unwrap_or(if name == "root" { 0 } else { 1000 });
    let mut stat = Stat {
        kind,
        mode,
        uid: id(owner),
        gid: id(group),
        owner: owner.into(),
        group: group.into(),
        size: 0,
        atime: 1_700_000_000,
        mtime: 1_700_000_000,
        ctime: 1_700_000_000,
        inode: 2,
        device: 1,
        links: 1,
        target: None,
    };
    while let Some(word) = words.next() {
        match word.split_once('=') {
            None if word == "->" => stat.target = words.next().map(str::to_owned),
            Some(("size", n)) => stat.size = n.parse().unwrap(),
            Some(("uid", n)) => stat.uid = n.parse().unwrap(),
            Some(("gid", n)) => stat.gid = n.parse().unwrap(),
            Some(("atime", n)) => stat.atime = n.parse().unwrap(),
            Some(("mtime", n)) => stat.mtime = n.parse().unwrap(),
            Some(("inode", n)) => stat.inode = n.parse().unwrap(),
            Some(("device", n)) => stat.device = n.parse().unwrap(),
            Some(("links", n)) => stat.links = n.parse().unwrap(),
            _ => panic!("unexpected `{word}` in `{line}`"),
        }
    }
    stat
}

fn content_answer(canned: &str) -> Content {
    let line = canned.lines().next().unwrap_or_default().trim();
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["absent"] => Content::Absent,
        ["same"] => Content::Same,
        ["not", "a", "file"] => Content::NotAFile,
        ["large", size, sha256] => {
            Content::Large { size: size.parse().unwrap(), sha256: sha256.into() }
        }
        _ => {
            let with_head = format!("content\n{canned}");
            Content::Bytes(heads(&with_head).remove(0).1.into())
        }
    }
}

fn reply(canned: &str) -> Reply {
    let mut reply = Reply::default();
    let mut last_is_error = false;
    for line in canned.lines().map(str::trim_start) {
        let stream = match line.bytes().next() {
            Some(b'|') => &mut reply.stdout,
            Some(b'!') => &mut reply.stderr,
            Some(b'\\') => {
                if last_is_error { &mut reply.stderr } else { &mut reply.stdout }.pop();
                continue;
            }
            _ => {
                let status = line.strip_prefix("exit ").expect("`exit N`, `| …` or `! …`");
                reply.status = status.parse().unwrap();
                continue;
            }
        };
        last_is_error = line.starts_with('!');
        let text = line[1..].replace("\\0", "\0");
        let text = text.as_str();
        stream.extend(text.strip_prefix(' ').unwrap_or(text).bytes().chain([b'\n']));
    }
    reply
}

// Plans as text.

fn refused(refusal: &Refusal) -> String {
    let mut out = format!("refused: {}\n", refusal.message.replace('\n', "\n  "));
    values("values", &refusal.values, &mut out);
    out
}

fn print(plan: &Plan, out: &mut String) {
    if plan.is_empty() && plan.acted.is_empty() {
        *out += "ok\n";
    }
    for diff in &plan.acted {
        *out += "done: ";
        diff_text(diff, out);
    }
    for Change { diffs, step } in &plan.changes {
        diffs.iter().for_each(|diff| diff_text(diff, out));
        step_text(step, out);
    }
    if !plan.settles {
        *out += "not verified\n";
    }
    plan.warnings.iter().for_each(|warning| writeln!(out, "warning: {warning}").unwrap());
    values("values", &plan.values, out);
    values("on change", &plan.on_change, out);
}

fn values(title: &str, values: &serde_json::Map<String, serde_json::Value>, out: &mut String) {
    if !values.is_empty() {
        writeln!(out, "{title}").unwrap();
    }
    for (key, value) in values {
        writeln!(out, "  {key}: {value}").unwrap();
    }
}

fn diff_text(diff: &Diff, out: &mut String) {
    match diff {
        Diff::Field { subject, name, before, after } => {
            let shown = |s: &str| if s.is_empty() { "none".into() } else { s.to_owned() };
            writeln!(out, "{subject}: {name} {} -> {}", shown(before), shown(after)).unwrap();
        }
        Diff::Note(note) => writeln!(out, "note: {note}").unwrap(),
        Diff::Text { path, before, after } => {
            writeln!(out, "{path}: {} -> {}", side(before), side(after)).unwrap();
            let text = |side: &Text| match side {
                Text::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            };
            let (before, after) = (text(before), text(after));
            for hunk in similar::TextDiff::from_lines(&before, &after).unified_diff().iter_hunks() {
                for line in hunk.to_string().lines().skip(1) {
                    writeln!(out, "  {line}").unwrap();
                }
            }
        }
    }
}

fn side(text: &Text) -> String {
    match text {
        Text::Absent => "absent".into(),
        Text::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Text::Large { size, .. } => format!("{size} bytes, too large to show"),
    }
}

fn step_text(step: &Step, out: &mut String) {
    match step {
        Step::Run { script, output } => {
            let prompt = match output {
                Output::Discard => "$",
                Output::Streams => "$ (streams)",
                Output::Values => "$ (values)",
                Output::Json => "$ (json)",
            };
            // A script that says what it does is known by that, here as among the asks.
            let shown = match script.text.starts_with("# ") {
                true => one_line(script),
                false => script.to_string(),
            };
            let mut lines = shown.trim_end().lines();
            writeln!(out, "  {prompt} {}", lines.next().unwrap_or_default()).unwrap();
            lines.for_each(|line| writeln!(out, "    {line}").unwrap());
        }
        Step::Put(put) => {
            write!(out, "  put {} {} bytes", put.path, put.content.len()).unwrap();
            put.mode.iter().for_each(|mode| write!(out, " mode={mode:04o}").unwrap());
            put.owner.iter().for_each(|owner| write!(out, " owner={owner}").unwrap());
            put.group.iter().for_each(|group| write!(out, " group={group}").unwrap());
            put.validate.iter().for_each(|words| write!(out, " validate={words:?}").unwrap());
            writeln!(out, "{}", if put.backup { " backup" } else { "" }).unwrap();
        }
        Step::Command(command) => {
            match &command.program {
                Program::Argv(words) => write!(out, "  run {words:?}").unwrap(),
                Program::Shell { text, executable } => {
                    write!(out, "  shell {text:?} by {}", by(executable)).unwrap();
                }
                Program::Raw { text, executable } => {
                    write!(out, "  raw {text:?} by {}", by(executable)).unwrap();
                }
                Program::Upload { name, content, args, executable } => {
                    let size = content.len();
                    let by = by(executable);
                    write!(out, "  script {name} ({size} bytes) {args:?} by {by}").unwrap();
                }
            }
            command.chdir.iter().for_each(|dir| write!(out, " in {dir}").unwrap());
            command.stdin.iter().for_each(|b| {
                write!(out, " stdin={:?}", String::from_utf8_lossy(b)).unwrap();
            });
            if !command.strip_ends {
                *out += " keep-ends";
            }
            if !command.must_succeed {
                *out += " may-fail";
            }
            *out += "\n";
        }
    }
}

fn by(executable: &Option<String>) -> &str {
    executable.as_deref().unwrap_or("default")
}
