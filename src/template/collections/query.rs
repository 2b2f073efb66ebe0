//! `json_query`: JMESPath over a value.

use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;
use crate::template::value::{finalize, from_json};

pub(super) const FILTERS: &[(&str, Body)] = &[("json_query", json_query)];

fn json_query(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.required(0, "expr")?);
    let wrong =
        |error: jmespath::JmespathError| failed(format!("`json_query` with `{text}`: {error}"));
    let expression = jmespath::compile(&text).map_err(wrong)?;
    let data = finalize(call.value().clone())
        .map_err(|_| failed("`json_query` expects data without undefined parts"))?;
    let data = serde_json::to_value(&data)
        .map_err(|error| failed(format!("`json_query` cannot read the data: {error}")))?;
    let data = jmespath::Variable::try_from(data).map_err(wrong)?;
    let found = expression.search(data).map_err(wrong)?;
    let found = serde_json::to_value(&*found)
        .map_err(|error| failed(format!("`json_query` cannot give the result: {error}")))?;
    Ok(from_json(&found))
}
