//! `cron`: jobs and variables in a crontab.
//!
//! ```yaml
//! - cron:
//!     name: certs_renewal
//!     special_time: weekly
//!     job: certbot renew
//! - cron:
//!     name: backup
//!     user: root
//!     cron_file: app
//!     minute: "30"
//!     hour: "*/6"
//!     job: /usr/local/bin/backup > /dev/null
//! - cron:
//!     name: PATH
//!     env: true
//!     job: /usr/local/bin:/usr/bin:/bin
//! ```

use crate::attributes::Attributes;
use crate::content::{Found, Writing};
use crate::cron_table::{Job, Table, check_field};
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Mode, Module, Output, Plan, Presence, Probe,
    Refusal, Reply, Result, Step, Text, argv, ask, sh,
};
use crate::text_file;

/// Keeps a job, or a variable, in a crontab. The job is known by its name, which is written in a
/// comment line before it (`#Ansible: NAME`); all other lines stay as they are.
///
/// `register` gets the names of all `jobs` and `envs` of the crontab.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cron {
    /// The job's name, or the variable's. Required.
    name: String,
    /// What to run, in one line; with `env` the variable's value. Required for `present`.
    #[serde(alias = "value")]
    job: Option<String>,
    /// `present` or `absent`. With `cron_file`, `absent` removes that file. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Whose crontab it is; in a `cron_file`, who the job runs as. Default: the user we act as.
    user: Option<String>,
    /// A file of `/etc/cron.d` rather than a user's crontab: a name, or an absolute path.
    cron_file: Option<String>,
    /// Minute: `0` to `59`, `*`, ranges, lists, steps. Default: `*`.
    minute: Option<String>,
    /// Hour: `0` to `23`, as `minute`. Default: `*`.
    hour: Option<String>,
    /// Day of the month: `1` to `31`, as `minute`. Default: `*`.
    #[serde(alias = "dom")]
    day: Option<String>,
    /// Month: `1` to `12` or `JAN` to `DEC`, as `minute`. Default: `*`.
    month: Option<String>,
    /// Day of the week: `0` (Sunday) to `7` (Sunday) or `SUN` to `SAT`, as `minute`. Default: `*`.
    #[serde(alias = "dow")]
    weekday: Option<String>,
    /// A nickname in place of the five fields.
    special_time: Option<Nickname>,
    /// Comment the job out. Default: false.
    #[serde(default)]
    disabled: bool,
    /// It is a variable of the crontab, not a job. Default: false.
    #[serde(default)]
    env: bool,
    /// With `env`: put a new variable after this one. Default: at the top.
    insertafter: Option<String>,
    /// With `env`: put a new variable before this one.
    insertbefore: Option<String>,
    /// Keep the old crontab in a file, named in `backup_file`. Default: false.
    #[serde(default)]
    backup: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Nickname {
    Annually,
    Daily,
    Hourly,
    Monthly,
    Reboot,
    Weekly,
    Yearly,
}

pub(crate) enum Now {
    /// A user's crontab, as `crontab -l` prints it.
    User(Reply),
    File(Found, bool),
}

impl Cron {
    fn check(&self) -> Result<()> {
        let fields = [
            ("minute", &self.minute),
            ("hour", &self.hour),
            ("day", &self.day),
            ("month", &self.month),
            ("weekday", &self.weekday),
        ];
        for (name, given) in fields {
            match given.as_deref() {
                Some(text) if text != "*" && self.special_time.is_some() => {
                    return Err("You must specify time and date fields or special time.".into());
                }
                Some(text) => check_field(name, text)?,
                None => {}
            }
        }
        let present = self.state == Presence::Present;
        match &self.job {
            None if present => {
                return Err("You must specify 'job' to install a new cron job or variable".into());
            }
            Some(job) if job.trim_matches(['\r', '\n']).contains(['\r', '\n']) => {
                return Err("Job should not contain line breaks".into());
            }
            _ => {}
        }
        if self.name.contains(['\r', '\n']) {
            return Err("`name` should not contain line breaks".into());
        }
        if self.cron_file.is_some() && self.user.is_none() && present {
            return Err("To use cron_file=... parameter you must specify user=... as well".into());
        }
        if !self.env && (self.insertafter.is_some() || self.insertbefore.is_some()) {
            return Err(
                "Insertafter and insertbefore parameters are valid only with env=yes".into()
            );
        }
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return Err("parameters are mutually exclusive: insertafter|insertbefore".into());
        }
        Ok(())
    }

    /// The user whose crontab it is, if it is not our own.
    fn other_user(&self, facts: &Facts) -> &str {
        self.user.as_deref().filter(|user| *user != facts.user).unwrap_or_default()
    }

    fn file(&self) -> Option<String> {
        let name = self.cron_file.as_deref()?;
        Some(if name.starts_with('/') { name.into() } else { format!("/etc/cron.d/{name}") })
    }

    /// The line of the job.
    fn line(&self) -> String {
        let mark = if self.disabled { "#" } else { "" };
        let user = match (&self.cron_file, &self.user) {
            (Some(_), Some(user)) => format!("{user} "),
            _ => String::new(),
        };
        let job = self.job.as_deref().unwrap_or_default().trim_matches(['\r', '\n']);
        match self.special_time {
            Some(nickname) => {
                let nickname = format!("{nickname:?}").to_lowercase();
                format!("{mark}@{nickname} {user}{job}")
            }
            None => {
                let all = [&self.minute, &self.hour, &self.day, &self.month, &self.weekday];
                let fields = all.map(|given| given.as_deref().unwrap_or("*")).join(" ");
                format!("{mark}{fields} {user}{job}")
            }
        }
    }

    /// Brings the table to what is wanted.
    fn apply(&self, table: &mut Table) -> Result<()> {
        match (self.env, self.state) {
            (true, Presence::Absent) => table.remove_variable(&self.name),
            (true, Presence::Present) => {
                let value = self.job.as_deref().unwrap_or_default();
                let line = format!("{}=\"{value}\"", self.name);
                let (other, after) = match (&self.insertafter, &self.insertbefore) {
                    (Some(other), _) => (Some(other), 1),
                    (None, other) => (other.as_ref(), 0),
                };
                let place = other.map(|other| {
                    let at = table.variable(other).map(|at| at + after);
                    at.ok_or_else(|| format!("Variable named '{other}' not found."))
                });
                table.set_variable(&self.name, line, place.transpose()?.unwrap_or(0));
            }
            (false, Presence::Absent) => table.remove_job(&self.name),
            (false, Presence::Present) => {
                table.set_job(Job { name: &self.name, line: self.line() });
            }
        }
        Ok(())
    }
}

impl Module for Cron {
    const NAMES: &'static [&'static str] = &["cron"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        match self.file() {
            Some(path) => {
                text_file::open(facts, &path, false).map(|(file, dir)| Now::File(file, dir))
            }
            None => ask(sh(READ, [self.other_user(facts)])).map(Now::User),
        }
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let text = match &now {
            Now::User(reply) if reply.status == 127 => {
                return Err("crontab is not installed on the host".into());
            }
            Now::User(reply)
                if !reply.ok()
                    && !reply.err().contains("no crontab")
                    && !reply.err().contains("can't open") =>
            {
                return Err(Refusal::new(format!(
                    "Unable to read crontab: {}",
                    reply.err().trim()
                )));
            }
            Now::User(reply) => reply.out(),
            Now::File(Found { content: Content::Bytes(bytes), .. }, _) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            Now::File(..) => String::new(),
        };
        let mut table = Table::new(&text);
        if let (Now::File(found, _), Presence::Absent) = (&now, self.state) {
            let plan = match found.stat {
                None => Plan::none(),
                Some(_) => Plan::none().change(
                    Diff::field(&found.path, "state", "file", "absent"),
                    Step::run(argv(["rm", "-f", "--", &found.path])),
                ),
            };
            return Ok(plan
                .value("cron_file", self.cron_file.as_deref().unwrap_or_default())
                .value("state", "absent"));
        }
        self.apply(&mut table)?;
        let plan = match now {
            Now::User(_) if table.text() == text => Plan::none(),
            Now::User(reply) => {
                let user = self.other_user(facts);
                let before = if reply.ok() { Text::bytes(reply.stdout) } else { Text::Absent };
                let whose = if user.is_empty() { facts.user.as_str() } else { user };
                let new = table.text().into_bytes();
                let diff = Diff::Text {
                    path: format!("crontab of {whose}"),
                    before,
                    after: Text::bytes(new.clone()),
                };
                let backup = if self.backup { "backup" } else { "" };
                let script = sh(WRITE, [user, backup]).stdin(new);
                Plan::none().change(diff, Step::Run { script, output: Output::Values })
            }
            Now::File(found, dir) => {
                let mode = Mode::Bits(0o644);
                let new = found.stat.is_none();
                let writing = Writing {
                    attributes: Attributes { mode: new.then_some(&mode), ..Attributes::default() },
                    backup: self.backup,
                    validate: None,
                };
                let mut plan = text_file::edit(&(found, dir), &writing, |old| {
                    let new = table.text();
                    Ok((new != old.text).then(|| (new, String::new())))
                })?;
                plan.values.clear();
                plan.on_change.clear();
                plan.value("cron_file", self.cron_file.as_deref().unwrap_or_default())
            }
        };
        Ok(plan.value("jobs", table.jobs()).value("envs", table.variables()))
    }
}

const READ: &str = r#"# what is in a crontab?
command -v crontab >/dev/null || exit 127
if [ -n "$1" ]; then LC_ALL=C crontab -u "$1" -l; else LC_ALL=C crontab -l; fi
"#;

const WRITE: &str = r#"# replace a crontab: USER BACKUP
if [ -n "$1" ]; then set -- "$2" -u "$1"; else set -- "$2"; fi
backup=$1
shift
if [ -n "$backup" ]; then
    file=$(mktemp "${TMPDIR:-/tmp}/crontab.XXXXXX") || exit
    crontab "$@" -l >"$file" 2>/dev/null || :
    printf 'backup_file=%s\n' "$file"
fi
crontab "$@" -
"#;
