//! A file of the user's that is being changed: either the old one or the new one, never half of
//! either, and never over somebody else's change.
//!
//! While it is held, another rprov cannot hold it. Before it is written, what it holds is compared
//! with what was read. The new file has the mode and the owner of the old one; a file that was not
//! there is readable by its owner only.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::Result;
use crate::source::Diagnostic;
use crate::vars::files::{reason, unreadable};

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
        match file.try_lock() {
            // A file system without locks has no other protection than the comparison.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                let error = format!("`{}` is being edited by another rprov", path.display());
                return Err(vec![
                    Diagnostic::error(error).help("finish there first, then do this again"),
                ]);
            }
        }
        let bytes = fs::read(&real).map_err(|error| vec![unreadable(path, &error)])?;
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
        let now = match fs::read(&self.path) {
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
            Refused::Changed => {
                let error = format!(
                    "`{}` was changed by somebody else at the same time",
                    self.shown.display()
                );
                vec![Diagnostic::error(error).help("nothing was written: do it again")]
            }
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
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = directory.join(format!(".{name}.{:016x}", rand::random::<u64>()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        if replace {
            let old = fs::metadata(path)?;
            let is = file.metadata()?;
            if (is.uid(), is.gid()) != (old.uid(), old.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        file.sync_all()?;
        match replace {
            true => fs::rename(&new, path),
            // Fails if there is one by now.
            false => fs::hard_link(&new, path).and_then(|()| fs::remove_file(&new)),
        }?;
        File::open(directory)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{}`: {}", path.display(), reason(error)))
}
