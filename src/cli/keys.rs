//! `rprov secretkey`, `rprov apikey` and `rprov urlencode`.

use std::io::Read;

use super::args::UrlEncodeArgs;
use super::{Exit, Result, say};
use crate::keys;
use crate::source::Diagnostic;

/// Prints a new secret key.
pub(super) fn secret_key() -> Result {
    print(keys::secret_key(keys::system()))
}

/// Prints a new API key.
pub(super) fn api_key() -> Result {
    print(keys::api_key(keys::system()))
}

fn print(key: std::result::Result<String, impl std::fmt::Display>) -> Result {
    let failed = |error| vec![Diagnostic::error(format!("no random bytes can be had: {error}"))];
    say(&format!("{}\n", key.map_err(failed)?));
    Ok(Exit::Ok)
}

/// Prints a text as it is written in a URL.
pub(super) fn url_encode(args: UrlEncodeArgs) -> Result {
    let text = match args.text {
        Some(text) => text.into_bytes(),
        None => {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text).map_err(|error| {
                vec![Diagnostic::error(format!("cannot read standard input: {error}"))]
            })?;
            let end = text.strip_suffix(b"\n").unwrap_or(&text);
            end.strip_suffix(b"\r").unwrap_or(end).to_vec()
        }
    };
    say(&format!("{}\n", keys::quote_plus(&text)));
    Ok(Exit::Ok)
}
