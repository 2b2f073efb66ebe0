//! `ufw`: the firewall of Ubuntu and Debian.
//!
//! What a rule would change is asked of ufw itself (`--dry-run`).
//!
//! ```yaml
//! - ufw: { rule: allow, to_port: ssh, proto: tcp, comment: everybody }
//! - ufw: { rule: deny, from_ip: 10.0.0.0/8, to_port: "5432", insert: 1 }
//! - ufw: { state: enabled, policy: deny, logging: "on" }
//! ```

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, Text,
    argv, ask, quote, sh,
};

/// Sets rules, policies, logging and the state of ufw.
///
/// `register` gets `commands` and `msg`, the status of ufw.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ufw {
    /// `enabled` and `disabled`: also at boot. `reloaded`: rules are read anew, if it is enabled.
    /// `reset`: all rules go, and it is disabled.
    state: Option<State>,
    /// The policy for what no rule says anything of: `allow`, `deny` or `reject`. For `direction`,
    /// by default `incoming`.
    #[serde(alias = "policy")]
    default: Option<Policy>,
    /// How much is logged: `on`, `off`, `low`, `medium`, `high` or `full`.
    logging: Option<Logging>,
    /// A rule: `allow`, `deny`, `reject`, or `limit` (refuses who comes too often).
    rule: Option<Rule>,
    /// `in` or `out` for a rule; `incoming`, `outgoing` or `routed` for `default`.
    direction: Option<Direction>,
    /// Remove the rule. Default: false.
    #[serde(default)]
    delete: bool,
    /// The rule is for what is passed on to other hosts. Default: false.
    #[serde(default)]
    route: bool,
    /// The rule's number: it goes before the one that has it. Default: at the end.
    insert: Option<u32>,
    /// What `insert` counts from: `zero` (default) is the first rule's number 1; `first-ipv4`,
    /// `last-ipv4`, `first-ipv6`, `last-ipv6` are rules, from which 0 counts.
    #[serde(default)]
    insert_relative_to: Relative,
    /// The network interface. Needs `direction`.
    #[serde(alias = "if")]
    interface: Option<String>,
    /// The interface on which it comes in.
    #[serde(alias = "if_in")]
    interface_in: Option<String>,
    /// The interface on which it goes out.
    #[serde(alias = "if_out")]
    interface_out: Option<String>,
    /// Log new connections of the rule. Default: false.
    #[serde(default)]
    log: bool,
    /// Address or network it comes from. Default: `any`.
    #[serde(default = "any", alias = "from", alias = "src")]
    from_ip: String,
    /// Port it comes from.
    from_port: Option<String>,
    /// Address or network it goes to. Default: `any`.
    #[serde(default = "any", alias = "to", alias = "dest")]
    to_ip: String,
    /// Port or service it goes to.
    #[serde(alias = "port")]
    to_port: Option<String>,
    /// The protocol.
    #[serde(alias = "protocol")]
    proto: Option<Proto>,
    /// A profile of `/etc/ufw/applications.d`.
    #[serde(alias = "app")]
    name: Option<String>,
    /// A comment on the rule.
    comment: Option<String>,
}

fn any() -> String {
    "any".into()
}

/// An enumeration of words, each with its text.
macro_rules! words {
    ($name:ident { $($variant:ident $word:literal),* $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
        enum $name {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl $name {
            fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Enabled,
    Disabled,
    Reloaded,
    Reset,
}

words!(Policy { Allow "allow", Deny "deny", Reject "reject" });
words!(Logging { Full "full", High "high", Low "low", Medium "medium", Off "off", On "on" });
words!(Rule { Allow "allow", Deny "deny", Limit "limit", Reject "reject" });
words!(Direction {
    In "in", Incoming "incoming", Out "out", Outgoing "outgoing", Routed "routed",
});
words!(Proto {
    Ah "ah", Any "any", Esp "esp", Ipv6 "ipv6", Tcp "tcp", Udp "udp", Gre "gre", Igmp "igmp",
    Vrrp "vrrp",
});

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Relative {
    #[default]
    Zero,
    FirstIpv4,
    LastIpv4,
    FirstIpv6,
    LastIpv6,
}

/// What ufw is like.
struct Status {
    text: String,
    settings: String,
    /// Rules as ufw keeps them, of IPv4 and of IPv6.
    rules: [Vec<String>; 2],
}

impl Status {
    fn read(reply: &Reply) -> Status {
        let out = reply.out();
        let mut parts = out.split('\0').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (text, settings) = (part(), part());
        Status { text, settings, rules: [part(), part()].map(|text| tuples(&text)) }
    }

    fn is_active(&self) -> bool {
        self.text.lines().any(|line| line == "Status: active")
    }

    /// A variable of ufw's files.
    fn setting(&self, name: &str) -> &str {
        let value = |line: &'_ str| -> Option<usize> {
            line.strip_prefix(name).filter(|rest| rest.starts_with('='))?;
            Some(name.len() + 1)
        };
        let line = self.settings.lines().rfind(|line| value(line).is_some()).unwrap_or_default();
        line.get(name.len() + 1..).unwrap_or_default().trim_matches('"')
    }
}

/// The lines by which ufw knows its rules.
fn tuples(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with("### tuple ###")).map(str::to_owned).collect()
}

/// The rules after a dry run: those of a family that it says nothing of stay as they are.
fn foretold(out: &str, now: &[Vec<String>; 2]) -> [Vec<String>; 2] {
    let mut rules = now.clone();
    for part in out.split("*filter").skip(1) {
        let six = usize::from(part.contains(":ufw6-"));
        rules[six] = tuples(part);
    }
    rules
}

impl Ufw {
    fn check(&self) -> Result<()> {
        let given = [
            self.state.is_some(),
            self.default.is_some(),
            self.rule.is_some(),
            self.logging.is_some(),
        ];
        if !given.contains(&true) {
            return Err("one of the following is required: state, default, rule, logging".into());
        }
        let exclusive = [self.name.is_some(), self.proto.is_some(), self.logging.is_some()];
        if exclusive.iter().filter(|given| **given).count() > 1 {
            return Err("parameters are mutually exclusive: name|proto|logging".into());
        }
        let sided = self.interface_in.is_some() || self.interface_out.is_some();
        if self.direction.is_some() && sided {
            return Err(
                "parameters are mutually exclusive: direction|interface_in, direction|interface_out"
                    .into(),
            );
        }
        if self.interface.is_some() && self.direction.is_none() {
            return Err("missing parameter(s) required by 'interface': direction".into());
        }
        if self.default.is_some() && matches!(self.direction, Some(Direction::In | Direction::Out))
        {
            return Err("For default, direction must be one of \"outgoing\", \"incoming\" and \"routed\", or direction must not be specified.".into());
        }
        let long = Some(Direction::Incoming) == self.direction
            || matches!(self.direction, Some(Direction::Outgoing | Direction::Routed));
        if self.rule.is_some() && long {
            return Err("For rules, direction must be one of \"in\" and \"out\", or direction must not be specified.".into());
        }
        let both = self.interface_in.is_some() && self.interface_out.is_some();
        if self.rule.is_some() && both && !self.route {
            return Err("Only route rules can combine interface_in and interface_out".into());
        }
        let texts = [&self.interface, &self.interface_in, &self.interface_out, &self.from_port];
        let more = [&self.to_port, &self.name];
        let texts = texts.into_iter().chain(more).flatten().chain([&self.from_ip, &self.to_ip]);
        match texts.into_iter().find(|t| t.is_empty() || t.starts_with('-') || t.contains('\n')) {
            Some(text) => Err(Refusal::new(format!("no rule can have `{text}` in it"))),
            None => Ok(()),
        }
    }

    /// Where the rule goes, given the lines of `ufw status numbered`.
    fn place(&self, numbered: &str) -> Option<u32> {
        let insert = self.insert.filter(|_| !self.delete)?;
        if self.insert_relative_to == Relative::Zero {
            return Some(insert);
        }
        let rules: Vec<(u32, bool)> = numbered
            .lines()
            .filter_map(|line| {
                let (number, _) = line.strip_prefix('[')?.split_once(']')?;
                Some((number.trim().parse().ok()?, line.contains("(v6)")))
            })
            .collect();
        let last = rules.iter().map(|(number, _)| *number).max().unwrap_or(0);
        let last_four = rules.iter().filter(|(_, six)| !six).map(|(number, _)| *number).max();
        let has_six = rules.iter().any(|(_, six)| *six);
        let base = match self.insert_relative_to {
            Relative::Zero | Relative::FirstIpv4 => 1,
            Relative::LastIpv4 => last_four.unwrap_or(1),
            Relative::FirstIpv6 => last_four.map_or(1, |last| last + 1),
            Relative::LastIpv6 if has_six => last,
            Relative::LastIpv6 => last + 1,
        };
        // ufw takes no number that is larger than the last one.
        Some(base + insert).filter(|place| *place <= last)
    }

    /// The rule in ufw's words.
    fn words(&self, rule: Rule, numbered: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |new: &[&str]| words.extend(new.iter().map(|word| (*word).to_owned()));
        if self.route {
            add(&["route"]);
        }
        if self.delete {
            add(&["delete"]);
        }
        if let Some(place) = self.place(numbered) {
            add(&["insert", &place.to_string()]);
        }
        add(&[rule.word()]);
        if let Some(direction) = self.direction {
            add(&[direction.word()]);
        }
        for (given, side) in [
            (&self.interface, &["on"][..]),
            (&self.interface_in, &["in", "on"]),
            (&self.interface_out, &["out", "on"]),
        ] {
            if let Some(interface) = given {
                add(side);
                add(&[interface]);
            }
        }
        if self.log {
            add(&["log"]);
        }
        add(&["from", &self.from_ip]);
        if let Some(port) = &self.from_port {
            add(&["port", port]);
        }
        add(&["to", &self.to_ip]);
        if let Some(port) = &self.to_port {
            add(&["port", port]);
        }
        if let Some(proto) = self.proto {
            add(&["proto", proto.word()]);
        }
        if let Some(name) = &self.name {
            add(&["app", name]);
        }
        if let Some(comment) = self.comment.as_ref().filter(|comment| !comment.is_empty()) {
            add(&["comment", comment]);
        }
        words
    }

    fn state(&self, state: State, now: &Status) -> Option<(Diff, &'static str)> {
        let active = now.is_active();
        let field = |before, after| Diff::field("ufw", "state", before, after);
        match state {
            State::Enabled if !active => Some((field("inactive", "active"), "enable")),
            State::Disabled if active => Some((field("active", "inactive"), "disable")),
            State::Reloaded if active => Some((Diff::Note("reload ufw".into()), "reload")),
            State::Reset if active || now.rules.iter().any(|rules| !rules.is_empty()) => {
                Some((Diff::Note("reset ufw".into()), "reset"))
            }
            _ => None,
        }
    }

    fn policy(&self, policy: Policy, now: &Status) -> Option<(Diff, [&'static str; 3])> {
        let (side, variable) = match self.direction {
            Some(Direction::Outgoing) => ("outgoing", "DEFAULT_OUTPUT_POLICY"),
            Some(Direction::Routed) => ("routed", "DEFAULT_FORWARD_POLICY"),
            _ => ("incoming", "DEFAULT_INPUT_POLICY"),
        };
        let current = match now.setting(variable) {
            "ACCEPT" => "allow",
            "REJECT" => "reject",
            _ => "deny",
        };
        let differs = current != policy.word();
        let diff = Diff::field(&format!("ufw {side}"), "policy", current, policy.word());
        differs.then(|| (diff, ["default", policy.word(), side]))
    }

    fn logging(&self, wanted: Logging, now: &Status) -> Option<Diff> {
        let current = now.setting("LOGLEVEL");
        let right = match wanted {
            Logging::On => current != "off",
            other => current == other.word(),
        };
        (!right).then(|| Diff::field("ufw", "logging", current, wanted.word()))
    }
}

impl Module for Ufw {
    const NAMES: &'static [&'static str] = &["ufw"];
    /// The status, the rule in ufw's words, and what ufw says of it.
    type State = (Reply, Option<(Vec<String>, Reply)>);

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let status = ask(sh(STATUS, [""; 0]));
        let Some(rule) = self.rule else { return status.map(|status| (status, None)) };
        let numbered = match self.insert_relative_to {
            Relative::Zero => Probe::known(String::new()),
            _ => ask(sh(NUMBERED, [""; 0])).map(|reply| reply.out()),
        };
        let dry = numbered.then(move |numbered| {
            let words = self.words(rule, &numbered);
            ask(sh(DRY, &words)).map(move |reply| (words, reply))
        });
        status.and(dry).map(|(status, dry)| (status, Some(dry)))
    }

    fn plan(&self, _: &Facts, (reply, dry): Self::State) -> Result<Plan> {
        match reply.status {
            0 => {}
            127 => return Err("there is no ufw on the host; install it first".into()),
            _ => {
                return Err(Refusal::new(format!(
                    "ufw does not say how it is: {}",
                    reply.err().trim()
                )));
            }
        }
        let now = Status::read(&reply);
        let mut plan = Plan::none();
        let mut commands = Vec::new();
        let mut run = |words: Vec<String>| {
            let words: Vec<String> = std::iter::once("ufw".into()).chain(words).collect();
            commands.push(words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "));
            Step::run(argv(words))
        };
        if let Some((diff, word)) = self.state.and_then(|state| self.state(state, &now)) {
            plan = plan.change(diff, run(vec!["-f".into(), word.into()]));
            if word == "reload" {
                plan = plan.never_settles();
            }
        }
        if let Some((diff, words)) = self.default.and_then(|policy| self.policy(policy, &now)) {
            plan = plan.change(diff, run(words.map(str::to_owned).to_vec()));
        }
        if let Some((words, reply)) = dry {
            if !reply.ok() {
                let said = format!("{}{}", reply.err(), reply.out());
                let said = said.lines().find(|line| line.contains("ERROR")).unwrap_or(&said);
                return Err(Refusal::new(said.trim().to_owned()));
            }
            let after = foretold(&reply.out(), &now.rules);
            if after != now.rules {
                let text = |rules: &[Vec<String>; 2]| {
                    let lines = rules
                        .iter()
                        .flatten()
                        .map(|line| format!("{}\n", line.trim_start_matches("### tuple ### ")));
                    Text::bytes(lines.collect::<String>().into_bytes())
                };
                let diff = Diff::Text {
                    path: "rules of ufw".into(),
                    before: text(&now.rules),
                    after: text(&after),
                };
                plan = plan.change(diff, run(words));
            }
        }
        if let Some(level) = self.logging
            && let Some(diff) = self.logging(level, &now)
        {
            plan = plan.change(diff, run(vec!["logging".into(), level.word().into()]));
        }
        Ok(plan
            .value("commands", Vec::<String>::new())
            .value_on_change("commands", commands)
            .value("msg", now.text.trim_end()))
    }
}

const STATUS: &str = r#"# what is ufw like
command -v ufw >/dev/null || exit 127
LC_ALL=C ufw status verbose || exit
printf '\0'
cat /etc/default/ufw /etc/ufw/ufw.conf 2>/dev/null
for file in user.rules user6.rules; do
    printf '\0'
    for directory in /etc/ufw /lib/ufw /var/lib/ufw; do
        [ ! -f "$directory/$file" ] || { grep '^### tuple' "$directory/$file"; break; }
    done
done
:
"#;

const NUMBERED: &str = r#"# what numbers do the rules of ufw have
LC_ALL=C ufw status numbered
"#;

const DRY: &str = r#"# ask ufw what a rule would do
command -v ufw >/dev/null || exit 127
LC_ALL=C ufw --dry-run "$@"
"#;
