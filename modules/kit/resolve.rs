//! The type of a plain YAML scalar by the rules of YAML 1.1 as PyYAML applies them.
//!
//! Ansible's files are written for these rules: `yes` is true, `0644` is 420, `1:30` is 90 and
//! `1e3` is a string. Three things differ from PyYAML, all on purpose: dates stay strings (Ansible's
//! own loader turns them into text when they are used), a number beyond 128 bits is a string, and
//! so is what PyYAML fails on (`0b_`).
//! Source of the patterns: <https://yaml.org/type/> and PyYAML's documented resolver.

/// What a scalar's text means.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str,
}

/// Resolves the text of an unquoted scalar.
pub fn plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        _ => {}
    }
    // Every number starts with one of these; most text does not.
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Resolved::Str;
    }
    if is_int(text) {
        return int(text).map_or(Resolved::Str, Resolved::Int);
    }
    if is_float(text) {
        return float(text).map_or(Resolved::Str, Resolved::Float);
    }
    Resolved::Str
}

/// Whether PyYAML reads this text as a string when it is not quoted. What it reads as a date or a
/// huge number is not one, although [`plain`] says so.
pub fn is_string(text: &str) -> bool {
    let typed = matches!(text, "=" | "<<" | "!" | "&" | "*")
        || is_int(text)
        || is_float(text)
        || is_timestamp(text);
    !typed && plain(text) == Resolved::Str
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

/// The first byte is one of `first`, all others of `rest`; underscores are allowed among them.
fn is_word(text: &str, first: fn(&u8) -> bool, rest: fn(&u8) -> bool) -> bool {
    let tail = text.bytes().skip(1).all(|b| b == b'_' || rest(&b));
    tail && text.bytes().next().is_some_and(|b| first(&b))
}

fn is_digits(text: &str) -> bool {
    is_word(text, u8::is_ascii_digit, u8::is_ascii_digit)
}

/// `[0-5]?[0-9]`
fn is_sixtieths(part: &str) -> bool {
    match part.as_bytes() {
        [b] => b.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    }
}

fn is_int(text: &str) -> bool {
    let body = unsigned(text);
    let decimal = |text: &str| is_word(text, |b| (b'1'..=b'9').contains(b), u8::is_ascii_digit);
    let radix = |rest: &str, digit: fn(&u8) -> bool| {
        !rest.is_empty() && rest.bytes().all(|b| b == b'_' || digit(&b))
    };
    if body == "0" || decimal(body) {
        return true;
    }
    if let Some(rest) = body.strip_prefix("0b") {
        return radix(rest, |b| matches!(b, b'0' | b'1'));
    }
    if let Some(rest) = body.strip_prefix("0x") {
        return radix(rest, u8::is_ascii_hexdigit);
    }
    if let Some(rest) = body.strip_prefix('0') {
        return radix(rest, |b| (b'0'..=b'7').contains(b));
    }
    match body.split_once(':') {
        Some((head, rest)) => decimal(head) && rest.split(':').all(is_sixtieths),
        None => false,
    }
}

fn int(text: &str) -> Option<i128> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let body = unsigned(text).replace('_', "");
    let value = if let Some(rest) = body.strip_prefix("0b") {
        i128::from_str_radix(rest, 2).ok()?
    } else if let Some(rest) = body.strip_prefix("0x") {
        i128::from_str_radix(rest, 16).ok()?
    } else if body.len() > 1 && body.starts_with('0') {
        i128::from_str_radix(&body, 8).ok()?
    } else {
        body.split(':')
            .try_fold(0i128, |value, part| value.checked_mul(60)?.checked_add(part.parse().ok()?))?
    };
    Some(sign * value)
}

fn is_float(text: &str) -> bool {
    let body = unsigned(text);
    match body {
        ".inf" | ".Inf" | ".INF" => return true,
        // A signed `.nan` is a string.
        ".nan" | ".NaN" | ".NAN" => return text == body,
        _ => {}
    }
    let Some((whole, rest)) = body.split_once('.') else { return false };
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    // The exponent's sign is required.
    let tail = exponent.is_none_or(|exponent| {
        exponent.len() > 1
            && exponent.starts_with(['+', '-'])
            && exponent[1..].bytes().all(|b| b.is_ascii_digit())
    });
    let fraction_ok = fraction.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    if let Some((head, sixtieths)) = whole.split_once(':') {
        return is_digits(head)
            && sixtieths.split(':').all(is_sixtieths)
            && fraction_ok
            && exponent.is_none();
    }
    match whole.is_empty() {
        // `.5` is a number; `._5`, `.` and `-.5` are not.
        true => text == body && is_digits(fraction) && tail,
        false => is_digits(whole) && fraction_ok && tail,
    }
}

fn float(text: &str) -> Option<f64> {
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let body = unsigned(text).replace('_', "").to_ascii_lowercase();
    let value = match &*body {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        body => {
            let (mut value, mut base) = (0.0, 1.0);
            for part in body.rsplit(':') {
                value += part.parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            value
        }
    };
    Some(sign * value)
}

/// `2001-01-23`, or `2001-1-2 3:04:05.6 +7:00` with a few freedoms.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |at: usize, most: usize| {
        bytes[at.min(bytes.len())..].iter().take(most).take_while(|b| b.is_ascii_digit()).count()
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let blanks = |at: usize| {
        bytes[at.min(bytes.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
    };
    if digits(0, 4) != 4 || !is(4, b'-') {
        return false;
    }
    let month = digits(5, 2);
    let day_at = 5 + month + 1;
    let day = digits(day_at, 2);
    if month == 0 || !is(day_at - 1, b'-') || day == 0 {
        return false;
    }
    let mut at = day_at + day;
    if at == bytes.len() {
        return month == 2 && day == 2;
    }
    let blank = blanks(at);
    at += match blank {
        0 if is(at, b'T') || is(at, b't') => 1,
        0 => return false,
        blank => blank,
    };
    let hour = digits(at, 2);
    at += hour;
    if hour == 0
        || !is(at, b':')
        || digits(at + 1, 2) != 2
        || !is(at + 3, b':')
        || digits(at + 4, 2) != 2
    {
        return false;
    }
    at += 6;
    if is(at, b'.') {
        at += 1 + digits(at + 1, usize::MAX);
    }
    if at == bytes.len() {
        return true;
    }
    at += blanks(at);
    if is(at, b'Z') {
        return at + 1 == bytes.len();
    }
    let zone = digits(at + 1, 2);
    if !(is(at, b'+') || is(at, b'-')) || zone == 0 {
        return false;
    }
    at += 1 + zone;
    at == bytes.len() || (is(at, b':') && digits(at + 1, 2) == 2 && at + 3 == bytes.len())
}
