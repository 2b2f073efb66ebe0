//! Filters on numbers.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::{print, value};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("abs", abs),
    ("round", round),
    ("pow", |call| Ok(Value::from(number(call)?.powf(argument(call, "y", None)?)))),
    ("root", |call| {
        let base = argument(call, "base", Some(2.0))?;
        let number = number(call)?;
        let root = if base == 2.0 { number.sqrt() } else { number.powf(1.0 / base) };
        if root.is_nan() && !number.is_nan() {
            return Err(call.expected("a number that has such a root"));
        }
        Ok(Value::from(root))
    }),
    ("log", log),
    ("human_readable", human_readable),
    ("human_to_bytes", human_to_bytes),
    ("filesizeformat", filesizeformat),
];

fn number(call: &Call<'_, '_, '_>) -> Result<f64, Error> {
    match call.value().kind() {
        ValueKind::Number => f64::try_from(call.value().clone()),
        ValueKind::Bool => Ok(f64::from(u8::from(call.value().is_true()))),
        _ => Err(call.expected("a number")),
    }
}

fn argument(call: &Call<'_, '_, '_>, name: &str, default: Option<f64>) -> Result<f64, Error> {
    match (call.given(0, name), default) {
        (Some(value), _) => f64::try_from(value.clone())
            .map_err(|_| failed(format!("`{}` expects a number for `{name}`", call.name))),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(failed(format!("`{}` needs the argument `{name}`", call.name))),
    }
}

fn abs(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    match (value.kind(), print::float(value)) {
        (ValueKind::Number, Some(number)) => Ok(Value::from(number.abs())),
        (ValueKind::Number, None) => {
            i128::try_from(value.clone()).map(|number| value::integer(number.abs()))
        }
        (ValueKind::Bool, _) => Ok(Value::from(i64::from(value.is_true()))),
        _ => Err(call.expected("a number")),
    }
}

fn round(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let precision = i32::try_from(call.int(0, "precision", 0)?).unwrap_or(0).clamp(-300, 300);
    let method = call.text(1, "method", "common");
    let whole = print::float(call.value()).is_none();
    let number = number(call)?;
    let scale = 10f64.powi(precision);
    match method.as_str() {
        "common" if whole && precision >= 0 => Ok(call.value().clone()),
        "common" if whole => Ok(Value::from(
            half_even(number / 10f64.powi(-precision)) as i64
                * 10i64.pow(precision.unsigned_abs().min(18)),
        )),
        "common" => Ok(Value::from(rounded(number, precision))),
        "ceil" => Ok(Value::from((number * scale).ceil() / scale)),
        "floor" => Ok(Value::from((number * scale).floor() / scale)),
        _ => Err(failed("`round` expects the method `common`, `ceil` or `floor`")),
    }
}

/// `round(number, digits)` of Python: correct in decimal, ties to even.
fn rounded(number: f64, digits: i32) -> f64 {
    if digits < 0 {
        let scale = 10f64.powi(-digits);
        return half_even(number / scale) * scale;
    }
    format!("{number:.*}", digits as usize).parse().unwrap_or(number)
}

fn half_even(number: f64) -> f64 {
    number.round_ties_even()
}

fn log(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let number = number(call)?;
    if number <= 0.0 {
        return Err(failed("`log` expects a number above zero"));
    }
    let result = match call.given(0, "base") {
        None => number.ln(),
        Some(base) => match f64::try_from(base.clone())? {
            10.0 => number.log10(),
            base => number.ln() / base.ln(),
        },
    };
    Ok(Value::from(result))
}

/// Units and their sizes, largest first.
const UNITS: &[(char, f64)] = &[
    ('Y', 1208925819614629174706176.0),
    ('Z', 1180591620717411303424.0),
    ('E', 1152921504606846976.0),
    ('P', 1125899906842624.0),
    ('T', 1099511627776.0),
    ('G', 1073741824.0),
    ('M', 1048576.0),
    ('K', 1024.0),
    ('B', 1.0),
];

fn human_readable(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let bits = call.flag(0, "isbits", false);
    let wanted = call.given(1, "unit").map(|unit| print::text(unit).to_uppercase());
    let size = number(call)?;
    let by_unit = |unit: &str| {
        UNITS.iter().find(|(letter, _)| {
            unit.strip_prefix(*letter).is_some_and(|rest| rest.is_empty() || rest == "B")
        })
    };
    let unit = match wanted.as_deref().filter(|unit| !unit.is_empty()) {
        Some(unit) => by_unit(unit),
        None => UNITS.iter().find(|(_, limit)| size.abs() >= *limit),
    };
    let (letter, limit) = unit.copied().unwrap_or(('B', 1.0));
    let suffix = match (letter, bits) {
        ('B', true) => "bits".to_owned(),
        ('B', false) => "Bytes".to_owned(),
        (letter, true) => format!("{letter}b"),
        (letter, false) => format!("{letter}B"),
    };
    Ok(Value::from(format!("{:.2} {suffix}", size / limit)))
}

fn human_to_bytes(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let bits = call.flag(1, "isbits", false);
    let trimmed = text.trim();
    let refused = || {
        failed(format!(
            "`human_to_bytes` cannot read `{text}`: expected a number and a unit, as `10 MB`"
        ))
    };
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let number: f64 = trimmed[..end].parse().map_err(|_| refused())?;
    let unit = match trimmed[end..].trim() {
        "" => call.text(0, "default_unit", "B"),
        unit => unit.to_owned(),
    };
    let letter = unit.chars().next().map_or('B', |c| c.to_ascii_uppercase());
    let (_, size) = UNITS.iter().find(|(known, _)| *known == letter).ok_or_else(refused)?;
    let rest = unit.get(1..).unwrap_or_default();
    let (short, long) = if bits { ("b", "bit") } else { ("B", "byte") };
    let lower = unit.to_ascii_lowercase();
    let plain = letter == 'B' && (rest.is_empty() || lower == long || lower == format!("{long}s"));
    if !(rest.is_empty() || rest == short || plain) {
        return Err(refused());
    }
    Ok(value::integer((number * size).round_ties_even() as i128))
}

fn filesizeformat(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let binary = call.flag(0, "binary", false);
    let size = match call.value().as_str() {
        Some(text) => text.trim().parse().map_err(|_| call.expected("a number of bytes"))?,
        None => number(call)?,
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if size == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if size < base {
        return Ok(Value::from(format!("{} Bytes", size as i64)));
    }
    let names = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base;
    for (i, name) in names.iter().enumerate() {
        unit *= base;
        if size < unit || i + 1 == names.len() {
            return Ok(Value::from(format!("{:.1} {name}", base * size / unit)));
        }
    }
    Err(call.expected("a number of bytes"))
}

/// The operands of an operator on numbers; a truth value counts as one.
fn numbers(a: &Value, b: &Value, operator: char) -> Result<(Value, Value), Error> {
    let number = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number => Some(value.clone()),
        _ => None,
    };
    let (Some(x), Some(y)) = (number(a), number(b)) else {
        let (a, b) = (print::type_name(a), print::type_name(b));
        let message = format!("unsupported operand type(s) for {operator}: '{a}' and '{b}'");
        return Err(failed(message));
    };
    Ok((x, y))
}

/// `a % b` of Python: the result has the sign of `b`.
pub(super) fn remainder(a: &Value, b: &Value) -> Result<Value, Error> {
    let (x, y) = numbers(a, b, '%')?;
    match (print::float(&x), print::float(&y)) {
        (None, None) => {
            let (x, y) = (i128::try_from(x)?, i128::try_from(y)?);
            let rest = x.checked_rem(y).ok_or_else(|| failed("modulo by zero"))?;
            let rest = if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest };
            Ok(crate::template::value::integer(rest))
        }
        _ => {
            let (x, y) = (f64::try_from(x)?, f64::try_from(y)?);
            if y == 0.0 {
                return Err(failed("modulo by zero"));
            }
            let rest = x % y;
            Ok(Value::from(if rest != 0.0 && (rest < 0.0) != (y < 0.0) { rest + y } else { rest }))
        }
    }
}

/// `a - b`: of numbers or of times.
pub(in crate::template) fn minus(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (a, b) = (call.value(), call.required(0, "other")?);
    if let Some(result) = crate::template::moment::minus(a, b) {
        return result;
    }
    let (x, y) = numbers(a, b, '-')?;
    match (print::float(&x), print::float(&y)) {
        (None, None) => {
            let (x, y) = (i128::try_from(x)?, i128::try_from(y)?);
            let less = x.checked_sub(y).ok_or_else(|| failed("the difference is too large"))?;
            Ok(crate::template::value::integer(less))
        }
        _ => Ok(Value::from(f64::try_from(x)? - f64::try_from(y)?)),
    }
}
