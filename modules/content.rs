//! One file with a wanted content: what `copy`, `template`, `lineinfile` and the like have in
//! common.
//!
//! The host compares digests, so content that is already right is never sent in either direction;
//! content that differs comes back with the same answer, for the diff.

use std::sync::Arc;

use sha2::Digest;

use crate::attributes::{Attributes, describe, join};
use crate::kit::{
    Change, Content, Diff, FileKind, Plan, Probe, Put, Refusal, Result, Stat, Step, Text, argv,
    ask, lstat, read, read_unless, stat,
};
use crate::words;

/// Bytes up to which a file's content is fetched and shown in a diff.
pub(crate) const SHOWN: u64 = 256 * 1024;

/// What is at the path that is to be written.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where to write: inside a directory, or behind a link, if it was so.
    pub(crate) path: String,
    /// What is at `path` itself.
    pub(crate) stat: Option<Stat>,
    pub(crate) content: Content,
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) attributes: Attributes<'a>,
    pub(crate) backup: bool,
    /// A command with `%s`, as the task gives it.
    pub(crate) validate: Option<&'a str>,
}

/// Looks at a destination: `name` is what a file put into a directory there is called, and without
/// one a directory is refused. A symbolic link is followed if `follow`, else taken as it is. Content
/// with the digest `sha256` is not fetched.
pub(crate) fn find<'a>(
    path: String,
    name: Option<String>,
    follow: bool,
    sha256: Option<String>,
) -> Probe<'a, Found> {
    let content = match &sha256 {
        Some(sha256) => read_unless(path.clone(), SHOWN, sha256.clone()),
        None => read(path.clone(), SHOWN),
    };
    lstat(path.clone()).and(content).then(move |(now, content)| match &now {
        Some(Stat { kind: FileKind::Directory, .. }) => inside(path, name, follow, sha256),
        Some(Stat { kind: FileKind::Link, .. }) => {
            let real = ask(argv(["readlink", "-f", "--", &path]));
            stat(path.clone()).and(real).then(move |(target, real)| match &target {
                Some(Stat { kind: FileKind::Directory, .. }) => inside(path, name, follow, sha256),
                _ if follow && real.ok() => Probe::known(Found {
                    path: real.out().trim_end_matches('\n').to_owned(),
                    stat: target,
                    content,
                }),
                _ => Probe::known(Found { path, stat: now, content }),
            })
        }
        _ => Probe::known(Found { path, stat: now, content }),
    })
}

fn inside<'a>(
    path: String,
    name: Option<String>,
    follow: bool,
    sha256: Option<String>,
) -> Probe<'a, Found> {
    match name {
        Some(name) => find(join(&path, &name), None, follow, sha256),
        None => Probe::refuse(format!("expected a file at {path}, found a directory")),
    }
}

impl Found {
    /// Whether the content is the wanted one. A link that is not followed never is: it becomes a
    /// file.
    pub(crate) fn is_right(&self) -> bool {
        self.content == Content::Same
            && self.stat.as_ref().is_some_and(|stat| stat.kind == FileKind::File)
    }

    /// What makes the file have this content and these attributes, and what a task tells of it.
    pub(crate) fn reach(&self, content: &Arc<[u8]>, writing: &Writing<'_>) -> Result<Plan> {
        let wanted = writing.attributes;
        let file = self.stat.as_ref().filter(|stat| stat.kind == FileKind::File);
        if let (None, Some(stat)) = (file, &self.stat)
            && stat.kind != FileKind::Link
        {
            return Err(format!("{} is neither a file nor a link", self.path).into());
        }
        let mut plan = match file {
            Some(stat) if self.content == Content::Same => wanted.fix(&self.path, stat),
            _ => {
                let mut diffs = vec![Diff::Text {
                    path: self.path.clone(),
                    before: self.before(),
                    after: text(content),
                }];
                diffs.extend(wanted.diffs(&self.path, file, false));
                let put = Put {
                    path: self.path.clone(),
                    content: content.clone(),
                    mode: wanted.bits(file, false),
                    owner: wanted.owner.map(str::to_owned),
                    group: wanted.group.map(str::to_owned),
                    validate: validation(writing.validate)?,
                    backup: writing.backup && self.stat.is_some(),
                };
                let mut plan = Plan::none();
                plan.changes.push(Change { diffs, step: Step::Put(put) });
                plan
            }
        };
        plan.values.extend(describe(self.stat.as_ref()));
        Ok(plan)
    }

    fn before(&self) -> Text {
        match &self.content {
            Content::Absent | Content::NotAFile => Text::Absent,
            // A link to a file with the wanted content.
            Content::Same => Text::Absent,
            Content::Bytes(bytes) => Text::Bytes(bytes.clone()),
            Content::Large { size, sha256 } => Text::Large { size: *size, sha256: sha256.clone() },
        }
    }
}

/// Content as one side of a diff.
pub(crate) fn text(content: &Arc<[u8]>) -> Text {
    match content.len() as u64 {
        size if size > SHOWN => Text::Large { size, sha256: sha256(content) },
        _ => Text::Bytes(content.clone()),
    }
}

/// A `validate` parameter, word by word.
///
/// # Errors
/// If it does not say where the file's name goes.
pub(crate) fn validation(command: Option<&str>) -> Result<Option<Vec<String>>> {
    let Some(command) = command else { return Ok(None) };
    if !command.contains("%s") {
        return Err(Refusal::new(format!("validate must contain %s: {command}")));
    }
    Ok(Some(words::split(command)?))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

pub(crate) fn sha1(bytes: &[u8]) -> String {
    hex(&sha1::Sha1::digest(bytes))
}

pub(crate) fn md5(bytes: &[u8]) -> String {
    hex(&md5::Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
