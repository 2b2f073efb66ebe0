//! Permission bits as people write them: `0644`, `"700"`, `u=rwX,g=rX,o-w`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A wanted file mode: bits, or symbolic changes to the bits there are.
///
/// A YAML number is taken as a number (`0644` is octal, `770` is decimal: 01402, as in Ansible); a
/// string of digits is octal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    Bits(u32),
    /// Clauses of `[ugoa]*[=+-]([rwxXst]*|[ugo])`, checked when read.
    Symbolic(Vec<Clause>),
    /// `preserve`: the mode of the source file.
    Preserve,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Letters of `ugo`; `a` is all three. Empty means all, less the umask.
    who: String,
    operator: char,
    what: String,
}

impl fmt::Display for Mode {
    /// As `chmod` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Bits(bits) => write!(f, "{bits:04o}"),
            Mode::Preserve => f.write_str("preserve"),
            Mode::Symbolic(clauses) => {
                for (number, clause) in clauses.iter().enumerate() {
                    let comma = if number > 0 { "," } else { "" };
                    write!(f, "{comma}{}{}{}", clause.who, clause.operator, clause.what)?;
                }
                Ok(())
            }
        }
    }
}

impl Mode {
    /// The bits a file should have, given those it has.
    ///
    /// `umask` counts where a clause names nobody, as in chmod.
    pub fn apply(&self, now: u32, directory: bool, umask: u32) -> u32 {
        match self {
            Mode::Bits(bits) => *bits,
            Mode::Preserve => now,
            Mode::Symbolic(clauses) => {
                clauses.iter().fold(now, |mode, clause| clause.apply(mode, directory, umask))
            }
        }
    }

    /// Reads a string: octal digits, a symbolic mode, or `preserve`.
    ///
    /// # Errors
    /// A message, if it is none of them.
    pub fn parse(text: &str) -> Result<Mode, String> {
        let text = text.trim();
        if text == "preserve" {
            return Ok(Mode::Preserve);
        }
        let digits = text.strip_prefix("0o").unwrap_or(text);
        if !digits.is_empty() && digits.chars().all(|c| c.is_digit(8)) {
            return match u32::from_str_radix(digits, 8) {
                Ok(bits) if bits <= 0o7777 => Ok(Mode::Bits(bits)),
                _ => Err(format!("expected a mode of at most 07777, found `{text}`")),
            };
        }
        let bad = || {
            format!(
                "expected an octal mode (`0644`) or a symbolic one (`u=rwX,g=rX,o=`), found `{text}`"
            )
        };
        let mut clauses = Vec::new();
        for part in text.split(',') {
            let at = part.find(['=', '+', '-']).ok_or_else(bad)?;
            let (who, mut rest) = part.split_at(at);
            if !who.chars().all(|c| "ugoa".contains(c)) {
                return Err(bad());
            }
            // `u+r-w` is two changes for the same people.
            while let Some(operator) = rest.chars().next() {
                let end = rest[1..].find(['=', '+', '-']).map_or(rest.len(), |i| i + 1);
                let what = &rest[1..end];
                if !what.chars().all(|c| "rwxXst".contains(c)) && !matches!(what, "u" | "g" | "o") {
                    return Err(bad());
                }
                clauses.push(Clause { who: who.into(), operator, what: what.into() });
                rest = &rest[end..];
            }
        }
        Ok(Mode::Symbolic(clauses))
    }
}

impl Clause {
    fn apply(&self, mode: u32, directory: bool, umask: u32) -> u32 {
        let all = self.who.is_empty() || self.who.contains('a');
        let (mut bits, mut reach) = (0, 0);
        for (letter, shift, special) in [('u', 6, 0o4000), ('g', 3, 0o2000), ('o', 0, 0o1000)] {
            if !all && !self.who.contains(letter) {
                continue;
            }
            let mut set = 0;
            for c in self.what.chars() {
                match c {
                    'r' => set |= 4,
                    'w' => set |= 2,
                    'x' => set |= 1,
                    'X' if directory || mode & 0o111 != 0 => set |= 1,
                    's' if letter != 'o' => bits |= special,
                    't' => bits |= 0o1000,
                    'u' => set |= mode >> 6 & 7,
                    'g' => set |= mode >> 3 & 7,
                    'o' => set |= mode & 7,
                    _ => {}
                }
            }
            bits |= set << shift;
            // `=` on a directory keeps set-id bits that are not named, as chmod does.
            reach |= 7 << shift | if directory { 0 } else { special };
        }
        if self.who.is_empty() {
            bits &= !umask;
        }
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => mode & !reach | bits,
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Mode, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Mode;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a file mode such as 0644 or `u=rw,g=r`")
            }
            fn visit_i64<E: de::Error>(self, bits: i64) -> Result<Mode, E> {
                match u32::try_from(bits) {
                    Ok(bits) if bits <= 0o7777 => Ok(Mode::Bits(bits)),
                    _ => Err(E::custom(format!(
                        "expected a mode of at most 07777, found the number {bits}; write it with a leading 0 or in quotes"
                    ))),
                }
            }
            fn visit_u64<E: de::Error>(self, bits: u64) -> Result<Mode, E> {
                self.visit_i64(i64::try_from(bits).unwrap_or(i64::MAX))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
                Mode::parse(text).map_err(E::custom)
            }
        }
        d.deserialize_any(Either)
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_modes_are_chmods() {
        let apply = |text: &str, now, directory| {
            Mode::parse(text).expect("a mode").apply(now, directory, 0o022)
        };
        assert_eq!(apply("g+x", 0o644, false), 0o654);
        assert_eq!(apply("u=rwX,g=rX,o=rX", 0o600, false), 0o644);
        assert_eq!(apply("u=rwX,g=rX,o=rX", 0o700, true), 0o755);
        assert_eq!(apply("u=rwx,g=rwx,o-rwx", 0o755, true), 0o770);
        assert_eq!(apply("+w", 0o444, false), 0o644, "nobody named: the umask counts");
        assert_eq!(apply("g=u", 0o640, false), 0o660);
        assert_eq!(apply("u+s,+t", 0o755, false), 0o5755);
        assert!(
            Mode::parse("u=q").is_err()
                && Mode::parse("99999").is_err()
                && Mode::parse("").is_err()
        );
    }
}
