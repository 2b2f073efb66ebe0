//! `supervisor`: a program's whole definition, and the state it should be in.
//!
//! Values are written so that supervisord reads back what was meant: `%` is doubled (but
//! `%(program_name)s` and its like stay), and what would start a comment is kept from doing so.
//!
//! ```yaml
//! - supervisor:
//!     program: server
//!     command: /srv/app/venv/bin/uvicorn --port 3579 server.main:app
//!     directory: /srv/app
//!     user: deploy
//!     environment: { PYTHONUNBUFFERED: "1", DATABASE_URL: "{{ database_url }}" }
//!     stopasgroup: true
//! ```

use std::collections::BTreeMap;

use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Mode, Module, Plan, Probe, Refusal, Result,
    Stat, Step, Text, lstat, read, sh,
};
use crate::supervisord::{Server, Supervised};

/// Keeps a program running under supervisord.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervisor {
    /// The program's name.
    #[serde(alias = "name")]
    program: String,
    /// The command, with its arguments. It must stay in the foreground. Needed unless
    /// `state: absent`.
    command: Option<String>,
    /// `started` (default; waits until it runs), `stopped`, `restarted` (each time), `present` (only
    /// defined), or `absent`.
    #[serde(default)]
    state: State,
    /// Directory to run in.
    directory: Option<String>,
    /// Account to run as. Default: that of supervisord.
    user: Option<String>,
    /// Variables for the program.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Start with supervisord. Default: true.
    #[serde(default = "yes")]
    autostart: bool,
    /// Start again when it ends: `true` (default), `false`, or `unexpected` (unless its exit status
    /// is one of `exitcodes`).
    #[serde(default)]
    autorestart: Autorestart,
    /// Exit statuses that are expected, for example `"0,2"`.
    exitcodes: Option<String>,
    /// Seconds it must stay up to count as started. Default: 1.
    startsecs: Option<u32>,
    /// How often a start is tried. Default: 3.
    startretries: Option<u32>,
    /// Order of start, low first, and of stop, low last. Default: 999.
    priority: Option<i32>,
    /// How many processes to run. Default: 1.
    #[serde(default = "one")]
    numprocs: u32,
    /// Their names. Default: `%(program_name)s`; for several, `%(program_name)s_%(process_num)02d`.
    process_name: Option<String>,
    /// The signal that stops it. Default: `TERM`.
    stopsignal: Option<String>,
    /// Seconds to wait before it is killed. Default: 10.
    stopwaitsecs: Option<u32>,
    /// Stop its children too. Default: false.
    stopasgroup: Option<bool>,
    /// Kill its children too. Default: as `stopasgroup`.
    killasgroup: Option<bool>,
    /// Write standard error where standard output goes. Default: false.
    redirect_stderr: Option<bool>,
    /// Log of standard output: a path, `NONE`, or `AUTO` (default).
    stdout_logfile: Option<String>,
    /// Log of standard error: a path, `NONE`, or `AUTO` (default).
    stderr_logfile: Option<String>,
    /// Further settings of supervisord's `[program:x]` section, as they are named there.
    #[serde(default)]
    options: BTreeMap<String, String>,
    /// Directory of the definition. Default: /etc/supervisor/conf.d.
    #[serde(default = "conf_dir")]
    conf_dir: String,
    /// Mode of the definition; `"0600"` where the environment is secret. Default: 0644.
    mode: Option<Mode>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Started,
    Stopped,
    Restarted,
    Present,
    Absent,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Autorestart {
    #[default]
    #[serde(alias = "True", alias = "yes")]
    True,
    #[serde(alias = "False", alias = "no")]
    False,
    Unexpected,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn conf_dir() -> String {
    "/etc/supervisor/conf.d".into()
}

/// The definition on disk, and what supervisord says.
pub(crate) struct Now {
    file: Content,
    stat: Option<Stat>,
    supervised: Result<Supervised>,
}

impl Supervisor {
    fn path(&self) -> String {
        format!("{}/{}.conf", self.conf_dir.trim_end_matches('/'), self.program)
    }

    /// How long a start may take, in seconds.
    fn patience(&self) -> u32 {
        self.startsecs.unwrap_or(1).saturating_add(20)
    }

    /// The definition.
    ///
    /// # Errors
    /// A refusal, for a value that supervisord could not read back.
    fn definition(&self) -> Result<String> {
        let command = self.command.as_deref().ok_or("expected a `command`, found none")?;
        let mut lines = vec![
            ("command".to_owned(), command_value(command)?),
            ("autostart".into(), self.autostart.to_string()),
            ("autorestart".into(), format!("{:?}", self.autorestart).to_lowercase()),
        ];
        let process_name = match (&self.process_name, self.numprocs) {
            (None, 2..) => Some("%(program_name)s_%(process_num)02d".to_owned()),
            (name, _) => name.clone(),
        };
        let text = |value: &Option<String>| value.clone();
        let number = |value: Option<u32>| value.map(|n| n.to_string());
        let flag = |value: Option<bool>| value.map(|b| b.to_string());
        let settings = [
            ("directory", text(&self.directory)),
            ("user", text(&self.user)),
            ("numprocs", (self.numprocs > 1).then(|| self.numprocs.to_string())),
            ("process_name", process_name),
            ("priority", self.priority.map(|n| n.to_string())),
            ("startsecs", number(self.startsecs)),
            ("startretries", number(self.startretries)),
            ("exitcodes", text(&self.exitcodes)),
            ("stopsignal", text(&self.stopsignal)),
            ("stopwaitsecs", number(self.stopwaitsecs)),
            ("stopasgroup", flag(self.stopasgroup)),
            ("killasgroup", flag(self.killasgroup.or(self.stopasgroup))),
            ("redirect_stderr", flag(self.redirect_stderr)),
            ("stdout_logfile", text(&self.stdout_logfile)),
            ("stderr_logfile", text(&self.stderr_logfile)),
        ];
        for (key, value) in settings {
            if let Some(value) = value {
                lines.push((key.into(), plain_value(key, &value)?));
            }
        }
        if !self.environment.is_empty() {
            let pairs: Result<Vec<String>> =
                self.environment.iter().map(|(key, value)| variable(key, value)).collect();
            lines.push(("environment".into(), pairs?.join(",")));
        }
        for (key, value) in &self.options {
            if !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') || key.is_empty() {
                return Err(format!("expected the name of a setting, found `{key}`").into());
            }
            if lines.iter().any(|(set, _)| set == key) {
                return Err(
                    format!("`{key}` is set twice: by its parameter and in `options`").into()
                );
            }
            lines.push((key.clone(), plain_value(key, value)?));
        }
        let mut text = format!("[program:{}]\n", self.program);
        for (key, value) in lines {
            text += &format!("{key}={value}\n");
        }
        Ok(text)
    }
}

impl Module for Supervisor {
    const NAMES: &'static [&'static str] = &["supervisor"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let bad = |c: char| c.is_whitespace() || ":[]/%;#,*".contains(c);
        if self.program.is_empty() || self.program.contains(bad) {
            return Probe::refuse(format!("expected a program's name, found `{}`", self.program));
        }
        if self.state != State::Absent
            && let Err(refusal) = self.definition()
        {
            return Probe::refuse(refusal);
        }
        read(self.path(), 1 << 20)
            .and(lstat(self.path()))
            .and(Server::default().look(facts, true))
            .map(|((file, stat), supervised)| Now { file, stat, supervised })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let (path, name) = (self.path(), self.program.as_str());
        let server = Server::default();
        let before = match &now.file {
            Content::Absent => Text::Absent,
            Content::Bytes(bytes) => Text::Bytes(bytes.clone()),
            _ => return Err(format!("{path} is no definition of a program").into()),
        };
        if self.state == State::Absent && before == Text::Absent && now.supervised.is_err() {
            return Ok(Plan::none());
        }
        let supervised = now.supervised?;
        let processes: Vec<_> =
            supervised.processes.iter().filter(|process| process.group() == name).collect();
        let differs = supervised.differing.iter().any(|(group, _)| group == name);
        let take_up = |plan: Plan, what: &str| {
            plan.change(Diff::Note(what.to_owned()), server.update(facts, name))
        };
        if self.state == State::Absent {
            let mut plan = Plan::none();
            if before != Text::Absent {
                let diff = Diff::Text { path: path.clone(), before, after: Text::Absent };
                plan = plan.change(diff, Step::run(sh(r#"rm -f -- "$1""#, [&path])));
            }
            if !processes.is_empty() {
                plan = take_up(plan, &format!("have supervisord stop and forget {name}"));
            }
            return Ok(plan.value("program", name).value("state", "absent"));
        }
        let after: std::sync::Arc<[u8]> = self.definition()?.into_bytes().into();
        let mut plan = Plan::none();
        let mode = now.stat.as_ref().map_or(0o644, |stat| match &self.mode {
            Some(mode) => mode.apply(stat.mode, false, 0o022),
            None => stat.mode,
        });
        let mode = match (&now.stat, &self.mode) {
            (None, Some(mode)) => mode.apply(0o644, false, 0o022),
            _ => mode,
        };
        let rewrite = before != Text::Bytes(after.clone());
        let mut diffs = Vec::new();
        if rewrite {
            let after = Text::Bytes(after.clone());
            diffs.push(Diff::Text { path: path.clone(), before, after });
        }
        if let Some(stat) = now.stat.as_ref().filter(|stat| stat.mode != mode) {
            let shown = |mode: u32| format!("{mode:04o}");
            diffs.push(Diff::field(&path, "mode", shown(stat.mode), shown(mode)));
        }
        let update = rewrite || differs || processes.is_empty();
        let note = format!("have supervisord take up the definition of {name}");
        if rewrite {
            diffs.push(Diff::Note(note));
            plan = plan.changes(diffs, server.replace(facts, &path, mode, after, name));
        } else {
            if let Some(fault) = supervised.fault {
                return Err(fault.into());
            }
            let chmod = sh(r#"chmod "$1" "$2""#, [&format!("{mode:o}"), &path]);
            plan = plan.changes(diffs, Step::run(chmod));
            if update {
                plan = take_up(plan, &note);
            }
        }
        let mut states: Vec<&str> = processes.iter().map(|p| p.state.as_str()).collect();
        states.dedup();
        let states = if states.is_empty() { "absent".to_owned() } else { states.join(", ") };
        // `name:*` means all processes of the program, however many there are.
        let all = format!("{name}:*");
        let start = |verb: &str| server.start(facts, verb, &all, name, self.patience());
        let up = !processes.is_empty() && processes.iter().all(|process| process.up());
        let turn = |after: &str| Diff::field(name, "state", &states, after);
        // supervisord restarts what it takes up, if it was to start by itself.
        let by_itself = update && self.autostart;
        plan = match self.state {
            State::Started if up && !update => plan,
            State::Started if up => {
                plan.change(Diff::Note(format!("restart {name}")), start(verb(by_itself)))
            }
            State::Started => plan.change(turn("RUNNING"), start(verb(by_itself))),
            State::Restarted => {
                let verb = if by_itself { "wait" } else { "restart" };
                plan.change(Diff::Note(format!("restart {name}")), start(verb)).never_settles()
            }
            State::Stopped if by_itself || processes.iter().any(|p| p.up()) => {
                plan.change(turn("STOPPED"), server.step(facts, &[&["stop", &all]]))
            }
            _ => plan,
        };
        let mut plan = plan.value("program", name).value("path", path);
        if let [process] = processes[..] {
            plan = plan
                .value("pid", process.pid)
                .value("uptime", process.uptime.clone())
                .value("status", process.state.as_str());
        }
        let processes: Vec<_> = processes.iter().map(|process| process.value()).collect();
        Ok(plan.value("processes", processes))
    }
}

fn verb(by_itself: bool) -> &'static str {
    if by_itself { "wait" } else { "start" }
}

/// Doubles `%`, except where it begins an expansion such as `%(here)s`.
fn percent(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let rest = &value[at..];
        let expansion = rest.strip_prefix("%(").is_some_and(|rest| {
            rest.split_once(')').is_some_and(|(name, after)| {
                let name_like =
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                name_like
                    && after
                        .trim_start_matches(|c: char| c.is_ascii_digit())
                        .starts_with(['s', 'd'])
            })
        });
        out.push(c);
        if c == '%' && !expansion {
            out.push('%');
        }
    }
    out
}

/// Whether the text from its byte `at` would be taken for a comment.
fn comment(value: &str, at: usize) -> bool {
    value[at..].starts_with([';', '#'])
        && value[..at].chars().next_back().is_none_or(char::is_whitespace)
}

fn one_line(key: &str, value: &str) -> Result<()> {
    match value.contains(['\n', '\r']) {
        true => Err(Refusal::new(format!("`{key}` must be one line"))),
        false => Ok(()),
    }
}

fn plain_value(key: &str, value: &str) -> Result<String> {
    one_line(key, value)?;
    if value.char_indices().any(|(at, _)| comment(value, at)) {
        return Err(format!(
            "supervisord would take a part of `{key}` for a comment: `;` or `#` after a space"
        )
        .into());
    }
    Ok(percent(value))
}

/// A command line, which supervisord splits as a shell does: quotes can be added where they keep a
/// comment from starting.
fn command_value(command: &str) -> Result<String> {
    let command = command.trim();
    one_line("command", command)?;
    let (mut out, mut quote, mut escaped) = (String::new(), None, false);
    for (at, c) in command.char_indices() {
        if comment(command, at) {
            match quote {
                // End and reopen the quotes: the character then follows a quote, not a space.
                Some(quote) => out.extend([quote, quote]),
                None => out.push_str("\"\""),
            }
        }
        match quote {
            _ if escaped => escaped = false,
            Some('\'') if c == '\\' => {}
            _ if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        out.push(c);
    }
    if quote.is_some() {
        return Err("`command` has a quote that is not closed".into());
    }
    Ok(percent(&out))
}

fn variable(key: &str, value: &str) -> Result<String> {
    let name_like = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(name_like) {
        return Err(format!("expected the name of a variable, found `{key}`").into());
    }
    let shown = format!("environment: {key}");
    one_line(&shown, value)?;
    let quote = match (value.contains('"'), value.contains('\'')) {
        (false, _) => '"',
        (true, false) => '\'',
        (true, true) => {
            return Err(format!(
                "`{key}` holds both kinds of quotes, which supervisord cannot read back"
            )
            .into());
        }
    };
    let quoted = format!("{quote}{value}{quote}");
    Ok(format!("{key}={}", plain_value(&shown, &quoted)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_supervisord() {
        assert_eq!(
            percent("100% of %(here)s %(process_num)02d %(x"),
            "100%% of %(here)s %(process_num)02d %%(x"
        );
        let command = |text: &str| command_value(text).unwrap();
        assert_eq!(command("sh -c 'a ; b'"), "sh -c 'a '';  b'".replace(";  b", "; b"));
        assert_eq!(command("echo ;"), "echo \"\";");
        assert_eq!(command("sh -c \"a; b\""), "sh -c \"a; b\"");
        assert!(command_value("a\nb").is_err() && command_value("echo 'a").is_err());
        assert_eq!(variable("A", "x y,z").unwrap(), "A=\"x y,z\"");
        assert_eq!(variable("A", "{\"k\": 1}").unwrap(), "A='{\"k\": 1}'");
        assert!(variable("A", "a ;b").is_err() && variable("A", "'\"").is_err());
        assert!(plain_value("user", "; x").is_err());
    }
}
