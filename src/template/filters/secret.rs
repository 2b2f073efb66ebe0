//! Filters for keys of applications: `quote_plus`, and keys derived from a secret.

use minijinja::{Error, Value};

use crate::keys;
use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

/// Fewer characters than this can be guessed, and with them every key derived from them.
const SHORTEST: usize = 16;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("quote_plus", |call| Ok(Value::from(keys::quote_plus(print::text(call.value()).as_bytes())))),
    // Not new at each evaluation, or no task that has it would ever be settled.
    ("secretkey", |call| {
        let secret = secret(call)?;
        Ok(call.secret(never(keys::secret_key(keys::derived(secret.as_bytes(), "secretkey")))))
    }),
    ("apikey", |call| {
        let secret = secret(call)?;
        Ok(call.secret(never(keys::api_key(keys::derived(secret.as_bytes(), "apikey")))))
    }),
];

fn secret(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    let secret = print::text(call.value());
    match secret.chars().count() < SHORTEST {
        false => {
            call.secret(secret.clone());
            Ok(secret)
        }
        true => Err(failed(format!(
            "`{}` derives a key from a secret of at least {SHORTEST} characters, found a shorter one",
            call.name
        ))),
    }
}

fn never(key: Result<String, std::convert::Infallible>) -> String {
    key.unwrap_or_else(|never| match never {})
}
