//! `rprov secrets encrypt` and `decrypt`: any files, as wholes.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::args::{DecryptArgs, EncryptArgs};
use super::team::{For, environment_of};
use super::whole::{self, Fault, WholeFile, is_whole};
use crate::cli::basis::Basis;
use crate::cli::held::{Beside, Stream};
use crate::cli::inputs::environment;
use crate::cli::passwords::{Otherwise, Passwords};
use crate::cli::project::Environment;
use crate::cli::{Exit, Result};
use crate::source::Diagnostic;
use crate::vars::files::unreadable;

/// Bytes of a file that tell whether it is encrypted.
const START: u64 = 256;

pub(super) fn encrypt(args: &EncryptArgs, basis: &Basis) -> Result {
    let (named, files) = environment(args.words.clone())?;
    let passwords = Passwords::new(&args.passwords, basis, Otherwise::AskNew)?;
    let team = |path: Option<&Path>| {
        let place = || path.and_then(environment_of);
        let environment: Option<Environment> = named.clone().or_else(place);
        For::named(&args.recipient, environment.as_ref(), &passwords)
    };
    let (input, output) = ends(&files, args.output.as_deref())?;
    let Some(output) = output else {
        let held = input.iter().map(plain).collect::<Result<Vec<_>>>()?;
        for (file, held) in input.iter().zip(held) {
            let whole = team(Some(Path::new(file)))?.whole(&passwords)?;
            whole::encrypt(&held, &whole)?;
        }
        return Ok(Exit::Ok);
    };
    let path = input.first().map(Path::new);
    let seal = |shown: &Path, input: &mut dyn BufRead| -> Result<()> {
        let start = input.fill_buf().map_err(|error| vec![Fault::Read(error).of(shown)])?;
        is_plain(shown, start)?;
        let whole = team(path)?.whole(&passwords)?;
        write(output, |output| {
            whole::seal(&whole, input, output).map_err(|fault| vec![fault.of(shown)])
        })
    };
    match path {
        Some(path) => seal(path, &mut plain(path)?.from(0)?)?,
        None => seal(Path::new("standard input"), &mut io::stdin().lock())?,
    }
    Ok(Exit::Ok)
}

pub(super) fn decrypt(args: &DecryptArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.passwords, basis, Otherwise::Ask)?;
    let (input, output) = ends(&args.files, args.output.as_deref())?;
    let file = |name: &String| -> Result<WholeFile> {
        let path = Path::new(name);
        match is_whole(path) {
            true => WholeFile::with(path, passwords.clone()),
            false => Err(vec![not_whole(path)]),
        }
    };
    let Some(output) = output else {
        // All of them first: one that cannot be opened stops all.
        let files = input.iter().map(file).collect::<Result<Vec<_>>>()?;
        files.iter().try_for_each(WholeFile::decrypt)?;
        return Ok(Exit::Ok);
    };
    match input.first() {
        Some(name) => {
            let file = file(name)?;
            // Nothing of an altered file is given out.
            if output == "-" {
                file.verify()?;
            }
            write(output, |output| file.content(output).map(drop))?;
        }
        None => {
            let (shown, mut input) = (Path::new("standard input"), BufReader::new(io::stdin()));
            let opened = write(output, |output| whole::open(shown, &mut input, output, &passwords));
            let warn = |error: Diagnostic| match output {
                "-" => error.note("what was printed is not to be trusted"),
                _ => error,
            };
            opened.map_err(|errors| errors.into_iter().map(warn).collect::<Vec<_>>())?;
        }
    }
    Ok(Exit::Ok)
}

/// The files to read, none for standard input; and where to write, none for in place.
fn ends<'a>(
    files: &'a [String],
    output: Option<&'a str>,
) -> Result<(Vec<String>, Option<&'a str>)> {
    let names: Vec<String> = files.iter().filter(|file| *file != "-").cloned().collect();
    if names.len() != files.len() && files.len() > 1 {
        let error = Diagnostic::error("expected files or standard input, found both");
        return Err(vec![error.help("leave out `-`")]);
    }
    match (names.len(), output) {
        (0, output) => Ok((names, Some(output.unwrap_or("-")))),
        (1, Some(_)) | (_, None) => Ok((names, output)),
        (found, Some(_)) => {
            let error = format!("expected one file with `--output`, found {found}");
            let help = "leave out `--output` to change the files in place";
            Err(vec![Diagnostic::error(error).help(help)])
        }
    }
}

/// A file that is to be encrypted.
fn plain(path: impl AsRef<Path>) -> Result<Stream> {
    let path = path.as_ref();
    let held = Stream::take(path)?;
    let mut start = Vec::new();
    let read = held.from(0)?.take(START).read_to_end(&mut start);
    read.map_err(|error| vec![unreadable(path, &error)])?;
    is_plain(path, &start)?;
    Ok(held)
}

fn is_plain(shown: &Path, start: &[u8]) -> Result<()> {
    match rprov_vault::is_encrypted(start) {
        false => Ok(()),
        true => {
            let error = format!("`{}` is encrypted already", shown.display());
            Err(vec![Diagnostic::error(error).help("`rprov secrets rekey` gives it a new key")])
        }
    }
}

fn not_whole(path: &Path) -> Diagnostic {
    let bytes = match crate::vars::files::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unreadable(path, &error),
    };
    let shown = path.display();
    if rprov_vault::mode(&bytes).is_some() {
        let error =
            format!("the values of `{shown}` are encrypted one by one, and not the whole file");
        return Diagnostic::error(error)
            .help(format!("`rprov secrets view --file {shown}` shows them"));
    }
    if rprov_vault::is_encrypted(&bytes) {
        let error = format!("`{shown}` was encrypted by Ansible Vault");
        return Diagnostic::error(error).help(format!("`rprov vault decrypt {shown}` decrypts it"));
    }
    Diagnostic::error(format!("`{shown}` is not encrypted"))
}

/// Writes to a file, which is there as a whole or not at all, or to standard output.
fn write(output: &str, content: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let path = Path::new(output);
    let failed = |error| vec![Fault::Write(error).of(path)];
    if output == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        content(&mut out)?;
        return out
            .flush()
            .map_err(|error| vec![Fault::Write(error).of("standard output".as_ref())]);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut new = Beside::new(&path).map_err(failed)?;
    content(&mut new)?;
    new.put(path.exists()).map_err(failed)
}
