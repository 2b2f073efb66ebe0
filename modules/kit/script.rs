//! Shell, safely: the text is a constant, the data are positional parameters and standard input.

use std::{fmt, sync::Arc};

/// A POSIX `sh` script written by a module's author.
///
/// The text is `&'static str` on purpose: user data cannot reach it, only `"$1"`, `"$2"`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Script {
    pub text: &'static str,
    pub args: Vec<String>,
    /// What the script reads from its standard input; nothing (`/dev/null`) if `None`.
    pub stdin: Option<Arc<[u8]>>,
}

/// A script and its positional parameters.
pub fn sh<A: ToString>(text: &'static str, args: impl IntoIterator<Item = A>) -> Script {
    Script { text, args: args.into_iter().map(|a| a.to_string()).collect(), stdin: None }
}

/// A single command, word by word.
pub fn argv<A: ToString>(words: impl IntoIterator<Item = A>) -> Script {
    sh(ARGV, words)
}

const ARGV: &str = r#""$@""#;

impl Script {
    /// Gives the script something to read.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Arc<[u8]>>) -> Script {
        self.stdin = Some(bytes.into());
        self
    }
}

impl fmt::Display for Script {
    /// For people and golden files: the command, then its parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = self.args.iter().map(|a| quote(a)).collect::<Vec<_>>().join(" ");
        match self.text {
            ARGV => f.write_str(&args)?,
            text if args.is_empty() => f.write_str(text)?,
            text => write!(f, "{text}    # {args}")?,
        }
        match &self.stdin {
            Some(bytes) => write!(f, "    # reads {} bytes", bytes.len()),
            None => Ok(()),
        }
    }
}

/// One word for a POSIX shell: bare if it needs no quotes, else in single quotes.
pub fn quote(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    match !word.is_empty() && word.chars().all(bare) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
