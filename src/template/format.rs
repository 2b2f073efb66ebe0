//! Python's two ways to format text: `'%05.1f' % x` and `'{:>5}'.format(x)`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::python;

use super::error::failed;
use super::print;
use super::python::look;

/// `format % arguments`.
pub(super) fn percent(
    format: &str,
    args: &[Value],
    named: &[(String, Value)],
) -> Result<String, Error> {
    let mut out = String::new();
    let mut args = args.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut key = None;
        if chars.next_if_eq(&'(').is_some() {
            key = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut spec = Spec { key: key.is_some(), ..Spec::default() };
        while let Some(flag) = chars.next_if(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.space = true,
                '#' => spec.alternate = true,
                _ => spec.zero = true,
            }
        }
        let short = || failed("not enough arguments for the format");
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
                      args: &mut std::slice::Iter<'_, Value>| {
            if chars.next_if_eq(&'*').is_some() {
                return args
                    .next()
                    .and_then(super::call::whole)
                    .and_then(|n| usize::try_from(n).ok());
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse().ok()
        };
        spec.width = number(&mut chars, &mut args).unwrap_or(0).min(100_000);
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut chars, &mut args).unwrap_or(0).min(100_000));
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let kind = chars.next().ok_or_else(|| failed("incomplete format"))?;
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match &key {
            Some(key) => {
                named.iter().find(|(name, _)| name == key).map(|(_, value)| value).ok_or_else(
                    || failed(format!("the format needs `{key}`, which is not given")),
                )?
            }
            None => args.next().ok_or_else(short)?,
        };
        out.push_str(&spec.apply(kind, value)?);
    }
    if args.next().is_some() {
        return Err(failed("not all arguments converted during string formatting"));
    }
    Ok(out)
}

#[derive(Default)]
struct Spec {
    key: bool,
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn apply(&self, kind: char, value: &Value) -> Result<String, Error> {
        let numeric = || match value.kind() {
            ValueKind::Number => f64::try_from(value.clone()).ok(),
            ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
            _ => None,
        };
        let refused = |what: &str| {
            failed(format!("%{kind} format: {what} is required, not {}", print::type_name(value)))
        };
        let whole = || match print::float(value) {
            Some(number) => Some(number as i128),
            None if value.kind() == ValueKind::Bool => Some(i128::from(value.is_true())),
            None => {
                i128::try_from(value.clone()).ok().filter(|_| value.kind() == ValueKind::Number)
            }
        };
        let body = match kind {
            's' | 'r' | 'a' => {
                let text = if kind == 's' { print::text(value) } else { print::repr(value) };
                let text = match self.precision {
                    Some(precision) => text.chars().take(precision).collect(),
                    None => text,
                };
                return Ok(self.pad(text, false));
            }
            'c' => {
                return Ok(self.pad(
                    value.as_str().map_or_else(
                        || {
                            whole()
                                .and_then(|n| u32::try_from(n).ok())
                                .and_then(char::from_u32)
                                .map(String::from)
                                .unwrap_or_default()
                        },
                        str::to_owned,
                    ),
                    false,
                ));
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let number = whole().ok_or_else(|| {
                    refused(if "diu".contains(kind) { "a real number" } else { "an integer" })
                })?;
                let digits = match kind {
                    'x' => format!("{:x}", number.unsigned_abs()),
                    'X' => format!("{:X}", number.unsigned_abs()),
                    'o' => format!("{:o}", number.unsigned_abs()),
                    _ => number.unsigned_abs().to_string(),
                };
                let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
                let prefix = match (self.alternate, kind) {
                    (true, 'x') => "0x",
                    (true, 'X') => "0X",
                    (true, 'o') => "0o",
                    _ => "",
                };
                (number < 0, format!("{prefix}{digits}"))
            }
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let number = numeric().ok_or_else(|| refused("a real number"))?;
                let text = float_format(number.abs(), kind, self.precision.unwrap_or(6));
                (number.is_sign_negative(), text)
            }
            other => return Err(failed(format!("unsupported format character `{other}`"))),
        };
        let sign = match body.0 {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        };
        if self.zero && !self.left {
            let width = self.width.saturating_sub(sign.len());
            return Ok(format!("{sign}{:0>width$}", body.1));
        }
        Ok(self.pad(format!("{sign}{}", body.1), true))
    }

    fn pad(&self, text: String, _number: bool) -> String {
        let _ = self.key;
        let width = self.width;
        if self.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }
}

/// A number that is not negative, in one of C's float formats.
pub(super) fn float_format(number: f64, kind: char, precision: usize) -> String {
    let exponent_form = |precision: usize| {
        let text = format!("{number:.precision$e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        (digits.to_owned(), exponent, format!("{digits}e{sign}{:02}", exponent.abs()))
    };
    let text = match kind.to_ascii_lowercase() {
        _ if number.is_nan() => "nan".to_owned(),
        _ if number.is_infinite() => "inf".to_owned(),
        'f' => format!("{number:.precision$}"),
        'e' => exponent_form(precision).2,
        _ => {
            let precision = precision.max(1);
            let (_, exponent, scientific) = exponent_form(precision - 1);
            let trimmed = |text: &str| match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text.to_owned(),
            };
            if exponent < -4 || exponent >= precision as i32 {
                let (digits, rest) = scientific.split_once('e').unwrap_or((&scientific, ""));
                format!("{}e{rest}", trimmed(digits))
            } else {
                let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
                trimmed(&format!("{number:.decimals$}"))
            }
        }
    };
    if kind.is_ascii_uppercase() { text.to_uppercase() } else { text }
}

/// `text.format(…)`: fields by number, by name, with attributes and a format after `:`.
pub(super) fn format(
    text: &str,
    args: &[Value],
    named: &[(Value, Value)],
) -> Result<String, Error> {
    let mut out = String::new();
    let mut next = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.next_if_eq(&'{').is_some() => out.push('{'),
            '}' if chars.next_if_eq(&'}').is_some() => out.push('}'),
            '}' => return Err(failed("single `}` in the format")),
            '{' => {
                let mut field = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) => field.push(c),
                        None => return Err(failed("`{` without `}` in the format")),
                    }
                }
                let (field, spec) = field.split_once(':').unwrap_or((&field, ""));
                let (field, conversion) = field.split_once('!').unwrap_or((field, ""));
                let end = field.find(['.', '[']).unwrap_or(field.len());
                let (head, path) = field.split_at(end);
                let position = if head.is_empty() {
                    next += 1;
                    Some(next - 1)
                } else {
                    head.parse::<usize>().ok()
                };
                let found = match position {
                    Some(index) => args.get(index).cloned(),
                    None => named
                        .iter()
                        .find(|(name, _)| name.as_str() == Some(head))
                        .map(|(_, value)| value.clone()),
                };
                let mut value = found.ok_or_else(|| {
                    failed(format!("the format needs `{field}`, which is not given"))
                })?;
                for part in path
                    .split(['.', '['])
                    .map(|part| part.trim_end_matches(']'))
                    .filter(|part| !part.is_empty())
                {
                    let key = part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from);
                    value = look(&value, &key)?.ok_or_else(|| {
                        failed(format!("the format finds no `{part}` in `{head}`"))
                    })?;
                }
                if conversion == "r" {
                    value = Value::from(print::repr(&value));
                }
                out.push_str(&format_spec(&value, spec)?);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// `[[fill]align][sign][#][0][width][,][.precision][type]`
fn format_spec(value: &Value, spec: &str) -> Result<String, Error> {
    let chars: Vec<char> = spec.chars().collect();
    let is_align = |c: Option<&char>| c.is_some_and(|c| "<>^=".contains(*c));
    let (fill, align, mut at) = if is_align(chars.get(1)) {
        (chars[0], Some(chars[1]), 2)
    } else if is_align(chars.first()) {
        (' ', Some(chars[0]), 1)
    } else {
        (' ', None, 0)
    };
    let mut take = |set: &str| {
        let found = chars.get(at).copied().filter(|c| set.contains(*c));
        at += usize::from(found.is_some());
        found
    };
    let sign = take("+- ");
    let alternate = take("#").is_some();
    let zero = take("0").is_some();
    let number = |take: &mut dyn FnMut(&str) -> Option<char>| {
        let mut digits = String::new();
        while let Some(digit) = take("0123456789") {
            digits.push(digit);
        }
        digits.parse::<usize>().ok().map(|n| n.min(100_000))
    };
    let width = number(&mut take).unwrap_or(0);
    let group = take(",_");
    let precision = if take(".").is_some() { number(&mut take) } else { None };
    let kind = take("sdxXobceEfFgGn%");
    if at < chars.len() {
        return Err(failed(format!("invalid format `{spec}`")));
    }
    let numeric = matches!(value.kind(), ValueKind::Number)
        || value.kind() == ValueKind::Bool && kind.is_some_and(|k| k != 's');
    let (prefix, body) = if numeric {
        let whole = super::call::whole(value).filter(|_| print::float(value).is_none());
        let real = f64::try_from(value.clone()).unwrap_or_default();
        let negative = real.is_sign_negative() && real != 0.0;
        let mark = if negative {
            "-"
        } else if sign == Some('+') {
            "+"
        } else if sign == Some(' ') {
            " "
        } else {
            ""
        };
        let body = match (kind, whole) {
            (Some('x'), Some(n)) => {
                format!("{}{:x}", if alternate { "0x" } else { "" }, n.unsigned_abs())
            }
            (Some('X'), Some(n)) => {
                format!("{}{:X}", if alternate { "0X" } else { "" }, n.unsigned_abs())
            }
            (Some('o'), Some(n)) => {
                format!("{}{:o}", if alternate { "0o" } else { "" }, n.unsigned_abs())
            }
            (Some('b'), Some(n)) => {
                format!("{}{:b}", if alternate { "0b" } else { "" }, n.unsigned_abs())
            }
            (Some('c'), Some(n)) => {
                u32::try_from(n).ok().and_then(char::from_u32).map(String::from).unwrap_or_default()
            }
            (None | Some('d' | 'n'), Some(n)) => grouped(&n.unsigned_abs().to_string(), group),
            (Some('%'), _) => {
                format!("{}%", float_format(real.abs() * 100.0, 'f', precision.unwrap_or(6)))
            }
            (Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G')), _) => {
                grouped(&float_format(real.abs(), kind, precision.unwrap_or(6)), group)
            }
            (None, None) => match precision {
                Some(precision) => float_format(real.abs(), 'g', precision),
                None => python::float(real.abs()),
            },
            (Some(kind), _) => {
                return Err(failed(format!("unknown format code `{kind}` for a number")));
            }
        };
        (mark.to_owned(), body)
    } else {
        if kind.is_some_and(|kind| kind != 's') {
            return Err(failed(format!(
                "invalid format `{spec}` for a value of type '{}'",
                print::type_name(value)
            )));
        }
        let text = print::text(value);
        (
            String::new(),
            match precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text,
            },
        )
    };
    let length = prefix.chars().count() + body.chars().count();
    let pad = width.saturating_sub(length);
    let filled = |n: usize, fill: char| fill.to_string().repeat(n);
    if zero && align.is_none() || align == Some('=') {
        let fill = if zero && align.is_none() { '0' } else { fill };
        return Ok(format!("{prefix}{}{body}", filled(pad, fill)));
    }
    let (left, right) = match align.unwrap_or(if numeric { '>' } else { '<' }) {
        '<' => (0, pad),
        '^' => (pad / 2, pad - pad / 2),
        _ => (pad, 0),
    };
    Ok(format!("{}{prefix}{body}{}", filled(left, fill), filled(right, fill)))
}

fn grouped(digits: &str, mark: Option<char>) -> String {
    let Some(mark) = mark else { return digits.to_owned() };
    let end = digits.find('.').unwrap_or(digits.len());
    let mut out = String::new();
    for (i, c) in digits.char_indices() {
        if i > 0 && i < end && (end - i).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(c);
    }
    out
}
