//! `iptables`: single rules, chains and policies of the kernel's packet filter.
//!
//! ```yaml
//! - iptables: { chain: INPUT, protocol: tcp, destination_port: "22", jump: ACCEPT, comment: ssh }
//! - iptables: { chain: INPUT, ctstate: [ESTABLISHED, RELATED], jump: ACCEPT, action: insert }
//! - iptables: { chain: INPUT, policy: DROP, ip_version: both }
//! - iptables: { chain: GUESTS, chain_management: true }
//! - iptables: { table: nat, chain: POSTROUTING, out_interface: eth0, jump: MASQUERADE, state: absent }
//! ```

use serde_json::json;

use crate::iptables_rule::Rule;
use crate::iptables_rule::with_rule;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, ask, quote, sh,
};

with_rule! {
    /// Adds and removes a rule, a chain or a policy of the packet filter in the kernel.
    ///
    /// What the kernel holds is gone with the next boot unless something saves it
    /// (`netfilter-persistent`). `register` gets `chain`, `table`, `ip_version`, `state`, `flush` and
    /// `rule`: the rule's words.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Iptables {
        /// The chain. Required, but with `flush`.
        chain: Option<String>,
        /// `filter`, `nat`, `mangle`, `raw` or `security`. Default: `filter`.
        #[serde(default)]
        table: Table,
        /// `present`: there is such a rule. `absent`: there is none. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// Where a new rule goes: `append` or `insert`. Default: `append`.
        #[serde(default)]
        action: Action,
        /// With `action: insert`: its number. Default: 1.
        rule_num: Option<u32>,
        /// `ipv4`, `ipv6` or `both`. Default: `ipv4`.
        #[serde(default)]
        ip_version: Version,
        /// What becomes of a packet that no rule of a built-in chain decides on: `ACCEPT`, `DROP`,
        /// `QUEUE` or `RETURN`. With it, parameters of a rule are ignored.
        policy: Option<Policy>,
        /// Remove all rules of the chain, or of the table. Ignores all but `chain`, `table` and
        /// `ip_version`. Default: false.
        #[serde(default)]
        flush: bool,
        /// Make the chain if it is not there; with `state: absent` and no parameter of a rule,
        /// remove it. Default: false.
        #[serde(default)]
        chain_management: bool,
        /// How many seconds to wait for the lock of another iptables. Default: not at all.
        wait: Option<u32>,
        /// Look no names up when rules are listed: never done here. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        numeric: Option<crate::attributes::Ignored>,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Table {
    #[default]
    Filter,
    Nat,
    Mangle,
    Raw,
    Security,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    #[default]
    Append,
    Insert,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Version {
    #[default]
    Ipv4,
    Ipv6,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Policy {
    Accept,
    Drop,
    Queue,
    Return,
}

impl Policy {
    fn word(self) -> &'static str {
        match self {
            Policy::Accept => "ACCEPT",
            Policy::Drop => "DROP",
            Policy::Queue => "QUEUE",
            Policy::Return => "RETURN",
        }
    }
}

/// What one of the two programs was asked.
pub(crate) struct Now {
    program: &'static str,
    /// Rules of the chain, or of all chains; the first one is the policy.
    listed: Reply,
    /// Whether the rule is there.
    checked: Option<Reply>,
}

impl Iptables {
    fn programs(&self) -> &'static [&'static str] {
        match self.ip_version {
            Version::Ipv4 => &["iptables"],
            Version::Ipv6 => &["ip6tables"],
            Version::Both => &["iptables", "ip6tables"],
        }
    }

    fn table_word(&self) -> String {
        format!("{:?}", self.table).to_lowercase()
    }

    fn check(&self) -> Result<()> {
        match &self.chain {
            None if !self.flush => {
                return Err("Either chain or flush parameter must be specified.".into());
            }
            Some(chain) if chain.is_empty() || chain.starts_with(['-', '!']) => {
                return Err(Refusal::new(format!("expected the name of a chain, found `{chain}`")));
            }
            _ => {}
        }
        if self.rule_num.is_some() && self.action == Action::Append {
            return Err("`rule_num` goes with `action: insert` only".into());
        }
        match self.flush || self.policy.is_some() {
            true => Ok(()),
            false => self.rule().check(),
        }
    }

    /// The words of a program, after its name.
    fn words(&self, program: &str, more: &[&str]) -> Vec<String> {
        let wait = self.wait.map(|seconds| seconds.to_string()).unwrap_or_default();
        let mut words = vec![program.to_owned(), wait, self.table_word()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    }

    /// A step of one program.
    fn step(&self, program: &str, more: &[&str]) -> Step {
        Step::run(sh(RUN, self.words(program, more)))
    }

    fn plan_of(&self, now: &Now) -> Result<Plan> {
        let Now { program, listed, checked } = now;
        let subject = match &self.chain {
            Some(chain) => format!("{program} {} {chain}", self.table_word()),
            None => format!("{program} {}", self.table_word()),
        };
        let chain = self.chain.as_deref().unwrap_or_default();
        match listed.status {
            127 => return Err(Refusal::new(format!("there is no {program} on the host"))),
            // 1: there is no such chain.
            0 | 1 => {}
            _ => return Err(Refusal::new(listed.err().trim())),
        }
        let plan = Plan::none();
        if self.flush {
            let words = if chain.is_empty() { vec!["-F"] } else { vec!["-F", chain] };
            let diff = Diff::Note(format!("flush {subject}"));
            // As Ansible: a flush always counts.
            return Ok(plan.change(diff, self.step(program, &words)).never_settles());
        }
        if let Some(policy) = self.policy {
            let out = listed.out();
            let now =
                out.lines().next().and_then(|line| line.split(' ').nth(2)).unwrap_or_default();
            if !listed.ok() || !out.starts_with("-P") {
                return Err(Refusal::new(format!(
                    "{subject} has no policy: it is no built-in chain"
                )));
            }
            return Ok(match now == policy.word() {
                true => plan,
                false => plan.change(
                    Diff::field(&subject, "policy", now, policy.word()),
                    self.step(program, &["-P", chain, policy.word()]),
                ),
            });
        }
        let rule = self.rule().words(*program == "ip6tables");
        let shown = rule.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let there = checked.as_ref().is_some_and(Reply::ok);
        match (self.state, self.chain_management) {
            (Presence::Absent, true) if rule.is_empty() => Ok(match listed.ok() {
                false => plan,
                true => {
                    let diff = Diff::field(&subject, "state", "present", "absent");
                    plan.change(diff, self.step(program, &["-X", chain]))
                }
            }),
            (Presence::Absent, _) => Ok(match there {
                false => plan,
                true => {
                    let mut words = vec!["-D", chain];
                    words.extend(rule.iter().map(String::as_str));
                    let diff = Diff::field(&subject, "rule", shown, "absent");
                    plan.change(diff, self.step(program, &words))
                }
            }),
            (Presence::Present, manages) => {
                let mut plan = plan;
                if manages && !listed.ok() {
                    let diff = Diff::field(&subject, "state", "absent", "present");
                    plan = plan.change(diff, self.step(program, &["-N", chain]));
                }
                if there || (manages && rule.is_empty()) {
                    return Ok(plan);
                }
                let number = self.rule_num.map(|number| number.to_string());
                let mut words = match self.action {
                    Action::Append => vec!["-A", chain],
                    Action::Insert => vec!["-I", chain],
                };
                words.extend(number.as_deref());
                words.extend(rule.iter().map(String::as_str));
                let parameters = self.rule();
                words.extend(parameters.counters());
                let diff = Diff::field(&subject, "rule", "absent", shown);
                Ok(plan.change(diff, self.step(program, &words)))
            }
        }
    }
}

impl Module for Iptables {
    const NAMES: &'static [&'static str] = &["iptables"];
    type State = Vec<Now>;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Vec<Now>> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let chain = self.chain.as_deref();
        let probes = self.programs().iter().map(|program| {
            let mut words = vec!["-S"];
            words.extend(chain);
            let listed = ask(sh(RUN, self.words(program, &words)));
            let rule = self.rule().words(*program == "ip6tables");
            let checked = match chain {
                Some(chain) if !self.flush && self.policy.is_none() => {
                    let mut words = vec!["-C", chain];
                    words.extend(rule.iter().map(String::as_str));
                    ask(sh(RUN, self.words(program, &words))).map(Some)
                }
                _ => Probe::known(None),
            };
            listed.and(checked).map(|(listed, checked)| Now { program, listed, checked })
        });
        Probe::all(probes.collect::<Vec<_>>())
    }

    fn plan(&self, _: &Facts, now: Vec<Now>) -> Result<Plan> {
        let mut plan = Plan::none();
        for now in &now {
            plan = plan.followed_by(self.plan_of(now)?);
        }
        let rule = self.rule().words(self.ip_version == Version::Ipv6);
        Ok(plan
            .value("chain", json!(self.chain))
            .value("table", self.table_word())
            .value("ip_version", format!("{:?}", self.ip_version).to_lowercase())
            .value("state", if self.state == Presence::Present { "present" } else { "absent" })
            .value("flush", self.flush)
            .value("rule", rule.join(" ")))
    }
}

const RUN: &str = r#"# the packet filter: PROGRAM WAIT TABLE WORD…
program=$1 wait=$2 table=$3
shift 3
command -v "$program" >/dev/null || exit 127
LC_ALL=C "$program" ${wait:+-w "$wait"} -t "$table" "$@"
"#;
