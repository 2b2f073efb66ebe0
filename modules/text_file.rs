//! A text file that is edited: what `lineinfile`, `blockinfile` and the like have in common.
//!
//! The edit is a pure function from the old text to the new one. Bytes that are not UTF-8 survive.

use std::sync::Arc;

use crate::attributes::{split, tidy};
use crate::content::{Found, Writing, find};
use crate::file::MAKE_DIRECTORY;
use crate::kit::{
    Content, Diff, Facts, FileKind, Plan, Probe, Refusal, Result, Step, read, sh, stat,
};

/// Bytes up to which a file can be edited.
const LIMIT: u64 = 16 * 1024 * 1024;

/// A file's text. What is not UTF-8 is read byte by byte as Latin-1, and written so.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    latin: bool,
}

impl Text {
    pub(crate) fn new(bytes: &[u8]) -> Text {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text { text: text.to_owned(), latin: false },
            Err(_) => Text { text: bytes.iter().map(|b| char::from(*b)).collect(), latin: true },
        }
    }

    /// The user's text as it looks inside this file's.
    pub(crate) fn inner(&self, text: &str) -> String {
        match self.latin {
            true => text.bytes().map(char::from).collect(),
            false => text.to_owned(),
        }
    }

    fn bytes(&self, text: &str) -> Arc<[u8]> {
        match self.latin {
            // Every character stands for one byte.
            true => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
            false => text.as_bytes().into(),
        }
    }
}

/// A file, whole, behind a link if there is one; and whether its directory is there.
pub(crate) fn open<'a>(facts: &Facts, path: &str, create: bool) -> Probe<'a, (Found, bool)> {
    open_following(facts, path, create, true)
}

/// The same; unless a link is followed, a file takes its place when there is something to change.
pub(crate) fn open_following<'a>(
    facts: &Facts,
    path: &str,
    create: bool,
    follow: bool,
) -> Probe<'a, (Found, bool)> {
    let path = tidy(&facts.path(path));
    let parent = match create {
        true => stat(split(&path).0).map(|stat| stat.is_some()),
        false => Probe::known(true),
    };
    let file = find(path, None, follow, None).then(|found| match &found.content {
        Content::Large { .. } | Content::Same => {
            read(found.path.clone(), LIMIT).map(|content| Found { content, ..found })
        }
        _ => Probe::known(found),
    });
    file.and(parent)
}

/// Lines with their ends.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// The new text and what was done; nothing if there is nothing to do.
pub(crate) type Edit = Option<(String, String)>;

/// Applies an edit; the file is made if there is none.
///
/// # Errors
/// Those of `edit`, or that the file is too large.
pub(crate) fn edit(
    (found, parent): &(Found, bool),
    writing: &Writing<'_>,
    edit: impl FnOnce(&Text) -> Result<Edit>,
) -> Result<Plan> {
    let old: &[u8] = match &found.content {
        Content::Bytes(bytes) => bytes,
        Content::Absent => b"",
        Content::Large { size, .. } => {
            return Err(format!("{} is too large to be edited: {size} bytes", found.path).into());
        }
        Content::NotAFile | Content::Same => {
            return Err(format!("{} is not a regular file", found.path).into());
        }
    };
    let text = Text::new(old);
    let (new, done) = match edit(&text)? {
        Some((new, done)) => (text.bytes(&new), done),
        None if found.stat.as_ref().is_none_or(|stat| stat.kind == FileKind::Link) => {
            return Ok(Plan::none().value("msg", ""));
        }
        None => (Arc::from(old), String::new()),
    };
    let is_right = found.stat.is_some() && *new == *old;
    let found = match is_right {
        true => &Found { content: Content::Same, ..found.clone() },
        false => found,
    };
    let mut plan = match parent {
        true => Plan::none(),
        false => {
            let parent = split(&found.path).0;
            let step = Step::run(sh(MAKE_DIRECTORY, [parent, "", ""]));
            Plan::none().change(Diff::field(parent, "state", "absent", "directory"), step)
        }
    };
    plan = plan.followed_by(found.reach(&new, writing)?);
    plan.values.clear();
    let message = match (is_right, plan.is_empty()) {
        (_, true) => String::new(),
        (false, _) => done,
        (true, false) => "ownership, perms or SE linux context changed".to_owned(),
    };
    Ok(plan.value("msg", "").value_on_change("msg", message))
}

/// The refusal of Ansible when there is no file and none may be made.
pub(crate) fn missing(what: &str, path: &str) -> Refusal {
    Refusal::new(format!("{what} {path} does not exist !")).value("rc", 257)
}
