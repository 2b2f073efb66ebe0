//! Passwords to log in and to become another user: from a file, from a script, or asked for.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::basis::Basis;
use crate::source::Diagnostic;
use crate::vars::files::reason;

/// Where a password may come from; a file wins.
pub(super) struct Source<'a> {
    pub(super) ask: bool,
    pub(super) file: Option<&'a Path>,
    pub(super) question: &'a str,
}

/// The password, or none if none is wanted. The redactor learns it.
///
/// # Errors
/// When it cannot be had.
pub(super) fn get(basis: &Basis, source: &Source<'_>) -> Result<Option<String>, Diagnostic> {
    let password = match (source.file, source.ask) {
        (Some(file), _) => Some(from_file(file)?),
        (None, true) => Some(crate::report::ask(source.question, true).ok_or_else(|| {
            Diagnostic::error("a password is to be asked for, and there is no terminal")
                .help("give it in a file instead")
        })?),
        (None, false) => None,
    };
    if let Some(password) = &password {
        basis.redactor.learn(password);
    }
    Ok(password)
}

/// `-` is standard input; what can be executed is run.
fn from_file(path: &Path) -> Result<String, Diagnostic> {
    let unreadable = |error: &std::io::Error| {
        Diagnostic::error(format!("cannot read `{}`: {}", path.display(), reason(error)))
    };
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|error| unreadable(&error))?
    } else {
        let mode = path.metadata().map_err(|error| unreadable(&error))?.permissions().mode();
        match mode & 0o111 {
            0 => std::fs::read_to_string(path).map_err(|error| unreadable(&error))?,
            _ => output(path)?,
        }
    };
    let password = text.trim_matches(['\r', '\n']);
    match password.is_empty() {
        true => Err(Diagnostic::error(format!("there is no password in `{}`", path.display()))),
        false => Ok(password.to_owned()),
    }
}

fn output(path: &Path) -> Result<String, Diagnostic> {
    let cannot = |why: String| Diagnostic::error(format!("cannot run `{}`: {why}", path.display()));
    // Without a slash it would be looked for in `PATH`.
    let program = std::path::absolute(path).map_err(|error| cannot(reason(&error)))?;
    let output = Command::new(program).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| cannot(reason(&error)))?;
    match output.status.success() {
        true => {
            String::from_utf8(output.stdout).map_err(|_| cannot("it prints no text".to_owned()))
        }
        false => Err(cannot(format!("it ended with {}", output.status))),
    }
}
