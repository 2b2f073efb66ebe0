//! `lineinfile`: one line of a text file.
//!
//! ```yaml
//! - lineinfile:
//!     path: /etc/ssh/sshd_config
//!     regexp: "^#?PermitRootLogin "
//!     line: PermitRootLogin no
//!     validate: /usr/sbin/sshd -t -f %s
//! - lineinfile:
//!     path: /etc/hosts
//!     line: 192.168.56.10 app.test
//!     create: true
//! ```

use crate::attributes::with_file_attributes;
use crate::content::{Found, Writing};
use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Presence, Probe, Result};
use crate::python_regex::{compile, expand};
use crate::text_file::{self, Text, lines};

with_file_attributes! {
    /// Makes sure that a line is in a text file, or that no line like it is.
    ///
    /// `register` gets `msg` (`line added`, `line replaced`, …), with `state: absent` also
    /// `found`, the number of lines removed, and with `backup` also `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Line {
        /// The file. Required.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        /// `present`: the line is there. `absent`: no line that matches is. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// The line, without a newline. Required for `present`.
        #[serde(alias = "value")]
        line: Option<String>,
        /// A Python regular expression: the last line that matches is replaced; for `absent`, all
        /// that match are removed. Without one, the line itself is looked for.
        #[serde(alias = "regex")]
        regexp: Option<String>,
        /// A text that the line to be replaced or removed contains. Not together with `regexp`.
        search_string: Option<String>,
        /// Fill `\1`, `\g<name>` in `line` with the groups of `regexp`; if it matches nothing, the
        /// file is left alone. Default: false.
        #[serde(default)]
        backrefs: bool,
        /// Where a new line goes: after the last line that matches this regular expression, or
        /// `BOF` or `EOF`. Default: `EOF`.
        insertafter: Option<String>,
        /// Where a new line goes: before the last line that matches, or `BOF`. Not together with
        /// `insertafter`.
        insertbefore: Option<String>,
        /// Use the first line that matches rather than the last. Default: false.
        #[serde(default)]
        firstmatch: bool,
        /// Make the file, and the directories it is in, if it is not there. Default: false.
        #[serde(default)]
        create: bool,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
    }
}

/// A line's text without the characters that end it.
fn bare(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

impl Line {
    fn check(&self) -> Result<()> {
        let given = |field: &Option<String>| field.is_some();
        if given(&self.regexp) && given(&self.search_string) {
            return Err("parameters are mutually exclusive: regexp|search_string".into());
        }
        match self.state {
            Presence::Present if self.line.is_none() => {
                Err("line is required with state=present".into())
            }
            Presence::Present if self.backrefs && self.regexp.is_none() => {
                Err("regexp is required with backrefs=true".into())
            }
            Presence::Present if given(&self.insertafter) && given(&self.insertbefore) => {
                Err("parameters are mutually exclusive: insertbefore|insertafter".into())
            }
            Presence::Absent
                if !given(&self.line) && !given(&self.regexp) && !given(&self.search_string) =>
            {
                Err("one of line, search_string, or regexp is required with state=absent".into())
            }
            _ => Ok(()),
        }
    }

    /// Which lines `regexp` or `search_string` match, in order.
    fn matches(&self, text: &Text, lines: &[String]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        let regexp = self.regexp.as_ref().map(|regexp| compile(regexp)).transpose()?;
        let part = self.search_string.as_ref().map(|part| text.inner(part));
        for (index, line) in lines.iter().enumerate() {
            let hit = match (&regexp, &part) {
                (Some(regexp), _) => regexp.is_match(line.as_str()).map_err(|e| e.to_string())?,
                (None, Some(part)) => line.contains(part.as_str()),
                (None, None) => false,
            };
            if hit {
                found.push(index);
            }
        }
        Ok(found)
    }

    fn present(&self, text: &Text) -> Result<Option<(String, String)>> {
        let mut lines = lines(&text.text);
        let line = text.inner(self.line.as_deref().unwrap_or_default());
        let whole = |line: String| if line.ends_with('\n') { line } else { line + "\n" };
        let matches = self.matches(text, &lines)?;
        let matched = if self.firstmatch { matches.first() } else { matches.last() };
        let same = lines.iter().rposition(|other| bare(other) == line);
        if let Some(&index) = matched.or(same.as_ref()) {
            let new = match (&self.regexp, matched) {
                (Some(regexp), Some(_)) if self.backrefs => {
                    let captures = compile(regexp)?.captures(lines[index].as_str()).ok().flatten();
                    let captures = captures.ok_or("the line no longer matches")?;
                    whole(expand(&line, &captures)?)
                }
                _ => whole(line),
            };
            if lines[index] == new {
                return Ok(None);
            }
            lines[index] = new;
            return Ok(Some((lines.concat(), "line replaced".into())));
        }
        if self.backrefs {
            return Ok(None);
        }
        let new = format!("{line}\n");
        let anchor = match (self.insertafter.as_deref(), self.insertbefore.as_deref()) {
            (Some("BOF"), _) | (_, Some("BOF")) => Some(0),
            (None | Some("EOF"), None) => None,
            (Some(pattern), _) => self.anchor(pattern, &lines)?.map(|index| index + 1),
            (None, Some(pattern)) => self.anchor(pattern, &lines)?,
        };
        match anchor {
            Some(index) if index < lines.len() || index == 0 => lines.insert(index, new),
            _ => {
                if lines.last().is_some_and(|last| !last.ends_with(['\r', '\n'])) {
                    lines.push("\n".into());
                }
                lines.push(new);
            }
        }
        Ok(Some((lines.concat(), "line added".into())))
    }

    fn anchor(&self, pattern: &str, lines: &[String]) -> Result<Option<usize>> {
        let pattern = compile(pattern)?;
        let mut found = None;
        for (index, line) in lines.iter().enumerate() {
            if pattern.is_match(line.as_str()).map_err(|e| e.to_string())? {
                found = Some(index);
                if self.firstmatch {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The lines that go, and the text that stays.
    fn absent(&self, text: &Text) -> Result<(usize, String)> {
        let lines = lines(&text.text);
        let line = self.line.as_ref().map(|line| text.inner(line));
        let matches = match (&self.regexp, &self.search_string, line) {
            (None, None, Some(line)) => {
                (0..lines.len()).filter(|index| bare(&lines[*index]) == line).collect()
            }
            _ => self.matches(text, &lines)?,
        };
        let kept = lines.iter().enumerate().filter(|(index, _)| !matches.contains(index));
        Ok((matches.len(), kept.map(|(_, line)| line.as_str()).collect()))
    }
}

impl Module for Line {
    const NAMES: &'static [&'static str] = &["lineinfile"];
    type State = (Found, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        let create = self.create && self.state == Presence::Present;
        match self.check() {
            Ok(()) => text_file::open(facts, &self.path, create),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let writing = Writing {
            attributes: self.attributes(),
            backup: self.backup,
            validate: self.validate.as_deref(),
        };
        let path = &now.0.path;
        let plan = match (self.state, &now.0.stat) {
            (Presence::Present, None) if !self.create => {
                return Err(text_file::missing("Destination", path));
            }
            (Presence::Present, _) => text_file::edit(&now, &writing, |text| self.present(text))?,
            (Presence::Absent, None) => {
                Plan::none().value("msg", "file not present").value("found", 0)
            }
            (Presence::Absent, Some(_)) => {
                let mut found = 0;
                let plan = text_file::edit(&now, &writing, |text| {
                    let (count, rest) = self.absent(text)?;
                    found = count;
                    Ok((count > 0).then(|| (rest, format!("{count} line(s) removed"))))
                })?;
                plan.value("found", 0).value_on_change("found", found)
            }
        };
        Ok(self.warn_of_ignored(plan.value("backup", "")))
    }
}
