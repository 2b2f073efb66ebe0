//! `wait_for`: waits until a port, a file or the connections to a port are as wanted.
//!
//! ```yaml
//! - wait_for:
//!     port: 8080
//!     delay: 2
//! - wait_for:
//!     path: /var/log/app.log
//!     search_regex: ready after (\d+) s
//!   register: ready
//! - wait_for:
//!     port: 80
//!     state: drained
//!     exclude_hosts: [10.0.0.5]
//! ```

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::attributes::describe;
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Stat, Words, act,
    ask, lstat, sh,
};
use crate::python_regex::compile_by_line;

/// Waits on the host until a port or a file is as wanted, or only for some time.
///
/// `register` gets `elapsed` (seconds), `state`, `port`, `path`, `search_regex`, `match_groups` and
/// `match_groupdict`; for a path also what `file` tells of it. For a port the host needs `bash`, `nc`
/// or `perl`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitFor {
    /// Where the port is, as the host sees it. Default: `127.0.0.1`.
    #[serde(default = "here")]
    host: String,
    /// The port. This or `path`; with neither it only waits for `timeout`.
    port: Option<u16>,
    /// A file or directory; symbolic links are followed.
    path: Option<String>,
    /// What to wait for: `started` and `present` mean an open port or an existing path, `stopped`
    /// and `absent` the opposite, `drained` a port without connections. Default: `started`.
    #[serde(default)]
    state: State,
    /// A regular expression that the file, or what the port says, must contain. Default: none.
    search_regex: Option<String>,
    /// Seconds to wait at most. Default: 300.
    #[serde(default = "five_minutes")]
    timeout: u32,
    /// Seconds to wait before the first look. Default: 0.
    #[serde(default)]
    delay: u32,
    /// Seconds between two looks. Default: 1.
    #[serde(default = "one")]
    sleep: u32,
    /// Seconds that one attempt to connect may take. Default: 5.
    #[serde(default = "five")]
    connect_timeout: u32,
    /// Addresses or names whose connections do not count for `drained`.
    exclude_hosts: Option<Words>,
    /// States of a connection that count for `drained`. Default: ESTABLISHED, FIN_WAIT1, FIN_WAIT2,
    /// SYN_RECV, SYN_SENT and TIME_WAIT.
    active_connection_states: Option<Vec<Connection>>,
    /// What to say when the time is up. Default: what was waited for.
    msg: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Drained,
    Present,
    #[default]
    Started,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Connection {
    Established,
    SynSent,
    SynRecv,
    #[serde(rename = "FIN_WAIT1")]
    FinWait1,
    #[serde(rename = "FIN_WAIT2")]
    FinWait2,
    TimeWait,
}

fn here() -> String {
    "127.0.0.1".to_owned()
}

fn five_minutes() -> u32 {
    300
}

fn five() -> u32 {
    5
}

fn one() -> u32 {
    1
}

/// How waiting ended, after that many seconds.
pub(crate) struct End {
    elapsed: u64,
    how: How,
}

/// What the groups of the expression matched, by number and by name.
type Groups = (Vec<Value>, Map<String, Value>);

enum How {
    Found(Groups),
    Late,
    Error(String),
    NoTool,
}

/// What the host has said so far.
#[derive(Default)]
struct Heard {
    begin: String,
    content: Vec<u8>,
    size: String,
    sum: String,
    /// How often it was asked.
    times: u32,
}

/// Addresses for `drained`, as the kernel's tables write them.
type Addresses = (Vec<String>, Vec<String>);

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Absent => "absent",
            State::Drained => "drained",
            State::Present => "present",
            State::Started => "started",
            State::Stopped => "stopped",
        }
    }
}

impl WaitFor {
    fn check(&self) -> Result<()> {
        let wrong = |why: &str| Err(Refusal::new(why).value("elapsed", 0));
        match (self.port, &self.path, self.state) {
            (Some(_), Some(_), _) => wrong("expected `port` or `path`, found both"),
            (_, Some(_), State::Stopped | State::Drained) => {
                wrong("expected `present` or `absent` as the `state` of a path")
            }
            (None, None, State::Drained) => wrong("expected `port` with `state: drained`"),
            (_, _, state) if self.exclude_hosts.is_some() && state != State::Drained => {
                wrong("expected `state: drained` with `exclude_hosts`")
            }
            _ => Ok(()),
        }
    }

    /// Asks once; if what was said does not match yet, again.
    fn attempt<'a>(&'a self, path: String, addresses: Addresses, heard: Heard) -> Probe<'a, End> {
        let what = match (self.state, self.port, &self.path) {
            (State::Drained, ..) => "drained",
            (_, Some(_), _) => "port",
            (_, None, Some(_)) => "path",
            (_, None, None) => "pause",
        };
        let state = match self.state {
            State::Absent | State::Stopped if what == "path" => "absent",
            State::Absent | State::Stopped => "stopped",
            _ => "started",
        };
        // In tenths of a second: more patience each time.
        let idle = 10_u32.saturating_mul(1 << heard.times.min(12));
        let mut words = vec![
            what.to_owned(),
            state.to_owned(),
            heard.begin.clone(),
            self.delay.to_string(),
            self.timeout.to_string(),
            self.sleep.to_string(),
            self.search_regex.as_ref().map_or("", |_| "regex").to_owned(),
            if heard.size.is_empty() { "0".to_owned() } else { heard.size.clone() },
            heard.sum.clone(),
            idle.to_string(),
        ];
        let port = self.port.unwrap_or_default();
        let list = |words: &[String]| format!(" {} ", words.join(" "));
        match what {
            "path" => words.push(path.clone()),
            "port" => words.extend([
                self.host.clone(),
                port.to_string(),
                self.connect_timeout.max(1).to_string(),
            ]),
            "drained" => words.extend([
                format!("{port:04X}"),
                self.states(),
                list(&addresses.0),
                list(&addresses.1),
            ]),
            _ => {}
        }
        act(sh(include_str!("wait_for.sh"), words)).then(move |reply| {
            match self.read(&reply, heard) {
                Ok(Ok(end)) => Probe::known(end),
                Ok(Err(heard)) => self.attempt(path, addresses, heard),
                Err(why) => Probe::refuse(why),
            }
        })
    }

    /// The end, or what was heard so far.
    fn read(&self, reply: &Reply, mut heard: Heard) -> Result<std::result::Result<End, Heard>> {
        let unclear = || Refusal::new(format!("cannot wait: {}", reply.err().trim()));
        let at = reply.stdout.iter().position(|&byte| byte == b'\n').ok_or_else(unclear)?;
        let (head, rest) = (String::from_utf8_lossy(&reply.stdout[..at]), &reply.stdout[at + 1..]);
        let words: Vec<&str> = head.split(' ').collect();
        let [how, elapsed, begin, ref more @ ..] = words[..] else { return Err(unclear()) };
        let elapsed = elapsed.parse().map_err(|_| unclear())?;
        let end = |how| Ok(Ok(End { elapsed, how }));
        match (how, more) {
            ("found", _) => return end(How::Found(Groups::default())),
            ("late", _) => return end(How::Late),
            ("none", _) => return end(How::NoTool),
            ("error", _) => {
                return end(How::Error(String::from_utf8_lossy(rest).trim().to_owned()));
            }
            ("more", [_, _]) => {}
            ("whole", [_, _]) => heard.content.clear(),
            _ => return Err(unclear()),
        }
        heard.content.extend_from_slice(rest);
        if let Some(groups) = self.search(&heard.content)? {
            return end(How::Found(groups));
        }
        heard.begin = begin.to_owned();
        heard.size = more[0].to_owned();
        heard.sum = more[1].to_owned();
        heard.times += 1;
        Ok(Err(heard))
    }

    /// What the groups matched, if the expression does.
    fn search(&self, content: &[u8]) -> Result<Option<Groups>> {
        let pattern = compile_by_line(self.search_regex.as_deref().unwrap_or_default())?;
        let text = String::from_utf8_lossy(content);
        let found = pattern.captures(&*text).map_err(|error| error.to_string())?;
        Ok(found.map(|found| {
            let value = |group: Option<fancy_regex::Match<'_>>| {
                group.map_or(Value::Null, |group| group.as_str().into())
            };
            let groups = (1..found.len()).map(|number| value(found.get(number))).collect();
            let names = pattern.capture_names().flatten();
            (groups, names.map(|name| (name.to_owned(), value(found.name(name)))).collect())
        }))
    }

    fn states(&self) -> String {
        let all = [
            (Connection::Established, "01"),
            (Connection::SynSent, "02"),
            (Connection::SynRecv, "03"),
            (Connection::FinWait1, "04"),
            (Connection::FinWait2, "05"),
            (Connection::TimeWait, "06"),
        ];
        let wanted =
            |state| self.active_connection_states.as_ref().is_none_or(|s| s.contains(state));
        all.iter()
            .filter(|(state, _)| wanted(state))
            .fold(" ".to_owned(), |all, (_, number)| all + number + " ")
    }

    /// What is said when the time is up.
    fn late(&self) -> String {
        let place = match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.path.clone().unwrap_or_default(),
        };
        match (self.state, &self.search_regex, self.port) {
            (State::Drained, ..) => format!("Timeout when waiting for {place} to drain"),
            (State::Absent | State::Stopped, _, Some(_)) => {
                format!("Timeout when waiting for {place} to stop.")
            }
            (State::Absent | State::Stopped, _, None) => {
                format!("Timeout when waiting for {place} to be absent.")
            }
            (_, Some(regex), _) => {
                format!("Timeout when waiting for search string {regex} in {place}")
            }
            (_, None, Some(_)) => format!("Timeout when waiting for {place}"),
            (_, None, None) => format!("Timeout when waiting for file {place}"),
        }
    }

    /// The addresses of a name, asked of the host; an address is one already.
    fn addresses<'a>(names: &[String]) -> Probe<'a, Vec<String>> {
        let each = names.iter().map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Probe::known(table(address)),
            Err(_) => {
                let name = name.clone();
                ask(sh(r#"getent ahosts -- "$1""#, [&name])).try_map(move |reply| {
                    let lines = reply.lines();
                    let found =
                        lines.iter().filter_map(|line| line.split(' ').next()?.parse().ok());
                    let found: Vec<String> = found.flat_map(table).collect();
                    match found.is_empty() {
                        true => Err(format!("cannot find the address of `{name}`").into()),
                        false => Ok(found),
                    }
                })
            }
        });
        Probe::all(each).map(|all| all.concat())
    }
}

/// An address as in `/proc/net/tcp` and `/proc/net/tcp6`: words of four bytes, the last first. One of
/// version 4 may stand in both.
fn table(address: IpAddr) -> Vec<String> {
    let hex = |bytes: &[u8]| {
        let words = bytes.chunks(4).flat_map(|word| word.iter().rev());
        words.map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    match address {
        IpAddr::V4(address) => {
            vec![hex(&address.octets()), hex(&address.to_ipv6_mapped().octets())]
        }
        IpAddr::V6(address) => vec![hex(&address.octets())],
    }
}

impl Module for WaitFor {
    const NAMES: &'static [&'static str] = &["wait_for"];
    /// How it ended, and what then stands at the path.
    type State = (End, Option<Stat>);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        if let Some(regex) = &self.search_regex
            && let Err(why) = compile_by_line(regex)
        {
            return Probe::refuse(why);
        }
        let path = self.path.as_deref().map(|path| facts.path(path)).unwrap_or_default();
        let (own, not) = match self.state {
            State::Drained => {
                (vec![self.host.clone()], self.exclude_hosts.as_deref().unwrap_or_default())
            }
            _ => (vec![], [].as_slice()),
        };
        Self::addresses(&own).and(Self::addresses(not)).then(move |addresses| {
            self.attempt(path.clone(), addresses, Heard::default())
                .then(move |end| lstat(path).map(move |stat| (end, stat)))
        })
    }

    fn plan(&self, facts: &Facts, (End { elapsed, how }, stat): Self::State) -> Result<Plan> {
        let fail = |why: String| Err(Refusal::new(why).value("elapsed", elapsed));
        let (groups, names) = match how {
            How::Found(groups) => groups,
            How::Late => return fail(self.msg.clone().unwrap_or_else(|| self.late())),
            How::Error(why) => {
                let path = self.path.as_deref().unwrap_or_default();
                let why = format!("Failed to stat {path}, {why}");
                return fail(self.msg.clone().unwrap_or(why));
            }
            How::NoTool => {
                let why =
                    "the host has nothing to connect to a port with: install bash, nc or perl";
                return fail(why.to_owned());
            }
        };
        let mut plan = Plan::none()
            .value("state", self.state.name())
            .value("port", self.port)
            .value("search_regex", self.search_regex.clone())
            .value("match_groups", groups)
            .value("match_groupdict", names)
            .value("path", self.path.as_deref().map(|path| facts.path(path)))
            .value("elapsed", json!(elapsed));
        if self.path.is_some() {
            plan.values.extend(describe(stat.as_ref()));
        }
        Ok(plan)
    }
}
