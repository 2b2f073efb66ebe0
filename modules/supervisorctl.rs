//! `supervisorctl`: programs and groups that supervisord knows.
//!
//! ```yaml
//! - supervisorctl: { name: server, state: restarted }
//! - supervisorctl: { name: "workers:", state: started }
//! ```

use crate::kit::{Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Result};
use crate::supervisord::{Process, Server, Supervised};

/// Starts, stops, adds and removes programs of supervisord.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervisorctl {
    /// A program (`server`, `group:server`), a group (`group:`), or `all`.
    name: String,
    /// `present` (supervisord knows it), `started`, `stopped`, `restarted` (after an update),
    /// `absent` (supervisord no longer runs it), or `signalled`.
    state: State,
    /// With `state: signalled`: the signal to send, for example `HUP`.
    signal: Option<String>,
    /// The configuration file. Default: where supervisorctl finds it.
    config: Option<String>,
    /// Where supervisord listens, for example `http://localhost:9001`. Default: as configured.
    server_url: Option<String>,
    /// The user name for that. Default: as configured.
    username: Option<String>,
    /// The password for that. Default: as configured.
    password: Option<String>,
    /// The supervisorctl to use. Default: that of the `PATH`.
    supervisorctl_path: Option<String>,
    /// With `state: absent`: stop a running program first. Default: false, it is an error.
    #[serde(default)]
    stop_before_removing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Present,
    Started,
    Stopped,
    Restarted,
    Absent,
    Signalled,
}

/// How long a program may take to be up, in seconds.
const PATIENCE: u32 = 30;

impl Supervisorctl {
    fn server(&self) -> Server {
        Server {
            config: self.config.clone(),
            url: self.server_url.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            supervisorctl: self.supervisorctl_path.clone(),
        }
    }

    fn means(&self, process: &Process) -> bool {
        match self.name.strip_suffix(':') {
            Some(group) => process.name.contains(':') && process.group() == group,
            None => self.name == "all" || process.name == self.name,
        }
    }

    /// The group to add, update or remove.
    fn group(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }

    /// As supervisorctl wants a group to be written.
    fn target(&self) -> String {
        if self.name.ends_with(':') { format!("{}*", self.name) } else { self.name.clone() }
    }
}

impl Module for Supervisorctl {
    const NAMES: &'static [&'static str] = &["supervisorctl"];
    type State = Supervised;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Supervised> {
        if self.name.is_empty() || self.name.contains(char::is_whitespace) {
            return Probe::refuse(format!("expected the name of a program, found `{}`", self.name));
        }
        let signal = self.signal.as_deref().unwrap_or_default();
        match (self.state == State::Signalled, signal.is_empty()) {
            (true, true) => return Probe::refuse("`state: signalled` needs a `signal`"),
            (false, false) => return Probe::refuse("`signal` needs `state: signalled`"),
            _ if !signal.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-') => {
                return Probe::refuse(format!("expected a signal such as `HUP`, found `{signal}`"));
            }
            _ => {}
        }
        let reread = matches!(self.state, State::Present | State::Restarted | State::Absent);
        self.server().look(facts, reread).try_map(|found| match found {
            Ok(Supervised { fault: Some(fault), .. }) => Err(fault.into()),
            found => found,
        })
    }

    fn plan(&self, facts: &Facts, now: Supervised) -> Result<Plan> {
        let server = self.server();
        let found: Vec<&Process> = now.processes.iter().filter(|p| self.means(p)).collect();
        let differs = now.differing.iter().find(|(group, _)| group == self.group());
        let name = self.name.as_str();
        let state = |before: &str, after: &str| Diff::field(name, "state", before, after);
        let states = || {
            let mut states: Vec<&str> = found.iter().map(|p| p.state.as_str()).collect();
            states.dedup();
            states.join(", ")
        };
        let unknown = || {
            let known: Vec<&str> = now.processes.iter().map(|p| p.name.as_str()).collect();
            let hint = match (crate::kit::nearest(name, known.iter().copied()), known.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => "it knows none".to_owned(),
                (None, false) => format!("it knows {}", known.join(", ")),
            };
            Refusal::new(format!("supervisord knows no program `{name}`; {hint}"))
        };
        let plan = Plan::none();
        let plan = match self.state {
            State::Present if found.is_empty() => match differs {
                None => return Err(unknown()),
                Some(_) => plan.change(
                    state("absent", "present"),
                    server.step(facts, &[&["reread"], &["add", self.group()]]),
                ),
            },
            State::Present => plan,
            State::Absent if found.is_empty() => plan,
            State::Absent => {
                let running = found.iter().any(|p| p.up());
                if running && !self.stop_before_removing {
                    return Err(Refusal::new(format!(
                        "`{name}` is running; stop it first, or add `stop_before_removing: true`"
                    )));
                }
                let target = self.target();
                let stop: &[&str] = &["stop", &target];
                let remove: [&[&str]; 2] = [&["reread"], &["remove", self.group()]];
                let mut commands = if running { vec![stop] } else { vec![] };
                commands.extend(remove);
                plan.change(state(&states(), "absent"), server.step(facts, &commands))
            }
            State::Restarted => {
                let mut plan = plan;
                if differs.is_some() || (found.is_empty() && !now.differing.is_empty()) {
                    plan = plan.change(
                        Diff::Note(format!("have supervisord read the definition of {name}")),
                        server.update(facts, self.group()),
                    );
                } else if found.is_empty() {
                    return Err(unknown());
                }
                plan.change(
                    Diff::Note(format!("restart {name}")),
                    server.start(facts, "restart", &self.target(), self.group(), PATIENCE),
                )
                .never_settles()
            }
            _ if found.is_empty() => return Err(unknown()),
            State::Started if found.iter().all(|p| p.up()) => plan,
            State::Started => plan.change(
                state(&states(), "RUNNING"),
                server.start(facts, "start", &self.target(), self.group(), PATIENCE),
            ),
            State::Stopped if !found.iter().any(|p| p.up() || p.state == "BACKOFF") => plan,
            State::Stopped => plan.change(
                state(&states(), "STOPPED"),
                server.step(facts, &[&["stop", &self.target()]]),
            ),
            State::Signalled => {
                let signal = self.signal.as_deref().unwrap_or_default();
                plan.change(
                    Diff::Note(format!("send {signal} to {name}")),
                    server.step(facts, &[&["signal", signal, &self.target()]]),
                )
                .never_settles()
            }
        };
        Ok(plan.value("name", name).value("state", format!("{:?}", self.state).to_lowercase()))
    }
}
