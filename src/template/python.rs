//! Python's rules where they differ from the engine's: looking into values and comparing them.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::nearest;

use super::call::{Body, Call, defined, items};
use super::error::{ErrorKind, failed, unwrap};
use super::filters::choose::Group;
use super::lazy::{Miss, here};
use super::value::valid;
use super::{fault, moment, print};

/// `a.b['c'][0]`: (value, text as written, keys…). An undefined value passes to the end.
pub(super) fn at(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.args.get(1).map(print::text).unwrap_or_default();
    let mut value = call.value().clone();
    if value.is_undefined() {
        let name = text.split(['.', '[']).next().unwrap_or_default().trim().to_owned();
        let evaluation = here(call.state);
        let help =
            evaluation.as_ref().and_then(|evaluation| fault::did_you_mean(&name, evaluation));
        let known =
            evaluation.as_ref().is_some_and(|evaluation| evaluation.cx.lookup(&name).is_some());
        if let Some(evaluation) = evaluation.filter(|_| !known && !name.is_empty()) {
            let message = format!("`{name}` is undefined");
            evaluation.miss(Miss { text: name, message, help, inner: None });
        }
        return Ok(Value::UNDEFINED);
    }
    for key in call.args.iter().skip(2) {
        if key.is_undefined() {
            defined(call.state, key)?;
        }
        match look(&value, key) {
            Ok(Some(next)) => value = next,
            Err(error) => match unwrap(&error) {
                Some(inner) if inner.kind == ErrorKind::Undefined => {
                    if let Some(evaluation) = here(call.state) {
                        evaluation.miss(Miss::inner(&text, inner.clone()));
                    }
                    return Ok(Value::UNDEFINED);
                }
                _ => return Err(error),
            },
            Ok(None) => {
                if let Some(evaluation) = here(call.state) {
                    evaluation.miss(missed(&text, &value, key));
                }
                return Ok(Value::UNDEFINED);
            }
        }
    }
    Ok(value)
}

/// The item or attribute of a value, if it has it.
pub(super) fn look(value: &Value, key: &Value) -> Result<Option<Value>, Error> {
    let found = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::String | ValueKind::Bytes => {
            match key.kind() {
                ValueKind::Number | ValueKind::Bool => value
                    .get_item(&super::call::whole(key).map_or_else(|| key.clone(), Value::from))?,
                _ => match value.downcast_object_ref::<Group>() {
                    Some(group) => group.named(key),
                    None => Value::UNDEFINED,
                },
            }
        }
        ValueKind::Map | ValueKind::Plain => value.get_item(key)?,
        _ => Value::UNDEFINED,
    };
    let found = valid(found)?;
    Ok((!found.is_undefined()).then_some(found))
}

fn missed(text: &str, value: &Value, key: &Value) -> Miss {
    let kind = print::type_name(value);
    let message = format!(
        "`{text}` is undefined: object of type '{kind}' has no attribute {}",
        print::repr(key)
    );
    let keys: Vec<String> = match value.kind() {
        ValueKind::Map => {
            value.try_iter().into_iter().flatten().take(500).map(|key| key.to_string()).collect()
        }
        _ => Vec::new(),
    };
    let near = key.as_str().and_then(|key| nearest(key, keys.iter().map(String::as_str)));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    Miss { text: text.to_owned(), message, help, inner: None }
}

/// What the rewriter puts in place of `<`, `<=`, `>`, `>=` and `in`.
pub(super) const COMPARISONS: &[(&str, Body)] = &[
    ("__lt", |call| holds(call, "<", Ordering::is_lt)),
    ("__le", |call| holds(call, "<=", Ordering::is_le)),
    ("__gt", |call| holds(call, ">", Ordering::is_gt)),
    ("__ge", |call| holds(call, ">=", Ordering::is_ge)),
    ("__in", |call| within(call).map(Value::from)),
    ("__not_in", |call| within(call).map(|found| Value::from(!found))),
];

/// `in`: a part of a text, an item of a list, a key of a mapping. What is undefined can be compared to
/// nothing; in what is empty nothing is compared.
fn within(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let container = call.required(0, "container")?.clone();
    defined(call.state, &container)?;
    let item = call.value().clone();
    if let Some(text) = container.as_str() {
        defined(call.state, &item)?;
        let part = item.as_str().ok_or_else(|| {
            let kind = print::type_name(&item);
            failed(format!("'in <string>' requires string as left operand, not {kind}"))
        })?;
        return Ok(text.contains(part));
    }
    let kind = print::type_name(&container);
    let parts = items(&container)
        .ok_or_else(|| failed(format!("argument of type '{kind}' is not iterable")))?;
    for part in &parts {
        defined(call.state, part)?;
        defined(call.state, &item)?;
        if *part == item {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(
    call: &mut Call<'_, '_, '_>,
    operator: &str,
    test: fn(Ordering) -> bool,
) -> Result<Value, Error> {
    Ok(Value::from(test(compare(call.value(), call.required(0, "other")?, operator)?)))
}

/// `<`, `<=`, `>` and `>=`: only values of one kind have an order.
pub(super) fn compare(a: &Value, b: &Value, operator: &str) -> Result<Ordering, Error> {
    let number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    let list = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    if number(a) && number(b) || a.as_str().is_some() && b.as_str().is_some() {
        let plain = |value: &Value| match value.kind() {
            ValueKind::Bool => Value::from(i64::from(value.is_true())),
            _ => value.clone(),
        };
        return Ok(plain(a).cmp(&plain(b)));
    }
    if list(a) && list(b) {
        let (a, b): (Vec<Value>, Vec<Value>) = (a.try_iter()?.collect(), b.try_iter()?.collect());
        for (a, b) in a.iter().zip(&b) {
            if a != b {
                return compare(a, b, operator);
            }
        }
        return Ok(a.len().cmp(&b.len()));
    }
    if let Some(order) = moment::compare(a, b) {
        return order;
    }
    let (a, b) = (print::type_name(a), print::type_name(b));
    Err(failed(format!("'{operator}' not supported between instances of '{a}' and '{b}'")))
}
