//! `sysctl`: parameters of the kernel, in a file and in force.
//!
//! ```yaml
//! - sysctl:
//!     name: net.ipv4.ip_forward
//!     value: "1"
//!     sysctl_file: /etc/sysctl.d/60-app.conf
//! - sysctl: { name: vm.swappiness, state: absent }
//! ```

use crate::command::yes;
use crate::content::{Found, Writing};
use crate::kit::{
    self, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply,
    Result, Step, ask, sh,
};
use crate::text_file::{self, Edit, lines};

/// Sets a parameter of the kernel in a file, and has the file read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sysctl {
    /// The parameter, such as `net.ipv4.ip_forward`. Required.
    #[serde(alias = "key")]
    name: String,
    /// Its value; words for true and false become 1 and 0. Required for `present`.
    #[serde(alias = "val")]
    value: Option<String>,
    /// `present`: the file has the value. `absent`: the file does not have the parameter; what is in
    /// force stays. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// The file. Default: `/etc/sysctl.conf`.
    #[serde(default = "sysctl_conf")]
    sysctl_file: String,
    /// Have the file read (`sysctl -p`) if it changed, or if another value is in force.
    /// Default: true.
    #[serde(default = "yes")]
    reload: bool,
    /// Set the value by itself, too, if another one is in force. Default: false.
    #[serde(default)]
    sysctl_set: bool,
    /// Pass over parameters that the kernel does not have. Default: false.
    #[serde(default)]
    ignoreerrors: bool,
}

fn sysctl_conf() -> String {
    "/etc/sysctl.conf".into()
}

/// A line's parameter and value.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    match line.starts_with(['#', ';']) {
        true => None,
        false => line.split_once('=').map(|(name, value)| (name.trim(), value.trim())),
    }
}

impl Sysctl {
    fn name(&self) -> &str {
        self.name.trim()
    }

    fn wanted(&self) -> String {
        let text = self.value.as_deref().unwrap_or_default().trim();
        match kit::boolean(text) {
            Some(on) => u8::from(on).to_string(),
            None => text.to_owned(),
        }
    }

    fn check(&self) -> Result<()> {
        if self.name().is_empty() {
            return Err("name cannot be blank".into());
        }
        if self.name().starts_with('-') || self.name().contains(['=', '\n']) {
            return Err(Refusal::new(format!(
                "expected a parameter's name, found `{}`",
                self.name
            )));
        }
        match (self.state, &self.value) {
            (Presence::Present, None) => {
                Err("state is present but all of the following are missing: value".into())
            }
            (Presence::Present, Some(value)) if value.trim().is_empty() => {
                Err("value cannot be blank".into())
            }
            (Presence::Present, Some(value)) if value.trim().contains('\n') => {
                Err("a value is one line".into())
            }
            _ => Ok(()),
        }
    }

    fn edit(&self, old: &str) -> Edit {
        let (name, wanted) = (self.name(), self.wanted());
        let is = |line: &str| setting(line).is_some_and(|(found, _)| found == name);
        let mut all = lines(old);
        // Of several lines the last is in force.
        let now = all.iter().rev().find_map(|line| setting(line).filter(|(n, _)| *n == name));
        match (self.state, now) {
            (Presence::Present, Some((_, value))) if value == wanted => return None,
            (Presence::Absent, None) => return None,
            (Presence::Absent, Some(_)) => all.retain(|line| !is(line)),
            (Presence::Present, _) => {
                let new = format!("{name}={wanted}\n");
                match all.iter().position(|line| is(line)) {
                    Some(at) => {
                        all[at] = new;
                        let mut index = 0;
                        all.retain(|line| {
                            index += 1;
                            index <= at + 1 || !is(line)
                        });
                    }
                    None => {
                        if let Some(last) = all.last_mut().filter(|last| !last.ends_with('\n')) {
                            last.push('\n');
                        }
                        all.push(new);
                    }
                }
            }
        }
        Some((all.concat(), String::new()))
    }
}

impl Module for Sysctl {
    const NAMES: &'static [&'static str] = &["sysctl"];
    type State = ((Found, bool), Reply);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let file = text_file::open(facts, &self.sysctl_file, self.state == Presence::Present);
        file.and(ask(sh(READ, [self.name()])))
    }

    fn plan(&self, facts: &Facts, (file, reply): Self::State) -> Result<Plan> {
        if reply.status == 127 {
            return Err("there is no `sysctl` on the host; install procps first".into());
        }
        let name = self.name();
        let ignore = if self.ignoreerrors { "-e" } else { "" };
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (wanted, current) = (self.wanted(), reply.out().trim().to_owned());
        // What the kernel does not have is empty: setting it says so, unless that is to be ignored.
        let differs = self.state == Presence::Present
            && words(&wanted) != words(&current)
            && !(self.ignoreerrors && current.is_empty());
        let diff = || Diff::field(name, "value", &current, &wanted);
        let mut plan = Plan::none();
        if self.sysctl_set && differs {
            plan = plan.change(diff(), Step::run(sh(SET, [ignore, name, &wanted])));
        }
        let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
        let edited = text_file::edit(&file, &writing, |old| Ok(self.edit(&old.text)))?;
        let is_edited = !edited.is_empty();
        plan = plan.followed_by(edited);
        plan.values.clear();
        plan.on_change.clear();
        if self.reload && (is_edited || differs) {
            let path = facts.path(&self.sysctl_file);
            let what = match differs && !self.sysctl_set {
                true => diff(),
                false => Diff::Note(format!("load {path}")),
            };
            plan = plan.change(what, Step::run(sh(LOAD, [ignore, &path])));
        }
        Ok(plan)
    }
}

const READ: &str = r#"# what is a parameter of the kernel
command -v sysctl >/dev/null || exit 127
LC_ALL=C sysctl -e -n "$1" 2>/dev/null
"#;

/// sysctl ends well although a value was refused: only its messages tell.
macro_rules! telling {
    ($head:literal, $run:literal) => {
        concat!(
            $head,
            "\n",
            $run,
            r#"
rc=$?
printf '%s\n' "$said" >&2
case $rc$said in
    0*"Invalid argument"* | 0*"Read-only file system"* | 0*"ermission denied"*) exit 1 ;;
esac
exit $rc
"#
        )
    };
}

const SET: &str = telling!(
    "# set a parameter of the kernel",
    r#"said=$(LC_ALL=C sysctl $1 -w "$2=$3" 2>&1 >/dev/null)"#
);

const LOAD: &str = telling!(
    "# have the kernel's parameters read from a file",
    r#"said=$(LC_ALL=C sysctl $1 -p "$2" 2>&1 >/dev/null)"#
);
