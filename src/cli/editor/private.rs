//! A directory for plaintext: in memory, for nobody else, and gone when it is dropped.
//!
//! It is locked while it is in use. Those whose lock is free belong to processes that were killed;
//! they are removed when the next one is made.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::source::Diagnostic;
use crate::vars::files::reason;

const PREFIX: &str = "rprov-edit-";

/// File systems that live in memory: the numbers of tmpfs and ramfs.
const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

pub(in crate::cli) struct Private {
    path: PathBuf,
    _lock: File,
}

impl Private {
    /// Makes one where nothing reaches a disk.
    ///
    /// # Errors
    /// When there is no such place.
    pub(in crate::cli) fn new() -> Result<Private, Diagnostic> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let mut tried = Vec::new();
        for place in runtime.into_iter().chain([PathBuf::from("/dev/shm")]) {
            if let Err(why) = in_memory(&place) {
                tried.push(format!("`{}`: {why}", place.display()));
                continue;
            }
            sweep(&place);
            match create(&place) {
                Ok(private) => return Ok(private),
                Err(error) => tried.push(format!("`{}`: {}", place.display(), reason(&error))),
            }
        }
        let error = "there is no private place in memory to edit in";
        Err(Diagnostic::error(format!("{error}; looked at {}", tried.join("; "))).help(
            "set XDG_RUNTIME_DIR to a directory on a tmpfs, as rprov writes no secret to a disk",
        ))
    }

    pub(in crate::cli) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn create(place: &Path) -> std::io::Result<Private> {
    loop {
        let path = place.join(format!("{PREFIX}{:016x}", rand::random::<u64>()));
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        // Another rprov may have swept it before it was locked.
        if fs::metadata(&path).is_ok_and(|found| is_same(&found, &lock)) {
            return Ok(Private { path, _lock: lock });
        }
    }
}

/// Removes what killed processes have left.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Other users' cannot be opened.
        let path = entry.path();
        if let Ok(lock) = File::open(&path)
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_same(found: &fs::Metadata, file: &File) -> bool {
    file.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (found.dev(), found.ino()))
}

fn in_memory(place: &Path) -> Result<(), String> {
    let found = rustix::fs::statfs(place).map_err(|error| reason(&error.into()))?;
    // The type is wider on some systems; the numbers are not.
    match IN_MEMORY.contains(&(found.f_type as u32)) {
        true => Ok(()),
        false => Err("it is not in memory".to_owned()),
    }
}
