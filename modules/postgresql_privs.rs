//! `postgresql_privs`: what roles of PostgreSQL may do with tables, databases and the like.
//!
//! What a grant would change is asked of the server: it is given in a transaction that is rolled
//! back, and the lists of privileges before and after are compared.
//!
//! ```yaml
//! - postgresql_privs:
//!     login_db: app
//!     roles: reader
//!     type: table
//!     objs: ALL_IN_SCHEMA
//!     privs: SELECT
//!   become: true
//!   become_user: postgres
//! - postgresql_privs: { login_db: app, roles: app, type: database, privs: "CONNECT,TEMP" }
//! - postgresql_privs: { login_db: app, roles: ann, type: group, objs: staff, state: absent }
//! ```

use serde_json::Value;

use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, Text, Words, ask,
};
use crate::postgres::{Sql, answer, check, with_login};

with_login! {
    /// Grants privileges to roles of PostgreSQL, or revokes them. Needs `psql` on the host.
    ///
    /// `register` gets `queries`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct PostgresqlPrivs {
        /// The database to log in to. Required.
        #[serde(alias = "db", alias = "database")]
        login_db: String,
        /// The roles; `PUBLIC` for all. Required.
        #[serde(alias = "role")]
        roles: Words,
        /// `present`: they have the privileges. `absent`: they do not. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// The privileges, such as `SELECT`, or `ALL`. Required, but not for `type: group`.
        #[serde(default, alias = "priv")]
        privs: Words,
        /// What it is about: `table` (default), `sequence`, `function`, `procedure`, `schema`,
        /// `database`, `language`, `tablespace`, `type`, `foreign_data_wrapper`, `foreign_server`,
        /// `parameter`, `group` (being a member of a role), or `default_privs` (of what will be
        /// made).
        #[serde(default, rename = "type")]
        kind: Kind,
        /// The objects; `ALL_IN_SCHEMA` for all tables, sequences, functions or procedures of the
        /// schema; for `default_privs` `TABLES`, `SEQUENCES`, `FUNCTIONS`, `TYPES`, `SCHEMAS` or
        /// `ALL_DEFAULT`. Functions are `name(type:type)`. Required, but not for `type: database`.
        #[serde(default, alias = "obj")]
        objs: Words,
        /// The schema of the objects. Default: `public`.
        schema: Option<String>,
        /// With `default_privs`: whose new objects it is about. Default: those of the login's role.
        #[serde(default)]
        target_roles: Words,
        /// Whether the roles may grant it to others. Default: left as it is.
        #[serde(alias = "admin_option")]
        grant_option: Option<bool>,
        /// Fail if there is no such role; otherwise it is passed over. Default: true.
        #[serde(default = "yes")]
        fail_on_role: bool,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Table,
    Sequence,
    Function,
    Procedure,
    Database,
    Schema,
    Language,
    Tablespace,
    Group,
    DefaultPrivs,
    ForeignDataWrapper,
    ForeignServer,
    Type,
    Parameter,
}

const PRIVILEGES: [&str; 17] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "CREATE",
    "CONNECT",
    "TEMPORARY",
    "TEMP",
    "EXECUTE",
    "USAGE",
    "ALL",
    "SET",
    "ALTER SYSTEM",
    "MAINTAIN",
];

/// What new objects are called in default privileges.
const DEFAULTS: [&str; 5] = ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"];

impl Kind {
    /// The word of GRANT, and whether objects are in a schema.
    fn words(self) -> (&'static str, bool) {
        match self {
            Kind::Table => ("TABLE", true),
            Kind::Sequence => ("SEQUENCE", true),
            Kind::Function => ("FUNCTION", true),
            Kind::Procedure => ("PROCEDURE", true),
            Kind::Type => ("TYPE", true),
            Kind::Database => ("DATABASE", false),
            Kind::Schema => ("SCHEMA", false),
            Kind::Language => ("LANGUAGE", false),
            Kind::Tablespace => ("TABLESPACE", false),
            Kind::ForeignDataWrapper => ("FOREIGN DATA WRAPPER", false),
            Kind::ForeignServer => ("FOREIGN SERVER", false),
            Kind::Parameter => ("PARAMETER", false),
            Kind::Group | Kind::DefaultPrivs => ("", false),
        }
    }

    /// All privileges there are on such objects, one in a row: `what` and `acl`.
    fn lists(self) -> &'static str {
        match self {
            Kind::Table | Kind::Sequence => {
                "SELECT oid::regclass::text, relacl::text FROM pg_catalog.pg_class WHERE relacl IS NOT NULL"
            }
            Kind::Function | Kind::Procedure => {
                "SELECT oid::regprocedure::text, proacl::text FROM pg_catalog.pg_proc WHERE proacl IS NOT NULL"
            }
            Kind::Type => {
                "SELECT oid::regtype::text, typacl::text FROM pg_catalog.pg_type WHERE typacl IS NOT NULL"
            }
            Kind::Database => "SELECT datname, datacl::text FROM pg_catalog.pg_database",
            Kind::Schema => "SELECT nspname, nspacl::text FROM pg_catalog.pg_namespace",
            Kind::Language => "SELECT lanname, lanacl::text FROM pg_catalog.pg_language",
            Kind::Tablespace => "SELECT spcname, spcacl::text FROM pg_catalog.pg_tablespace",
            Kind::ForeignDataWrapper => {
                "SELECT fdwname, fdwacl::text FROM pg_catalog.pg_foreign_data_wrapper"
            }
            Kind::ForeignServer => "SELECT srvname, srvacl::text FROM pg_catalog.pg_foreign_server",
            Kind::Parameter => "SELECT parname, paracl::text FROM pg_catalog.pg_parameter_acl",
            Kind::Group => {
                "SELECT roleid::regrole::text || ' to ' || member::regrole::text, \
                 CASE WHEN admin_option THEN 'with admin option' ELSE 'member' END \
                 FROM pg_catalog.pg_auth_members"
            }
            Kind::DefaultPrivs => {
                "SELECT defaclrole::regrole::text || ' ' || defaclnamespace::regnamespace::text || ' ' \
                 || defaclobjtype::text, defaclacl::text FROM pg_catalog.pg_default_acl"
            }
        }
    }
}

/// Roles that are words of the language.
fn is_implicit(role: &str) -> bool {
    matches!(
        role.to_ascii_uppercase().as_str(),
        "PUBLIC" | "CURRENT_USER" | "SESSION_USER" | "CURRENT_ROLE"
    )
}

impl PostgresqlPrivs {
    fn privileges(&self) -> Result<Vec<&'static str>> {
        let known = |name: &String| {
            let upper = name.trim().to_ascii_uppercase().replace('_', " ");
            PRIVILEGES
                .iter()
                .find(|known| **known == upper)
                .copied()
                .ok_or_else(|| Refusal::new(format!("Invalid privileges specified: {name}")))
        };
        self.privs.iter().map(known).collect()
    }

    fn check(&self) -> Result<()> {
        check(self.login(""))?;
        let many =
            matches!(self.kind, Kind::Table | Kind::Sequence | Kind::Function | Kind::Procedure);
        if self.is_all() && !many {
            return Err("Argument \"objs\": ALL_IN_SCHEMA can be used only for type: table, sequence, function or procedure.".into());
        }
        if self.objs.is_empty() && self.kind != Kind::Database {
            return Err("Argument \"objs\" is required for this type.".into());
        }
        match self.kind {
            Kind::Group if !self.privs.is_empty() => {
                return Err("Argument \"privs\" is not allowed for type \"group\".".into());
            }
            Kind::Group => {}
            _ if self.privs.is_empty() => {
                return Err("Argument \"privs\" is required for this type.".into());
            }
            _ => {}
        }
        let in_schema = self.kind.words().1 || self.kind == Kind::DefaultPrivs;
        if self.schema.is_some() && !in_schema {
            return Err("Argument \"schema\" is not allowed for this type.".into());
        }
        self.defaults()?;
        self.privileges().map(drop)
    }

    fn is_all(&self) -> bool {
        self.objs.iter().any(|obj| obj == "ALL_IN_SCHEMA")
    }

    /// The kinds of new objects.
    fn defaults(&self) -> Result<Vec<&'static str>> {
        if self.kind != Kind::DefaultPrivs {
            return Ok(vec![]);
        }
        if self.objs.iter().any(|obj| obj == "ALL_DEFAULT") {
            return Ok(DEFAULTS[..4].to_vec());
        }
        let known = |name: &String| {
            let upper = name.trim().to_ascii_uppercase();
            DEFAULTS
                .iter()
                .find(|known| **known == upper)
                .copied()
                .ok_or_else(|| Refusal::new(format!("Invalid Object set specified: {name}")))
        };
        self.objs.iter().map(known).collect()
    }

    /// The schema; none if all of them are meant.
    fn schema(&self) -> Option<&str> {
        let all = self.objs.iter().any(|obj| obj.eq_ignore_ascii_case("schemas"));
        match self.schema.as_deref() {
            Some("not-specified") => None,
            _ if all && self.kind == Kind::DefaultPrivs => None,
            Some(schema) if !schema.is_empty() => Some(schema),
            _ => Some("public"),
        }
    }

    /// The statements for these roles.
    fn grant(&self, roles: &[&str]) -> Result<Sql> {
        let mut sql = Sql::default();
        let list = |prefix: &str, names: &[&str], sql: Sql| -> (String, Sql) {
            let mut words = Vec::new();
            let mut sql = sql;
            for (index, name) in names.iter().enumerate() {
                match prefix == "role" && is_implicit(name) {
                    true => words.push(name.to_ascii_uppercase()),
                    false => {
                        let variable = format!("{prefix}_{index}");
                        words.push(format!(":\"{variable}\""));
                        sql = sql.set(&variable, name);
                    }
                }
            }
            (words.join(", "), sql)
        };
        let whom;
        (whom, sql) = list("role", roles, sql);
        let schema = self.schema();
        if let Some(schema) = schema {
            sql = sql.set("schema", schema);
        }
        let privileges = self.privileges()?.join(", ");
        let present = self.state == Presence::Present;
        if self.kind == Kind::DefaultPrivs {
            let mut head = "ALTER DEFAULT PRIVILEGES".to_owned();
            if !self.target_roles.is_empty() {
                let names: Vec<&str> = self.target_roles.iter().map(String::as_str).collect();
                let targets;
                (targets, sql) = list("target", &names, sql);
                head += &format!(" FOR ROLE {targets}");
            }
            if schema.is_some() {
                head += " IN SCHEMA :\"schema\"";
            }
            let kinds = if present { self.defaults()? } else { DEFAULTS[..4].to_vec() };
            for kind in &kinds {
                sql.push(&format!("{head} REVOKE ALL ON {kind} FROM {whom};\n"));
            }
            for kind in kinds.iter().filter(|_| present) {
                let option =
                    if self.grant_option == Some(true) { " WITH GRANT OPTION" } else { "" };
                sql.push(&format!("{head} GRANT {privileges} ON {kind} TO {whom}{option};\n"));
            }
            return Ok(sql);
        }
        let names: Vec<String> = match self.kind {
            Kind::Database if self.objs.is_empty() => vec![self.login_db.clone()],
            _ => self.objs.to_vec(),
        };
        let (word, in_schema) = self.kind.words();
        let what = if self.is_all() {
            format!("{privileges} ON ALL {word}S IN SCHEMA :\"schema\"")
        } else if matches!(self.kind, Kind::Function | Kind::Procedure) {
            // A signature is no identifier: the server finds the function and says how it is written.
            let mut all = Vec::new();
            for (index, name) in names.iter().enumerate() {
                let (variable, quoted) = (format!("sig_{index}"), format!("fn_{index}"));
                let find = format!(
                    "SELECT format('%I.%s', :'schema', :'{variable}')::regprocedure AS {quoted} \\gset\n"
                );
                sql = sql.set(&variable, &name.replace(':', ","));
                sql.push(&find);
                all.push(format!(":{quoted}"));
            }
            format!("{privileges} ON {word} {}", all.join(", "))
        } else {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let objects;
            (objects, sql) = list("obj", &names, sql);
            let objects = match in_schema && schema.is_some() {
                true => objects.replace(":\"obj", ":\"schema\".:\"obj"),
                false => objects,
            };
            match self.kind {
                Kind::Group => objects,
                _ => format!("{privileges} ON {word} {objects}"),
            }
        };
        let (option, without) = match self.kind {
            Kind::Group => (" WITH ADMIN OPTION", "ADMIN OPTION"),
            _ => (" WITH GRANT OPTION", "GRANT OPTION"),
        };
        if !present {
            sql.push(&format!("REVOKE {what} FROM {whom};\n"));
            return Ok(sql);
        }
        let option = if self.grant_option == Some(true) { option } else { "" };
        sql.push(&format!("GRANT {what} TO {whom}{option};\n"));
        if self.grant_option == Some(false) {
            sql.push(&format!("REVOKE {without} FOR {what} FROM {whom};\n"));
        }
        Ok(sql)
    }

    /// The same, tried: what is there before and after.
    fn trial(&self, grant: &Sql) -> Sql {
        let lists = self.kind.lists();
        let list = |name: &str| {
            format!(
                "SELECT coalesce(json_agg(r ORDER BY r::text), '[]') AS {name} FROM ({lists}) r(what, acl) \\gset\n"
            )
        };
        grant.around(
            &format!("BEGIN;\n{}", list("before")),
            &format!(
                "{}ROLLBACK;\nSELECT json_build_object('before', :'before'::json, 'after', :'after'::json);\n",
                list("after")
            ),
        )
    }
}

/// Lines of privileges, of what has some.
fn lines(list: &Value) -> String {
    let line = |row: &Value| {
        let acl = row["acl"].as_str()?;
        Some(format!("{} {acl}\n", row["what"].as_str().unwrap_or_default()))
    };
    list.as_array().into_iter().flatten().filter_map(line).collect()
}

impl Module for PostgresqlPrivs {
    const NAMES: &'static [&'static str] = &["postgresql_privs"];
    /// The roles that are there, and what came of trying.
    type State = (Vec<String>, Option<Reply>);

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let mut sql =
            Sql::new("SELECT json_agg(rolname) FROM pg_catalog.pg_roles WHERE rolname IN (''");
        for (index, role) in self.roles.iter().enumerate() {
            sql.push(&format!(", :'role_{index}'"));
            sql = sql.set(&format!("role_{index}"), role);
        }
        sql.push(");\n");
        let roles = ask(sql.script(self.login(&self.login_db))).try_map(|reply| {
            let found = answer(&reply)?;
            let is = |role: &String| {
                is_implicit(role)
                    || found.as_array().is_some_and(|all| all.iter().any(|name| name == role))
            };
            if let Some(missing) = self.roles.iter().find(|role| self.fail_on_role && !is(role)) {
                return Err(Refusal::new(format!("Role '{missing}' does not exist")));
            }
            Ok(self.roles.iter().filter(|role| is(role)).cloned().collect::<Vec<_>>())
        });
        roles.then(move |roles| {
            let names: Vec<&str> = roles.iter().map(String::as_str).collect();
            if names.is_empty() {
                return Probe::known((roles, None));
            }
            match self.grant(&names) {
                Ok(grant) => {
                    let trial = self.trial(&grant).script(self.login(&self.login_db));
                    ask(trial).map(move |reply| (roles, Some(reply)))
                }
                Err(why) => Probe::refuse(why),
            }
        })
    }

    fn plan(&self, _: &Facts, (roles, reply): Self::State) -> Result<Plan> {
        let mut plan = Plan::none().value("queries", Vec::<String>::new());
        for role in self.roles.iter().filter(|role| !roles.contains(role)) {
            plan = plan.warn(format!("Role '{role}' does not exist, pass it"));
        }
        let Some(reply) = reply else {
            return Ok(plan.warn("No valid roles provided, nothing to do"));
        };
        let found = answer(&reply)?;
        let (before, after) = (lines(&found["before"]), lines(&found["after"]));
        if before == after {
            return Ok(plan);
        }
        let names: Vec<&str> = roles.iter().map(String::as_str).collect();
        let grant = self.grant(&names)?;
        let shown: Vec<String> = vec![grant.shown()];
        let script = grant.around("BEGIN;\n", "COMMIT;\n").script(self.login(&self.login_db));
        let diff = Diff::Text {
            path: format!("privileges in {}", self.login_db),
            before: Text::bytes(before.into_bytes()),
            after: Text::bytes(after.into_bytes()),
        };
        Ok(plan.change(diff, Step::run(script)).value_on_change("queries", shown))
    }
}
