//! The type of a plain YAML scalar by the rules of YAML 1.1 as PyYAML applies them.
//!
//! Ansible's files are written for these rules: `yes` is true, `0644` is 420, `1:30` is 90 and
//! `1e3` is a string. Dates stay strings: Ansible's own loader turns them into text when used.
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
    if let Some(int) = int(text) {
        return Resolved::Int(int);
    }
    if let Some(float) = float(text) {
        return Resolved::Float(float);
    }
    Resolved::Str
}

fn sign(text: &str) -> (i128, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    }
}

fn int(text: &str) -> Option<i128> {
    let (sign, body) = sign(text);
    let digits = |body: &str, radix: u32| -> Option<i128> {
        let clean: String = body.chars().filter(|c| *c != '_').collect();
        if body.is_empty() || !body.chars().all(|c| c == '_' || c.is_digit(radix)) {
            return None;
        }
        i128::from_str_radix(if clean.is_empty() { "0" } else { &clean }, radix).ok()
    };
    let value = if let Some(rest) = body.strip_prefix("0b") {
        digits(rest, 2).filter(|_| rest.contains(['0', '1']))?
    } else if let Some(rest) = body.strip_prefix("0x") {
        digits(rest, 16).filter(|_| rest.contains(|c: char| c.is_ascii_hexdigit()))?
    } else if body == "0" {
        0
    } else if let Some(rest) = body.strip_prefix('0') {
        // `0_` and `0__` are 0: the underscores are dropped before the number is read.
        digits(rest, 8)?
    } else if body.contains(':') {
        sexagesimal(body)?
    } else {
        digits(body, 10).filter(|_| body.starts_with(|c: char| c.is_ascii_digit()))?
    };
    Some(sign * value)
}

/// `[1-9][0-9_]*(:[0-5]?[0-9])+`
fn sexagesimal(body: &str) -> Option<i128> {
    let mut parts = body.split(':');
    let head = parts.next()?;
    if !head.starts_with(|c: char| ('1'..='9').contains(&c))
        || !head.chars().all(|c| c.is_ascii_digit() || c == '_')
    {
        return None;
    }
    let mut value: i128 = head.replace('_', "").parse().ok()?;
    for part in parts {
        value = value.checked_mul(60)?.checked_add(sixtieths(part)?)?;
    }
    Some(value)
}

/// `[0-5]?[0-9]`
fn sixtieths(part: &str) -> Option<i128> {
    let ok = match part.as_bytes() {
        [b] => b.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    ok.then(|| part.parse().ok()).flatten()
}

fn float(text: &str) -> Option<f64> {
    let (sign, body) = sign(text);
    let sign = if sign < 0 { -1.0 } else { 1.0 };
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        // A signed `.nan` is a string.
        ".nan" | ".NaN" | ".NAN" if text == body => return Some(f64::NAN),
        _ => {}
    }
    let (whole, fraction) = body.split_once('.')?;
    if whole.contains(':') {
        // `1:30.5`: sixtieths with a fraction.
        let mut parts = whole.split(':');
        let head = parts.next().filter(|h| {
            h.starts_with(|c: char| c.is_ascii_digit())
                && h.chars().all(|c| c.is_ascii_digit() || c == '_')
        })?;
        let mut value: f64 = head.replace('_', "").parse().ok()?;
        for part in parts {
            value = value * 60.0 + sixtieths(part)? as f64;
        }
        if !fraction.chars().all(|c| c.is_ascii_digit() || c == '_') {
            return None;
        }
        let fraction: f64 = format!("0.{}", fraction.replace('_', "")).parse().ok()?;
        return Some(sign * (value + fraction));
    }
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    let word = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    let head = match whole.is_empty() {
        // `.5` is a number, `._5` and `.` are not.
        true => text == body && digits.starts_with(|c: char| c.is_ascii_digit()),
        false => whole.starts_with(|c: char| c.is_ascii_digit()),
    };
    // The exponent's sign is required.
    let tail = exponent.is_none_or(|e| {
        e.len() > 1 && e.starts_with(['+', '-']) && e[1..].chars().all(|c| c.is_ascii_digit())
    });
    if !head || !word(whole) || !word(digits) || !tail {
        return None;
    }
    body.replace('_', "").parse::<f64>().ok().map(|value| sign * value)
}
