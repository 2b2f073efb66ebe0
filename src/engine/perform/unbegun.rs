//! A command that could not even be begun: its directory or its program is not there.
//!
//! Its exit status alone (126, 127) does not tell, for a program may end with the same one: the host
//! is asked.

use rprov_modules::kit::{Answer, Ask, Command, Cost, Plan, Program, Step, quote, sh};
use serde_json::Value;

use super::Performer;
use crate::engine::link::Link;
use crate::engine::outcome::{Done, Failure};
use crate::engine::target::Who;
use crate::session::{Question, StepOutcome};

impl Performer<'_> {
    /// Gives the result of a failed command Ansible's form, if it was never begun.
    pub(super) async fn unbegun(
        &self,
        link: &mut Link,
        become_: &Who,
        plan: &Plan,
        outcomes: &[StepOutcome],
        done: &mut Done,
    ) {
        let failed = plan.changes.iter().zip(outcomes).find_map(|(change, outcome)| {
            match (&change.step, outcome) {
                (Step::Command(command), StepOutcome::Done { reply, timed_out: false, .. })
                    if matches!(reply.status, 126 | 127) =>
                {
                    Some(command)
                }
                _ => None,
            }
        });
        let Some(command) = failed else { return };
        let (program, shown) = match &command.program {
            Program::Argv(words) => (
                words.first().cloned().unwrap_or_default(),
                words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
            ),
            Program::Shell { text, executable } => {
                let program = executable.clone().unwrap_or_else(|| "/bin/sh".to_owned());
                let shown = format!("{program} -c {}", quote(text));
                (program, shown)
            }
            Program::Raw { .. } | Program::Upload { .. } => return,
        };
        let why = self.why(link, become_, command, program.clone()).await;
        let (rc, message, help) = match why.as_deref() {
            Some("directory") => (
                Value::Null,
                "Unable to change directory before execution.",
                format!(
                    "`chdir: {}` is no directory on the host that we may enter",
                    command.chdir.as_deref().unwrap_or_default()
                ),
            ),
            Some("missing") => (
                2.into(),
                "Error executing command.",
                format!("there is no program `{program}` on the host, or not in `PATH`"),
            ),
            Some("forbidden") => (
                13.into(),
                "Error executing command.",
                format!("`{program}` is no program that we may execute"),
            ),
            _ => return,
        };
        match rc.is_null() {
            true => ["start", "end", "delta"].iter().for_each(|name| {
                done.values.insert((*name).to_owned(), Value::Null);
            }),
            false => {
                ["start", "end", "delta"].iter().for_each(|name| drop(done.values.remove(*name)));
                done.values.insert("cmd".to_owned(), shown.into());
            }
        }
        done.values.insert("rc".to_owned(), rc);
        done.values.insert("msg".to_owned(), message.into());
        for name in ["stdout", "stderr"] {
            done.values.insert(name.to_owned(), "".into());
        }
        done.changed = false;
        done.diffs.clear();
        done.failure = Some(Failure::new(message).helped(help));
    }

    /// `directory`, `missing` or `forbidden`; nothing if the program is there, or cannot be asked for.
    async fn why(
        &self,
        link: &mut Link,
        become_: &Who,
        command: &Command,
        program: String,
    ) -> Option<String> {
        let environment = &self.prepared.environment;
        let path = environment.iter().find(|(name, _)| &**name == "PATH");
        let path = path.map(|(_, value)| value.to_string()).unwrap_or_default();
        let args = [command.chdir.clone().unwrap_or_default(), path, program];
        let ask = Ask::Sh { script: sh(WHY, args), cost: Cost::Cheap };
        let question = Question { ask, environment: [].into() };
        let landed = link.flight(become_, &[], &[question]).await.ok()?;
        match landed.answers.into_iter().next() {
            Some(Ok(Answer::Sh(reply))) => Some(reply.out().trim().to_owned()),
            _ => None,
        }
    }
}

/// `$directory $path $program`. `__path` is the login's own `PATH`.
const WHY: &str = r#"# why was a program not started?
if [ -n "$1" ] && ! cd -- "$1" 2>/dev/null; then echo directory; exit 0; fi
found=$3
case $3 in
  */*) ;;
  *)
    IFS=: found=
    for dir in ${2:-$__path}; do
      [ -e "${dir:-.}/$3" ] || continue
      found=${dir:-.}/$3
      if [ -f "$found" ] && [ -x "$found" ]; then exit 0; fi
    done ;;
esac
if [ -z "$found" ] || [ ! -e "$found" ]; then echo missing
elif [ -d "$found" ] || [ ! -x "$found" ]; then echo forbidden
fi
"#;
