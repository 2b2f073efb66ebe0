//! `assemble`: one file of the pieces in a directory.
//!
//! ```yaml
//! - assemble:
//!     src: /etc/app/fragments
//!     dest: /etc/app/app.conf
//!     delimiter: "# ----"
//!     validate: app --check %s
//! - assemble: { src: fragments, dest: /etc/app/app.conf, remote_src: false, regexp: '\.conf$' }
//! ```

use std::sync::Arc;

use crate::attributes::{tidy, with_file_attributes};
use crate::command::yes;
use crate::content::{Found, Writing, find, md5, sha1, sha256};
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Need, Plan, Probe, Refusal, Result, Supply, ask, sh,
};
use crate::python_regex::compile;

with_file_attributes! {
    /// Puts the files of a directory together, in the order of their names, with a newline between
    /// those that do not end with one.
    ///
    /// `register` gets `src`, `dest`, `checksum` (SHA-1), `md5sum`, `msg`, and with `backup` also
    /// `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Assemble {
        /// The directory. Directories in it are passed over. Required.
        src: String,
        /// The file to be made. Required.
        dest: String,
        /// Whether the directory is on the host, or here, looked for in `files/`. Default: true.
        #[serde(default = "yes")]
        remote_src: bool,
        /// A text between the pieces; `\n`, `\t` and `\\` stand for what they do in Python. A
        /// newline is put behind it. Default: none.
        delimiter: Option<String>,
        /// Take only files in whose name this Python regular expression is found. Default: all.
        regexp: Option<String>,
        /// Pass over files whose name begins with a dot. Default: false.
        #[serde(default)]
        ignore_hidden: bool,
        /// Keep the old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
        /// Decrypt files that are encrypted with the vault. Only true is supported. Default: true.
        #[serde(default = "yes")]
        decrypt: bool,
        #[serde(skip)]
        supply: Option<Supply>,
    }
}

/// A name and what is in the file.
type Piece = (String, Vec<u8>);

/// A text with the escapes of Python's byte strings.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(same @ ('\\' | '\'' | '"')) => out.push(same),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

impl Assemble {
    /// The pieces that are here; they have been read already.
    fn local(&self) -> Result<Vec<Piece>> {
        match &self.supply {
            Some(Supply::Tree { entries, .. }) => Ok(entries
                .iter()
                .filter(|entry| !entry.path.trim_matches('/').contains('/'))
                .filter_map(|entry| {
                    let content = entry.content.as_ref()?;
                    Some((entry.path.trim_matches('/').to_owned(), content.to_vec()))
                })
                .collect()),
            _ => Err(Refusal::new(format!("Source ({}) is not a directory", self.src))),
        }
    }

    fn remote<'a>(&'a self, facts: &Facts) -> Probe<'a, Vec<Piece>> {
        let src = facts.path(&self.src);
        ask(sh(PIECES, [src.as_str()])).try_map(move |reply| match reply.status {
            0 => Ok(pieces(&reply.stdout)),
            3 => Err(Refusal::new(format!("Source ({src}) does not exist"))),
            4 => Err(Refusal::new(format!("Source ({src}) is not a directory"))),
            _ => Err(Refusal::new(format!("cannot read {src}: {}", reply.err().trim()))),
        })
    }

    fn together(&self, mut pieces: Vec<Piece>) -> Result<Vec<u8>> {
        let regexp = self.regexp.as_deref().map(compile).transpose().map_err(|error| {
            Refusal::new(format!(
                "Invalid Regexp ({error}) in \"{}\"",
                self.regexp.as_deref().unwrap_or_default()
            ))
        })?;
        pieces.sort();
        pieces.retain(|(name, _)| {
            let fits = regexp.as_ref().is_none_or(|r| r.is_match(name).unwrap_or(false));
            fits && !(self.ignore_hidden && name.starts_with('.'))
        });
        let delimiter = self.delimiter.as_deref().map(unescaped).filter(|text| !text.is_empty());
        let mut all = Vec::new();
        for (index, (_, content)) in pieces.iter().enumerate() {
            if index > 0 {
                if pieces[index - 1].1.last() != Some(&b'\n') {
                    all.push(b'\n');
                }
                if let Some(delimiter) = &delimiter {
                    all.extend_from_slice(delimiter.as_bytes());
                    if !delimiter.ends_with('\n') {
                        all.push(b'\n');
                    }
                }
            }
            all.extend_from_slice(content);
        }
        Ok(all)
    }
}

/// Name and size, each followed by NUL, and the content.
fn pieces(mut rest: &[u8]) -> Vec<Piece> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let mut field = || {
            let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            let text = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = rest.get(end + 1..).unwrap_or_default();
            text
        };
        let (name, size) = (field(), field().trim().parse().unwrap_or_default());
        let (content, after) = rest.split_at_checked(size).unwrap_or((rest, b""));
        all.push((name, content.to_vec()));
        rest = after;
    }
    all
}

impl Module for Assemble {
    const NAMES: &'static [&'static str] = &["assemble"];
    type State = (Arc<[u8]>, Found);

    fn needs(&self) -> Vec<Need> {
        match self.remote_src {
            true => vec![],
            // With a slash: what is in the directory.
            false => vec![Need::File { src: format!("{}/", self.src.trim_end_matches('/')) }],
        }
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        self.supply = supplies.into_iter().next();
        Ok(())
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if !self.decrypt {
            return Probe::refuse("`decrypt: false` is not supported");
        }
        let pieces = match self.remote_src {
            true => self.remote(facts),
            false => Probe::known(()).try_map(|()| self.local()),
        };
        pieces.try_map(|pieces| self.together(pieces)).then(move |content| {
            let dest = tidy(&facts.path(&self.dest));
            let digest = sha256(&content);
            find(dest, None, false, Some(digest)).map(move |found| (Arc::from(content), found))
        })
    }

    fn plan(&self, _: &Facts, (content, found): Self::State) -> Result<Plan> {
        let writing = Writing {
            attributes: self.attributes(),
            backup: self.backup,
            validate: self.validate.as_deref(),
        };
        let plan = found.reach(&content, &writing)?;
        Ok(self
            .warn_of_ignored(plan)
            .value("src", &*self.src)
            .value("dest", &*self.dest)
            .value("checksum", sha1(&content))
            .value("md5sum", md5(&content))
            .value("msg", "OK"))
    }
}

const PIECES: &str = r#"# read the files of a directory
[ -e "$1" ] || exit 3
[ -d "$1" ] || exit 4
cd -- "$1" || exit
for file in * .[!.]* ..?*; do
    [ -f "$file" ] || continue
    size=$(wc -c <"$file") || exit
    printf '%s\0%s\0' "$file" "$size"
    cat <"$file"
done
"#;
