//! Tests (`x is …`).

use minijinja::{Error, Value};

use super::call::{Body, Call};

/// Every test by its name.
pub(super) const ALL: &[&[(&str, Body)]] = &[BASIC];

const BASIC: &[(&str, Body)] = &[("defined", defined), ("undefined", undefined)];

fn defined(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Ok(Value::from(!call.value().is_undefined()))
}

fn undefined(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Ok(Value::from(call.value().is_undefined()))
}
