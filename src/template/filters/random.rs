//! Filters that choose by chance.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items, whole};
use crate::template::chance::Chance;
use crate::template::error::failed;

use super::choose::nothing;

pub(super) const FILTERS: &[(&str, Body)] = &[("random", random), ("shuffle", shuffle)];

fn random(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut chance = Chance::new(call.given(2, "seed"))?;
    if matches!(call.value().kind(), ValueKind::Number | ValueKind::Bool) {
        let end = whole(call.value()).ok_or_else(|| call.expected("a whole number or a list"))?;
        let (start, step) = (call.int(0, "start", 0)?, call.int(1, "step", 1)?);
        let count = match step {
            0 => 0,
            step => (i128::from(end) - i128::from(start) + i128::from(step - step.signum()))
                .div_euclid(i128::from(step)),
        };
        let count = u64::try_from(count).ok().filter(|count| *count > 0).ok_or_else(|| {
            failed(format!("`random` has nothing to choose from between {start} and {end}"))
        })?;
        return Ok(Value::from(start + step * chance.below(count) as i64));
    }
    if call.given(0, "start").is_some() || call.given(1, "step").is_some() {
        return Err(failed("`random` takes `start` and `step` only for a number"));
    }
    let items = call.items()?;
    Ok(match items.is_empty() {
        true => nothing(call.state, "no random item: the list is empty"),
        false => chance.choice(&items).clone(),
    })
}

fn shuffle(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut chance = Chance::new(call.given(0, "seed"))?;
    // As Ansible has it, what has no order is given back.
    let Some(mut items) = items(call.value()) else { return Ok(call.value().clone()) };
    chance.shuffle(&mut items);
    Ok(Value::from(items))
}
