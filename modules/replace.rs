//! `replace`: all that matches a pattern in a text file.
//!
//! ```yaml
//! - replace:
//!     path: /etc/hosts
//!     regexp: '(\s+)old\.example\.org(\s+.*)?$'
//!     replace: '\1new.example.org\2'
//! - replace:
//!     path: /etc/nginx/sites-available/app
//!     after: '# upstream'
//!     before: '# end'
//!     regexp: '^\s*server .*$'
//!     replace: '    server 127.0.0.1:8001;'
//! ```

use crate::attributes::with_file_attributes;
use crate::content::{Found, Writing};
use crate::kit::{Deserialize, Facts, FileKind, JsonSchema, Module, Plan, Probe, Refusal, Result};
use crate::python_regex::{compile_across_lines, compile_by_line, replace_all};
use crate::text_file::{self, Edit, Text};

with_file_attributes! {
    /// Replaces everything that matches a pattern in a text file.
    ///
    /// `register` gets `msg` (`2 replacements made`), `rc`, and with `backup` also `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Replace {
        /// The file. Required.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        /// A Python regular expression; `^` and `$` mean every line. Required.
        regexp: String,
        /// What goes in its place; `\1`, `\g<name>` stand for groups. Default: nothing, so that
        /// what matches is removed.
        #[serde(default)]
        replace: String,
        /// Replace only after the first text that matches this pattern (`.` also means a newline).
        after: Option<String>,
        /// Replace only before the first text that matches this pattern.
        before: Option<String>,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
        /// The file's encoding. Only `utf-8` and what contains it is supported. Default: `utf-8`.
        encoding: Option<String>,
    }
}

impl Replace {
    /// The pattern that finds the part between `after` and `before`.
    fn section(&self, text: &Text) -> Option<String> {
        const PART: &str = "(?P<subsection>.*";
        let inner = |pattern: &Option<String>| pattern.as_ref().map(|pattern| text.inner(pattern));
        match (inner(&self.after), inner(&self.before)) {
            (Some(after), Some(before)) => Some(format!("{after}{PART}?){before}")),
            (Some(after), None) => Some(format!("{after}{PART})")),
            (None, Some(before)) => Some(format!("{PART}){before}")),
            (None, None) => None,
        }
    }

    /// The edit; and what is said when there is no part to look into.
    fn edit(&self, file: &Text) -> Result<(Edit, Option<String>)> {
        let text = file.text.as_str();
        let (start, end) = match self.section(file) {
            None => (0, text.len()),
            Some(pattern) => {
                let found = compile_across_lines(&pattern)?
                    .captures(text)
                    .map_err(|error| error.to_string())?
                    .and_then(|captures| captures.name("subsection").map(|m| (m.start(), m.end())));
                match found {
                    Some(range) => range,
                    None => {
                        let why = "Pattern for before/after params did not match the given file: ";
                        return Ok((None, Some(format!("{why}{pattern}"))));
                    }
                }
            }
        };
        let part = &text[start..end];
        let pattern = compile_by_line(&file.inner(&self.regexp))?;
        let (new, count) = replace_all(&pattern, &file.inner(&self.replace), part)?;
        let changed = count > 0 && new != part;
        let whole = || format!("{}{new}{}", &text[..start], &text[end..]);
        Ok((changed.then(|| (whole(), format!("{count} replacements made"))), None))
    }
}

impl Module for Replace {
    const NAMES: &'static [&'static str] = &["replace"];
    type State = (Found, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        let utf8 = |name: &String| name.to_lowercase().replace(['-', '_'], "") == "utf8";
        match &self.encoding {
            Some(name) if !utf8(name) => {
                Probe::refuse(format!("expected `encoding: utf-8`, found `{name}`"))
            }
            _ => text_file::open(facts, &self.path, false),
        }
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let path = &now.0.path;
        match now.0.stat.as_ref().map(|stat| stat.kind) {
            None => return Err(text_file::missing("Path", path)),
            Some(FileKind::Directory) => {
                let why = format!("Path {path} is a directory !");
                return Err(Refusal::new(why).value("rc", 256));
            }
            Some(_) => {}
        }
        let writing = Writing {
            attributes: self.attributes(),
            backup: self.backup,
            validate: self.validate.as_deref(),
        };
        let mut said = None;
        let plan = text_file::edit(&now, &writing, |text| {
            let (new, why) = self.edit(text)?;
            said = why;
            Ok(new)
        })?;
        let plan = match said {
            Some(why) if plan.is_empty() => plan.value("msg", why),
            _ => plan,
        };
        Ok(self.warn_of_ignored(plan.value("rc", 0)))
    }
}
