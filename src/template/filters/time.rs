//! Points in time.

use std::fmt;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("strftime", strftime), ("to_datetime", to_datetime)];

/// A date with a time of day, as `to_datetime` and `now()` give it.
#[derive(Debug)]
pub(in crate::template) struct Moment(DateTime);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.subsec_nanosecond() / 1000;
        write!(f, "{}", self.0.strftime("%Y-%m-%d %H:%M:%S"))?;
        if micros > 0 { write!(f, ".{micros:06}") } else { Ok(()) }
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.0.year()),
            "month" => Value::from(self.0.month()),
            "day" => Value::from(self.0.day()),
            "hour" => Value::from(self.0.hour()),
            "minute" => Value::from(self.0.minute()),
            "second" => Value::from(self.0.second()),
            "microsecond" => Value::from(self.0.subsec_nanosecond() / 1000),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match (method, args) {
            ("strftime", [format]) => formatted(
                &print::text(format),
                &self.0.to_zoned(TimeZone::system()).map_err(out_of_range)?,
            ),
            ("isoformat", []) => Ok(Value::from(self.to_string().replacen(' ', "T", 1))),
            ("timestamp", []) => {
                let zoned = self.0.to_zoned(TimeZone::system()).map_err(out_of_range)?;
                Ok(Value::from(zoned.timestamp().as_microsecond() as f64 / 1e6))
            }
            ("weekday", []) => Ok(Value::from(self.0.weekday().to_monday_zero_offset())),
            _ => Err(minijinja::ErrorKind::UnknownMethod.into()),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

fn out_of_range(error: jiff::Error) -> Error {
    failed(error.to_string())
}

/// The present, here or in UTC.
pub(in crate::template) fn now(utc: bool, format: Option<&str>) -> Result<Value, Error> {
    let now = if utc { Zoned::now().with_time_zone(TimeZone::UTC) } else { Zoned::now() };
    match format {
        Some(format) => formatted(format, &now),
        None => Ok(Value::from_object(Moment(now.datetime()))),
    }
}

fn formatted(format: &str, at: &Zoned) -> Result<Value, Error> {
    jiff::fmt::strtime::format(format, at)
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
    formatted(&format, &at.to_zoned(zone))
}

fn to_datetime(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let format = call.text(0, "format", "%Y-%m-%d %H:%M:%S");
    let parsed = jiff::fmt::strtime::parse(&format, &text)
        .map_err(|error| failed(format!("`{text}` is no time of the form `{format}`: {error}")))?;
    let date = parsed.to_date().map_err(out_of_range)?;
    let time = parsed.to_time().unwrap_or(jiff::civil::Time::midnight());
    Ok(Value::from_object(Moment(date.to_datetime(time))))
}
