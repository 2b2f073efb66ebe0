//! What a filter, a function or a method needs and does not get makes its own value undefined, as in
//! Ansible: `default` and `is defined` behind it help. Operators are not so patient.

use minijinja::{Error, State, Value};

use super::error::{ErrorKind, unwrap};
use super::lazy::{Miss, here};

/// The result of what is called so, undefined itself where it needs something undefined; the reason is
/// kept in case somebody uses it all the same.
pub(super) fn on(
    state: &State<'_, '_>,
    called: &str,
    result: Result<Value, Error>,
) -> Result<Value, Error> {
    let error = match result {
        Err(error) if is_undefined(&error) => error,
        other => return other,
    };
    let Some(evaluation) = here(state) else { return Err(error) };
    match unwrap(&error) {
        Some(inner) => evaluation.miss(Miss::inner(called, inner.clone())),
        None => {
            let detail = error.detail().unwrap_or_default();
            let name =
                detail.strip_suffix("` is undefined").and_then(|rest| rest.strip_prefix('`'));
            if let Some(name) = name {
                let message = format!("`{name}` is undefined");
                let help = super::fault::did_you_mean(name, &evaluation);
                evaluation.miss(Miss { text: name.to_owned(), message, help, inner: None });
            } else {
                evaluation.say_where(called);
            }
        }
    }
    Ok(Value::UNDEFINED)
}

fn is_undefined(error: &Error) -> bool {
    match unwrap(error) {
        Some(inner) => inner.kind == ErrorKind::Undefined,
        None => error.kind() == minijinja::ErrorKind::UndefinedError,
    }
}
