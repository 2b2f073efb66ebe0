//! A new file beside the one whose place it takes when it is whole.
//!
//! It has no name until then, where the file system can do that: however rprov ends, nothing is left.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

/// Where the kernel shows the files that are open.
const OPEN: &str = "/proc/self/fd";

pub(in crate::cli) struct Beside {
    file: File,
    /// The file that it becomes.
    target: PathBuf,
    directory: PathBuf,
    /// Its name until then; removed when this is dropped.
    name: Option<PathBuf>,
}

impl Beside {
    /// An empty file, for its owner only.
    ///
    /// # Errors
    /// When there can be none in that directory.
    pub(in crate::cli) fn new(target: &Path) -> io::Result<Beside> {
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let nameless = || open(directory, flags, Mode::RUSR | Mode::WUSR).ok();
        let nameless = Path::new(OPEN).is_dir().then(nameless).flatten();
        let (file, name) = match nameless {
            Some(file) => (File::from(file), None),
            None => {
                let name = other_name(directory, target);
                let mut options = OpenOptions::new();
                let file = options.write(true).create_new(true).mode(0o600).open(&name)?;
                (file, Some(name))
            }
        };
        Ok(Beside { file, target: target.to_owned(), directory: directory.to_owned(), name })
    }

    /// Puts it in its place: instead of the file that is there, with its mode and owner; or as a new
    /// one, which is an error if there is one by now.
    ///
    /// # Errors
    /// When that cannot be; then the file is as it was.
    pub(in crate::cli) fn put(mut self, replace: bool) -> io::Result<()> {
        if replace {
            let old = fs::metadata(&self.target)?;
            let is = self.file.metadata()?;
            if (is.uid(), is.gid()) != (old.uid(), old.gid()) {
                fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
            }
            self.file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        self.file.sync_all()?;
        match (replace, &self.name) {
            (true, Some(name)) => fs::rename(name, &self.target)?,
            (true, None) => {
                let name = other_name(&self.directory, &self.target);
                self.link(&name)?;
                self.name = Some(name.clone());
                fs::rename(&name, &self.target)?;
            }
            // A link fails if there is one by now.
            (false, Some(name)) => {
                fs::hard_link(name, &self.target)?;
                fs::remove_file(name)?;
            }
            (false, None) => self.link(&self.target)?,
        }
        self.name = None;
        File::open(&self.directory)?.sync_all()
    }

    fn link(&self, name: &Path) -> io::Result<()> {
        let own = format!("{OPEN}/{}", self.file.as_raw_fd());
        Ok(linkat(CWD, own, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}

fn other_name(directory: &Path, target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    directory.join(format!(".{name}.{:016x}", rand::random::<u64>()))
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = fs::remove_file(name);
        }
    }
}
