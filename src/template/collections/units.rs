//! Filters that turn times as people write them (`1h 30m`) into one unit.

use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("to_time_unit", |call| {
        let unit = call.text(0, "unit", "ms");
        converted(call, &unit)
    }),
    ("to_milliseconds", |call| converted(call, "ms")),
    ("to_seconds", |call| converted(call, "s")),
    ("to_minutes", |call| converted(call, "m")),
    ("to_hours", |call| converted(call, "h")),
    ("to_days", |call| converted(call, "d")),
    ("to_weeks", |call| converted(call, "w")),
    ("to_months", |call| converted(call, "mo")),
    ("to_years", |call| converted(call, "y")),
];

/// The short name of a unit, its long ones, and its milliseconds.
const UNITS: &[(&str, &[&str], f64)] = &[
    ("ms", &["millisecond", "msec", "msecond"], 1.0),
    ("s", &["sec", "second"], 1e3),
    ("m", &["min", "minute"], 60e3),
    ("h", &["hour"], 3600e3),
    ("d", &["day"], DAY),
    ("w", &["week"], 7.0 * DAY),
    ("mo", &["month"], 30.0 * DAY),
    ("y", &["year"], 365.0 * DAY),
];
const DAY: f64 = 86400e3;

fn converted(call: &Call<'_, '_, '_>, unit: &str) -> Result<Value, Error> {
    let text = call.value().as_str().ok_or_else(|| call.expected("a time as text"))?;
    let mut days = [None, None];
    for (name, value) in &call.named {
        let at = ["year", "month"].iter().position(|known| known == name);
        match (at, f64::try_from(value.clone())) {
            (Some(at), Ok(number)) => days[at] = Some(number),
            _ if name == "unit" => {}
            _ => {
                return Err(failed(format!(
                    "`{}` takes `year` and `month` as numbers of days, found `{name}`",
                    call.name
                )));
            }
        }
    }
    let size = |name: &str| {
        let bare = name.trim_end_matches('s');
        let (short, _, size) =
            UNITS.iter().find(|(short, long, _)| *short == name || long.contains(&bare))?;
        Some(match (*short, days) {
            ("y", [Some(days), _]) | ("mo", [_, Some(days)]) => days * DAY,
            _ => *size,
        })
    };
    let wanted = size(unit).ok_or_else(|| {
        let known = UNITS.iter().map(|(short, ..)| *short).collect::<Vec<_>>().join(", ");
        failed(format!("`{unit}` is no unit of time: expected {known}"))
    })?;
    if text == "0" {
        return Ok(Value::from(0));
    }
    let mut total = 0.0;
    for word in text.split_whitespace() {
        let sign = usize::from(word.starts_with('-'));
        let end = word[sign..].find(|c: char| !c.is_ascii_digit()).map(|at| at + sign);
        let parsed = end.and_then(|end| {
            let number: f64 = word[..end].parse().ok()?;
            Some(number * size(&word[end..])?)
        });
        total += parsed.ok_or_else(|| {
            failed(format!(
                "`{}` cannot read {}: expected as `1h 30m`",
                call.name,
                print::repr(call.value())
            ))
        })?;
    }
    Ok(Value::from((total / wanted * 1e12).round() / 1e12))
}
