//! A file of the user's that is being changed: either the old one or the new one, never half of
//! either, and never over somebody else's change.
//!
//! While it is held, another rprov cannot hold it. Before it is written, what it holds is compared
//! with what was read. The new file has the mode and the owner of the old one; a file that was not
//! there is readable by its owner only.
//!
//! A [`Held`] is in memory; a [`Stream`] is a file of any size.

mod beside;
mod stream;

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) use self::beside::Beside;
pub(super) use self::stream::Stream;
use super::Result;
use crate::source::Diagnostic;
use crate::vars::files::{self, reason, unreadable};

pub(super) struct Held {
    /// As the user calls it.
    shown: PathBuf,
    /// Where it is, links followed.
    path: PathBuf,
    /// What it held, none if there was no such file.
    bytes: Option<Vec<u8>>,
    /// Locked as long as it is open.
    _lock: Option<File>,
}

/// Why a file was not replaced.
pub(super) enum Refused {
    /// Somebody else has changed, made or removed it meanwhile.
    Changed,
    Failed(Vec<Diagnostic>),
}

impl Held {
    /// Reads a file and keeps other rprovs from changing it.
    ///
    /// # Errors
    /// When it cannot be read, or another rprov holds it.
    pub(super) fn take(path: &Path) -> Result<Held> {
        let shown = path.to_owned();
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = match File::open(&real) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Held { shown, path: real, bytes: None, _lock: None });
            }
            Err(error) => return Err(vec![unreadable(path, &error)]),
        };
        lock(&file, path)?;
        let bytes = files::read(&real).map_err(|error| vec![unreadable(path, &error)])?;
        Ok(Held { shown, path: real, bytes: Some(bytes), _lock: Some(file) })
    }

    /// What it held when it was taken; none if there is no such file.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// As the user calls it.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Writes it anew.
    ///
    /// # Errors
    /// When somebody else has changed it, or it cannot be written; then it is as it was.
    pub(super) fn replace(&mut self, new: &[u8]) -> std::result::Result<(), Refused> {
        let now = match files::read(&self.path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Refused::Failed(vec![unreadable(&self.shown, &error)])),
        };
        if now != self.bytes {
            return Err(Refused::Changed);
        }
        write(&self.path, new, now.is_some()).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Refused::Changed,
            _ => Refused::Failed(vec![unwritable(&self.shown, &error)]),
        })?;
        self.bytes = Some(new.to_vec());
        Ok(())
    }

    /// [`Held::replace`] where nothing would be lost by doing it again.
    ///
    /// # Errors
    /// As there.
    pub(super) fn put(&mut self, new: &[u8]) -> Result<()> {
        self.replace(new).map_err(|refused| match refused {
            Refused::Failed(errors) => errors,
            Refused::Changed => vec![changed(&self.shown)],
        })
    }

    /// Keeps, beside the file, what could not be written to it. The errors say where.
    pub(super) fn keep(&self, sealed: &[u8], why: &str) -> Vec<Diagnostic> {
        let shown = self.shown.display();
        let error = Diagnostic::error(format!("`{shown}` is as it was: {why}"));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        for number in 1.. {
            let path = self.path.with_file_name(format!("{name}.unsaved-{number}"));
            match write(&path, sealed, false) {
                Ok(()) => {
                    let note = format!("your work is kept, encrypted, in `{}`", path.display());
                    let help = "compare the two, take over what you need, and remove it";
                    return vec![error.note(note).help(help)];
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(fault) => return vec![error, unwritable(&path, &fault)],
            }
        }
        vec![error]
    }
}

/// Writes a file, in place of another or as a new one.
///
/// # Errors
/// When it cannot be written; then it is as it was.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write(&real, bytes, real.exists()).map_err(|error| vec![unwritable(path, &error)])
}

fn write(path: &Path, bytes: &[u8], replace: bool) -> std::io::Result<()> {
    let mut new = Beside::new(path)?;
    new.write_all(bytes)?;
    new.put(replace)
}

/// Keeps other rprovs from changing a file as long as it is open.
fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        // A file system without locks has no other protection than the comparison.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let error = format!("`{}` is being edited by another rprov", path.display());
            Err(vec![Diagnostic::error(error).help("finish there first, then do this again")])
        }
    }
}

/// Says that nothing was written over somebody else's change.
pub(super) fn changed(path: &Path) -> Diagnostic {
    let error = format!("`{}` was changed by somebody else at the same time", path.display());
    Diagnostic::error(error).help("nothing was written: do it again")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{}`: {}", path.display(), reason(error)))
}
