//! `mysql_user`: accounts of MySQL and MariaDB, and their privileges.
//!
//! ```yaml
//! - mysql_user:
//!     name: app
//!     password: "{{ app_password }}"
//!     priv: "app.*:ALL/log.*:SELECT,INSERT"
//! - mysql_user: { name: backup, plugin: unix_socket, priv: { "*.*": "SELECT,LOCK TABLES" }, append_privs: true }
//! - mysql_user: { name: "", host_all: true, state: absent }
//! ```

use std::collections::BTreeMap;

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, ask,
};
use crate::mysql::{rows, text, with_login};
use crate::mysql_privs::{Mode, Wanted, statements, told};
use crate::named::Named;

with_login! {
    /// Makes, changes and drops accounts.
    ///
    /// The server is told the hash of a password, never the password. `register` gets `user`, `msg` and
    /// `password_changed`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct MysqlUser {
        /// The account's name; empty for the anonymous one. Required.
        #[serde(alias = "user")]
        name: String,
        /// Where it may come from. Default: `localhost`.
        #[serde(default = "localhost")]
        host: String,
        /// The accounts of this name for all hosts there are. Default: false.
        #[serde(default)]
        host_all: bool,
        /// `present` or `absent`. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// Its password, for `mysql_native_password`. Default: none for a new one, else as it is.
        password: Option<String>,
        /// Whether `password` is the hash of one: `*` and 40 hexadecimal digits. Default: false.
        #[serde(default)]
        encrypted: bool,
        /// `always`; `on_create`: only of a new account; `on_new_username`: only if there is none of
        /// this name, else that one's is taken. Default: `always`.
        #[serde(default)]
        update_password: Update,
        /// How it proves who it is, instead of `password`: `unix_socket`, `ed25519`, …
        plugin: Option<String>,
        /// What the plugin keeps. Default: none.
        plugin_hash_string: Option<String>,
        /// What the plugin makes of it is kept; such an account is set anew each time, unless
        /// `update_password` says otherwise. Default: none.
        plugin_auth_string: Option<String>,
        /// Its privileges: `database.table:PRIVILEGE,…/…`, or a mapping. Default: as they are.
        #[serde(rename = "priv")]
        #[schemars(with = "serde_json::Value")]
        privileges: Option<Wanted>,
        /// Leave it other privileges that it has. Default: false.
        #[serde(default)]
        append_privs: bool,
        /// Take these privileges away. Default: false.
        #[serde(default)]
        subtract_privs: bool,
        /// Whether names of columns in `priv` are of one case with those there are. Default: false.
        column_case_sensitive: Option<bool>,
        /// What its connection must have: `SSL` or `X509` (without a value), or `SUBJECT`, `ISSUER`
        /// and `CIPHER`. An empty mapping: nothing. Default: as it is.
        #[schemars(with = "Option<BTreeMap<String, Option<String>>>")]
        tls_requires: Option<Named>,
        /// Limits: `MAX_QUERIES_PER_HOUR`, `MAX_UPDATES_PER_HOUR`, `MAX_CONNECTIONS_PER_HOUR`,
        /// `MAX_USER_CONNECTIONS`. Default: as they are.
        resource_limits: Option<BTreeMap<String, u64>>,
        /// Whether nobody can log in with it. Default: as it is.
        locked: Option<bool>,
        /// Variables of the session: not supported, and refused.
        #[schemars(with = "Option<serde_json::Value>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        session_vars: Option<crate::attributes::Unsupported>,
        /// Attributes: not supported, and refused.
        #[schemars(with = "Option<serde_json::Value>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        attributes: Option<crate::attributes::Unsupported>,
        /// When the password is no longer good: not supported, and refused.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        password_expire: Option<crate::attributes::Unsupported>,
        /// In days: not supported, and refused.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        password_expire_interval: Option<crate::attributes::Unsupported>,
        /// What `plugin_auth_string` is hashed with: not supported, and refused.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        salt: Option<crate::attributes::Unsupported>,
        /// Act inside the database `mysql`: not supported, and refused.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        force_context: Option<crate::attributes::Unsupported>,
    }
}

fn localhost() -> String {
    "localhost".into()
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Update {
    #[default]
    Always,
    OnCreate,
    OnNewUsername,
}

/// An account of the name.
#[derive(Debug, Clone, Default)]
struct Account {
    host: String,
    plugin: String,
    hash: String,
}

/// What the server tells of an account: its privileges, then how it was made.
struct Told {
    grants: Vec<String>,
    made: String,
}

pub(crate) struct Now {
    is_mariadb: bool,
    accounts: Vec<Account>,
    /// Of each account that this task is about, in the same order.
    told: Vec<(Account, Told)>,
}

const NATIVE: &str = "mysql_native_password";

impl MysqlUser {
    fn mode(&self) -> Mode {
        match (self.append_privs, self.subtract_privs) {
            (true, _) => Mode::Append,
            (_, true) => Mode::Subtract,
            _ => Mode::Replace,
        }
    }

    fn check(&self) -> Result<()> {
        if self.append_privs && self.subtract_privs {
            return Err("parameters are mutually exclusive: append_privs|subtract_privs".into());
        }
        if self.encrypted && self.password.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err("encrypted was specified however it does not appear to be a valid hash expecting: *SHA1(SHA1(your_password))".into());
        }
        if self.password.is_some() && self.plugin.is_some() {
            return Err("parameters are mutually exclusive: password|plugin".into());
        }
        if self.plugin_hash_string.is_some() && self.plugin_auth_string.is_some() {
            return Err(
                "parameters are mutually exclusive: plugin_hash_string|plugin_auth_string".into()
            );
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self
            .plugin
            .as_deref()
            .is_some_and(|plugin| plugin.is_empty() || !plugin.chars().all(word))
        {
            return Err("expected the name of a plugin".into());
        }
        self.requirement()?;
        self.limits()?;
        match &self.privileges {
            Some(privileges) => privileges.grants(self.keeps_case()).map(|_| ()),
            None => Ok(()),
        }
    }

    fn keeps_case(&self) -> bool {
        self.column_case_sensitive.unwrap_or_default()
    }

    /// The hash of the password, as `mysql_native_password` keeps it.
    fn hash(&self) -> Option<String> {
        let password = self.password.as_deref()?;
        Some(match self.encrypted {
            true => password.to_uppercase(),
            false if password.is_empty() => String::new(),
            false => native_hash(password),
        })
    }

    /// How the account proves who it is: words behind `CREATE USER`, and whether that differs.
    fn proof(&self, now: &Now, account: Option<&Account>) -> Option<(String, bool)> {
        let is_mariadb = now.is_mariadb;
        let with = |plugin: &str, hash: &str| {
            let kept = if hash.is_empty() { String::new() } else { format!(" AS {}", text(hash)) };
            format!("IDENTIFIED WITH {plugin}{kept}")
        };
        if let Some(hash) = self.hash() {
            let words = match is_mariadb {
                true => format!("IDENTIFIED BY PASSWORD {}", text(&hash)),
                false => with(NATIVE, &hash),
            };
            let same = |account: &Account| {
                account.plugin == NATIVE && account.hash.eq_ignore_ascii_case(&hash)
            };
            return Some((words, !account.is_some_and(same)));
        }
        let plugin = self.plugin.as_deref()?;
        let same_plugin = account.is_some_and(|account| account.plugin == plugin);
        Some(match (&self.plugin_hash_string, &self.plugin_auth_string) {
            (Some(hash), _) => {
                let same = account.is_some_and(|account| account.hash == *hash);
                (with(plugin, hash), !(same_plugin && same))
            }
            (_, Some(service)) if matches!(plugin, "pam" | "auth_pam") => {
                let same = account.is_some_and(|account| account.hash == *service);
                (with(plugin, service), !(same_plugin && same))
            }
            (_, Some(secret)) if is_mariadb => {
                (format!("IDENTIFIED VIA {plugin} USING PASSWORD({})", text(secret)), true)
            }
            (_, Some(secret)) => (format!("IDENTIFIED WITH {plugin} BY {}", text(secret)), true),
            (None, None) => (with(plugin, ""), !same_plugin),
        })
    }

    /// What the connection must have, as `REQUIRE` takes it.
    fn requirement(&self) -> Result<Option<String>> {
        let Some(Named(wanted)) = &self.tls_requires else { return Ok(None) };
        let mut parts = Vec::new();
        // In the order in which the server tells them.
        for known in ["SSL", "X509", "ISSUER", "SUBJECT", "CIPHER"] {
            let Some((_, value)) = wanted.iter().find(|(name, _)| name.eq_ignore_ascii_case(known))
            else {
                continue;
            };
            parts.push(match (known, value) {
                ("SSL" | "X509", _) => known.to_owned(),
                (_, Some(value)) => format!("{known} {}", text(value)),
                (_, None) => return Err(Refusal::new(format!("expected a value for `{known}`"))),
            });
        }
        if parts.len() != wanted.len() {
            return Err("expected SSL, X509, ISSUER, SUBJECT or CIPHER in `tls_requires`".into());
        }
        Ok(Some(match parts.is_empty() {
            true => "NONE".to_owned(),
            false => parts.join(" AND "),
        }))
    }

    fn limits(&self) -> Result<Vec<(&'static str, u64)>> {
        const KNOWN: [&str; 5] = [
            "MAX_QUERIES_PER_HOUR",
            "MAX_UPDATES_PER_HOUR",
            "MAX_CONNECTIONS_PER_HOUR",
            "MAX_USER_CONNECTIONS",
            "MAX_STATEMENT_TIME",
        ];
        let wanted = self.resource_limits.iter().flatten();
        wanted
            .map(|(name, value)| {
                match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                    Some(known) => Ok((*known, *value)),
                    None => Err(Refusal::new(format!("expected a limit, found `{name}`"))),
                }
            })
            .collect()
    }

    fn account(&self, host: &str) -> String {
        format!("{}@{}", text(&self.name), text(host))
    }

    /// What is to be said of an account that is there: shown, and said.
    fn change(&self, now: &Now, account: &Account, told: &Told) -> Result<Vec<(Diff, String)>> {
        let who = self.account(&account.host);
        let mut all = Vec::new();
        if let Some((words, true)) = self.proof(now, Some(account))
            && self.update_password == Update::Always
        {
            let what = if self.plugin.is_some() { "how it logs in" } else { "its password" };
            all.push((Diff::Note(format!("{who}: {what}")), format!("ALTER USER {who} {words}")));
        }
        if let Some(wanted) = self.requirement()? {
            let found = required(&told.made);
            if found != wanted {
                let diff = Diff::field(&who, "tls_requires", found, &wanted);
                all.push((diff, format!("ALTER USER {who} REQUIRE {wanted}")));
            }
        }
        for (name, value) in self.limits()? {
            let found = number_after(&told.made, name);
            if found != value {
                let diff = Diff::field(&who, name, found, value);
                all.push((diff, format!("ALTER USER {who} WITH {name} {value}")));
            }
        }
        let locked = told.made.contains(" ACCOUNT LOCK");
        if let Some(wanted) = self.locked.filter(|wanted| *wanted != locked) {
            let word = if wanted { "LOCK" } else { "UNLOCK" };
            let diff = Diff::field(&who, "locked", locked, wanted);
            all.push((diff, format!("ALTER USER {who} ACCOUNT {word}")));
        }
        all.extend(self.grant(&told.grants, &who)?);
        Ok(all)
    }

    fn grant(&self, lines: &[String], who: &str) -> Result<Vec<(Diff, String)>> {
        let Some(privileges) = &self.privileges else { return Ok(vec![]) };
        let wanted = privileges.grants(self.keeps_case())?;
        let now = told(lines.iter().map(String::as_str), self.keeps_case());
        let said = statements(&now, &wanted, self.mode(), who);
        Ok(said.into_iter().map(|sql| (Diff::Note(sql.clone()), sql)).collect())
    }

    fn create(&self, now: &Now) -> Result<Vec<(Diff, String)>> {
        if self.host_all {
            return Err("host_all parameter cannot be used when adding a user".into());
        }
        let who = self.account(&self.host);
        let other = now.accounts.first().filter(|_| self.update_password == Update::OnNewUsername);
        let proof = match other {
            Some(other) if other.plugin == NATIVE && now.is_mariadb => {
                format!(" IDENTIFIED BY PASSWORD {}", text(&other.hash))
            }
            Some(other) => format!(" IDENTIFIED WITH {} AS {}", other.plugin, text(&other.hash)),
            None => {
                self.proof(now, None).map_or_else(String::new, |(words, _)| format!(" {words}"))
            }
        };
        let requirement = self.requirement()?.filter(|wanted| wanted != "NONE");
        let requirement =
            requirement.map_or_else(String::new, |wanted| format!(" REQUIRE {wanted}"));
        let limits = self.limits()?;
        let limits =
            limits.iter().map(|(name, value)| format!(" {name} {value}")).collect::<String>();
        let limits = if limits.is_empty() { limits } else { format!(" WITH{limits}") };
        let locked = if self.locked == Some(true) { " ACCOUNT LOCK" } else { "" };
        let mut all = vec![(
            Diff::field(&who, "account", "absent", "present"),
            format!("CREATE USER {who}{proof}{requirement}{limits}{locked}"),
        )];
        if self.mode() != Mode::Subtract {
            all.extend(self.grant(&[], &who)?);
        }
        Ok(all)
    }
}

fn is_hash(text: &str) -> bool {
    text.strip_prefix('*')
        .is_some_and(|hex| hex.len() == 40 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

fn native_hash(password: &str) -> String {
    use sha1::Digest;
    let once = sha1::Sha1::digest(password.as_bytes());
    let twice: String = sha1::Sha1::digest(once).iter().map(|byte| format!("{byte:02X}")).collect();
    format!("*{twice}")
}

/// What stands behind `REQUIRE` of `SHOW CREATE USER`.
fn required(made: &str) -> String {
    let Some((_, rest)) = made.split_once(" REQUIRE ") else { return "NONE".to_owned() };
    let ends = [" WITH ", " PASSWORD ", " ACCOUNT "].iter().filter_map(|end| rest.find(end)).min();
    let mut rest = rest[..ends.unwrap_or(rest.len())].to_owned();
    for known in [" SUBJECT '", " ISSUER '", " CIPHER '"] {
        if !rest.contains(&format!(" AND{known}")) {
            rest = rest.replacen(known, &format!(" AND{known}"), 1);
        }
    }
    rest
}

fn number_after(made: &str, name: &str) -> u64 {
    let rest = made.split_once(&format!(" {name} ")).map_or("", |(_, rest)| rest);
    rest.split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or_default()
}

impl Module for MysqlUser {
    const NAMES: &'static [&'static str] = &["mysql_user"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let login = self.login(facts);
        if let Err(why) = self.check().and_then(|()| login.check()) {
            return Probe::refuse(why);
        }
        let look = format!(
            "SELECT VERSION();\nSELECT Host, plugin, authentication_string FROM mysql.user WHERE User = {};\n",
            text(&self.name)
        );
        ask(login.script(&look)).try_map(|reply| accounts(&reply)).then(move |(is_mariadb, all)| {
            let mine =
                |account: &&Account| self.host_all || account.host.eq_ignore_ascii_case(&self.host);
            let mine: Vec<Account> = all.iter().filter(mine).cloned().collect();
            let needs = self.state == Presence::Present;
            let probes: Vec<_> = mine
                .into_iter()
                .map(|account| match needs {
                    true => {
                        let who = self.account(&account.host);
                        let look = format!("SHOW GRANTS FOR {who};\nSHOW CREATE USER {who};\n");
                        ask(self.login(facts).script(&look)).try_map(move |reply| {
                            let mut lines: Vec<String> =
                                rows(&reply)?.into_iter().map(|row| row.join("\t")).collect();
                            let made = lines.pop().unwrap_or_default();
                            Ok((account, Told { grants: lines, made }))
                        })
                    }
                    false => Probe::known((account, Told { grants: vec![], made: String::new() })),
                })
                .collect();
            Probe::all(probes).map(move |told| Now { is_mariadb, accounts: all, told })
        })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let mut said: Vec<(Diff, String)> = Vec::new();
        let message = match (self.state, now.told.is_empty()) {
            (Presence::Absent, true) => "User doesn't exist",
            (Presence::Absent, false) => {
                for (account, _) in &now.told {
                    let who = self.account(&account.host);
                    let diff = Diff::field(&who, "account", "present", "absent");
                    said.push((diff, format!("DROP USER {who}")));
                }
                "User deleted"
            }
            (Presence::Present, true) => {
                said = self.create(&now)?;
                "User added"
            }
            (Presence::Present, false) => {
                for (account, told) in &now.told {
                    said.extend(self.change(&now, account, told)?);
                }
                if said.is_empty() { "User unchanged" } else { "User updated" }
            }
        };
        let password = said.iter().any(|(_, sql)| sql.contains(" IDENTIFIED "));
        let (diffs, statements): (Vec<Diff>, Vec<String>) = said.into_iter().unzip();
        let input: String = statements.iter().map(|sql| format!("{sql};\n")).collect();
        let plan = Plan::none().changes(diffs, Step::run(self.login(facts).script(&input)));
        let unchanged =
            if self.state == Presence::Absent { "User doesn't exist" } else { "User unchanged" };
        let plan = match self.plugin_auth_string.is_some() && self.update_password == Update::Always
        {
            true => plan.never_settles(),
            false => plan,
        };
        Ok(plan
            .value("user", self.name.as_str())
            .value("msg", unchanged)
            .value("password_changed", false)
            .value_on_change("msg", message)
            .value_on_change("password_changed", password))
    }
}

/// Whether the server is MariaDB, and its accounts of the name.
fn accounts(reply: &Reply) -> Result<(bool, Vec<Account>)> {
    let mut rows = rows(reply)?.into_iter();
    let version = rows.next().and_then(|row| row.into_iter().next()).unwrap_or_default();
    let accounts = rows
        .filter_map(|row| {
            let [host, plugin, hash] = <[String; 3]>::try_from(row).ok()?;
            Some(Account { host, plugin, hash })
        })
        .collect();
    Ok((version.to_lowercase().contains("mariadb"), accounts))
}
