//! The lookup `sequence`: numbers in a row, as text.

use minijinja::{Error, Value};

use super::super::error::failed;
use super::super::{format, print};
use super::Lookup;
use super::table::inline;

const OPTIONS: &[&str] = &["start", "end", "count", "stride", "format"];

/// More than this are refused: nobody means them.
const MOST: i64 = 1_000_000;

/// `start=1 end=5 stride=2 format=x%02d`, `count=3`, or short: `1-5/2:x%02d`.
pub(super) fn sequence(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(OPTIONS)?;
    let mut found = Vec::new();
    let terms = if lookup.terms.is_empty() { vec![Value::from("")] } else { lookup.terms.clone() };
    for term in terms {
        let mut wanted = Wanted::default();
        for (key, value) in &lookup.options {
            wanted.set(key, &print::text(value))?;
        }
        let text = print::text(&term);
        if text.contains('=') {
            let (rest, options) = inline(&text, OPTIONS)?;
            if !rest.is_empty() {
                return Err(unreadable(&text));
            }
            options.iter().try_for_each(|(key, value)| wanted.set(key, value))?;
        } else if !text.trim().is_empty() {
            wanted.short(text.trim())?;
        }
        wanted.numbers(&mut found)?;
    }
    Ok(found)
}

fn unreadable(text: &str) -> Error {
    failed(format!(
        "`sequence` cannot read `{text}`: expected as `start=1 end=5` or `1-5/2:item%02d`"
    ))
}

struct Wanted {
    start: i64,
    end: Option<i64>,
    count: Option<i64>,
    stride: i64,
    format: String,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { start: 1, end: None, count: None, stride: 1, format: "%d".to_owned() }
    }
}

impl Wanted {
    fn set(&mut self, key: &str, text: &str) -> Result<(), Error> {
        let number = || {
            text.trim().parse::<i64>().map_err(|_| {
                failed(format!("`{key}` of `sequence` is a whole number, found `{text}`"))
            })
        };
        match key {
            "start" => self.start = number()?,
            "end" => self.end = Some(number()?),
            "count" => self.count = Some(number()?),
            "stride" => self.stride = number()?,
            _ => self.format = text.to_owned(),
        }
        Ok(())
    }

    /// `[start-]end[/stride][:format]`; here numbers may be hexadecimal or octal.
    fn short(&mut self, text: &str) -> Result<(), Error> {
        let number = |digits: &str| {
            let parsed = match digits.get(..2) {
                Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
                _ if digits.len() > 1 && digits.starts_with('0') => {
                    i64::from_str_radix(digits.trim_start_matches(['0', 'o']), 8)
                }
                _ => digits.parse(),
            };
            parsed.map_err(|_| unreadable(text))
        };
        let (range, shape) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
        let (range, step) = range.split_once('/').map_or((range, None), |(a, b)| (a, Some(b)));
        let (first, last) = range.split_once('-').map_or((None, range), |(a, b)| (Some(a), b));
        if let Some(first) = first {
            self.start = number(first)?;
        }
        self.end = Some(number(last)?);
        if let Some(step) = step {
            self.stride = number(step)?;
        }
        self.format = shape.unwrap_or("%d").to_owned();
        Ok(())
    }

    fn numbers(&self, found: &mut Vec<Value>) -> Result<(), Error> {
        let (start, stride) = (self.start, self.stride);
        let end = match (self.end, self.count) {
            (Some(end), None) => end,
            (None, Some(0)) => return Ok(()),
            // As Ansible has it, a count downwards gives one number more.
            (None, Some(count)) => start
                .saturating_add(count.saturating_mul(stride))
                .saturating_sub(if stride < 0 { 0 } else { stride }),
            _ => return Err(failed("`sequence` needs either `end` or `count`")),
        };
        if stride == 0 {
            return Ok(());
        }
        if (stride > 0) != (end >= start) && end != start {
            let (way, sign) =
                if stride > 0 { ("backwards", "negative") } else { ("forward", "positive") };
            return Err(failed(format!(
                "`sequence` from {start} to {end} counts {way}: expected a {sign} `stride`, found {stride}"
            )));
        }
        if end.abs_diff(start) / stride.unsigned_abs() > MOST as u64 {
            return Err(failed("`sequence` gives more than a million items"));
        }
        let mut at = start;
        while if stride > 0 { at <= end } else { at >= end } {
            found.push(Value::from(format::percent(&self.format, &[Value::from(at)], &[])?));
            at += stride;
        }
        Ok(())
    }
}
