//! `template`: a file rendered for the host.
//!
//! ```yaml
//! - template:
//!     src: app.conf.j2
//!     dest: /etc/app.conf
//!     mode: "0640"
//!     validate: /usr/sbin/app --check %s
//!     backup: true
//! ```

use std::sync::Arc;

use crate::attributes::{Attributes, split, tidy, with_file_attributes};
use crate::command::yes;
use crate::content::{Found, Writing, find, md5, sha1, sha256};
use crate::kit::{
    Deserialize, Facts, JsonSchema, Mode, Module, Need, Plan, Probe, Refusal, Result, Supply,
    TemplateOptions,
};
use crate::parent::{self, Parent};

with_file_attributes! {
    /// Renders a template of this machine and writes the text to the host.
    ///
    /// `register` gets `dest`, `checksum`, `size`, `mode`, `owner`, `group`, `uid`, `gid`,
    /// `state`; after a change also `md5sum`, `src` and, with `backup`, `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Template {
        /// The template, looked for in `templates/`. Required.
        src: String,
        /// Where the file goes on the host: a path, or a directory that takes it under the
        /// template's name. With a `/` at the end, missing directories are made. Required.
        dest: String,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
        /// Replace a file that is there but different. Default: true.
        #[serde(default = "yes")]
        force: bool,
        /// Write through a symbolic link at `dest` rather than replace it. Default: false.
        #[serde(default)]
        follow: bool,
        /// What starts a block. Default: `{%`.
        block_start_string: Option<String>,
        /// What ends a block. Default: `%}`.
        block_end_string: Option<String>,
        /// What starts an expression. Default: `{{`.
        variable_start_string: Option<String>,
        /// What ends an expression. Default: `}}`.
        variable_end_string: Option<String>,
        /// What starts a comment. Default: `{#`.
        comment_start_string: Option<String>,
        /// What ends a comment. Default: `#}`.
        comment_end_string: Option<String>,
        /// Drop the newline after a block. Default: true.
        trim_blocks: Option<bool>,
        /// Drop blanks before a block at the start of a line. Default: false.
        lstrip_blocks: Option<bool>,
        /// What ends the lines: `\n`, `\r` or `\r\n`. Default: `\n`.
        newline_sequence: Option<String>,
        /// Encoding of the written file. Only `utf-8` is supported. Default: `utf-8`.
        output_encoding: Option<String>,
        #[serde(skip)]
        supply: Option<(Arc<[u8]>, u32, String)>,
    }
}

impl Module for Template {
    const NAMES: &'static [&'static str] = &["template"];
    type State = (Found, Parent);

    fn needs(&self) -> Vec<Need> {
        let newline_sequence = self.newline_sequence.as_ref().map(|text| {
            // In plain YAML `\n` is two characters.
            text.replace("\\r", "\r").replace("\\n", "\n")
        });
        let options = TemplateOptions {
            block_start_string: self.block_start_string.clone(),
            block_end_string: self.block_end_string.clone(),
            variable_start_string: self.variable_start_string.clone(),
            variable_end_string: self.variable_end_string.clone(),
            comment_start_string: self.comment_start_string.clone(),
            comment_end_string: self.comment_end_string.clone(),
            trim_blocks: self.trim_blocks,
            lstrip_blocks: self.lstrip_blocks,
            newline_sequence,
        };
        vec![Need::Template { src: self.src.clone(), options }]
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        match supplies.into_iter().next() {
            Some(Supply::File { path, content, mode }) => {
                if matches!(self.mode, Some(Mode::Preserve)) {
                    self.mode = Some(Mode::Bits(mode));
                }
                self.supply = Some((content, mode, path));
                Ok(())
            }
            _ => Err(format!("expected a template, found a directory: `{}`", self.src).into()),
        }
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, (Found, Parent)> {
        let Some((content, ..)) = &self.supply else {
            return Probe::refuse("the template was not read");
        };
        let encoding = self.output_encoding.as_deref().unwrap_or("utf-8");
        if !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8") {
            return Probe::refuse(format!(
                "only the encoding utf-8 is supported, found `{encoding}`"
            ));
        }
        let name = split(&self.src).1.to_owned();
        let dest = facts.path(&self.dest);
        let path = if dest.ends_with('/') { format!("{dest}{name}") } else { dest.clone() };
        find(tidy(&path), Some(name), self.follow, Some(sha256(content))).and(parent::look(&dest))
    }

    fn plan(&self, _: &Facts, (found, parent): (Found, Parent)) -> Result<Plan> {
        let Some((content, _, src)) = &self.supply else {
            return Err(Refusal::new("the template was not read"));
        };
        let writing = Writing {
            attributes: self.attributes(),
            backup: self.backup,
            validate: self.validate.as_deref(),
        };
        let plan = parent.reach(&found, Attributes { mode: None, ..self.attributes() })?;
        let plan = match found.stat.is_some() && !self.force {
            true => plan,
            false => plan.followed_by(found.reach(content, &writing)?),
        };
        let plan = plan
            .value("dest", found.path.as_str())
            .value("path", found.path.as_str())
            .value("checksum", sha1(content))
            .value_on_change("src", src.as_str())
            .value_on_change("md5sum", md5(content));
        Ok(self.warn_of_ignored(plan))
    }
}
