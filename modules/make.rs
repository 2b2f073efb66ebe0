//! `make`: targets of a Makefile.
//!
//! ```yaml
//! - make: { chdir: /usr/local/src/app }
//! - make:
//!     chdir: /usr/local/src/app
//!     target: install
//!     params: { PREFIX: /opt/app, NUM_THREADS: 4, STATIC: }
//! ```

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Output, Plan, Probe, Refusal, Reply, Result,
    Step, ask_costly, quote, sh,
};
use crate::named::Named;

/// Makes targets, unless `make --question` says that they are up to date.
///
/// The question runs nothing but what a Makefile wants run even then (`+` before a line, `$(MAKE)`,
/// `$(shell …)`). `register` gets `command` and what `command` has; `chdir`, `file`, `jobs`, `params`,
/// `target` and `targets` as given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Make {
    /// The directory to make in. Required.
    chdir: String,
    /// The target. Default: the first one of the Makefile.
    target: Option<String>,
    /// Several targets, instead of `target`.
    targets: Option<Vec<String>>,
    /// Variables and their values; one without a value is passed as its name alone. Default: none.
    #[schemars(with = "Option<BTreeMap<String, Option<String>>>")]
    params: Option<Named>,
    /// The Makefile. Default: as make finds it.
    file: Option<String>,
    /// How many commands run at once. Default: 1.
    jobs: Option<u32>,
    /// make itself. Default: `gmake` if there is one, else `make`.
    make: Option<String>,
}

impl Make {
    /// make's words, but for its own name.
    fn words(&self, facts: &Facts) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(jobs) = self.jobs {
            words.extend(["-j".to_owned(), jobs.to_string()]);
        }
        if let Some(file) = &self.file {
            words.extend(["-f".to_owned(), facts.path(file)]);
        }
        words.extend(self.target.iter().chain(self.targets.iter().flatten()).cloned());
        words.extend(self.params.iter().flat_map(|named| &named.0).map(
            |(name, value)| match value {
                Some(value) if !value.is_empty() => format!("{name}={value}"),
                _ => name.clone(),
            },
        ));
        words
    }
}

impl Module for Make {
    const NAMES: &'static [&'static str] = &["make"];
    type State = Reply;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Reply> {
        if self.target.is_some() && self.targets.is_some() {
            return Probe::refuse("parameters are mutually exclusive: target|targets");
        }
        let mut words = vec![
            facts.path(&self.chdir),
            self.make.as_deref().map_or("".into(), |make| facts.path(make)),
        ];
        words.extend(self.words(facts));
        ask_costly(sh(QUESTION, words))
    }

    fn plan(&self, facts: &Facts, question: Reply) -> Result<Plan> {
        let chdir = facts.path(&self.chdir);
        match question.status {
            127 => return Err("there is no make on the host".into()),
            126 => return Err(Refusal::new(format!("expected a directory at {chdir}"))),
            _ => {}
        }
        // The first line says which make it is.
        let out = question.out();
        let make = out.lines().next().unwrap_or("make");
        let words: Vec<String> =
            std::iter::once(make.to_owned()).chain(self.words(facts)).collect();
        let shown = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let plan = Plan::none()
            .value("chdir", chdir.as_str())
            .value("command", shown.as_str())
            .value("file", json!(self.file))
            .value("jobs", json!(self.jobs))
            .value("params", json!(self.params.as_ref().map(|named| &named.0)))
            .value("target", json!(self.target))
            .value("targets", json!(self.targets));
        if question.ok() {
            let streams = ["stdout", "stderr"].map(|name| (name.to_owned(), Value::from("")));
            return Ok(streams
                .into_iter()
                .fold(plan, |plan, (name, value)| plan.value(&name, value)));
        }
        let mut args = vec![chdir.clone()];
        args.extend(words);
        let diff = Diff::Note(format!("{shown} in {chdir}"));
        // A target that is no file is never up to date.
        let step = Step::Run { script: sh(RUN, args), output: Output::Streams };
        Ok(plan.change(diff, step).never_settles())
    }
}

const QUESTION: &str = r#"# is there something to make: DIRECTORY MAKE WORD…
cd -- "$1" 2>/dev/null || exit 126
make=$2
[ -n "$make" ] || make=$(command -v gmake || command -v make) || exit 127
command -v "$make" >/dev/null || exit 127
printf '%s\n' "$make"
shift 2
"$make" --question "$@" >/dev/null 2>&1 || exit 1
"#;

const RUN: &str = r#"# make: DIRECTORY WORD…
cd -- "$1" || exit
shift
"$@"
"#;
