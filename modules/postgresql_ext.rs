//! `postgresql_ext`: extensions of a database of PostgreSQL.
//!
//! ```yaml
//! - postgresql_ext:
//!     name: pg_trgm
//!     login_db: app
//!   become: true
//!   become_user: postgres
//! - postgresql_ext: { name: postgis, login_db: app, version: latest, cascade: true }
//! ```

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, ask,
};
use crate::postgres::{Sql, answer, check, with_login};

with_login! {
    /// Adds extensions to a database of PostgreSQL, or removes them. Needs `psql` on the host.
    ///
    /// `register` gets `ext`, `db`, `prev_version`, `version` and `queries`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct PostgresqlExt {
        /// The extension. Required.
        #[serde(alias = "ext")]
        name: String,
        /// The database. Required.
        #[serde(alias = "db")]
        login_db: String,
        /// `present` or `absent`. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// The version; `latest` for the newest there is. Default: the newest for a new one, else
        /// left as it is.
        version: Option<String>,
        /// The schema of a new one. Default: the extension's own choice.
        schema: Option<String>,
        /// Also add what it needs; with `absent` also remove what needs it. Default: false.
        #[serde(default)]
        cascade: bool,
        /// A comment on it. Default: left as it is.
        comment: Option<String>,
    }
}

impl PostgresqlExt {
    /// The version that is wanted by name.
    fn version(&self) -> Option<&str> {
        self.version.as_deref().filter(|version| !version.is_empty() && *version != "latest")
    }
}

impl Module for PostgresqlExt {
    const NAMES: &'static [&'static str] = &["postgresql_ext"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        if let Err(why) = check(self.login("")) {
            return Probe::refuse(why);
        }
        let sql = Sql::new(LOOK).set("ext", &self.name);
        let sql = sql.set("version", self.version().unwrap_or_default());
        ask(sql.script(self.login(&self.login_db)))
    }

    fn plan(&self, _: &Facts, reply: Reply) -> Result<Plan> {
        let now = answer(&reply)?;
        let name = self.name.as_str();
        let text = |key: &str| now[key].as_str().filter(|text| !text.is_empty());
        let (current, default) = (text("current"), text("default"));
        let mut steps: Vec<(Diff, Sql)> = Vec::new();
        match (self.state, current) {
            (Presence::Absent, None) => {}
            (Presence::Absent, Some(version)) => {
                let mut sql = Sql::new("DROP EXTENSION :\"ext\"");
                sql.push(if self.cascade { " CASCADE;\n" } else { ";\n" });
                steps.push((Diff::field(name, "version", version, "absent"), sql));
            }
            (Presence::Present, None) => {
                let Some(wanted) = self.version().or(default) else {
                    return Err(Refusal::new(format!("Extension {name} is not available")));
                };
                if self.version().is_some() && now["available"] != true {
                    return Err(Refusal::new(format!(
                        "Passed version '{wanted}' is not available"
                    )));
                }
                let mut sql = Sql::new("CREATE EXTENSION :\"ext\"");
                if let Some(schema) = &self.schema {
                    sql.push(" WITH SCHEMA :\"schema\"");
                    sql = sql.set("schema", schema);
                }
                if let Some(version) = self.version() {
                    sql.push(" VERSION :'version'");
                    sql = sql.set("version", version);
                }
                sql.push(if self.cascade { " CASCADE;\n" } else { ";\n" });
                steps.push((Diff::field(name, "version", "absent", wanted), sql));
            }
            (Presence::Present, Some(current)) => {
                let wanted = match self.version.as_deref() {
                    Some("latest") => default,
                    _ => self.version(),
                };
                if let Some(wanted) = wanted.filter(|wanted| *wanted != current) {
                    let path =
                        now["paths"].as_array().is_some_and(|all| all.iter().any(|v| v == wanted));
                    if !path {
                        return Err(Refusal::new(format!(
                            "Passed version '{wanted}' has no valid update path from the currently installed version '{current}' or the passed version is not available"
                        )));
                    }
                    let mut sql = Sql::new("ALTER EXTENSION :\"ext\" UPDATE");
                    if self.version().is_some() {
                        sql.push(" TO :'version'");
                        sql = sql.set("version", wanted);
                    }
                    sql.push(";\n");
                    steps.push((Diff::field(name, "version", current, wanted), sql));
                }
            }
        }
        if let Some(comment) = self.comment.as_deref().filter(|_| self.state == Presence::Present) {
            // A new one has a comment of its own, which only the server knows.
            let before = text("comment").unwrap_or_default();
            if current.is_none() || before != comment {
                let sql = Sql::new("COMMENT ON EXTENSION :\"ext\" IS :'comment';\n");
                steps.push((
                    Diff::field(name, "comment", before, comment),
                    sql.set("comment", comment),
                ));
            }
        }
        let mut plan = Plan::none();
        let mut queries = Vec::new();
        for (diff, sql) in steps {
            let sql = sql.set("ext", name);
            queries.push(sql.shown());
            plan = plan.change(diff, Step::run(sql.script(self.login(&self.login_db))));
        }
        Ok(plan
            .value("db", &*self.login_db)
            .value("ext", name)
            .value("version", current.unwrap_or_default())
            .value("prev_version", current.unwrap_or_default())
            .value("queries", Vec::<String>::new())
            .value_on_change("prev_version", current.unwrap_or_default())
            .value_on_change("queries", queries))
    }
}

const LOOK: &str = r#"SELECT json_build_object(
  'current', (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = :'ext'),
  'default', (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = :'ext'),
  'available', EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions
    WHERE name = :'ext' AND version = :'version'),
  'comment', (SELECT obj_description(oid, 'pg_extension') FROM pg_catalog.pg_extension WHERE extname = :'ext'),
  'paths', CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = :'ext') THEN
    (SELECT json_agg(target) FROM pg_extension_update_paths(:'ext')
      WHERE path IS NOT NULL AND source = (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = :'ext'))
    END);
"#;
