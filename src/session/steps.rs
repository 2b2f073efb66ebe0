//! Steps become script, frames become outcomes. No I/O.
//!
//! Every step has its own frame and subshell, and its output goes to files, so that a process left
//! in the background cannot write into a later frame. A step that fails (or may not run) sets
//! `__F`, and those behind it are skipped; their payloads are consumed all the same.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rprov_modules::kit::{Command, Program, Put, Reply, Script, Step, quote};

use super::{
    Env, StepOutcome, StepRequest,
    batch::{check_names, exports, words},
    frame::{Frame, Request},
};

/// Adds the steps to a flight, as its first frames.
pub(crate) fn write(request: &mut Request, steps: &[StepRequest]) {
    request.text += "__F=\n";
    for step in steps {
        let frame = request.frame();
        if let Err(why) = check(step) {
            let why = quote(&String::from_utf8_lossy(&why.stderr));
            let _ = writeln!(
                request.text,
                "if __a {frame};then echo {why} >\"$__d/e\";__z {frame} 1 1;fi"
            );
            continue;
        }
        let grouped = step.timeout.is_some();
        match &step.step {
            Step::Run { script, .. } => run(request, frame, script, &step.environment, grouped),
            Step::Command(command) => user(request, frame, command, &step.environment, grouped),
            Step::Put(wanted) => put(request, frame, wanted),
        }
    }
}

/// Turns the first frames of a flight into outcomes. `timed_out` names the frames that were ended
/// by us.
pub(crate) fn read(
    steps: &[StepRequest],
    frames: &[Frame],
    begin: SystemTime,
    timed_out: &[usize],
) -> Vec<StepOutcome> {
    let mut started = begin;
    let mut outcomes = Vec::new();
    for (i, (frame, _)) in frames.iter().zip(steps).enumerate() {
        outcomes.push(match &frame.reply {
            None => StepOutcome::Skipped,
            Some(reply) => StepOutcome::Done {
                reply: reply.clone(),
                started,
                ended: frame.at,
                timed_out: timed_out.contains(&i),
            },
        });
        started = frame.at;
    }
    outcomes
}

/// How long each frame may take. Replacing a file cannot hang on anybody's command.
pub(crate) fn limits(steps: &[StepRequest]) -> Vec<Option<Duration>> {
    let limit = |step: &StepRequest| match step.step {
        Step::Put(_) => None,
        _ => step.timeout,
    };
    steps.iter().map(limit).collect()
}

/// What no shell can be told.
fn check(step: &StepRequest) -> Result<(), Reply> {
    check_names(&step.environment)?;
    let mut texts: Vec<&str> = Vec::new();
    match &step.step {
        Step::Run { script, .. } => texts.extend(script.args.iter().map(String::as_str)),
        Step::Put(put) => {
            texts.push(&put.path);
            texts.extend(put.owner.iter().chain(&put.group).map(String::as_str));
            texts.extend(put.validate.iter().flatten().map(String::as_str));
        }
        Step::Command(command) => {
            texts.extend(command.chdir.as_deref());
            match &command.program {
                Program::Argv(argv) => texts.extend(argv.iter().map(String::as_str)),
                Program::Shell { text, executable } | Program::Raw { text, executable } => {
                    texts.push(text);
                    texts.extend(executable.as_deref());
                }
                Program::Upload { args, executable, .. } => {
                    texts.extend(args.iter().map(String::as_str));
                    texts.extend(executable.as_deref());
                }
            }
        }
    }
    match texts.iter().any(|text| text.contains('\0')) {
        true => Err(Reply {
            status: 1,
            stdout: Vec::new(),
            stderr: b"a path, a command or a parameter holds the byte 0".to_vec(),
        }),
        false => Ok(()),
    }
}

/// One step: `before` runs in our shell and may fail, `body` in a subshell of its own.
struct Parts<'a> {
    frame: usize,
    body: String,
    stdin: Option<&'a Arc<[u8]>>,
    /// A script to be sent, under its name in the private directory.
    upload: Option<(&'a Arc<[u8]>, String)>,
    must_succeed: bool,
    /// The body announces its process group, on descriptor 9.
    grouped: bool,
}

fn isolated(request: &mut Request, parts: Parts<'_>) {
    let Parts { frame, body, stdin, upload, must_succeed, grouped } = parts;
    let (mut before, mut drain, mut after) = (String::new(), String::new(), String::new());
    if let Some((content, name)) = upload {
        let length = request.payload(content.clone());
        let _ = write!(before, "__g {length} {name} 2>\"$__d/e\"&&chmod 700 {name}&&");
        let _ = write!(drain, "__i {length} >/dev/null;");
        let _ = write!(after, "rm -f {name};");
    }
    let mut input = "/dev/null";
    if let Some(bytes) = stdin {
        let length = request.payload(bytes.clone());
        // A payload is consumed even if the one before it could not be stored.
        let _ = match before.is_empty() {
            true => write!(before, "__g {length} \"$__d/i\" 2>\"$__d/e\"&&"),
            false => {
                let stored = std::mem::take(&mut before);
                let stored = stored.trim_end_matches("&&");
                write!(
                    before,
                    "if {stored};then __v=0;else __v=1;fi;__y=$__v;__g {length} \"$__d/i\" 2>>\"$__d/e\"&&[ $__y = 0 ]&&"
                )
            }
        };
        let _ = write!(drain, "__i {length} >/dev/null;");
        after += "{ :; } >\"$__d/i\";";
        input = "\"$__d/i\"";
    }
    let must = u8::from(must_succeed);
    let announce = if grouped {
        // See [`run`].
        after += "{ :; } >\"$__d/a\";";
        " 9>&1"
    } else {
        ""
    };
    let _ = writeln!(
        request.text,
        "if __a {frame};then {before}({body}){announce} >\"$__d/o\" 2>\"$__d/e\" <{input};__y=$?;{after}__z {frame} $__y {must};else :;{drain}fi"
    );
}

fn run(request: &mut Request, frame: usize, script: &Script, environment: &Env, grouped: bool) {
    let (args, text) = (words(&script.args), quote(script.text));
    let mut body = format!("{}set --{args};eval {text}", exports(environment));
    if grouped {
        // Everybody can read the words of a process: what is ours to pass goes through a file.
        let file = "\"$__d/a\"";
        body = format!("printf '%s\\n' {} >{file}&&__k /bin/sh {file}", quote(&body));
    }
    let stdin = script.stdin.as_ref();
    isolated(request, Parts { frame, body, stdin, upload: None, must_succeed: true, grouped });
}

fn user(request: &mut Request, frame: usize, command: &Command, environment: &Env, grouped: bool) {
    let exec = if grouped { "__k" } else { "exec" };
    let cd = command.chdir.as_ref().map_or_else(String::new, |directory| {
        let directory =
            if directory.starts_with('-') { format!("./{directory}") } else { directory.clone() };
        format!("cd {}||exit 126;", quote(&directory))
    });
    let mut upload = None;
    let line = match &command.program {
        Program::Argv(argv) => words(argv),
        Program::Shell { text, executable } => {
            format!(" {} -c {}", quote(executable.as_deref().unwrap_or("/bin/sh")), quote(text))
        }
        Program::Raw { text, executable } => match executable {
            Some(executable) => format!(" {} -c {}", quote(executable), quote(text)),
            None => format!(" \"${{SHELL:-/bin/sh}}\" -c {}", quote(text)),
        },
        Program::Upload { name, content, args, executable } => {
            let plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
            let name = name.rsplit('/').next().unwrap_or_default().chars().filter(plain);
            let path = format!("\"$__d\"/s-{}", name.collect::<String>());
            upload = Some((content, path.clone()));
            let program = match executable {
                // The author's words: `bash -e` is a program and its option.
                Some(executable) => format!(" {executable}"),
                None => interpreter(content),
            };
            format!("{program} {path}{}", words(args))
        }
    };
    let body = format!("__u;{}{cd}{exec}{line}", exports(environment));
    let stdin = command.stdin.as_ref();
    isolated(
        request,
        Parts { frame, body, stdin, upload, must_succeed: command.must_succeed, grouped },
    );
}

/// What runs an uploaded script: its `#!` line, spelt out because the directory for temporary
/// files may forbid execution. Nothing for a program.
fn interpreter(content: &[u8]) -> String {
    let Some(line) = content.strip_prefix(b"#!") else { return String::new() };
    let line = line.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    // The kernel passes everything behind the first word as one.
    let (program, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    match argument.trim() {
        "" => format!(" {}", quote(program)),
        argument => format!(" {} {}", quote(program), quote(argument)),
    }
}

fn put(request: &mut Request, frame: usize, put: &Put) {
    let prefix = if put.path.contains('/') { "" } else { "./" };
    let path = format!("{prefix}{}", put.path);
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let temporary = format!("{directory}/.rprov.{:016x}", rand::random::<u64>());
    let length = request.payload(put.content.clone());
    let mode = put.mode.map_or_else(String::new, |mode| format!("{mode:04o}"));
    let backup = if put.backup { "1" } else { "" };
    let owner = put.owner.as_deref().unwrap_or_default();
    let group = put.group.as_deref().unwrap_or_default();
    let fields = [&temporary, &path, &mode, owner, group, backup].map(str::to_owned);
    let validate = put
        .validate
        .iter()
        .flatten()
        .map(|word| word.replace("%s", &temporary))
        .collect::<Vec<_>>();
    let _ = writeln!(
        request.text,
        "if __a {frame};then (__p {length}{}{}) >\"$__d/o\" 2>\"$__d/e\";__z {frame} $? 1;else __i {length} >/dev/null;fi",
        words(&fields),
        words(&validate)
    );
}
