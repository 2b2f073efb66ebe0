//! A file that rprov encrypted as a whole, open: read and written in a stream, whatever its size.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use rprov_vault::ansible::Plain;
use rprov_vault::{Error, Keyring, Mode, Recipient, Whole};
use zeroize::Zeroizing;

use super::team::Team;
use crate::cli::basis::Basis;
use crate::cli::editor::{self, Edited};
use crate::cli::held::{Held, Refused, Stream};
use crate::cli::passwords::{Otherwise, PasswordArgs, Passwords};
use crate::cli::{Result, complain};
use crate::source::Diagnostic;
use crate::template::DecryptError;
use crate::vars::files::{reason, unreadable};

/// Bytes that are copied at a time.
const PIECE: usize = 64 * 1024;

pub(super) struct WholeFile {
    held: Stream,
    /// Bytes of its header.
    header: u64,
    /// As it is.
    old: Whole,
    /// As it will be: with the same key as long as nobody was shut out.
    new: Whole,
    renewed: bool,
    pub(super) passwords: Passwords,
}

/// Whether a file is encrypted as a whole; no if it cannot be read, as others tell that.
pub(super) fn is_whole(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    read.is_ok() && rprov_vault::mode(&start) == Some(Mode::Whole)
}

impl WholeFile {
    /// Opens a file and keeps others from changing it.
    ///
    /// # Errors
    /// When it cannot be read or opened, or another rprov holds it.
    pub(super) fn open(path: &Path, args: &PasswordArgs, basis: &Basis) -> Result<WholeFile> {
        let passwords = Passwords::new(args, basis, Otherwise::Ask)?;
        WholeFile::with(path, passwords)
    }

    /// As [`WholeFile::open`].
    ///
    /// # Errors
    /// As there.
    pub(super) fn with(path: &Path, passwords: Passwords) -> Result<WholeFile> {
        let held = Stream::take(path)?;
        let header = rprov_vault::header(&mut held.from(0)?);
        let header = header.map_err(|error| vec![unreadable(path, &error)])?;
        let old = unlock(path, &header, &passwords)?;
        let new = old.clone();
        Ok(WholeFile { held, header: header.len() as u64, old, new, renewed: false, passwords })
    }

    /// Writes its content, and tells how many bytes it has.
    ///
    /// # Errors
    /// When it cannot be read or was altered; what was written until then is not to be trusted.
    pub(super) fn content(&self, output: &mut dyn Write) -> Result<u64> {
        let mut input = self.old.open(self.held.from(self.header)?);
        copy(&mut input, output).map_err(|fault| vec![fault.of(self.held.shown())])
    }

    /// Reads all of it and finds it right; its number of bytes.
    ///
    /// # Errors
    /// As [`WholeFile::content`].
    pub(super) fn verify(&self) -> Result<u64> {
        self.content(&mut io::sink())
    }

    /// Puts its content in its place.
    ///
    /// # Errors
    /// When it was altered, or cannot be written; then it is as it was.
    pub(super) fn decrypt(&self) -> Result<()> {
        self.held.rewrite(|new| self.content(new).map(drop))
    }

    /// Writes what was changed: another header above the same bytes, or everything encrypted anew.
    ///
    /// # Errors
    /// As [`WholeFile::decrypt`].
    pub(super) fn save(&self) -> Result<()> {
        let failed = |error| vec![Fault::Write(error).of(self.held.shown())];
        self.held.rewrite(|output| {
            if self.renewed {
                let mut sealer = self.new.seal(output).map_err(failed)?;
                self.content(&mut sealer)?;
                return sealer.finish().map(drop).map_err(failed);
            }
            output.write_all(self.new.sealed().as_bytes()).map_err(failed)?;
            let mut rest = self.held.from(self.header)?;
            copy(&mut rest, output).map(drop).map_err(|fault| vec![fault.of(self.held.shown())])
        })
    }
}

impl Team for WholeFile {
    fn recipients(&self) -> Vec<Recipient> {
        self.new.recipients()
    }

    fn add(&mut self, who: &Recipient, keyring: &Keyring) -> std::result::Result<(), Error> {
        self.new.add(who, keyring)
    }

    fn remove(&mut self, key: &str, keyring: &Keyring) -> std::result::Result<(), Error> {
        (self.new, self.renewed) = (self.new.without(key, keyring)?, true);
        Ok(())
    }

    fn rekey(&mut self, keyring: &Keyring) -> std::result::Result<(), Error> {
        (self.new, self.renewed) = (self.new.renewed(keyring)?, true);
        Ok(())
    }
}

/// The key of a file, by its header.
fn unlock(shown: &Path, header: &[u8], passwords: &Passwords) -> Result<Whole> {
    passwords.unlock_whole(header).map_err(|error: DecryptError| {
        let text = format!("cannot decrypt `{}`: {}", shown.display(), error.reason);
        vec![error.help.into_iter().fold(Diagnostic::error(text), Diagnostic::help)]
    })
}

/// Encrypts a file in its place.
///
/// # Errors
/// When it cannot be read or written; then it is as it was.
pub(super) fn encrypt(held: &Stream, whole: &Whole) -> Result<()> {
    held.rewrite(|output| {
        let input = &mut held.from(0)?;
        seal(whole, input, output).map_err(|fault| vec![fault.of(held.shown())])
    })
}

/// Encrypts a stream.
///
/// # Errors
/// Those of both sides.
pub(super) fn seal(
    whole: &Whole,
    input: &mut dyn Read,
    output: &mut dyn Write,
) -> std::result::Result<(), Fault> {
    let mut sealer = whole.seal(output).map_err(Fault::Write)?;
    copy(input, &mut sealer)?;
    sealer.finish().map(drop).map_err(Fault::Write)
}

/// Decrypts a stream.
///
/// # Errors
/// When nothing at hand opens it, and as [`WholeFile::content`].
pub(super) fn open(
    shown: &Path,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    passwords: &Passwords,
) -> Result<()> {
    let mut input = input;
    let header = rprov_vault::header(&mut input);
    let header = header.map_err(|error| vec![Fault::Read(error).of(shown)])?;
    let mut content = unlock(shown, &header, passwords)?.open(input);
    copy(&mut content, output).map(drop).map_err(|fault| vec![fault.of(shown)])
}

/// Edits a file in the editor: any bytes, all of it in memory.
///
/// # Errors
/// As those of other files; what cannot be saved is kept, encrypted, beside it.
pub(super) fn edit(path: &Path, args: &PasswordArgs, basis: &Basis) -> Result<()> {
    let passwords = Passwords::new(args, basis, Otherwise::Ask)?;
    let mut held = Held::take(path)?;
    let mut sealed = held.bytes().unwrap_or_default();
    let failed = |error| vec![Fault::Read(error).of(path)];
    let whole = unlock(path, &rprov_vault::header(&mut sealed).map_err(failed)?, &passwords)?;
    // With its capacity from the start: growing would leave copies of the plaintext behind.
    let mut plain = Plain::new(Vec::with_capacity(sealed.len()));
    whole.open(sealed).read_to_end(&mut plain).map_err(failed)?;
    let seal_again = |plain: &[u8]| -> Result<Vec<u8>> {
        let mut sealed = Vec::new();
        let done = seal(&whole, &mut &*plain, &mut sealed);
        done.map(|()| sealed).map_err(|fault| vec![fault.of(path)])
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match editor::edit(&basis.config, &name, &plain, &|_| Ok(()))? {
        Edited::Unchanged => complain(&format!("`{}` is unchanged\n", path.display())),
        Edited::Changed(plain) => {
            let sealed = seal_again(&plain)?;
            held.replace(&sealed).map_err(|refused| match refused {
                Refused::Failed(errors) => errors,
                Refused::Changed => held.keep(&sealed, "it was changed by somebody else meanwhile"),
            })?;
        }
        Edited::Abandoned { why, saved: None } => {
            let error = format!("`{}` is unchanged: {why}", path.display());
            return Err(vec![Diagnostic::error(error)]);
        }
        Edited::Abandoned { why, saved: Some(saved) } => {
            return Err(held.keep(&seal_again(&saved)?, &why));
        }
    }
    Ok(())
}

/// Which side of a stream failed.
pub(super) enum Fault {
    Read(io::Error),
    Write(io::Error),
}

impl Fault {
    /// The message, with the name of the file.
    pub(super) fn of(&self, shown: &Path) -> Diagnostic {
        let shown = shown.display();
        Diagnostic::error(match self {
            Fault::Write(error) => format!("cannot write `{shown}`: {}", reason(error)),
            Fault::Read(error) => match Whole::why(error) {
                Some(why) => format!("cannot decrypt `{shown}`: {why}"),
                None => format!("cannot read `{shown}`: {}", reason(error)),
            },
        })
    }
}

/// Copies a stream through memory that is wiped.
fn copy(input: &mut dyn Read, output: &mut dyn Write) -> std::result::Result<u64, Fault> {
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut length = 0;
    loop {
        match input.read(&mut piece) {
            Ok(0) => return output.flush().map(|()| length).map_err(Fault::Write),
            Ok(read) => {
                output.write_all(&piece[..read]).map_err(Fault::Write)?;
                length += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Read(error)),
        }
    }
}
