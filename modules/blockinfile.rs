//! `blockinfile`: several lines of a text file, between two marker lines.
//!
//! ```yaml
//! - blockinfile:
//!     path: ~/.profile
//!     marker: "# {mark} ANSIBLE MANAGED BLOCK: pyenv"
//!     block: |
//!       export PYENV_ROOT="$HOME/.pyenv"
//!       export PATH="$PYENV_ROOT/bin:$PATH"
//!     create: true
//! ```

use crate::attributes::with_file_attributes;
use crate::content::{Found, Writing};
use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Presence, Probe, Result};
use crate::python_regex::compile;
use crate::text_file::{self, Text, lines};

with_file_attributes! {
    /// Makes sure that a block of lines, between two marker lines, is in a text file, or is not.
    ///
    /// `register` gets `msg` (`Block inserted`, `Block removed`, `File created`) and, with
    /// `backup`, `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Block {
        /// The file. Required.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        /// `present`: the block is there. `absent`: it is not. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// The marker lines; `{mark}` is replaced by `marker_begin` and `marker_end`. Without
        /// `{mark}` the block would be inserted again and again.
        /// Default: `# {mark} ANSIBLE MANAGED BLOCK`.
        #[serde(default = "marker")]
        marker: String,
        /// The lines. An empty block is the same as `state: absent`. Default: empty.
        #[serde(default, alias = "content")]
        block: String,
        /// Where a new block goes: after the last line that matches this Python regular
        /// expression, or `EOF`. Default: `EOF`.
        insertafter: Option<String>,
        /// Where a new block goes: before the last line that matches, or `BOF`. Not together with
        /// `insertafter`.
        insertbefore: Option<String>,
        /// Make the file, and the directories it is in, if it is not there. Default: false.
        #[serde(default)]
        create: bool,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// What `{mark}` is in the first line. Default: `BEGIN`.
        #[serde(default = "begin")]
        marker_begin: String,
        /// What `{mark}` is in the last line. Default: `END`.
        #[serde(default = "end")]
        marker_end: String,
        /// Put an empty line after the block, unless it is at the end of the file or there is one.
        /// Default: false.
        #[serde(default)]
        append_newline: bool,
        /// Put an empty line before the block, unless it is at the start of the file or there is
        /// one. Default: false.
        #[serde(default)]
        prepend_newline: bool,
        /// How text is written in the file. Only `utf-8` is supported. Default: `utf-8`.
        encoding: Option<String>,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
    }
}

fn marker() -> String {
    "# {mark} ANSIBLE MANAGED BLOCK".into()
}

fn begin() -> String {
    "BEGIN".into()
}

fn end() -> String {
    "END".into()
}

impl Block {
    fn wanted(&self) -> bool {
        self.state == Presence::Present && !self.block.is_empty()
    }

    fn edit(&self, text: &Text, is_new: bool) -> Result<Option<(String, String)>> {
        let mut lines = lines(&text.text);
        let marker = |mark: &str| text.inner(&self.marker.replace("{mark}", mark)) + "\n";
        let (first, last) = (marker(&self.marker_begin), marker(&self.marker_end));
        let ended = |line: &String, marker: &String| {
            line == marker || !line.ends_with('\n') && *line == marker[..marker.len() - 1]
        };
        let find = |marker: &String| lines.iter().rposition(|line| ended(line, marker));
        let mut at = match (find(&first), find(&last)) {
            (Some(a), Some(b)) => {
                lines.drain(a.min(b)..=a.max(b));
                a.min(b)
            }
            _ => self.place(&lines)?,
        };
        if at > 0 && !lines[at - 1].ends_with('\n') {
            lines[at - 1].push('\n');
        }
        if self.wanted() {
            if self.prepend_newline && at > 0 && lines[at - 1] != "\n" {
                lines.insert(at, "\n".into());
                at += 1;
            }
            let mut block = text.inner(&self.block);
            if !block.ends_with('\n') {
                block.push('\n');
            }
            lines.insert(at, format!("{first}{block}{last}"));
            if self.append_newline && lines.get(at + 1).is_some_and(|next| next != "\n") {
                lines.insert(at + 1, "\n".into());
            }
        }
        let done = match (is_new, self.wanted()) {
            (true, _) => "File created",
            (_, true) => "Block inserted",
            (_, false) => "Block removed",
        };
        let new = lines.concat();
        Ok((is_new || new != text.text).then(|| (new, done.into())))
    }

    /// Where a block that is not there yet goes: before the line of this number.
    fn place(&self, lines: &[String]) -> Result<usize> {
        let (pattern, after) = match (self.insertafter.as_deref(), self.insertbefore.as_deref()) {
            (_, Some("BOF")) => return Ok(0),
            (None | Some("EOF"), None) => return Ok(lines.len()),
            (Some(pattern), _) => (compile(pattern)?, true),
            (None, Some(pattern)) => (compile(pattern)?, false),
        };
        let found = lines.iter().rposition(|line| pattern.is_match(line.as_str()).unwrap_or(false));
        Ok(found.map_or(lines.len(), |index| index + usize::from(after)))
    }
}

impl Module for Block {
    const NAMES: &'static [&'static str] = &["blockinfile"];
    type State = (Found, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return Probe::refuse("parameters are mutually exclusive: insertbefore|insertafter");
        }
        let encoding = self.encoding.as_deref().unwrap_or("utf-8");
        if !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8") {
            return Probe::refuse(format!(
                "only the encoding utf-8 is supported, found `{encoding}`"
            ));
        }
        text_file::open(facts, &self.path, self.create && self.wanted())
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let writing = Writing {
            attributes: self.attributes(),
            backup: self.backup,
            validate: self.validate.as_deref(),
        };
        let path = &now.0.path;
        let is_new = now.0.stat.is_none();
        let plan = match (self.state, is_new) {
            (Presence::Present, true) if !self.create => {
                return Err(text_file::missing("Path", path));
            }
            (Presence::Absent, true) => {
                Plan::none().value("msg", format!("File {path} not present"))
            }
            _ => text_file::edit(&now, &writing, |text| self.edit(text, is_new))?,
        };
        Ok(self.warn_of_ignored(plan))
    }
}
