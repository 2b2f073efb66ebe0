//! A rule of the packet filter: what a packet must be like, and what becomes of it. Parameters of
//! `iptables`, and the words that iptables(8) takes for them.

use crate::kit::{Deserialize, JsonSchema, Refusal, Result, Words};

/// Declares a module's struct with the parameters of a rule, and its `rule()`.
macro_rules! with_rule {
    ($(#[$outer:meta])* pub(crate) struct $name:ident { $($body:tt)* }) => {
        $(#[$outer])*
        pub(crate) struct $name {
            $($body)*
            /// The protocol: a name or number. `!` before it, as before most others here, means any
            /// other.
            protocol: Option<String>,
            /// Where the packet is from: an address, a network or a name.
            source: Option<String>,
            /// Where it goes.
            destination: Option<String>,
            /// Extensions that are loaded for a match. Default: what other parameters need.
            #[serde(default, rename = "match")]
            matches: crate::kit::Words,
            /// Flags of TCP: `flags` that are looked at, and `flags_set`.
            tcp_flags: Option<crate::iptables_rule::TcpFlags>,
            /// What becomes of the packet: `ACCEPT`, `DROP`, `REJECT`, `LOG`, … or a chain.
            jump: Option<String>,
            /// The chain that goes on with the packet, with no way back.
            goto: Option<String>,
            /// The interface that it came in by; `eth+` is every one that begins so.
            in_interface: Option<String>,
            /// The interface that it leaves by.
            out_interface: Option<String>,
            /// Only parts of a packet after the first.
            fragment: Option<String>,
            /// The counters of packets and bytes that a new rule begins with.
            set_counters: Option<String>,
            /// The port, or ports (`first:last`), it is from.
            source_port: Option<String>,
            /// The port, or ports, it goes to.
            destination_port: Option<String>,
            /// Several ports it goes to.
            #[serde(default)]
            destination_ports: crate::kit::Words,
            /// With `jump: REDIRECT`: the port it goes to instead.
            to_ports: Option<String>,
            /// With `jump: DNAT`: the address it goes to instead.
            to_destination: Option<String>,
            /// With `jump: SNAT`: the address it is from instead.
            to_source: Option<String>,
            /// A first packet of a TCP connection: `match`, `negate` (any other) or `ignore`.
            /// Default: `ignore`.
            #[serde(default)]
            syn: crate::iptables_rule::Syn,
            /// What the packet is to its connection: `NEW`, `ESTABLISHED`, `RELATED`, `INVALID`,
            /// `UNTRACKED`, `SNAT`, `DNAT`. Default: anything.
            #[serde(default)]
            ctstate: crate::kit::Words,
            /// Addresses it is from: `first-last`.
            src_range: Option<String>,
            /// Addresses it goes to: `first-last`.
            dst_range: Option<String>,
            /// A set of ipset. With `match_set_flags`.
            match_set: Option<String>,
            /// `src`, `dst`, `src,dst`, `dst,src`, `src,src` or `dst,dst`.
            match_set_flags: Option<String>,
            /// How often a packet may match, on average: `5/min`.
            limit: Option<String>,
            /// How many packets match before the limit holds.
            limit_burst: Option<u32>,
            /// Packets of this user's processes.
            uid_owner: Option<String>,
            /// Packets of this group's processes.
            gid_owner: Option<String>,
            /// What a rejected packet is answered; it means `jump: REJECT`.
            reject_with: Option<String>,
            /// The type of ICMP.
            icmp_type: Option<String>,
            /// With `jump: LOG`: a text before the line.
            log_prefix: Option<String>,
            /// With `jump: LOG`: the level, by name or number.
            log_level: Option<String>,
            /// With `jump: TEE`: the host that gets a copy.
            gateway: Option<String>,
            /// A DSCP mark: a number. It means `jump: DSCP`.
            set_dscp_mark: Option<String>,
            /// A DSCP class: `CS1`, `EF`, … It means `jump: DSCP`.
            set_dscp_mark_class: Option<String>,
            /// A comment.
            comment: Option<String>,
        }

        impl $name {
            fn rule(&self) -> Rule<'_> {
                Rule {
                    matches: &self.matches.0,
                    tcp_flags: self.tcp_flags.as_ref(),
                    destination_ports: &self.destination_ports.0,
                    ctstate: &self.ctstate.0,
                    syn: self.syn,
                    limit_burst: self.limit_burst,
                    fragment: self.fragment.is_some(),
                    texts: vec![
                        ("-p", &self.protocol), ("-s", &self.source), ("-d", &self.destination),
                        ("-i", &self.in_interface), ("-o", &self.out_interface),
                        ("--sport", &self.source_port), ("--dport", &self.destination_port),
                        ("--src-range", &self.src_range), ("--dst-range", &self.dst_range),
                        ("--limit", &self.limit), ("--uid-owner", &self.uid_owner),
                        ("--gid-owner", &self.gid_owner), ("--icmp-type", &self.icmp_type),
                        ("--comment", &self.comment), ("--match-set", &self.match_set),
                        ("match_set_flags", &self.match_set_flags), ("-c", &self.set_counters),
                        ("-j", &self.jump), ("-g", &self.goto),
                        ("--to-ports", &self.to_ports), ("--to-destination", &self.to_destination),
                        ("--to-source", &self.to_source), ("--reject-with", &self.reject_with),
                        ("--log-prefix", &self.log_prefix), ("--log-level", &self.log_level),
                        ("--gateway", &self.gateway), ("--set-dscp", &self.set_dscp_mark),
                        ("--set-dscp-class", &self.set_dscp_mark_class),
                    ],
                }
            }
        }
    };
}
pub(crate) use with_rule;

/// Which flags of TCP are looked at, and which of them are set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TcpFlags {
    /// Flags to look at.
    flags: Words,
    /// Those that must be set.
    flags_set: Words,
}

/// Whether a packet is the first one of a TCP connection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Syn {
    #[default]
    Ignore,
    Match,
    Negate,
}

/// The parameters of a rule.
pub(crate) struct Rule<'a> {
    pub(crate) matches: &'a [String],
    pub(crate) tcp_flags: Option<&'a TcpFlags>,
    pub(crate) destination_ports: &'a [String],
    pub(crate) ctstate: &'a [String],
    pub(crate) syn: Syn,
    pub(crate) limit_burst: Option<u32>,
    pub(crate) fragment: bool,
    /// iptables' options, and the texts given for them.
    pub(crate) texts: Vec<(&'static str, &'a Option<String>)>,
}

impl<'a> Rule<'a> {
    fn text(&self, option: &str) -> Option<&'a str> {
        self.texts.iter().find(|(known, _)| *known == option).and_then(|(_, text)| text.as_deref())
    }

    /// # Errors
    /// For parameters that do not go together.
    pub(crate) fn check(&self) -> Result<()> {
        let given = |option| self.text(option).is_some();
        if given("--match-set") != given("match_set_flags") {
            return Err("parameters are required together: match_set, match_set_flags".into());
        }
        if given("--set-dscp") && given("--set-dscp-class") {
            return Err(
                "parameters are mutually exclusive: set_dscp_mark|set_dscp_mark_class".into()
            );
        }
        if self.text("-j") == Some("TEE") && !given("--gateway") {
            return Err("jump is TEE but all of the following are missing: gateway".into());
        }
        // A word of the user's own must not become an option.
        let odd = self.texts.iter().find_map(|(option, text)| {
            let text = text.as_deref()?;
            let free = matches!(*option, "--comment" | "--log-prefix");
            (!free && text.trim_start_matches('!').trim_start().starts_with('-')).then_some(text)
        });
        match odd {
            Some(text) => {
                Err(Refusal::new(format!("expected no `-` at the beginning of `{text}`")))
            }
            None => Ok(()),
        }
    }

    /// The words that give a new rule its counters.
    pub(crate) fn counters(&self) -> Vec<&'a str> {
        let counters = self.text("-c").into_iter().flat_map(str::split_whitespace);
        let words: Vec<&str> = counters.collect();
        if words.is_empty() { words } else { [["-c"].as_slice(), &words].concat() }
    }

    /// The words of iptables, or of ip6tables, in Ansible's order: rules are compared match by match.
    pub(crate) fn words(&self, v6: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut loaded: Vec<&str> = Vec::new();
        let put = |words: &mut Vec<String>, option: &str, text: &str| match text.strip_prefix('!') {
            Some(text) => words.extend(["!", option, text.trim_start()].map(str::to_owned)),
            None => words.extend([option, text].map(str::to_owned)),
        };
        for option in ["-p", "-s", "-d", "-i", "-o"] {
            if let Some(text) = self.text(option) {
                put(&mut words, option, text);
            }
        }
        if self.fragment {
            words.push("-f".to_owned());
        }
        for name in self.matches {
            words.extend(["-m".to_owned(), name.clone()]);
            loaded.push(name);
        }
        if let Some(tcp) = self.tcp_flags {
            words.extend([
                "--tcp-flags".to_owned(),
                tcp.flags.0.join(","),
                tcp.flags_set.0.join(","),
            ]);
        }
        let mut load = |words: &mut Vec<String>, name: &'static str| {
            if !loaded.contains(&name) {
                words.extend(["-m", name].map(str::to_owned));
                loaded.push(name);
            }
        };
        if !self.destination_ports.is_empty() {
            load(&mut words, "multiport");
            words.extend(["--dports".to_owned(), self.destination_ports.join(",")]);
        }
        for option in ["--sport", "--dport"] {
            if let Some(text) = self.text(option) {
                put(&mut words, option, text);
            }
        }
        match self.syn {
            Syn::Ignore => {}
            Syn::Match => words.push("--syn".to_owned()),
            Syn::Negate => words.extend(["!", "--syn"].map(str::to_owned)),
        }
        if !self.ctstate.is_empty() {
            let old = self.matches.iter().any(|name| name == "state");
            if !old {
                load(&mut words, "conntrack");
            }
            let option = if old { "--state" } else { "--ctstate" };
            put(&mut words, option, &self.ctstate.join(","));
        }
        for (option, extension) in [
            ("--src-range", "iprange"),
            ("--dst-range", "iprange"),
            ("--match-set", "set"),
            ("--limit", "limit"),
            ("--limit-burst", "limit"),
            ("--uid-owner", "owner"),
            ("--gid-owner", "owner"),
            ("--icmp-type", ""),
            ("--comment", "comment"),
        ] {
            if option == "--limit-burst"
                && let Some(burst) = self.limit_burst
            {
                load(&mut words, extension);
                words.extend([option.to_owned(), burst.to_string()]);
            }
            let Some(text) = self.text(option) else { continue };
            if !extension.is_empty() {
                load(&mut words, extension);
            }
            match option {
                "--icmp-type" if v6 => put(&mut words, "--icmpv6-type", text),
                "--comment" => words.extend([option, text].map(str::to_owned)),
                _ => put(&mut words, option, text),
            }
            if option == "--match-set" {
                words.extend(self.text("match_set_flags").map(str::to_owned));
            }
        }
        let implied = [
            ("--reject-with", "REJECT"),
            ("--set-dscp", "DSCP"),
            ("--set-dscp-class", "DSCP"),
            ("--log-prefix", "LOG"),
            ("--log-level", "LOG"),
        ];
        let implied = implied.iter().find(|(option, _)| self.text(option).is_some());
        match self.text("-j").or(implied.map(|(_, jump)| *jump)) {
            Some(jump) => words.extend(["-j", jump].map(str::to_owned)),
            None => words
                .extend(self.text("-g").iter().flat_map(|goto| ["-g", goto].map(str::to_owned))),
        }
        for option in [
            "--to-ports",
            "--to-destination",
            "--to-source",
            "--reject-with",
            "--log-prefix",
            "--log-level",
            "--gateway",
            "--set-dscp",
            "--set-dscp-class",
        ] {
            if let Some(text) = self.text(option) {
                words.extend([option, text].map(str::to_owned));
            }
        }
        words
    }
}
