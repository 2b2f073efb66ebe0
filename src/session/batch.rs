//! Many questions, few processes: asks become one script, its frames become answers. No I/O.
//!
//! A process on the host costs about a millisecond, so like asks share one: all paths one `stat`,
//! all digests of an algorithm one `sha256sum`, all packages one `dpkg-query`. Equal asks are asked
//! once. Where a shared output cannot be told apart (a file that changed between its digest and its
//! content, a line break in the target of a link) the ask is left open, and asked again alone.

mod files;
mod lists;

use std::{collections::HashMap, fmt::Write as _};

use rprov_modules::kit::{Answer, Ask, Reply, Script, quote};

use self::{files::Files, lists::List};
use super::{
    Env, Question,
    frame::{Frame, Request},
};

/// An answer, or what the ask's script said as it broke.
pub(crate) type Given = Result<Answer, Reply>;

/// Questions on their way.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// Each once.
    asks: Vec<&'a Question>,
    /// For every question, its place in `asks`.
    order: Vec<usize>,
    answers: Vec<Option<Given>>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Files(Files),
    List(List),
    Sh { ask: usize, frame: usize },
}

impl<'a> Batch<'a> {
    pub(crate) fn new(questions: &'a [Question]) -> Batch<'a> {
        let mut seen = HashMap::new();
        let mut asks = Vec::new();
        let mut order = Vec::with_capacity(questions.len());
        let none = Env::from([]);
        for question in questions {
            // The environment matters to scripts only.
            let environment = match question.ask {
                Ask::Sh { .. } => &question.environment,
                _ => &none,
            };
            let place = *seen.entry((&question.ask, environment.clone())).or_insert_with(|| {
                asks.push(question);
                asks.len() - 1
            });
            order.push(place);
        }
        let answers = vec![None; asks.len()];
        Batch { asks, order, answers, parts: Vec::new() }
    }

    /// Whether nothing is left to ask.
    pub(crate) fn is_answered(&self) -> bool {
        self.answers.iter().all(Option::is_some)
    }

    /// Adds what is open to a flight; `single`: without sharing processes.
    pub(crate) fn write(&mut self, request: &mut Request, single: bool) {
        let mut open = Vec::new();
        for (i, question) in self.asks.iter().enumerate() {
            if self.answers[i].is_none() {
                match immediate(question) {
                    Some(answer) => self.answers[i] = Some(answer),
                    None => open.push((i, &question.ask)),
                }
            }
        }
        let groups: Vec<&[(usize, &Ask)]> = match single {
            true => open.chunks(1).collect(),
            false => vec![&open],
        };
        self.parts.clear();
        for group in groups {
            self.parts.extend(Files::gather(group, single).into_iter().map(Part::Files));
            self.parts.extend(List::gather(group).into_iter().map(Part::List));
        }
        for part in &mut self.parts {
            match part {
                Part::Files(files) => files.write(request),
                Part::List(list) => list.write(request),
                Part::Sh { .. } => {}
            }
        }
        for (i, ask) in open {
            if let Ask::Sh { script, .. } = ask {
                let frame = write_script(request, script, &self.asks[i].environment);
                self.parts.push(Part::Sh { ask: i, frame });
            }
        }
    }

    /// Takes the frames of the flight that [`Batch::write`] was for.
    pub(crate) fn read(&mut self, frames: &[Frame]) {
        let frames = Said(frames);
        let mut found = Vec::new();
        for part in &self.parts {
            match part {
                Part::Files(files) => files.read(frames, &mut found),
                Part::List(list) => list.read(frames, &mut found),
                Part::Sh { ask, frame } => {
                    found.push((*ask, Ok(Answer::Sh(frames.reply(*frame).clone()))));
                }
            }
        }
        for (ask, answer) in found {
            self.answers[ask] = Some(answer);
        }
    }

    /// Answers in the order of the questions.
    pub(crate) fn finish(self) -> Vec<Given> {
        let unclear = || Err(broken("the host's answer made no sense"));
        let answer = |&place: &usize| self.answers[place].clone().unwrap_or_else(unclear);
        self.order.iter().map(answer).collect()
    }
}

/// The frames of a flight. Questions are never skipped.
#[derive(Debug, Clone, Copy)]
struct Said<'a>(&'a [Frame]);

impl<'a> Said<'a> {
    fn reply(self, frame: usize) -> &'a Reply {
        static NOTHING: Reply = Reply { status: 1, stdout: Vec::new(), stderr: Vec::new() };
        self.0.get(frame).and_then(|frame| frame.reply.as_ref()).unwrap_or(&NOTHING)
    }

    fn text(self, frame: usize) -> String {
        self.reply(frame).out()
    }
}

fn broken(why: &str) -> Reply {
    Reply { status: 1, stdout: Vec::new(), stderr: why.as_bytes().to_vec() }
}

/// What no shell can be asked.
fn immediate(question: &Question) -> Option<Given> {
    let words = match &question.ask {
        Ask::Stat { path, .. } | Ask::Read { path, .. } | Ask::Digest { path, .. } => vec![path],
        Ask::Package { name, .. }
        | Ask::Unit { name }
        | Ask::User { name }
        | Ask::Group { name } => vec![name],
        Ask::Sh { script, .. } => script.args.iter().collect(),
    };
    if words.iter().any(|word| word.contains('\0')) {
        return Some(Err(broken("a path, a name or a parameter holds the byte 0")));
    }
    if let Ask::Sh { .. } = question.ask {
        return check_names(&question.environment).err().map(Err);
    }
    Some(Ok(match &question.ask {
        Ask::Stat { path, .. } if path.is_empty() => Answer::Stat(None),
        Ask::Read { path, .. } if path.is_empty() => {
            Answer::Content(rprov_modules::kit::Content::Absent)
        }
        Ask::Digest { path, .. } if path.is_empty() => Answer::Digest(None),
        Ask::Package { name, .. } if name.is_empty() => Answer::Package(None),
        Ask::User { name } if name.is_empty() => Answer::User(None),
        Ask::Group { name } if name.is_empty() => Answer::Group(None),
        _ => return None,
    }))
}

/// Checks that every variable of an environment can be exported by a shell.
///
/// # Errors
/// What a script says instead of running.
pub(crate) fn check_names(environment: &Env) -> Result<(), Reply> {
    for (name, value) in environment.iter() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(word)
            || name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            let why = format!("expected the name of an environment variable, found `{name}`");
            return Err(broken(&why));
        }
        if value.contains('\0') {
            return Err(broken(&format!("the environment variable `{name}` holds the byte 0")));
        }
    }
    Ok(())
}

/// `export A='b';` …
pub(crate) fn exports(environment: &Env) -> String {
    environment.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = write!(text, "export {name}={};", quote(value));
        text
    })
}

/// Words for a shell, each after a space.
pub(crate) fn words<'w>(words: impl IntoIterator<Item = &'w String>) -> String {
    words.into_iter().fold(String::new(), |text, word| text + " " + &quote(word))
}

/// A script of a module in a subshell: nothing it does to its shell reaches ours.
fn write_script(request: &mut Request, script: &Script, environment: &Env) -> usize {
    let frame = request.frame();
    let body = format!(
        "({}set --{};eval {})",
        exports(environment),
        words(&script.args),
        quote(script.text)
    );
    let _ = match &script.stdin {
        None => writeln!(request.text, "{body} </dev/null;__m {frame} $?"),
        Some(bytes) => {
            let length = request.payload(bytes.clone());
            writeln!(
                request.text,
                "if __t;then __g {length} \"$__d/i\" && {body} <\"$__d/i\";__m {frame} $?;{{ :; }} >\"$__d/i\"\n\
                 else __i {length} >/dev/null;__m {frame} 1;fi"
            )
        }
    };
    frame
}
