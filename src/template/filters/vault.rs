//! Filters that make and open vault envelopes with a password that the template gives.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_vault::ansible::{Envelope, is_envelope, seal, seal_with};

use crate::template::call::{Body, Call, described};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("vault", vault), ("unvault", unvault)];

fn password(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    let secret = call.required(0, "secret")?;
    match secret.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(failed(format!(
            "`{}` expects a password as text, found {}",
            call.name,
            described(secret)
        ))),
    }
}

fn vault(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let plain = call.string()?.as_bytes();
    let password = password(call)?;
    let label = call.text(2, "vault_id", "filter_default");
    let sealed = match call.given(1, "salt").map(print::text).filter(|salt| !salt.is_empty()) {
        Some(salt) => seal_with(plain, password.as_bytes(), Some(&label), salt.as_bytes()),
        None => seal(plain, password.as_bytes(), Some(&label)),
    };
    sealed.map(Value::from).map_err(|error| failed(format!("`vault`: {error}")))
}

/// Text that is no envelope is given back.
fn unvault(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = match call.value().kind() {
        ValueKind::String => call.string()?,
        _ => return Err(call.expected("text")),
    };
    let password = password(call)?;
    if !is_envelope(text.as_bytes()) {
        return Ok(Value::from(text));
    }
    let opened = Envelope::parse(text.as_bytes())
        .and_then(|envelope| envelope.open(password.as_bytes()))
        .map_err(|error| failed(format!("`unvault`: {error}")))?;
    String::from_utf8(opened.to_vec())
        .map(Value::from)
        .map_err(|_| failed("`unvault`: the decrypted text is not UTF-8"))
}
