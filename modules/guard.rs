//! `creates` and `removes`: what must be missing or there for a command to run.

use serde_json::{Value, json};

use crate::kit::{Command, Diff, Facts, Plan, Probe, Step, ask, lstat, sh};

/// What must be missing, and what must be there. Patterns are relative to `chdir`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard<'a> {
    pub(crate) creates: Option<&'a str>,
    pub(crate) removes: Option<&'a str>,
    pub(crate) chdir: Option<&'a str>,
}

/// What a guard found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Run,
    /// Something already matches `creates`.
    Exists(String),
    /// Nothing matches `removes`.
    Missing(String),
}

impl Guard<'_> {
    pub(crate) fn probe<'a>(&self, facts: &Facts) -> Probe<'a, Verdict> {
        let pattern = |given: Option<&str>| given.map(|pattern| facts.path(pattern));
        let (creates, removes) = (pattern(self.creates), pattern(self.removes));
        let found = |pattern: &Option<String>| match pattern {
            Some(pattern) => self.matches(facts, pattern).map(Some),
            None => Probe::known(None),
        };
        found(&creates).and(found(&removes)).map(move |found| match (found, creates, removes) {
            ((Some(true), _), Some(creates), _) => Verdict::Exists(creates),
            ((_, Some(false)), _, Some(removes)) => Verdict::Missing(removes),
            _ => Verdict::Run,
        })
    }

    fn matches<'a>(&self, facts: &Facts, pattern: &str) -> Probe<'a, bool> {
        let chdir = self.chdir.map(|dir| facts.path(dir)).unwrap_or_default();
        if pattern.contains(['*', '?', '[']) {
            return ask(sh(GLOB, [chdir.as_str(), pattern])).map(|reply| reply.ok());
        }
        let path = match pattern.starts_with('/') || chdir.is_empty() {
            true => pattern.to_owned(),
            false => format!("{}/{pattern}", chdir.trim_end_matches('/')),
        };
        lstat(path).map(|found| found.is_some())
    }

    /// The plan of `command` and `shell`. With `creates` it is quiet the second time; `removes`
    /// promises nothing, because it also says "only where this is installed".
    pub(crate) fn plan(&self, verdict: Verdict, cmd: Value, what: &str, command: Command) -> Plan {
        let plan = Plan::none().value("cmd", cmd);
        let (skipped, why) = match verdict {
            Verdict::Run => {
                let plan = plan
                    .change(Diff::Note(format!("run {what}")), Step::Command(command))
                    .value_on_change("msg", "");
                return if self.creates.is_some() { plan } else { plan.never_settles() };
            }
            Verdict::Exists(path) => (
                format!("skipped, since {path} exists"),
                format!("Did not run command since '{path}' exists"),
            ),
            Verdict::Missing(path) => (
                format!("skipped, since {path} does not exist"),
                format!("Did not run command since '{path}' does not exist"),
            ),
        };
        plan.value("msg", why)
            .value("rc", 0)
            .value("stdout", skipped.clone())
            .value("stdout_lines", json!([skipped]))
            .value("stderr", "")
            .value("stderr_lines", json!([]))
            .value("start", Value::Null)
            .value("end", Value::Null)
            .value("delta", Value::Null)
    }
}

const GLOB: &str = r#"# in a directory, does anything match a pattern?
cd -- "${1:-.}" 2>/dev/null || exit 1
IFS=
for found in $2; do
    if [ -e "$found" ] || [ -L "$found" ]; then exit 0; fi
done
exit 1
"#;
