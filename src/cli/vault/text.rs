//! `encrypt_string`: texts to `!vault` values.

use std::io::{IsTerminal, Read};

use rprov_vault::ansible::Plain;

use super::args::EncryptStringArgs;
use crate::cli::basis::Basis;
use crate::cli::passwords::{Otherwise, Passwords};
use crate::cli::{Result, complain, held, say};
use crate::report;
use crate::source::Diagnostic;

/// Columns that the lines of an envelope are indented by.
const INDENT: &str = "          ";

/// A text, its name, and where it is from.
struct Text {
    plain: Plain,
    name: Option<String>,
    from: &'static str,
}

pub(super) fn encrypt(args: &EncryptStringArgs, basis: &Basis) -> Result {
    let from_stdin = args.stdin_name.is_some()
        || args.texts.iter().any(|text| text == "-")
        || (args.texts.is_empty() && !args.prompt);
    if args.prompt && from_stdin {
        return Err(vec![
            Diagnostic::error("expected `--prompt` or standard input, found both")
                .help("leave out `--prompt`, `-` or `--stdin-name`"),
        ]);
    }
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::AskNew)?;
    let mut names = args.name.iter();
    let mut texts = Vec::new();
    if args.prompt {
        texts.push(asked(args, names.next())?);
    }
    if from_stdin {
        let (plain, name) = (stdin()?, args.stdin_name.clone());
        texts.push(Text { plain, name, from: "standard input" });
    }
    let words = args.texts.iter().filter(|text| *text != "-");
    texts.extend(words.map(|text| Text {
        plain: Plain::new(text.as_bytes().to_vec()),
        name: names.next().cloned(),
        from: "the command line",
    }));
    if let Some(name) = names.next() {
        let error = format!("expected a text for each name, found none for `{name}`");
        return Err(vec![Diagnostic::error(error)]);
    }
    if texts.iter().any(|text| text.from == "the command line") {
        complain(
            "warning: a text on the command line is seen by other users and kept by the shell: \
             `--prompt` and standard input are not\n",
        );
    }
    let password = passwords.to_encrypt(args.encrypt_vault_id.as_deref())?;
    let mut out = String::new();
    for (number, text) in texts.iter().enumerate() {
        let Text { plain, name, from } = text;
        if plain.is_empty() {
            return Err(vec![Diagnostic::error(format!("the text from {from} is empty"))]);
        }
        if texts.len() > 1 {
            let name = name.as_ref().map_or(String::new(), |name| format!("`{name}`, "));
            complain(&format!("# {name}text {} from {from}\n", number + 1));
        }
        out.push_str(&value(name.as_deref(), &password.seal(plain)?));
    }
    match args.output.as_deref() {
        None | Some("-") => say(&out),
        Some(file) => held::put(file.as_ref(), out.as_bytes())?,
    }
    super::done("Encryption successful")
}

/// A `!vault` value as it stands in a YAML file.
fn value(name: Option<&str>, envelope: &str) -> String {
    let key = name.map_or(String::new(), |name| format!("{name}: "));
    let lines: String = envelope.lines().map(|line| format!("{INDENT}{line}\n")).collect();
    format!("{key}!vault |\n{lines}")
}

fn asked(args: &EncryptStringArgs, name: Option<&String>) -> Result<Text> {
    let no_terminal = || vec![Diagnostic::error("there is no terminal to ask on")];
    let name = match name {
        Some(name) => name.clone(),
        None => report::ask("Variable name (enter for no name): ", false)
            .ok_or_else(no_terminal)?
            .trim()
            .to_owned(),
    };
    let question = match args.show_input {
        true => "String to encrypt: ",
        false => "String to encrypt (hidden): ",
    };
    let plain = report::ask(question, !args.show_input).ok_or_else(no_terminal)?;
    let name = Some(name).filter(|name| !name.is_empty());
    Ok(Text { plain: Plain::new(plain.into_bytes()), name, from: "the terminal" })
}

pub(super) fn stdin() -> Result<Plain> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        complain("Reading from standard input; Ctrl-D ends it.\n");
    }
    let mut plain = Plain::default();
    stdin
        .read_to_end(&mut plain)
        .map_err(|error| vec![Diagnostic::error(format!("cannot read standard input: {error}"))])?;
    Ok(plain)
}
