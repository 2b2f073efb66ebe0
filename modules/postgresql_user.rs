//! `postgresql_user`: roles of PostgreSQL.
//!
//! ```yaml
//! - postgresql_user:
//!     name: app
//!     role_attr_flags: CREATEDB,NOSUPERUSER
//!     conn_limit: 20
//!   become: true
//!   become_user: postgres
//! - postgresql_user: { name: app, password: "{{ database_password }}" }
//! - postgresql_user: { name: old, state: absent }
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, Words, ask, sh,
};
use crate::postgres::{Sql, answer, check, with_login};
use crate::postgres_password::{fits, is_hashed, kept};

with_login! {
    /// Makes, changes and removes roles of PostgreSQL. Needs `psql` on the host.
    ///
    /// `register` gets `user`, `queries`, and with `absent` also `user_removed`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct PostgresqlUser {
        /// The role. Required.
        #[serde(alias = "user")]
        name: String,
        /// `present` or `absent`. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// Its password, or what the server keeps of it (`SCRAM-SHA-256$…`, `md5…`); an empty one
        /// means none. The server is only told what it keeps. Default: left as it is.
        password: Option<String>,
        /// What it may do: `SUPERUSER`, `CREATEROLE`, `CREATEDB`, `INHERIT`, `LOGIN`,
        /// `REPLICATION`, `BYPASSRLS`, each also with `NO` before it. Default: left as it is; a new
        /// role may log in.
        #[serde(default)]
        role_attr_flags: Words,
        /// How many connections it may have at once; -1 for any number. Default: left as it is.
        conn_limit: Option<i32>,
        /// When its password expires, as PostgreSQL reads a time; `infinity` for never.
        /// Default: left as it is.
        expires: Option<String>,
        /// A comment on the role. Default: left as it is.
        comment: Option<String>,
        /// Leave password, expiry and limit of a role that is there as they are. Default: false.
        #[serde(default)]
        no_password_changes: bool,
        /// Settings of the role (`ALTER ROLE … SET`). Default: left as they are.
        #[serde(default)]
        configuration: BTreeMap<String, String>,
        /// Take away settings of the role that `configuration` does not name. Default: false.
        #[serde(default)]
        reset_unspecified_configuration: bool,
        /// Quote the values of settings. Only true is supported. Default: true.
        #[serde(default = "yes")]
        quote_configuration_values: bool,
        /// Whether the server keeps no clear password. Only true is supported. Default: true.
        #[serde(default = "yes")]
        encrypted: bool,
        /// With `absent`: fail if the role cannot be removed, because something is its own.
        /// Default: true.
        #[serde(default = "yes", alias = "fail_on_role")]
        fail_on_user: bool,
        /// The database to log in to. Default: `postgres`.
        #[serde(alias = "db")]
        login_db: Option<String>,
    }
}

/// What a role may do: the word, and where the server keeps it.
const FLAGS: [(&str, &str); 7] = [
    ("SUPERUSER", "rolsuper"),
    ("CREATEROLE", "rolcreaterole"),
    ("CREATEDB", "rolcreatedb"),
    ("INHERIT", "rolinherit"),
    ("LOGIN", "rolcanlogin"),
    ("REPLICATION", "rolreplication"),
    ("BYPASSRLS", "rolbypassrls"),
];

impl PostgresqlUser {
    /// The flags: the word, where it is kept, and whether it is wanted.
    fn flags(&self) -> Result<Vec<(&'static str, &'static str, bool)>> {
        let known = |flag: &String| {
            let flag = flag.trim().to_ascii_uppercase();
            let (word, on) = match flag.strip_prefix("NO") {
                Some(word) => (word, false),
                None => (flag.as_str(), true),
            };
            let (word, column) =
                FLAGS.iter().find(|(known, _)| *known == word).ok_or_else(|| {
                    Refusal::new(format!("Invalid role_attr_flags specified: {flag}"))
                })?;
            Ok((*word, *column, on))
        };
        self.role_attr_flags.iter().map(known).collect()
    }

    fn check(&self) -> Result<()> {
        check(self.login(""))?;
        self.flags()?;
        if self.name.is_empty() {
            return Err("`name` must not be empty".into());
        }
        if !self.encrypted {
            return Err(
                "`encrypted: false` is not supported: PostgreSQL keeps no clear passwords".into()
            );
        }
        if !self.quote_configuration_values {
            return Err("`quote_configuration_values: false` is not supported".into());
        }
        match &self.password {
            Some(password) if !password.is_ascii() && !is_hashed(password) => {
                Err("`password` has letters beyond ASCII; give what the server keeps of it".into())
            }
            _ => Ok(()),
        }
    }

    fn database(&self) -> &str {
        self.login_db.as_deref().filter(|db| !db.is_empty()).unwrap_or("postgres")
    }

    fn look(&self) -> Sql {
        Sql::new(LOOK)
            .set("role", &self.name)
            .set("expires", self.expires.as_deref().unwrap_or_default())
    }

    /// What makes the role, or changes it, and what differs.
    fn alter(&self, now: &Value, role: Option<&Value>, salt: &[u8]) -> Result<(Vec<Diff>, Sql)> {
        let (name, is_new) = (self.name.as_str(), role.is_none());
        let get = |key: &str| role.and_then(|role| role.get(key)).unwrap_or(&Value::Null);
        let (mut diffs, mut words) = (Vec::new(), String::new());
        let mut sql = Sql::default().set("role", name);
        if is_new {
            diffs.push(Diff::field(name, "role", "absent", "present"));
        }
        for (word, column, on) in self.flags()? {
            let current = get(column).as_bool();
            if current != Some(on) {
                let shown = |on: bool| if on { "yes" } else { "no" };
                diffs.push(Diff::field(name, column, current.map_or("", shown), shown(on)));
                words += if on { " " } else { " NO" };
                words += word;
            }
        }
        let settled = !is_new && self.no_password_changes;
        if let Some(password) = self.password.as_ref().filter(|_| !settled) {
            let encryption = match now["encryption"].as_str() {
                Some("scram-sha-256") => "scram-sha-256",
                _ => "md5",
            };
            let known = now["known"] == true;
            if !(known || is_new) || !fits(get("password").as_str(), name, password, encryption) {
                diffs.push(Diff::Note(format!("set the password of {name}")));
                words += match password.is_empty() {
                    true => " PASSWORD NULL",
                    false => " PASSWORD :'password'",
                };
                sql = sql.set_secret("password", &kept(name, password, encryption, salt));
            }
        }
        if let Some(expires) = self.expires.as_ref().filter(|_| !settled)
            && get("expires_right") != true
        {
            let before = get("expires").as_str().unwrap_or_default();
            diffs.push(Diff::field(name, "expires", before, expires));
            words += " VALID UNTIL :'expires'";
            sql = sql.set("expires", expires);
        }
        if let Some(limit) = self.conn_limit.filter(|_| !settled)
            && get("rolconnlimit").as_i64() != Some(limit.into())
        {
            let before = get("rolconnlimit").as_i64().map(|n| n.to_string()).unwrap_or_default();
            diffs.push(Diff::field(name, "connection limit", before, limit));
            words += &format!(" CONNECTION LIMIT {limit}");
        }
        if !diffs.is_empty() {
            sql.push(if is_new { "CREATE USER :\"role\"" } else { "ALTER USER :\"role\"" });
            if !words.is_empty() {
                sql.push(" WITH");
                sql.push(&words);
            }
            sql.push(";\n");
        }
        Ok((diffs, sql))
    }

    /// Comment and settings.
    fn settings(&self, role: Option<&Value>) -> Vec<(Diff, Sql)> {
        let name = self.name.as_str();
        let mut all = Vec::new();
        if let Some(comment) = &self.comment {
            let now = role.and_then(|role| role["comment"].as_str()).unwrap_or_default();
            if now != comment {
                let sql = Sql::new("COMMENT ON ROLE :\"role\" IS :'comment';\n");
                let diff = Diff::field(name, "comment", now, comment);
                all.push((diff, sql.set("role", name).set("comment", comment)));
            }
        }
        let config = role.and_then(|role| role["config"].as_array()).map_or(&[][..], Vec::as_slice);
        let now: BTreeMap<&str, &str> =
            config.iter().filter_map(|pair| pair.as_str()?.split_once('=')).collect();
        for (key, value) in &self.configuration {
            let before = now.get(key.as_str()).copied();
            if before != Some(value) {
                let sql = Sql::new("ALTER ROLE :\"role\" SET :\"key\" TO :'value';\n");
                let diff = Diff::field(
                    &format!("{name} {key}"),
                    "setting",
                    before.unwrap_or_default(),
                    value,
                );
                all.push((diff, sql.set("role", name).set("key", key).set("value", value)));
            }
        }
        if self.reset_unspecified_configuration {
            for (key, value) in
                now.iter().filter(|(key, _)| !self.configuration.contains_key(**key))
            {
                let sql = Sql::new("ALTER ROLE :\"role\" RESET :\"key\";\n");
                let diff = Diff::field(&format!("{name} {key}"), "setting", value, "");
                all.push((diff, sql.set("role", name).set("key", key)));
            }
        }
        all
    }
}

impl Module for PostgresqlUser {
    const NAMES: &'static [&'static str] = &["postgresql_user"];
    type State = (Reply, Vec<u8>);

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let salt = match &self.password {
            Some(password) if !password.is_empty() && !is_hashed(password) => {
                ask(sh(SALT, [self.name.as_str()])).map(|reply| reply.stdout)
            }
            _ => Probe::known(vec![]),
        };
        ask(self.look().script(self.login(self.database()))).and(salt)
    }

    fn plan(&self, _: &Facts, (reply, salt): Self::State) -> Result<Plan> {
        let now = answer(&reply)?;
        let role = now.get("role").filter(|role| !role.is_null());
        let name = self.name.as_str();
        let mut steps: Vec<(Vec<Diff>, Sql)> = Vec::new();
        let mut plan = Plan::none().value("user", name);
        if self.state == Presence::Absent {
            if role.is_some() {
                let sql = match self.fail_on_user {
                    true => Sql::new("DROP USER :\"role\";\n"),
                    false => {
                        plan = plan.never_settles();
                        Sql::new("\\set ON_ERROR_STOP 0\nDROP USER :\"role\";\n")
                    }
                };
                let sql = sql.set("role", name);
                steps.push((vec![Diff::field(name, "role", "present", "absent")], sql));
                plan = plan.value_on_change("user_removed", true);
            }
        } else {
            let (diffs, sql) = self.alter(&now, role, &salt)?;
            if !diffs.is_empty() {
                steps.push((diffs, sql));
            }
            let more = self.settings(role).into_iter().map(|(diff, sql)| (vec![diff], sql));
            steps.extend(more);
        }
        let queries: Vec<_> = steps.iter().map(|(_, sql)| sql.shown()).collect();
        for (diffs, sql) in steps {
            plan = plan.changes(diffs, Step::run(sql.script(self.login(self.database()))));
        }
        // Where passwords cannot be read, they are set each time.
        if role.is_some() && now["known"] != true && self.password.is_some() {
            plan = plan.never_settles();
        }
        Ok(plan.value("queries", Vec::<String>::new()).value_on_change("queries", queries))
    }
}

/// Asked for each role by itself: no two of them shall have one salt.
const SALT: &str = r#"# a salt for a password
head -c 16 /dev/urandom
"#;

const LOOK: &str = r#"SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS authid \gset
\if :authid
SELECT json_build_object(
  'role', (SELECT row_to_json(r) FROM (
    SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
      rolconnlimit, rolpassword AS password, rolvaliduntil::text AS expires,
      rolvaliduntil IS NOT DISTINCT FROM NULLIF(:'expires', '')::timestamptz AS expires_right,
      shobj_description(a.oid, 'pg_authid') AS comment,
      (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0) AS config
    FROM pg_catalog.pg_authid a WHERE rolname = :'role') r),
  'encryption', current_setting('password_encryption'), 'known', true);
\else
SELECT json_build_object(
  'role', (SELECT row_to_json(r) FROM (
    SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
      rolconnlimit, NULL AS password, rolvaliduntil::text AS expires,
      rolvaliduntil IS NOT DISTINCT FROM NULLIF(:'expires', '')::timestamptz AS expires_right,
      shobj_description(a.oid, 'pg_authid') AS comment,
      (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0) AS config
    FROM pg_catalog.pg_roles a WHERE rolname = :'role') r),
  'encryption', current_setting('password_encryption'), 'known', false);
\endif
"#;
