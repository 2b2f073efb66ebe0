//! Points in time.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::moment::Moment;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("strftime", strftime), ("to_datetime", to_datetime)];

fn out_of_range(error: jiff::Error) -> Error {
    failed(error.to_string())
}

/// The present, here or in UTC.
pub(in crate::template) fn now(utc: bool, format: Option<&str>) -> Result<Value, Error> {
    let now = if utc { Zoned::now().with_time_zone(TimeZone::UTC) } else { Zoned::now() };
    match format {
        Some(format) => formatted(format, &now),
        None => Ok(Value::from_object(Moment { civil: now.datetime(), offset: None })),
    }
}

pub(in crate::template) fn formatted(format: &str, at: &Zoned) -> Result<Value, Error> {
    // What depends on the language is as in the C locale.
    let mut plain = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '%').then(|| chars.next()).flatten()) {
            ('%', Some('c')) => plain.push_str("%a %b %e %H:%M:%S %Y"),
            ('%', Some('x')) => plain.push_str("%m/%d/%y"),
            ('%', Some('X')) => plain.push_str("%H:%M:%S"),
            ('%', Some('f')) => plain.push_str(&format!("{:06}", at.subsec_nanosecond() / 1000)),
            (c, Some(next)) => plain.extend([c, next]),
            (c, None) => plain.push(c),
        }
    }
    jiff::fmt::strtime::format(&plain, at)
        .map(Value::from)
        .map_err(|error| failed(format!("cannot format a time: {error}")))
}

fn strftime(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let format = call.string()?.to_owned();
    let utc = call.flag(1, "utc", false);
    let at = match call.given(0, "second") {
        None => Timestamp::now(),
        Some(second) => {
            let refused = |_| {
                failed(format!(
                    "`strftime` expects seconds since 1970, found {}",
                    print::repr(second)
                ))
            };
            let seconds: f64 = match second.as_str() {
                Some(text) => text.trim().parse().map_err(|_| refused(()))?,
                None => f64::try_from(second.clone()).map_err(|_| refused(()))?,
            };
            Timestamp::from_microsecond((seconds * 1e6) as i64).map_err(out_of_range)?
        }
    };
    let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
    // The C library knows no parts of seconds, and calls the zone otherwise.
    let format = format.replace("%f", "%%f");
    let format = if utc { format.replace("%Z", "GMT") } else { format };
    formatted(&format, &at.to_zoned(zone))
}

fn to_datetime(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let format = call.text(0, "format", "%Y-%m-%d %H:%M:%S");
    let parsed = jiff::fmt::strtime::parse(&format, &text)
        .map_err(|error| failed(format!("`{text}` is no time of the form `{format}`: {error}")))?;
    let date = parsed.to_date().map_err(out_of_range)?;
    let time = parsed.to_time().unwrap_or(jiff::civil::Time::midnight());
    let offset = parsed.offset().filter(|_| format.contains("%z"));
    Ok(Value::from_object(Moment { civil: date.to_datetime(time), offset }))
}
