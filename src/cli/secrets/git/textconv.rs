//! What `git diff` shows of secrets: each key, and a digest of its value.
//!
//! The digest is keyed with random bytes that stay in this clone, so it tells whether a value has
//! changed and nothing else, not even to who can guess the value.

use std::fs;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rprov_vault::Mode;
use sha2::Sha256;

use super::line;
use crate::cli::basis::Basis;
use crate::cli::passwords::{Otherwise, Passwords};
use crate::cli::secrets::args::TextconvArgs;
use crate::cli::secrets::document::{Form, values};
use crate::cli::{Exit, Result, held, say};
use crate::vars::files::unreadable;

/// What stands for a key where there are none: the content is no YAML, or nothing at hand opens it.
const WHOLE: &str = "(the whole file)";
/// The file of the key, in git's directory.
const KEY: &str = "rprov-digest-key";

pub(in crate::cli::secrets) fn run(args: &TextconvArgs, basis: &Basis) -> Result {
    let path = Path::new(&args.file);
    let bytes = fs::read(path).map_err(|error| vec![unreadable(path, &error)])?;
    let key = key()?;
    // Nobody is asked in the middle of a `git log`.
    let passwords = Passwords::new(&args.passwords, basis, Otherwise::Silent)?;
    let lines: Vec<(String, String)> = match Form::open(path, &bytes, &passwords) {
        // A text that is no YAML.
        Ok((Form::Whole(_), clear)) if values(&clear).is_empty() => {
            vec![(WHOLE.to_owned(), clear.to_string())]
        }
        Ok((_, clear)) => {
            let pair =
                |value: rprov_vault::Value| (value.path.to_string(), value.source.to_string());
            values(&clear).into_iter().map(pair).collect()
        }
        // A ciphertext changes with its value.
        Err(_) if rprov_vault::mode(&bytes) == Some(Mode::Values) => {
            let sealed = rprov_vault::sealed_values(&bytes).unwrap_or_default();
            sealed.into_iter().map(|value| (value.path.to_string(), value.token)).collect()
        }
        Err(_) => vec![(WHOLE.to_owned(), String::from_utf8_lossy(&bytes).into_owned())],
    };
    for (path, value) in lines {
        say(&format!("{path}: {}\n", digest(&key, &path, &value)));
    }
    Ok(Exit::Ok)
}

fn digest(key: &[u8], path: &str, value: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes any length");
    mac.update(path.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    mac.finalize().into_bytes()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This clone's key; made when it is first needed.
fn key() -> Result<Vec<u8>> {
    let path = PathBuf::from(line(&["rev-parse", "--git-common-dir"])?).join(KEY);
    if let Ok(key) = fs::read(&path)
        && key.len() == 32
    {
        return Ok(key);
    }
    let key: [u8; 32] = rand::random();
    held::put(&path, &key)?;
    Ok(key.to_vec())
}
