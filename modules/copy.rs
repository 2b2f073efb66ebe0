//! `copy`: a file, a directory or a text, put on the host.
//!
//! ```yaml
//! - copy:
//!     src: app.conf
//!     dest: /etc/app.conf
//!     owner: root
//!     mode: "0644"
//! - copy:
//!     content: |
//!       listen = 8080
//!     dest: /etc/app.d/port.conf
//! - copy:
//!     src: site/
//!     dest: /srv/www
//!     directory_mode: "0755"
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::attributes::{Attributes, join, split, tidy, with_file_attributes};
use crate::command::yes;
use crate::content::{Found, Writing, find, md5, sha1, sha256};
use crate::copy_remote::{self, Remote};
use crate::kit::{
    Deserialize, Diff, Facts, FileKind, JsonSchema, Mode, Module, Need, Plan, Probe, Refusal,
    Result, Stat, Step, Supply, TreeEntry, lstat, sh, stat,
};
use crate::parent::{self, Parent};

with_file_attributes! {
    /// Puts a file, a directory with all it holds, or a text on the host.
    ///
    /// `register` gets `dest`, `checksum`, `size`, `mode`, `owner`, `group`, `uid`, `gid`,
    /// `state`; after a change also `md5sum`, `src` and, with `backup`, `backup_file`. For a
    /// directory only `dest` and `src`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Copy {
        /// File or directory of this machine, looked for in `files/`. A directory is copied
        /// with its name; with a `/` at the end, only what is in it. This or `content` is required.
        src: Option<String>,
        /// The text to be written; a mapping or a list becomes JSON.
        content: Option<Value>,
        /// Where it goes on the host: a path, or a directory (`/` at the end, or there already).
        /// With a `/` at the end, missing directories are made. Required.
        dest: String,
        /// Permissions of directories that are made. Default: 0777 less the umask.
        directory_mode: Option<Mode>,
        /// `src` is a path of the host itself. Default: false.
        #[serde(default)]
        remote_src: bool,
        /// Keep an old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the new file before it takes the old one's place; `%s` is
        /// its path. No shell reads it.
        validate: Option<String>,
        /// Replace files that are there but different. Default: true.
        #[serde(default = "yes")]
        force: bool,
        /// Write through a symbolic link at `dest` rather than replace it. Default: false.
        #[serde(default)]
        follow: bool,
        /// Copy what symbolic links in `src` point to, not the links. Default: true.
        #[serde(default = "yes")]
        local_follow: bool,
        /// The SHA-1 that the content must have, in hex. Default: not checked.
        checksum: Option<String>,
        /// Decrypt files that are encrypted with the vault. Only true is supported. Default: true.
        #[serde(default = "yes")]
        decrypt: bool,
        #[serde(skip)]
        supply: Option<Supply>,
    }
}

pub(crate) enum Now {
    /// The file, and the directory it goes into.
    File(Box<(Found, Parent)>),
    /// Directories and files of a tree, in its order.
    Tree(Vec<Entry>),
    Remote(Box<Remote>),
}

/// What is written to a single file, its mode where it was found, and where that was.
struct Single<'a> {
    content: Arc<[u8]>,
    mode: Option<u32>,
    path: &'a str,
}

/// What is there for an entry of the tree.
pub(crate) enum Entry {
    Directory(Option<Stat>),
    File(Found),
    Link(Option<Stat>),
}

impl Copy {
    /// The text of `content` as Ansible writes it.
    fn text(&self) -> Option<Arc<[u8]>> {
        let text = match self.content.as_ref()? {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            other => python_json(other),
        };
        Some(text.into_bytes().into())
    }

    fn single(&self) -> Option<Single<'_>> {
        match &self.supply {
            Some(Supply::File { path, content, mode }) => {
                Some(Single { content: content.clone(), mode: Some(*mode), path })
            }
            Some(Supply::Tree { .. }) => None,
            None => self.text().map(|content| Single { content, mode: None, path: "" }),
        }
    }

    fn is_link(&self, entry: &TreeEntry) -> bool {
        entry.link.is_some() && (!self.local_follow || entry.content.is_none())
    }

    /// The directory that a tree's entries go into.
    fn root(&self, facts: &Facts) -> String {
        let dest = tidy(&facts.path(&self.dest));
        match self.src.as_deref() {
            Some(src) if !src.ends_with('/') => join(&dest, split(src).1),
            _ => dest,
        }
    }

    fn writing<'a>(&'a self, mode: Option<&'a Mode>) -> Writing<'a> {
        Writing {
            attributes: Attributes { mode, ..self.attributes() },
            backup: self.backup,
            validate: self.validate.as_deref(),
        }
    }

    /// The wanted mode, with `preserve` replaced by the mode of the source.
    fn mode_like(&self, source: Option<u32>) -> Option<Mode> {
        match (&self.mode, source) {
            (Some(Mode::Preserve), Some(bits)) => Some(Mode::Bits(bits)),
            (mode, _) => mode.clone(),
        }
    }

    /// Of directories that are made.
    fn of_directories(&self) -> Attributes<'_> {
        Attributes { mode: self.directory_mode.as_ref(), ..self.attributes() }
    }

    fn file(&self, found: &Found, parent: &Parent) -> Result<Plan> {
        let Single { content, mode: source, path: src } =
            self.single().ok_or_else(|| Refusal::new("`src` or `content` is required"))?;
        let checksum = sha1(&content);
        if let Some(expected) = &self.checksum
            && *expected != checksum
        {
            return Err(Refusal::new("the content does not have the expected checksum")
                .value("checksum", checksum)
                .value("expected_checksum", expected.as_str()));
        }
        let plan = parent.reach(found, self.of_directories())?;
        let mode = self.mode_like(source);
        let plan = match found.stat.is_some() && !self.force {
            true => plan,
            false => plan.followed_by(found.reach(&content, &self.writing(mode.as_ref()))?),
        };
        Ok(plan
            .value("dest", found.path.as_str())
            .value("path", found.path.as_str())
            .value("checksum", checksum)
            .value_on_change("src", src)
            .value_on_change("md5sum", md5(&content)))
    }

    fn tree(&self, facts: &Facts, found: Vec<Entry>) -> Result<Plan> {
        let Some(Supply::Tree { entries, path, .. }) = &self.supply else {
            return Err("the directory was not read".into());
        };
        let root = self.root(facts);
        let mut plan = Plan::none();
        for (index, found) in found.into_iter().enumerate() {
            // The first is the root, which is no entry.
            let entry = index.checked_sub(1).map(|index| &entries[index]);
            let place = entry.map_or_else(|| root.clone(), |entry| join(&root, &entry.path));
            let next = match (found, entry) {
                (Entry::Directory(None), _) => parent::make(&place, self.of_directories()),
                (Entry::Directory(Some(stat)), _) if stat.kind == FileKind::Directory => {
                    Plan::none()
                }
                (Entry::Directory(Some(_)), _) => {
                    return Err(
                        format!("expected a directory at {place}, found another thing").into()
                    );
                }
                (Entry::File(found), Some(TreeEntry { content: Some(content), mode, .. })) => {
                    if found.stat.is_some() && !self.force {
                        continue;
                    }
                    let mode = self.mode_like(Some(*mode));
                    let mut plan = found.reach(content, &self.writing(mode.as_ref()))?;
                    plan.values.clear();
                    plan
                }
                (Entry::Link(now), Some(TreeEntry { link: Some(link), .. })) => {
                    match now.as_ref().and_then(|stat| stat.target.as_ref()) {
                        Some(target) if target == link => continue,
                        before => {
                            let before = before.map_or("absent", String::as_str);
                            let diff = Diff::field(&place, "link", before, link);
                            let step = Step::run(sh(crate::file::MAKE_LINK, [link, &place]));
                            Plan::none().change(diff, step)
                        }
                    }
                }
                _ => Plan::none(),
            };
            plan = plan.followed_by(next);
        }
        let dest = format!("{}/", facts.path(&self.dest).trim_end_matches('/'));
        Ok(plan.value("dest", dest).value("src", path.as_str()))
    }
}

impl Module for Copy {
    const NAMES: &'static [&'static str] = &["copy"];
    type State = Now;

    fn needs(&self) -> Vec<Need> {
        match &self.src {
            // Told by the probe.
            Some(_) if self.content.is_some() => vec![],
            Some(src) if !self.remote_src => vec![Need::File { src: src.clone() }],
            _ => vec![],
        }
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        self.supply = supplies.into_iter().next();
        Ok(())
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        match (&self.src, &self.content) {
            (None, None) => return Probe::refuse("src (or content) is required"),
            (Some(_), Some(_)) => return Probe::refuse("src and content are mutually exclusive"),
            _ => {}
        }
        if !self.decrypt {
            return Probe::refuse("`decrypt: false` is not supported");
        }
        let dest = facts.path(&self.dest);
        if self.content.is_some() && dest.ends_with('/') {
            return Probe::refuse("can not use content with a dir as dest");
        }
        if let (true, Some(src)) = (self.remote_src, &self.src) {
            return copy_remote::look(&facts.path(src), &dest, self.follow)
                .map(|remote| Now::Remote(Box::new(remote)));
        }
        if let Some(Supply::Tree { entries, .. }) = &self.supply {
            let root = self.root(facts);
            let top = stat(root.clone()).map(Entry::Directory);
            let rest = entries.iter().map(|entry| {
                let path = join(&root, &entry.path);
                match &entry.content {
                    _ if self.is_link(entry) => lstat(path).map(Entry::Link),
                    None => stat(path).map(Entry::Directory),
                    Some(content) => {
                        find(path, None, self.follow, Some(sha256(content))).map(Entry::File)
                    }
                }
            });
            return Probe::all(std::iter::once(top).chain(rest)).map(Now::Tree);
        }
        let Some(Single { content, .. }) = self.single() else {
            return Probe::refuse("the file was not read");
        };
        let name = self.src.as_ref().map(|src| split(&tidy(src)).1.to_owned());
        let path = match (dest.ends_with('/'), &name) {
            (true, Some(name)) => format!("{dest}{name}"),
            _ => dest.clone(),
        };
        find(tidy(&path), name, self.follow, Some(sha256(&content)))
            .and(parent::look(&dest))
            .map(|both| Now::File(Box::new(both)))
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let plan = match now {
            Now::File(both) => self.file(&both.0, &both.1)?,
            Now::Tree(found) => self.tree(facts, found)?,
            Now::Remote(remote) => {
                let mode = self.mode_like(remote.source_mode());
                remote.plan(&self.writing(mode.as_ref()), self.of_directories(), self.force)?
            }
        };
        Ok(self.warn_of_ignored(plan))
    }
}

/// JSON with a blank after `:` and `,`, as Python writes it.
pub(crate) fn python_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs =
                map.iter().map(|(k, v)| format!("{}: {}", Value::from(k.as_str()), python_json(v)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(python_json).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
