//! `ini_file`: options of a file with sections.
//!
//! ```yaml
//! - ini_file:
//!     path: /etc/php/8.2/fpm/php.ini
//!     section: PHP
//!     option: memory_limit
//!     value: 256M
//! - ini_file:
//!     path: /etc/samba/smb.conf
//!     section: old share
//!     state: absent
//! ```

use crate::attributes::with_file_attributes;
use crate::command::yes;
use crate::content::{Found, Writing};
use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Presence, Probe, Result};
use crate::text_file::{self, Edit, lines};

with_file_attributes! {
    /// Sets, adds and removes options and sections of an INI file.
    ///
    /// `register` gets `path`, `msg` (`OK`, `option changed`, `option added`, `section and option
    /// added`, `only section added`, `section removed`), and with `backup` also `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct IniFile {
        /// The file. Required.
        #[serde(alias = "dest")]
        path: String,
        /// `present`: the option has the value. `absent`: there is no such option, or without
        /// `option` no such section. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// The section, without brackets. Default: what stands before the first section.
        section: Option<String>,
        /// Of several sections of that name, the one that has all these: each with `option`, and
        /// `value` or `values`, one of which it must have. Default: the first.
        section_has_values: Option<Vec<Condition>>,
        /// The option. Default: none; the section itself is meant.
        option: Option<String>,
        /// Its value. With `state: present` it, `values` or `allow_no_value` is required.
        value: Option<String>,
        /// Its values, each in a line of its own.
        values: Option<Vec<String>>,
        /// `present`: lines of the option with other values are removed. `absent`: its lines are
        /// removed whatever the value. If false, only lines with the values given are added or
        /// removed. Default: true.
        #[serde(default = "yes")]
        exclusive: bool,
        /// Take an option that is commented out for one that can be changed. Default: true.
        #[serde(default = "yes")]
        modify_inactive_option: bool,
        /// Write `option=value` rather than `option = value`. Default: false.
        #[serde(default)]
        no_extra_spaces: bool,
        /// Leave lines alone that differ in spaces around `=` only. Default: false.
        #[serde(default)]
        ignore_spaces: bool,
        /// Allow an option without a value: a line with its name. Default: false.
        #[serde(default)]
        allow_no_value: bool,
        /// Make the file, and the directories it is in, if it is not there. Default: true.
        #[serde(default = "yes")]
        create: bool,
        /// Write through a symbolic link at `path`. Otherwise a file takes its place.
        /// Default: false.
        #[serde(default)]
        follow: bool,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
    }
}

/// What a section must have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Condition {
    /// The option. Required.
    option: String,
    /// Its value. Default: any.
    value: Option<String>,
    /// Its values, of which one suffices. Default: any.
    values: Option<Vec<String>>,
}

impl Condition {
    fn values(&self) -> &[String] {
        match &self.value {
            Some(value) => std::slice::from_ref(value),
            None => self.values.as_deref().unwrap_or_default(),
        }
    }

    fn holds(&self, section: &[String]) -> bool {
        section.iter().any(|line| {
            Setting::read(line, &self.option, true).is_some_and(|found| {
                let values = self.values();
                values.is_empty() || values.iter().any(|value| value == found.value)
            })
        })
    }
}

/// A line of an option.
struct Setting<'a> {
    inactive: bool,
    value: &'a str,
}

impl<'a> Setting<'a> {
    /// Reads a line of this option, also one that is commented out if `inactive`.
    fn read(line: &'a str, option: &str, inactive: bool) -> Option<Setting<'a>> {
        const BLANK: [char; 2] = [' ', '\t'];
        let line = line.trim_end_matches(['\r', '\n']).trim_start_matches(BLANK);
        let value = |line: &'a str| {
            let rest = line.trim_start_matches(BLANK).strip_prefix(option)?;
            match rest.trim_start_matches(BLANK) {
                "" => Some(""),
                rest => rest.strip_prefix('=').map(|value| value.trim_start_matches(BLANK)),
            }
        };
        let commented = line.strip_prefix(['#', ';']).filter(|_| inactive);
        match commented.and_then(value) {
            Some(value) => Some(Setting { inactive: true, value }),
            None => value(line).map(|value| Setting { inactive: false, value }),
        }
    }
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_end_matches(['\r', '\n']).trim_start_matches([' ', '\t']);
    line.is_empty() || line.starts_with(['#', ';'])
}

/// Whether a line begins the section of this name.
fn begins(line: &str, section: &str) -> bool {
    let name = line.strip_prefix('[').map(str::trim_start);
    let rest = name.and_then(|name| name.strip_prefix(section.trim()));
    rest.is_some_and(|rest| rest.trim_start().starts_with(']'))
}

/// The lines of one section while they are edited.
struct Section<'a> {
    task: &'a IniFile,
    option: &'a str,
    lines: Vec<String>,
    /// Which lines are settled, by index.
    settled: Vec<bool>,
    end: &'static str,
    done: Option<&'static str>,
}

impl Section<'_> {
    fn setting<'l>(&self, line: &'l str) -> Option<Setting<'l>> {
        Setting::read(line, self.option, self.task.modify_inactive_option)
    }

    fn written(&self, value: Option<&str>) -> String {
        let (option, end) = (self.option, self.end);
        match value {
            Some(value) if self.task.no_extra_spaces => format!("{option}={value}{end}"),
            Some(value) => format!("{option} = {value}{end}"),
            None => format!("{option}{end}"),
        }
    }

    fn put(&mut self, at: usize, value: Option<&str>) {
        let new = self.written(value);
        let differs = match Setting::read(&self.lines[at], self.option, true) {
            Some(old) if self.task.ignore_spaces && !old.inactive => {
                old.value != value.unwrap_or_default()
            }
            _ => self.lines[at] != new,
        };
        self.settled[at] = true;
        if differs {
            self.lines[at] = new;
            self.done = Some("option changed");
        }
    }

    /// `state: present` with an option. The first line, the section's own, is never an option.
    fn set(&mut self, mut values: Vec<String>) {
        let nothing = values.is_empty();
        let mut is_named = false;
        for at in 0..self.lines.len() {
            let line = self.lines[at].clone();
            let Some(found) = self.setting(&line) else { continue };
            match values.iter().position(|value| value == found.value) {
                Some(index) => {
                    let value = values.remove(index);
                    match value.is_empty() && self.task.allow_no_value {
                        true => {
                            is_named = true;
                            self.put(at, None);
                        }
                        false => self.put(at, Some(&value)),
                    }
                }
                None if nothing && self.task.allow_no_value => {
                    is_named = true;
                    self.put(at, None);
                    break;
                }
                None => {}
            }
        }
        if self.task.exclusive && !self.task.allow_no_value {
            let open = |this: &Self, at: usize| {
                !this.settled[at] && this.setting(&this.lines[at]).is_some()
            };
            for at in 0..self.lines.len() {
                if !values.is_empty() && open(self, at) {
                    let value = values.remove(0);
                    self.put(at, Some(&value));
                }
            }
            for at in (0..self.lines.len()).rev().filter(|at| *at > 0) {
                if open(self, at) {
                    self.lines.remove(at);
                    self.settled.remove(at);
                    self.done = Some("option changed");
                }
            }
        }
        let mut new: Vec<_> = values.iter().map(|value| self.written(Some(value))).collect();
        if nothing && self.task.allow_no_value && !is_named {
            new.push(self.written(None));
        }
        if !new.is_empty() {
            let end = self.lines.iter().rposition(|line| !is_blank_or_comment(line));
            let end = end.map_or(0, |last| last + 1);
            self.lines.splice(end..end, new);
            self.done = Some("option added");
        }
    }

    /// `state: absent` with an option.
    fn unset(&mut self, values: &[String]) {
        let (option, exclusive) = (self.option, self.task.exclusive);
        let before = self.lines.len();
        self.lines.retain(|line| match Setting::read(line, option, false) {
            Some(found) => !exclusive && !values.iter().any(|value| value == found.value),
            None => true,
        });
        if self.lines.len() < before {
            self.done = Some("option changed");
        }
    }
}

impl IniFile {
    fn values(&self) -> Vec<String> {
        let mut unique: Vec<String> = Vec::new();
        for value in self.value.iter().chain(self.values.iter().flatten()) {
            if !unique.contains(value) {
                unique.push(value.clone());
            }
        }
        unique
    }

    fn check(&self) -> Result<()> {
        if self.value.is_some() && self.values.is_some() {
            return Err("parameters are mutually exclusive: value|values".into());
        }
        let conditions = self.section_has_values.iter().flatten();
        if conditions.into_iter().any(|c| c.value.is_some() && c.values.is_some()) {
            return Err(
                "parameters are mutually exclusive: value|values found in section_has_values"
                    .into(),
            );
        }
        let values = self.values();
        if self.state == Presence::Present && !self.allow_no_value && values.is_empty() {
            return Err(
                "Parameter 'value(s)' must be defined if state=present and allow_no_value=False."
                    .into(),
            );
        }
        if self.state == Presence::Absent && self.option.is_none() && self.section.is_none() {
            return Err("expected `section` or `option`: what shall be removed?".into());
        }
        if self.state == Presence::Present && !values.is_empty() && self.option.is_none() {
            return Err("a value needs an `option`".into());
        }
        Ok(())
    }

    /// Where the section begins and ends. Its first line is its own, unless no section is meant.
    fn find(&self, lines: &[String]) -> Option<(usize, usize)> {
        let end = |start: usize| {
            let next = lines[start..].iter().position(|line| line.starts_with('['));
            next.map_or(lines.len(), |next| start + next)
        };
        let fits = |start: usize, end: usize| {
            let conditions = self.section_has_values.as_deref().unwrap_or_default();
            conditions.iter().all(|condition| condition.holds(&lines[start..end]))
        };
        match self.section.as_deref().filter(|section| !section.is_empty()) {
            None => Some((0, end(0))).filter(|(start, end)| fits(*start, *end)),
            Some(section) => (0..lines.len())
                .filter(|at| begins(&lines[*at], section))
                .map(|at| (at, end(at + 1)))
                .find(|(start, end)| fits(*start, *end)),
        }
    }

    /// A new section at the end of the file.
    fn append(&self, lines: &mut Vec<String>, end: &'static str) -> &'static str {
        let name = self.section.as_deref().unwrap_or_default();
        lines.push(format!("[{name}]{end}"));
        let mut values = self.values();
        let mut section =
            Section { task: self, option: "", lines: vec![], settled: vec![], end, done: None };
        for condition in self.section_has_values.iter().flatten() {
            if Some(&condition.option) != self.option.as_ref() {
                section.option = &condition.option;
                lines.extend(condition.values().iter().map(|value| section.written(Some(value))));
                if condition.values().is_empty() && self.allow_no_value {
                    lines.push(section.written(None));
                }
            } else if !self.exclusive {
                let more = condition.values().iter().filter(|value| !values.contains(value));
                let more: Vec<_> = more.cloned().collect();
                values.extend(more);
            }
        }
        let Some(option) = &self.option else { return "only section added" };
        section.option = option;
        match values.is_empty() {
            true => lines.push(section.written(None)),
            false => lines.extend(values.iter().map(|value| section.written(Some(value)))),
        }
        "section and option added"
    }

    fn edit(&self, old: &str) -> Edit {
        let (mark, text) = match old.strip_prefix('\u{feff}') {
            Some(text) => ("\u{feff}", text),
            None => ("", old),
        };
        let mut all = lines(text);
        let mut done = None;
        let end = match all.first().is_some_and(|line| line.ends_with("\r\n")) {
            true => "\r\n",
            false => "\n",
        };
        match all.last_mut() {
            // As Ansible does: a file begins with an empty line.
            None => all.push(end.to_owned()),
            Some(last) if !last.ends_with('\n') => {
                last.push_str(end);
                done = Some("OK");
            }
            Some(_) => {}
        }
        match (self.find(&all), self.state) {
            (None, Presence::Absent) => {}
            (None, Presence::Present) => done = Some(self.append(&mut all, end)),
            (Some((from, to)), state) => {
                // The part before all sections has no line of its own; it gets one for a while.
                let named = self.section.as_ref().is_some_and(|section| !section.is_empty());
                let mut body: Vec<String> = all.drain(from..to).collect();
                if !named {
                    body.insert(0, "[".to_owned());
                }
                let mut section = Section {
                    task: self,
                    option: self.option.as_deref().unwrap_or_default(),
                    settled: vec![false; body.len()],
                    lines: body,
                    end,
                    done,
                };
                match (state, &self.option) {
                    (Presence::Present, Some(_)) => section.set(self.values()),
                    (Presence::Present, None) => {}
                    (Presence::Absent, Some(_)) => section.unset(&self.values()),
                    (Presence::Absent, None) => {
                        section.lines.truncate(usize::from(!named));
                        section.done = Some("section removed");
                    }
                }
                done = section.done;
                all.splice(from..from, section.lines.into_iter().skip(usize::from(!named)));
            }
        }
        done.map(|done| (format!("{mark}{}", all.concat()), done.to_owned()))
    }
}

impl Module for IniFile {
    const NAMES: &'static [&'static str] = &["ini_file"];
    type State = (Found, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        match self.check() {
            Ok(()) => text_file::open_following(facts, &self.path, self.create, self.follow),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        if now.0.stat.is_none() && !self.create {
            return Err(text_file::missing("Destination", &now.0.path));
        }
        let writing =
            Writing { attributes: self.attributes(), backup: self.backup, validate: None };
        let mut done = None;
        let plan = text_file::edit(&now, &writing, |old| {
            let edit = self.edit(&old.text);
            done = edit.as_ref().map(|(_, done)| done.clone());
            Ok(edit)
        })?;
        Ok(self
            .warn_of_ignored(plan)
            .value("path", &*self.path)
            .value("msg", "OK")
            .value_on_change("msg", done.unwrap_or_else(|| "OK".into())))
    }
}
