//! A directory with files, and rprov called in it, as a person or a program would.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) struct Place(tempfile::TempDir);

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, readable by its owner only.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write_mode(name, bytes, 0o600);
    }

    pub(crate) fn write_mode(&self, name: &str, bytes: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, bytes).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    }

    /// A script that stands in for an editor: `$1` is the file. Returns its path.
    pub(crate) fn script(&self, name: &str, body: &str) -> String {
        self.write_mode(name, format!("#!/bin/sh\nset -eu\n{body}\n"), 0o755);
        self.path(name).to_str().expect("a path").to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a readable file")
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).expect("a file").permissions().mode() & 0o7777
    }

    /// A command in the directory, which is its home, with nothing else in its environment.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        let rprov = Path::new(env!("CARGO_BIN_EXE_rprov")).parent().expect("a directory");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(rprov.to_owned()).chain(std::env::split_paths(&path));
        command
            .args(words)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", std::env::join_paths(paths).expect("paths"))
            .env("HOME", self.0.path())
            .env("COLUMNS", "200")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn rprov(&self, words: &[&str]) -> Ended {
        self.rprov_with(words, &[], b"")
    }

    pub(crate) fn rprov_with(&self, words: &[&str], env: &[(&str, &str)], stdin: &[u8]) -> Ended {
        let mut command = self.command(env!("CARGO_BIN_EXE_rprov"), words);
        command.envs(env.iter().copied());
        run(command, stdin)
    }
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command, stdin: &[u8]) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    // It may end without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("it ends");
    Ended {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn well(self) -> Ended {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    /// Ended as after bad input, with a message that has these words.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) -> Ended {
        assert_eq!(self.code, 3, "{}\n{}", self.out, self.err);
        self.says(words)
    }

    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Ended {
        let text = format!("{} {}", self.out, self.err);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(text.contains(word), "no `{word}` in\n{}\n{}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn hides(self, secrets: &[&str]) -> Ended {
        for secret in secrets {
            let shown = self.out.contains(secret) || self.err.contains(secret);
            assert!(!shown, "`{secret}` in\n{}\n{}", self.out, self.err);
        }
        self
    }
}
