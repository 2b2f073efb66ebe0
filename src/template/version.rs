//! The test `version`: loose, strict, semantic and PEP 440 ordering.

use std::cmp::Ordering;

use minijinja::{Error, Value};

use super::call::Call;
use super::error::failed;
use super::print;

pub(super) fn test(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (ours, theirs) = (print::text(call.value()), print::text(call.required(0, "version")?));
    let operator = call.text(1, "operator", "eq");
    let strict = call.flag(2, "strict", false);
    let kind = match (call.text(3, "version_type", ""), strict) {
        (kind, false) if kind.is_empty() => "loose".to_owned(),
        (kind, true) if kind.is_empty() => "strict".to_owned(),
        (_, true) => return Err(failed("`version` takes either `strict` or `version_type`")),
        (kind, false) => kind,
    };
    if ours.is_empty() || theirs.is_empty() {
        return Err(failed("`version` expects two versions, found an empty one"));
    }
    let order = match kind.as_str() {
        "loose" => loose(&ours, &theirs)?,
        "strict" => strictly(&ours)?.cmp(&strictly(&theirs)?),
        "semver" | "semantic" => semantic(&ours)?.cmp(&semantic(&theirs)?),
        "pep440" => pep440(&ours)?.cmp(&pep440(&theirs)?),
        _ => {
            return Err(failed(format!(
                "unknown version type `{kind}`: expected loose, strict, semver, semantic or pep440"
            )));
        }
    };
    let holds = match operator.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        _ => {
            return Err(failed(format!(
                "unknown version operator `{operator}`: expected ==, =, eq, !=, <>, ne, <, lt, <=, le, >, gt, >= or ge"
            )));
        }
    };
    Ok(Value::from(holds))
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

/// Digits, lower-case letters and everything between; dots only separate.
fn parts(text: &str) -> Vec<Part> {
    let class = |c: char| match c {
        '0'..='9' => 0,
        'a'..='z' => 1,
        '.' => 2,
        _ => 3,
    };
    let mut parts: Vec<String> = Vec::new();
    let mut last = 2;
    for c in text.chars() {
        let kind = class(c);
        match parts.last_mut().filter(|_| kind == last && kind != 2) {
            Some(part) => part.push(c),
            None if kind != 2 => parts.push(c.to_string()),
            None => {}
        }
        last = kind;
    }
    parts.into_iter().map(|part| part.parse().map_or(Part::Word(part), Part::Number)).collect()
}

pub(super) fn loose(a: &str, b: &str) -> Result<Ordering, Error> {
    let (a_parts, b_parts) = (parts(a), parts(b));
    for (x, y) in a_parts.iter().zip(&b_parts) {
        match (x, y) {
            (Part::Number(_), Part::Word(_)) | (Part::Word(_), Part::Number(_)) => {
                return Err(failed(format!(
                    "the versions `{a}` and `{b}` cannot be compared: one has a word where the other has a number"
                )));
            }
            _ if x != y => return Ok(x.cmp(y)),
            _ => {}
        }
    }
    Ok(a_parts.len().cmp(&b_parts.len()))
}

fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split('.');
    for number in &mut numbers {
        let part = parts.next()?;
        *number = part.parse().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()))?;
    }
    parts.next().is_none().then_some(numbers)
}

/// `1.2`, `1.2.3`, `1.2a1`, `1.2.3b4`.
fn strictly(text: &str) -> Result<([u64; 3], (u8, u64)), Error> {
    let invalid = || failed(format!("invalid version number `{text}`"));
    let (release, pre) = match text.find(['a', 'b']) {
        Some(at) => {
            let number = text[at + 1..].parse().map_err(|_| invalid())?;
            (&text[..at], (text.as_bytes()[at] - b'a', number))
        }
        None => (text, (9, 0)),
    };
    let numbers = numbers::<3>(release).or_else(|| numbers::<2>(release).map(|[a, b]| [a, b, 0]));
    numbers.map(|numbers| (numbers, pre)).ok_or_else(invalid)
}

/// Release, then pre-release: one without any comes after all with one.
fn semantic(text: &str) -> Result<([u64; 3], bool, Vec<Part>), Error> {
    let invalid = || failed(format!("invalid semantic version `{text}`"));
    let bare = text.split_once('+').map_or(text, |(bare, _)| bare);
    let (release, pre) =
        bare.split_once('-').map_or((bare, None), |(release, pre)| (release, Some(pre)));
    let numbers = numbers::<3>(release).ok_or_else(invalid)?;
    let Some(pre) = pre else { return Ok((numbers, true, Vec::new())) };
    let part = |part: &str| match part {
        "" => Err(invalid()),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map(Part::Number).map_err(|_| invalid())
        }
        word => Ok(Part::Word(word.to_owned())),
    };
    Ok((numbers, false, pre.split('.').map(part).collect::<Result<_, _>>()?))
}

type Pep440 = (u64, Vec<u64>, (u8, u64), (bool, u64), (u8, u64));

/// Epoch, release, pre-release, post-release, development release.
fn pep440(text: &str) -> Result<Pep440, Error> {
    let invalid = || failed(format!("invalid version `{text}`"));
    let lower = text.trim().to_lowercase();
    let bare = lower.split('+').next().unwrap_or_default().trim_start_matches('v');
    let (epoch, rest) = match bare.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().map_err(|_| invalid())?, rest),
        None => (0, bare),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let mut release: Vec<u64> = Vec::new();
    for part in rest[..end].trim_end_matches('.').split('.') {
        release.push(part.parse().map_err(|_| invalid())?);
    }
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let (mut pre, mut post, mut dev) = (None, (false, 0), None);
    let mut rest = rest[end..].trim_start_matches(['.', '-', '_']);
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let after = rest[word..].trim_start_matches(['.', '-', '_']);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let number =
            if digits == 0 { 0 } else { after[..digits].parse().map_err(|_| invalid())? };
        match &rest[..word] {
            "a" | "alpha" => pre = Some((1, number)),
            "b" | "beta" => pre = Some((2, number)),
            "rc" | "c" | "pre" | "preview" => pre = Some((3, number)),
            "post" | "rev" | "r" => post = (true, number),
            "dev" => dev = Some((0, number)),
            _ => return Err(invalid()),
        }
        rest = after[digits..].trim_start_matches(['.', '-', '_']);
    }
    // A development release without anything else comes before the pre-releases.
    let pre = pre.unwrap_or(if dev.is_some() && !post.0 { (0, 0) } else { (9, 0) });
    Ok((epoch, release, pre, post, dev.unwrap_or((1, 0))))
}
