//! Editing a plaintext: on a private file in memory that is gone on every exit.

mod private;
mod process;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rprov_vault::ansible::Plain;

pub(super) use self::private::Private;
use self::process::{Ended, Signals};
use super::Result;
use crate::config::Config;
use crate::source::Diagnostic;
use crate::vars::files::reason;

/// What the lines begin with that tell in the file itself why it was opened again.
const MESSAGE: &str = "# rprov: ";

/// What came of it.
pub(super) enum Edited {
    /// Saved without a change, or not saved.
    Unchanged,
    Changed(Plain),
    /// The user gave up, or rprov was told to end: why, and what was saved until then and is worth
    /// keeping.
    Abandoned {
        why: String,
        saved: Option<Plain>,
    },
}

/// Why a text cannot be taken as it is, and where; lines and columns from 1.
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

/// Whether a text can be taken as it is.
pub(super) type Check<'a> = &'a dyn Fn(&[u8]) -> std::result::Result<(), Mistake>;

/// Opens a text in the user's editor, again and again until `check` accepts it. The file has the
/// name `name`, by which editors tell its kind.
///
/// # Errors
/// When there is no private place, or no editor.
pub(super) fn edit(config: &Config, name: &str, text: &[u8], check: Check<'_>) -> Result<Edited> {
    let editor = process::editor(config);
    let failed = |error: std::io::Error| vec![Diagnostic::error(format!("cannot edit: {error}"))];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let mut signals = Signals::new().map_err(failed)?;
        let private = Private::new().map_err(|error| vec![error])?;
        let file = private.path().join(name);
        write(&file, text)?;
        let mut refused: Option<Plain> = None;
        loop {
            let ended = signals.edit(&editor, &file).await.map_err(|error| vec![error])?;
            let now = without_message(read(&file)?);
            let changed = *now != *text;
            match ended {
                Ended::Well if !changed => return Ok(Edited::Unchanged),
                Ended::Well => {}
                Ended::Badly(status) => {
                    let why = format!("the editor ended with {status}");
                    return Ok(Edited::Abandoned { why, saved: refused });
                }
                Ended::Interrupted(signal) => {
                    let why = format!("interrupted by {signal}");
                    return Ok(Edited::Abandoned { why, saved: changed.then_some(now) });
                }
            }
            let Err(mistake) = check(&now) else { return Ok(Edited::Changed(now)) };
            let Mistake { line, column, what } = &mistake;
            super::complain(&format!("line {line}, column {column}: {what}\n"));
            if refused.as_ref().is_some_and(|before| **before == *now) {
                let why = "saved again with the same mistake".to_owned();
                return Ok(Edited::Abandoned { why, saved: Some(now) });
            }
            let message = mistake.in_the_file();
            write(&file, &Plain::new([message.as_bytes(), &now].concat()))?;
            refused = Some(now);
        }
    })
}

impl Mistake {
    /// The lines above the text. They move it down by two, so its lines are counted with them.
    fn in_the_file(&self) -> String {
        let (line, column) = (self.line + 2, self.column);
        let what = self.what.replace(['\n', '\r'], " ");
        format!(
            "{MESSAGE}line {line}, column {column}: {what}\n{MESSAGE}correct it and save; these two lines go away\n"
        )
    }
}

fn without_message(text: Plain) -> Plain {
    let mut rest = text.as_slice();
    while rest.starts_with(MESSAGE.as_bytes()) {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        rest = &rest[end..];
    }
    match rest.len() == text.len() {
        true => text,
        false => Plain::new(rest.to_vec()),
    }
}

fn write(file: &Path, text: &[u8]) -> Result<()> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    open.and_then(|mut file| file.write_all(text)).map_err(|error| {
        vec![Diagnostic::error(format!("cannot write `{}`: {}", file.display(), reason(&error)))]
    })
}

fn read(file: &Path) -> Result<Plain> {
    std::fs::read(file).map(Plain::new).map_err(|error| {
        let error = format!("the editor left no file to read: {}", reason(&error));
        vec![Diagnostic::error(error)]
    })
}
