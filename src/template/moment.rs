//! Points in time and the spans between them, as Python's `datetime` and `timedelta` show them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Zoned};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::error::failed;
use super::filters::time::formatted;
use super::print;

/// A date with a time of day, and its distance from UTC if it is known.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) civil: DateTime,
    pub(super) offset: Option<Offset>,
}

/// The time between two moments.
#[derive(Debug, Clone)]
pub(super) struct Span(SignedDuration);

/// Whether the value is one of these.
pub(super) fn is_time(value: &Value) -> bool {
    value.downcast_object_ref::<Moment>().is_some() || value.downcast_object_ref::<Span>().is_some()
}

impl Moment {
    fn zoned(&self) -> Result<Zoned, Error> {
        let zone = self.offset.map_or_else(TimeZone::system, TimeZone::fixed);
        self.civil.to_zoned(zone).map_err(|error| failed(error.to_string()))
    }

    /// The time since another; both or neither must know its distance from UTC.
    fn since(&self, other: &Moment) -> Result<SignedDuration, Error> {
        match (self.offset, other.offset) {
            (None, None) => Ok(self.civil.duration_since(other.civil)),
            (Some(_), Some(_)) => {
                Ok(self.zoned()?.timestamp().duration_since(other.zoned()?.timestamp()))
            }
            _ => Err(failed("a time with a zone and one without cannot be compared")),
        }
    }
}

/// `a - b` where one is a time; none if neither is.
pub(super) fn minus(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    if !is_time(a) && !is_time(b) {
        return None;
    }
    let too_far = |_: jiff::Error| failed("the time is out of range");
    let of = |value: &Value| value.downcast_object_ref::<Span>().map(|span| span.0);
    Some(match (a.downcast_object_ref::<Moment>(), b.downcast_object_ref::<Moment>()) {
        (Some(a), Some(b)) => a.since(b).map(|span| Value::from_object(Span(span))),
        (Some(a), None) if of(b).is_some() => {
            let moved = a.civil.checked_sub(of(b).unwrap_or_default()).map_err(too_far);
            moved.map(|civil| Value::from_object(Moment { civil, offset: a.offset }))
        }
        _ => match (of(a), of(b)) {
            (Some(a), Some(b)) => Ok(Value::from_object(Span(a.saturating_sub(b)))),
            _ => {
                let (a, b) = (print::type_name(a), print::type_name(b));
                Err(failed(format!("unsupported operand type(s) for -: '{a}' and '{b}'")))
            }
        },
    })
}

/// The order of two times; none if they are not both moments or both spans.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Result<Ordering, Error>> {
    if let (Some(a), Some(b)) =
        (a.downcast_object_ref::<Moment>(), b.downcast_object_ref::<Moment>())
    {
        return Some(a.since(b).map(|span| span.cmp(&SignedDuration::ZERO)));
    }
    let span = |value: &Value| value.downcast_object_ref::<Span>().map(|span| span.0);
    Some(Ok(span(a)?.cmp(&span(b)?)))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.civil.subsec_nanosecond() / 1000;
        write!(f, "{}", self.civil.strftime("%Y-%m-%d %H:%M:%S"))?;
        if micros > 0 {
            write!(f, ".{micros:06}")?;
        }
        match self.offset {
            Some(offset) => {
                let (sign, seconds) =
                    (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().abs());
                write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
            }
            None => Ok(()),
        }
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Moment>()?;
        self.since(other).ok().map(|span| span.cmp(&SignedDuration::ZERO))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.civil.year()),
            "month" => Value::from(self.civil.month()),
            "day" => Value::from(self.civil.day()),
            "hour" => Value::from(self.civil.hour()),
            "minute" => Value::from(self.civil.minute()),
            "second" => Value::from(self.civil.second()),
            "microsecond" => Value::from(self.civil.subsec_nanosecond() / 1000),
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
            ("strftime", [format]) => formatted(&print::text(format), &self.zoned()?),
            ("isoformat", []) => Ok(Value::from(self.to_string().replacen(' ', "T", 1))),
            ("isoformat", [separator]) => {
                Ok(Value::from(self.to_string().replacen(' ', &print::text(separator), 1)))
            }
            ("timestamp", []) => {
                Ok(Value::from(self.zoned()?.timestamp().as_microsecond() as f64 / 1e6))
            }
            ("date", []) => Ok(Value::from(self.civil.date().to_string())),
            ("time", []) => Ok(Value::from(self.civil.strftime("%H:%M:%S").to_string())),
            ("weekday", []) => Ok(Value::from(self.civil.weekday().to_monday_zero_offset())),
            ("isoweekday", []) => Ok(Value::from(self.civil.weekday().to_monday_one_offset())),
            _ => Err(minijinja::ErrorKind::UnknownMethod.into()),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl Span {
    /// Whole days, seconds of the rest and microseconds of that; only days are negative.
    fn parts(&self) -> (i64, i64, i64) {
        let micros = self.0.as_micros();
        let day = 86_400_000_000;
        let (days, rest) = (micros.div_euclid(day), micros.rem_euclid(day) as i64);
        (days as i64, rest / 1_000_000, rest % 1_000_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds, micros) = self.parts();
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros > 0 { write!(f, ".{micros:06}") } else { Ok(()) }
    }
}

impl Object for Span {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Span>()?.0))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (days, seconds, micros) = self.parts();
        Some(Value::from(match key.as_str()? {
            "days" => days,
            "seconds" => seconds,
            "microseconds" => micros,
            _ => return None,
        }))
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match (method, args) {
            ("total_seconds", []) => Ok(Value::from(self.0.as_secs_f64())),
            _ => Err(minijinja::ErrorKind::UnknownMethod.into()),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
