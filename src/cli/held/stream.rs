//! A file of any size that is being changed: read and written in pieces.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Beside, changed, lock, unwritable};
use crate::cli::Result;
use crate::vars::files::unreadable;

pub(in crate::cli) struct Stream {
    /// As the user calls it.
    shown: PathBuf,
    /// Where it is, links followed.
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    seen: Seen,
}

/// By what a change is seen: device, number, size, and when it was changed.
type Seen = (u64, u64, u64, [i64; 4]);

fn seen(found: &Metadata) -> Seen {
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
    (found.dev(), found.ino(), found.size(), times)
}

impl Stream {
    /// Opens a file and keeps other rprovs from changing it.
    ///
    /// # Errors
    /// When it cannot be read, is no file, or another rprov holds it.
    pub(in crate::cli) fn take(path: &Path) -> Result<Stream> {
        let failed = |error: io::Error| vec![unreadable(path, &error)];
        let real = fs::canonicalize(path).map_err(failed)?;
        let file = File::open(&real).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if found.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        lock(&file, path)?;
        Ok(Stream { shown: path.to_owned(), path: real, file, seen: seen(&found) })
    }

    /// As the user calls it.
    pub(in crate::cli) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Its bytes from one of them on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(in crate::cli) fn from(&self, start: u64) -> Result<BufReader<impl Read>> {
        let failed = |error: io::Error| vec![unreadable(&self.shown, &error)];
        (&self.file).seek(SeekFrom::Start(start)).map_err(failed)?;
        Ok(BufReader::new(&self.file))
    }

    /// Writes it anew.
    ///
    /// # Errors
    /// Those of `write`, and when somebody else has changed it, or it cannot be written; then it is as
    /// it was.
    pub(in crate::cli) fn rewrite(
        &self,
        write: impl FnOnce(&mut Beside) -> Result<()>,
    ) -> Result<()> {
        let failed = |error: io::Error| vec![unwritable(&self.shown, &error)];
        let mut new = Beside::new(&self.path).map_err(failed)?;
        write(&mut new)?;
        let same = fs::metadata(&self.path).is_ok_and(|found| seen(&found) == self.seen);
        match same {
            true => new.put(true).map_err(failed),
            false => Err(vec![changed(&self.shown)]),
        }
    }
}
