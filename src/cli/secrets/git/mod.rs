//! Secrets in git: what is declared secret, the hook, the diff driver and the merge driver.

mod declared;
pub(super) mod hook;
pub(super) mod merge;
pub(super) mod textconv;

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::cli::Result;
use crate::source::Diagnostic;
use crate::vars::files::reason;

/// The name of our drivers in git's configuration and in `.gitattributes`.
const DRIVER: &str = "rprov-secrets";

/// What git prints.
///
/// # Errors
/// When it cannot be run or ends with an error; the message is git's.
fn git<S: AsRef<OsStr>>(words: &[S], stdin: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        vec![Diagnostic::error(format!("cannot run git: {}", reason(&error)))]
    };
    let mut child = Command::new("git")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(stdin).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("fatal: ").trim_start_matches("error: ");
            Err(vec![Diagnostic::error(format!("git: {said}"))])
        }
    }
}

/// [`git`], as one line.
fn line<S: AsRef<OsStr>>(words: &[S]) -> Result<String> {
    let out = git(words, b"")?;
    Ok(String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned())
}
