//! `postgresql_db`: databases of PostgreSQL.
//!
//! ```yaml
//! - postgresql_db:
//!     name: app
//!     owner: app
//!     encoding: UTF-8
//!     template: template0
//!   become: true
//!   become_user: postgres
//! - postgresql_db: { name: app, state: dump, target: /var/backups/app.sql.gz }
//! - postgresql_db: { name: old, state: absent, force: true }
//! ```

use serde_json::Value;

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, ask,
};
use crate::postgres::{Sql, answer, check, with_login, with_password};
use crate::words;

with_login! {
    /// Makes, changes, removes, dumps and restores databases of PostgreSQL. Needs `psql` on the host.
    ///
    /// `register` gets `db` and `executed_commands`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct PostgresqlDb {
        /// The database. Required.
        #[serde(alias = "db")]
        name: String,
        /// `present`, `absent`, `dump` (to `target`, each time), `restore` (from `target`, each
        /// time), or `rename` (to `target`). Default: `present`.
        #[serde(default)]
        state: State,
        /// Its owner. Default: left as it is; the login's role for a new one.
        #[serde(default)]
        owner: String,
        /// What a new one is copied from. Default: `template1`.
        #[serde(default)]
        template: String,
        /// Its encoding, such as `UTF-8`; that of one there is cannot be changed. Default: the
        /// template's.
        #[serde(default)]
        encoding: String,
        /// Its collation; as `encoding`.
        #[serde(default)]
        lc_collate: String,
        /// Its classes of letters; as `encoding`.
        #[serde(default)]
        lc_ctype: String,
        /// Its locale of ICU; as `encoding`. PostgreSQL 15 and later.
        #[serde(default)]
        icu_locale: String,
        /// `libc` or `icu`; as `encoding`. PostgreSQL 15 and later.
        #[serde(default)]
        locale_provider: String,
        /// How many connections it may have at once; -1 for any number. Default: left as it is.
        conn_limit: Option<i32>,
        /// Where it is stored. Default: left as it is.
        #[serde(default)]
        tablespace: String,
        /// A comment on it. Default: left as it is.
        comment: Option<String>,
        /// With `absent`: end connections to it first. Default: false.
        #[serde(default)]
        force: bool,
        /// With `dump` and `restore` a file of the host, whose ending says how it is written:
        /// `.sql`, `.tar`, `.pgc`, `.dir`, with `.gz`, `.bz2`, `.xz` behind it for `.sql`. With
        /// `rename` the new name. Required for all three.
        #[serde(default)]
        target: String,
        /// More options for pg_dump, psql or pg_restore. Default: none.
        #[serde(default)]
        target_opts: String,
        /// More options for pg_dump. Default: none.
        dump_extra_args: Option<String>,
        /// The database to log in to. Default: `postgres`.
        #[serde(default = "crate::postgres::postgres")]
        maintenance_db: String,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Present,
    Absent,
    Dump,
    Restore,
    Rename,
}

impl PostgresqlDb {
    fn check(&self) -> Result<()> {
        check(self.login(""))?;
        if self.name.is_empty() {
            return Err("`name` must not be empty".into());
        }
        let needs = matches!(self.state, State::Dump | State::Restore | State::Rename);
        if needs && self.target.is_empty() {
            return Err("`target` is required for `dump`, `restore` and `rename`".into());
        }
        if self.state == State::Rename && self.target == self.name {
            return Err(
                "The \"name/db\" option and the \"target\" option cannot be the same.".into()
            );
        }
        if self.state == State::Rename && self.maintenance_db == self.name {
            return Err(
                "The \"maintenance_db\" option and the \"name/db\" option cannot be the same."
                    .into(),
            );
        }
        Ok(())
    }

    /// What cannot be changed, and is not as it is wanted.
    fn fixed(&self, now: &Value) -> Result<()> {
        if !self.encoding.is_empty() && now["encoding_right"] != true {
            return Err(Refusal::new(format!(
                "Changing database encoding is not supported. Current encoding: {}",
                now["encoding"].as_str().unwrap_or_default()
            )));
        }
        for (name, wanted, key) in [
            ("LC_COLLATE", &self.lc_collate, "lc_collate"),
            ("LC_CTYPE", &self.lc_ctype, "lc_ctype"),
            ("ICU_LOCALE", &self.icu_locale, "icu_locale"),
            ("LOCALE_PROVIDER", &self.locale_provider, "locale_provider"),
        ] {
            let current = now[key].as_str().unwrap_or_default();
            if !wanted.is_empty() && wanted != current {
                return Err(Refusal::new(format!(
                    "Changing {name} is not supported. Current {name}: {current}"
                )));
            }
        }
        Ok(())
    }

    fn create(&self) -> (Vec<Diff>, Sql) {
        let mut diffs = vec![Diff::field(&self.name, "database", "absent", "present")];
        let mut sql = Sql::new("CREATE DATABASE :\"db\"").set("db", &self.name);
        for (words, variable, value, field) in [
            (" OWNER :\"owner\"", "owner", &self.owner, "owner"),
            (" TEMPLATE :\"template\"", "template", &self.template, "template"),
            (" ENCODING :'encoding'", "encoding", &self.encoding, "encoding"),
            (" LC_COLLATE :'lc_collate'", "lc_collate", &self.lc_collate, "collation"),
            (" LC_CTYPE :'lc_ctype'", "lc_ctype", &self.lc_ctype, "character classes"),
            (" ICU_LOCALE :'icu_locale'", "icu_locale", &self.icu_locale, "ICU locale"),
            (" LOCALE_PROVIDER :\"provider\"", "provider", &self.locale_provider, "provider"),
            (" TABLESPACE :\"tablespace\"", "tablespace", &self.tablespace, "tablespace"),
        ] {
            if !value.is_empty() {
                sql.push(words);
                sql = sql.set(variable, value);
                diffs.push(Diff::field(&self.name, field, "", value));
            }
        }
        if let Some(limit) = self.conn_limit {
            sql.push(&format!(" CONNECTION LIMIT {limit}"));
            diffs.push(Diff::field(&self.name, "connection limit", "", limit));
        }
        sql.push(";\n");
        (diffs, sql)
    }

    fn steps(&self, now: &Value) -> Result<Vec<(Vec<Diff>, Sql)>> {
        let name = self.name.as_str();
        let there = now.get("db").filter(|db| !db.is_null());
        let mut steps = Vec::new();
        let mut alter = |diff: Diff, sql: Sql| steps.push((vec![diff], sql.set("db", name)));
        match (self.state, there) {
            (State::Absent, None) | (State::Dump | State::Restore, _) => {}
            (State::Absent, Some(_)) => {
                let diff = Diff::field(name, "database", "present", "absent");
                let new = now["version"].as_i64().is_some_and(|version| version >= 130_000);
                alter(
                    diff,
                    Sql::new(match (self.force, new) {
                        (false, _) => "DROP DATABASE :\"db\";\n",
                        (true, true) => "DROP DATABASE :\"db\" WITH (FORCE);\n",
                        (true, false) => DROP_BY_FORCE,
                    }),
                );
            }
            (State::Rename, _) => {
                let target = now["target"] == true;
                match (there.is_some(), target) {
                    (true, true) => {
                        return Err("Both the source and the target databases exist.".into());
                    }
                    (false, false) => {
                        return Err("The source and the target databases do not exist.".into());
                    }
                    (false, true) => {}
                    (true, false) => alter(
                        Diff::field(name, "name", name, &self.target),
                        Sql::new("ALTER DATABASE :\"db\" RENAME TO :\"target\";\n")
                            .set("target", &self.target),
                    ),
                }
            }
            (State::Present, found) => {
                match found {
                    None => steps.push(self.create()),
                    Some(found) => {
                        self.fixed(found)?;
                        let text = |key: &str| found[key].as_str().unwrap_or_default();
                        if !self.owner.is_empty() && self.owner != text("owner") {
                            alter(
                                Diff::field(name, "owner", text("owner"), &self.owner),
                                Sql::new("ALTER DATABASE :\"db\" OWNER TO :\"owner\";\n")
                                    .set("owner", &self.owner),
                            );
                        }
                        let limit = found["conn_limit"].as_i64().unwrap_or(-1);
                        if let Some(wanted) = self.conn_limit.filter(|n| i64::from(*n) != limit) {
                            let sql =
                                format!("ALTER DATABASE :\"db\" CONNECTION LIMIT {wanted};\n");
                            alter(
                                Diff::field(name, "connection limit", limit, wanted),
                                Sql::new(&sql),
                            );
                        }
                        if !self.tablespace.is_empty() && self.tablespace != text("tablespace") {
                            alter(
                                Diff::field(
                                    name,
                                    "tablespace",
                                    text("tablespace"),
                                    &self.tablespace,
                                ),
                                Sql::new(
                                    "ALTER DATABASE :\"db\" SET TABLESPACE :\"tablespace\";\n",
                                )
                                .set("tablespace", &self.tablespace),
                            );
                        }
                    }
                }
                let comment = found.and_then(|db| db["comment"].as_str()).unwrap_or_default();
                if let Some(wanted) = self.comment.as_ref().filter(|wanted| *wanted != comment) {
                    let sql = Sql::new("COMMENT ON DATABASE :\"db\" IS :'comment';\n");
                    let sql = sql.set("db", name).set("comment", wanted);
                    steps.push((vec![Diff::field(name, "comment", comment, wanted)], sql));
                }
            }
        }
        Ok(steps)
    }

    /// Dumps or restores: what cannot be quiet twice.
    fn copy(&self, facts: &Facts) -> Result<Plan> {
        let dump = self.state == State::Dump;
        let login = self.login(&self.name);
        let mut script = Sql::default().with(login, if dump { "dump" } else { "restore" });
        script.text = COPY;
        let target = facts.path(&self.target);
        let mut options = words::split(&self.target_opts).map_err(Refusal::new)?;
        if let Some(more) = self.dump_extra_args.as_deref().filter(|_| dump) {
            options.extend(words::split(more).map_err(Refusal::new)?);
        }
        script.args.push(target.clone());
        script.args.push(self.session_role.clone().unwrap_or_default());
        script.args.extend(options);
        // The password is all that is read: no statements.
        script.stdin = Some(login.password_line().into_bytes().into());
        let what = match dump {
            true => format!("dump {} to {target}", self.name),
            false => format!("restore {} from {target}", self.name),
        };
        Ok(Plan::none().run(what, script).never_settles())
    }
}

impl Module for PostgresqlDb {
    const NAMES: &'static [&'static str] = &["postgresql_db"];
    type State = Option<Reply>;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Option<Reply>> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        if matches!(self.state, State::Dump | State::Restore) {
            return Probe::known(None);
        }
        let sql = Sql::new(LOOK).set("db", &self.name).set("target", &self.target);
        let sql = sql.set("encoding", &self.encoding);
        ask(sql.script(self.login(&self.maintenance_db))).map(Some)
    }

    fn plan(&self, facts: &Facts, now: Option<Reply>) -> Result<Plan> {
        let Some(reply) = now else {
            return Ok(self.copy(facts)?.value("db", &*self.name));
        };
        let steps = self.steps(&answer(&reply)?)?;
        let commands: Vec<_> = steps.iter().map(|(_, sql)| sql.shown()).collect();
        let mut plan = Plan::none();
        for (diffs, sql) in steps {
            plan = plan.changes(diffs, Step::run(sql.script(self.login(&self.maintenance_db))));
        }
        Ok(plan
            .value("db", &*self.name)
            .value("executed_commands", Vec::<String>::new())
            .value_on_change("executed_commands", commands))
    }
}

/// Columns for ICU are there since version 15, under another name since 17.
const LOOK: &str = r#"SELECT current_setting('server_version_num')::int >= 170000 AS seventeen,
  current_setting('server_version_num')::int >= 150000 AS fifteen \gset
\set icu NULL::text
\set provider NULL::text
\if :fifteen
  \set icu daticulocale
  \set provider 'CASE datlocprovider WHEN \'c\' THEN \'libc\' WHEN \'i\' THEN \'icu\' END'
\endif
\if :seventeen
  \set icu datlocale
\endif
SELECT json_build_object('version', current_setting('server_version_num')::int,
  'target', EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = :'target'),
  'db', (SELECT row_to_json(r) FROM (
    SELECT rolname AS owner, pg_encoding_to_char(encoding) AS encoding,
      encoding = pg_char_to_encoding(NULLIF(:'encoding', '')) AS encoding_right,
      datcollate AS lc_collate, datctype AS lc_ctype, :icu AS icu_locale, :provider AS locale_provider,
      datconnlimit AS conn_limit, spcname AS tablespace,
      shobj_description(d.oid, 'pg_database') AS comment
    FROM pg_catalog.pg_database d
      JOIN pg_catalog.pg_roles r ON r.oid = datdba
      JOIN pg_catalog.pg_tablespace t ON t.oid = dattablespace
    WHERE datname = :'db') r));
"#;

/// For servers that have no words for it.
const DROP_BY_FORCE: &str = r#"UPDATE pg_catalog.pg_database SET datallowconn = false WHERE datname = :'db';
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'db' AND pid <> pg_backend_pid();
DROP DATABASE :"db";
"#;

/// A dump is written beside its place first: a failed one leaves the old one as it is.
const COPY: &str = with_password!(
    "# dump or restore a database: HOW HOST PORT USER DATABASE SSLMODE ROOTCERT CERT KEY FILE ROLE OPTION…",
    r#"
how=$1 database=$5
[ -z "$2" ] || export PGHOST="$2"
export PGPORT="$3" PGUSER="$4" LC_ALL=C
[ -z "$6" ] || export PGSSLMODE="$6"
[ -z "$7" ] || export PGSSLROOTCERT="$7"
[ -z "$8" ] || export PGSSLCERT="$8"
[ -z "$9" ] || export PGSSLKEY="$9"
shift 9
file=$1 role=$2
shift 2
case $file in
    *.gz) pack=gzip unpack='gzip -dc' ;;
    *.bz2) pack=bzip2 unpack='bzip2 -dc' ;;
    *.xz) pack=xz unpack='xz -dc' ;;
    *) pack= unpack=cat ;;
esac
case $file in *.tar) form=t ;; *.pgc) form=c ;; *.dir) form=d ;; *) form=p ;; esac
[ -z "$role" ] || [ "$form$how" = prestore ] || set -- --role="$role" "$@"
umask 077
case $how$form in
    dumpd) pg_dump -Fd -f "$file" "$@" -- "$database" ;;
    dump*)
        new=$file.rprov
        trap 'rm -f -- "$new" "$new.packed"; forget' EXIT
        pg_dump -F"$form" -f "$new" "$@" -- "$database" || exit
        if [ -n "$pack" ]; then $pack <"$new" >"$new.packed" && mv -f -- "$new.packed" "$new" || exit; fi
        mv -f -- "$new" "$file"
        ;;
    restorep)
        [ -r "$file" ] || { echo "cannot read $file" >&2; exit 1; }
        $unpack <"$file" | psql -X -q -d "$database" "$@"
        ;;
    restore*) pg_restore -F"$form" -d "$database" "$@" -- "$file" ;;
esac
"#
);
