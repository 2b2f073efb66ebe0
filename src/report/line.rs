//! JSON on one line, as Ansible writes it: blanks behind colons.

use std::io::{Result, Write};

use serde_json::Value;

/// The value; `comma` is what stands between two entries.
pub(super) fn of(value: &Value, comma: &'static str) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Line { comma });
    match serde::Serialize::serialize(value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => String::new(),
    }
}

struct Line {
    comma: &'static str,
}

impl Line {
    fn between<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { writer.write_all(self.comma.as_bytes()) }
    }
}

impl serde_json::ser::Formatter for Line {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.between(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.between(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }
}
