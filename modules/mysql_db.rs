//! `mysql_db`: databases of MySQL and MariaDB.
//!
//! ```yaml
//! - mysql_db: { name: app, encoding: utf8mb4, collation: utf8mb4_unicode_ci }
//! - mysql_db:
//!     name: app
//!     state: dump
//!     target: /var/backups/app.sql.gz
//!     single_transaction: true
//! - mysql_db: { name: app, state: import, target: /tmp/app.sql, login_user: app, login_password: "{{ p }}" }
//! ```

use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Stat, Step,
    Words, ask, sh, stat,
};
use crate::mysql::{name, rows, text, with_client, with_login};
use crate::words;

with_login! {
    /// Makes, drops, dumps and fills databases.
    ///
    /// `register` gets `db`, `db_list` and `executed_commands`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct MysqlDb {
        /// The database, or several; `all` with `dump` and `import`. Required.
        #[serde(alias = "db")]
        name: Words,
        /// `present`, `absent`, `dump` (to `target`) or `import` (from `target`). Default: `present`.
        #[serde(default)]
        state: State,
        /// The file of a dump. `.gz`, `.bz2`, `.xz` and `.zst` are packed.
        target: Option<String>,
        /// The characters of a new database, of a dump and of an import. Default: the server's.
        #[serde(default)]
        encoding: String,
        /// How a new database sorts. Default: the server's.
        #[serde(default)]
        collation: String,
        /// Dump in one transaction. Default: false.
        #[serde(default)]
        single_transaction: bool,
        /// Dump row by row. Default: true.
        #[serde(default = "yes")]
        quick: bool,
        /// Tables that a dump leaves out: `database.table`. Default: none.
        #[serde(default)]
        ignore_tables: Vec<String>,
        /// Dump binary columns in hexadecimal. Default: false.
        #[serde(default)]
        hex_blob: bool,
        /// Go on after errors of a dump or an import. Default: false.
        #[serde(default)]
        force: bool,
        /// Where a dump stands in the binary log: `0`, `1` or `2` (as a comment). Default: 0.
        #[serde(default)]
        master_data: u8,
        /// Lock no tables for a dump. Default: false.
        #[serde(default)]
        skip_lock_tables: bool,
        /// More words for the program that dumps. Default: none.
        dump_extra_args: Option<String>,
        /// The directory to dump and import in. Default: none.
        chdir: Option<String>,
        /// Whether `config_file` wins over the defaults of `login_host` and `login_port`: it always
        /// does. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        config_overrides_defaults: Option<crate::attributes::Ignored>,
        /// Whether no other option file is read: none ever is. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        restrict_config_file: Option<crate::attributes::Ignored>,
        /// How the password is quoted: it is no word of a command here. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        unsafe_login_password: Option<crate::attributes::Ignored>,
        /// How an import is unpacked: always by a pipe. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        use_shell: Option<crate::attributes::Ignored>,
        /// Whether a failed dump that is packed fails: it always does. Default: false.
        #[schemars(with = "Option<bool>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        pipefail: Option<crate::attributes::Ignored>,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Present,
    Absent,
    Dump,
    Import,
}

impl MysqlDb {
    fn is_all(&self) -> bool {
        self.name.0.iter().any(|name| name == "all")
    }

    fn copies(&self) -> bool {
        matches!(self.state, State::Dump | State::Import)
    }

    fn check(&self) -> Result<()> {
        if self.name.0.is_empty()
            || self.name.0.iter().any(|name| name.is_empty() || name.starts_with('-'))
        {
            return Err("expected names of databases".into());
        }
        if self.copies() && self.target.is_none() {
            let state = if self.state == State::Dump { "dump" } else { "import" };
            return Err(Refusal::new(format!("with state={state} target is required")));
        }
        if self.is_all() && self.name.0.len() > 1 {
            return Err("name is not allowed to be `all` beside other databases".into());
        }
        if self.is_all() && !self.copies() {
            return Err(
                "name is not allowed to equal 'all' unless state equals import, or dump.".into()
            );
        }
        if self.state == State::Import && self.name.0.len() > 1 {
            return Err("Multiple databases are not supported with state=import".into());
        }
        if self.master_data > 2 {
            return Err("expected 0, 1 or 2 for `master_data`".into());
        }
        Ok(())
    }

    fn create(&self, db: &str) -> String {
        let mut sql = format!("CREATE DATABASE {}", name(db));
        for (words, value) in [(" CHARACTER SET ", &self.encoding), (" COLLATE ", &self.collation)]
        {
            if !value.is_empty() {
                sql += words;
                sql += &text(value);
            }
        }
        sql
    }

    /// A dump or an import.
    fn copy(&self, facts: &Facts, target: &str) -> Result<Step> {
        let mut words = Vec::new();
        let mut flag = |on: bool, flag: &str| {
            if on {
                words.push(flag.to_owned());
            }
        };
        let dump = self.state == State::Dump;
        flag(self.force, "--force");
        flag(dump && self.quick, "--quick");
        flag(dump && self.single_transaction, "--single-transaction");
        flag(dump && self.skip_lock_tables, "--skip-lock-tables");
        flag(dump && self.hex_blob, "--hex-blob");
        if !self.encoding.is_empty() {
            words.push(format!("--default-character-set={}", self.encoding));
        }
        if dump {
            words.extend(self.ignore_tables.iter().map(|table| format!("--ignore-table={table}")));
            if self.master_data > 0 {
                words.push(format!("--master-data={}", self.master_data));
            }
            if let Some(more) = &self.dump_extra_args {
                words.extend(words::split(more).map_err(Refusal::new)?);
            }
            match self.is_all() {
                true => words.push("--all-databases".into()),
                false if self.name.0.len() > 1 => words.push("--databases".into()),
                false => {}
            }
        } else if !self.is_all() {
            words.push("--one-database".into());
        }
        if !self.is_all() {
            words.extend(self.name.0.iter().cloned());
        }
        let login = self.login(facts);
        let chdir = self.chdir.as_deref().map(|dir| facts.path(dir)).unwrap_or_default();
        let how = if dump { "dump" } else { "import" };
        let mut args: Vec<String> =
            [login.config_file(), how, target, &chdir].map(str::to_owned).to_vec();
        args.extend(words);
        Ok(Step::run(sh(COPY, args).stdin(login.input().into_bytes())))
    }
}

impl Module for MysqlDb {
    const NAMES: &'static [&'static str] = &["mysql_db"];
    type State = (Reply, Option<Stat>);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        let login = self.login(facts);
        if let Err(why) = self.check().and_then(|()| login.check()) {
            return Probe::refuse(why);
        }
        let target = match &self.target {
            Some(target) if self.state == State::Import => stat(facts.path(target)),
            _ => Probe::known(None),
        };
        ask(login.script("SHOW DATABASES;\n")).and(target)
    }

    fn plan(&self, facts: &Facts, (reply, file): Self::State) -> Result<Plan> {
        let there = rows(&reply)?;
        let is_there =
            |db: &str| there.iter().any(|row| row.first().is_some_and(|name| name == db));
        let target = self.target.as_deref().map(|target| facts.path(target)).unwrap_or_default();
        let (missing, present): (Vec<&String>, Vec<&String>) =
            self.name.0.iter().partition(|db| !is_there(db));
        let mut plan = Plan::none();
        let mut commands = Vec::new();
        match self.state {
            State::Absent => {
                for db in present {
                    let sql = format!("DROP DATABASE {}", name(db));
                    let step = Step::run(self.login(facts).script(&format!("{sql};\n")));
                    plan = plan.change(Diff::field(db, "database", "present", "absent"), step);
                    commands.push(sql);
                }
            }
            State::Dump if !self.is_all() && !missing.is_empty() => {
                let missing: Vec<&str> = missing.iter().map(|db| db.as_str()).collect();
                return Err(Refusal::new(format!(
                    "Cannot dump database(s) {} - not found",
                    missing.join(", ")
                )));
            }
            State::Import if file.is_none() && !target.is_empty() && self.chdir.is_none() => {
                return Err(Refusal::new(format!("target {target} does not exist on the host")));
            }
            State::Present | State::Import | State::Dump => {
                for db in missing.into_iter().filter(|_| !self.is_all()) {
                    let sql = self.create(db);
                    let step = Step::run(self.login(facts).script(&format!("{sql};\n")));
                    plan = plan.change(Diff::field(db, "database", "absent", "present"), step);
                    commands.push(sql);
                }
            }
        }
        if self.copies() {
            let names = self.name.0.join(", ");
            let what = match self.state {
                State::Dump => format!("dump {names} to {target}"),
                _ => format!("import {target} into {names}"),
            };
            plan = plan.change(Diff::Note(what), self.copy(facts, &target)?).never_settles();
        }
        Ok(plan
            .value("db", self.name.0.join(" "))
            .value("db_list", self.name.0.clone())
            .value("executed_commands", Vec::<String>::new())
            .value_on_change("executed_commands", commands))
    }
}

/// A dump is written beside its place first: a failed one leaves the old one as it is.
const COPY: &str = with_client!(
    "# dump or import a database: CONFIG HOW FILE DIRECTORY WORD…",
    r#"
how=$2 file=$3
[ -z "$4" ] || cd -- "$4" || exit
shift 4
case $file in
  *.gz) pack=gzip unpack='gzip -dc' ;;
  *.bz2) pack=bzip2 unpack='bzip2 -dc' ;;
  *.xz) pack=xz unpack='xz -dc' ;;
  *.zst) pack='zstd -q' unpack='zstd -dcq' ;;
  *) pack= unpack=cat ;;
esac
if [ "$how" = import ]; then
  [ -r "$file" ] || { printf 'cannot read %s\n' "$file" >&2; exit 1; }
  $unpack <"$file" | talk "$client" "$@"
  exit
fi
dump=$(command -v mariadb-dump || command -v mysqldump) || { echo "there is neither mariadb-dump nor mysqldump" >&2; exit 127; }
new=$file.rprov
mode=$(stat -c %a -- "$file" 2>/dev/null) || mode=$(printf '%o' $((0666 & ~0$(umask))))
umask 077
trap 'rm -f -- "$new" "$new.packed"' EXIT
talk "$dump" "$@" </dev/null >"$new" || exit
if [ -n "$pack" ]; then $pack <"$new" >"$new.packed" && mv -f -- "$new.packed" "$new" || exit; fi
chmod "$mode" "$new" && mv -f -- "$new" "$file"
"#
);
