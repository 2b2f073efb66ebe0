//! `command`: runs a program, without a shell.
//!
//! ```yaml
//! - command: /opt/app/bin/migrate --yes
//!   register: migrated
//! - command:
//!     argv: [tar, -xzf, "my archive.tar.gz"]
//!     chdir: /srv
//!     creates: /srv/archive
//! ```

use std::collections::HashMap;

use serde_json::json;

use crate::guard::{Guard, Verdict};
use crate::kit::{
    Command, Deserialize, Facts, JsonSchema, Module, Plan, Probe, Program, Result, ask, quote, sh,
};
use crate::words;

/// Runs a program with its arguments. No shell reads them: `|`, `>`, `&&` and `*` are plain text.
///
/// `register` gets `cmd`, `rc`, `stdout`, `stderr`, their `_lines`, `start`, `end` and `delta`.
/// Without `creates` or `removes` it runs, and is `changed`, every time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// The program and its arguments in one text; quotes and backslashes as in a shell. This or
    /// `argv` is required.
    #[serde(alias = "_raw_params")]
    cmd: Option<String>,
    /// The program and its arguments as a list, each taken as it is.
    argv: Option<Vec<String>>,
    /// Directory to run in. Default: the home directory of the user we act as.
    chdir: Option<String>,
    /// A path or pattern (`*`, `?`, `[…]`): if it matches something, the command is not run.
    creates: Option<String>,
    /// A path or pattern: if nothing matches it, the command is not run.
    removes: Option<String>,
    /// Text for the program's standard input. Default: none.
    stdin: Option<String>,
    /// Add a newline to `stdin`. Default: true.
    #[serde(default = "yes")]
    stdin_add_newline: bool,
    /// Drop empty lines from the end of `stdout` and `stderr`. Default: true.
    #[serde(default = "yes")]
    strip_empty_ends: bool,
    /// Replace `$NAME`, `${NAME}` and a leading `~` in the arguments by what they are on the host;
    /// names that are not set stay as they are. Default: true.
    #[serde(default = "yes")]
    expand_argument_vars: bool,
}

pub(crate) fn yes() -> bool {
    true
}

/// What a task writes to a program's standard input.
pub(crate) fn input(text: Option<&String>, add_newline: bool) -> Option<std::sync::Arc<[u8]>> {
    let newline = if add_newline { "\n" } else { "" };
    text.map(|text| format!("{text}{newline}").into_bytes().into())
}

impl Run {
    fn words(&self) -> Result<Vec<String>> {
        let words = match (&self.argv, &self.cmd) {
            (Some(_), Some(_)) => {
                return Err("only the command as text or `argv` can be given, not both".into());
            }
            (Some(words), None) => words.clone(),
            (None, Some(text)) => words::split(text)?,
            (None, None) => vec![],
        };
        if words.is_empty() { Err("no command given".into()) } else { Ok(words) }
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            creates: self.creates.as_deref(),
            removes: self.removes.as_deref(),
            chdir: self.chdir.as_deref(),
        }
    }
}

impl Module for Run {
    const NAMES: &'static [&'static str] = &["command"];
    const FREE_FORM: Option<&'static str> = Some("cmd");
    /// The guard's verdict, and the environment variables that the arguments mention.
    type State = (Verdict, HashMap<String, String>);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        let words = match self.words() {
            Ok(words) => words,
            Err(why) => return Probe::refuse(why),
        };
        let names = if self.expand_argument_vars { variables(&words) } else { vec![] };
        let variables = match names.is_empty() {
            true => Probe::known(HashMap::new()),
            false => ask(sh(ENVIRONMENT, &names)).map(move |reply| {
                let out = reply.out();
                let values = out.split('\0').map(|value| value.strip_prefix('='));
                let pairs = names.into_iter().zip(values);
                pairs.filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
            }),
        };
        self.guard().probe(facts).and(variables)
    }

    fn plan(&self, facts: &Facts, (verdict, variables): Self::State) -> Result<Plan> {
        let words = self.words()?;
        let shown = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let expand = |word: &String| facts.expand(&expand(word, &variables));
        let argv = match self.expand_argument_vars {
            true => words.iter().map(expand).collect(),
            false => words.clone(),
        };
        let command = Command {
            program: Program::Argv(argv),
            chdir: self.chdir.as_ref().map(|dir| facts.path(dir)),
            stdin: input(self.stdin.as_ref(), self.stdin_add_newline),
            strip_ends: self.strip_empty_ends,
            must_succeed: true,
        };
        Ok(self.guard().plan(verdict, json!(words), &shown, command))
    }
}

const ENVIRONMENT: &str = r#"# what do these environment variables hold?
for name; do
    eval "[ -z \"\${$name+set}\" ] || printf '=%s' \"\$$name\""
    printf '\0'
done
"#;

/// `$NAME` or `${NAME}` at the start of a text: the name, and the text after it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('$')?;
    let (name, tail) = match rest.strip_prefix('{') {
        Some(rest) => rest.split_once('}')?,
        None => rest.split_at(
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()),
        ),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    (fits && !name.is_empty()).then_some((name, tail))
}

/// The names of the variables that words mention, each once.
fn variables(words: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for word in words {
        let mut rest = word.as_str();
        while let Some(at) = rest.find('$') {
            rest = &rest[at..];
            match variable(rest) {
                Some((name, tail)) => {
                    if !names.iter().any(|known| known == name) {
                        names.push(name.to_owned());
                    }
                    rest = tail;
                }
                None => rest = &rest[1..],
            }
        }
    }
    names
}

/// A word with the variables that are set replaced.
fn expand(word: &str, variables: &HashMap<String, String>) -> String {
    let (mut done, mut rest) = (String::new(), word);
    while let Some(at) = rest.find('$') {
        done += &rest[..at];
        rest = &rest[at..];
        let value = variable(rest).and_then(|(name, tail)| Some((variables.get(name)?, tail)));
        match value {
            Some((value, tail)) => {
                done += value;
                rest = tail;
            }
            None => {
                done.push('$');
                rest = &rest[1..];
            }
        }
    }
    done + rest
}
