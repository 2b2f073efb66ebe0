//! Binding arguments: `&Node` is a serde deserializer, and errors point at the offending scalar.
//!
//! The receiving field decides: a string field takes `3.10` as it is written, a number field takes
//! `"8"`, a boolean field takes what Ansible takes for one (`yes`, `on`, `1`, `"True"`, …). `convert` has
//! the rules.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};

use super::convert;
use super::node::{Node, NodeKind, Span};
use super::resolve::Resolved;

/// Why a task's arguments do not fit its module.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgError {
    pub span: Option<Span>,
    pub message: String,
    pub help: Option<String>,
}

impl ArgError {
    pub fn new(message: impl Into<String>) -> ArgError {
        ArgError { span: None, message: message.into(), help: None }
    }

    #[must_use]
    pub fn at(mut self, span: Span) -> ArgError {
        self.span.get_or_insert(span);
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> ArgError {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ArgError {}

impl de::Error for ArgError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ArgError::new(message.to_string())
    }

    fn missing_field(name: &'static str) -> Self {
        ArgError::new(format!("missing parameter `{name}`"))
    }
}

/// What Ansible takes for true and false, in lower case.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
        _ => None,
    }
}

impl Node {
    fn number<T: TryFrom<i128>>(&self, what: &str) -> Result<T, ArgError> {
        let number = convert::whole(self).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.expected(what))
    }

    /// "expected X, found Y", at this node.
    pub fn expected(&self, what: &str) -> ArgError {
        let found = match self.text() {
            Some(text) if !text.is_empty() && text.len() <= 60 => format!("`{text}`"),
            _ => self.type_name().to_owned(),
        };
        ArgError::new(format!("expected {what}, found {found}")).at(self.span)
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
            v.$visit(self.number($what)?).map_err(|e: ArgError| e.at(self.span))
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = ArgError;

    integers! {
        deserialize_u8 visit_u8 "a number from 0 to 255"
        deserialize_u16 visit_u16 "a number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number, 0 or more"
        deserialize_u64 visit_u64 "a whole number, 0 or more"
        deserialize_i32 visit_i32 "a whole number"
        deserialize_i64 visit_i64 "a whole number"
    }

    fn deserialize_f64<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        let value = convert::number(self).ok_or_else(|| self.expected("a number"))?;
        v.visit_f64(value).map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        let value = convert::truth(self).ok_or_else(|| self.expected("a boolean"))?;
        v.visit_bool(value).map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_str<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        match convert::text(self) {
            Cow::Borrowed(text) => v.visit_borrowed_str(text),
            Cow::Owned(text) => v.visit_string(text),
        }
        .map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_string<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        self.deserialize_str(v)
    }

    /// For fields with no type of their own (`serde_json::Value`, untagged enums): YAML 1.1 types.
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        match &self.kind {
            NodeKind::List(items) => v.visit_seq(de::value::SeqDeserializer::new(items.iter())),
            NodeKind::Map(entries) => v.visit_map(de::value::MapDeserializer::new(
                entries.iter().map(|e| (&e.key, &e.value)),
            )),
            NodeKind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => v.visit_unit(),
                Resolved::Bool(value) => v.visit_bool(value),
                Resolved::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
                    (Ok(value), _) => v.visit_i64(value),
                    (_, Ok(value)) => v.visit_u64(value),
                    _ => v.visit_borrowed_str(&scalar.text),
                },
                Resolved::Float(value) => v.visit_f64(value),
                Resolved::Str => v.visit_borrowed_str(&scalar.text),
            },
        }
        .map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        match &self.kind {
            NodeKind::List(items) => v.visit_seq(de::value::SeqDeserializer::new(items.iter())),
            NodeKind::Scalar(scalar)
                if scalar.resolve() == Resolved::Str && scalar.text.contains(',') =>
            {
                v.visit_seq(de::value::SeqDeserializer::new(scalar.text.split(',')))
            }
            // One value is a list of one.
            NodeKind::Scalar(_) => {
                v.visit_seq(de::value::SeqDeserializer::new(std::iter::once(self)))
            }
            NodeKind::Map(_) => return Err(self.expected("a list")),
        }
        .map_err(|e: ArgError| e.at(self.span))
    }

    /// Also of a text: JSON, or `name=text` words.
    fn deserialize_map<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        let text = self.scalar().filter(|scalar| scalar.resolve() == Resolved::Str);
        let text = text.map(|scalar| scalar.text.trim()).unwrap_or_default();
        if text.starts_with('{') {
            let json: Json = serde_json::from_str(text).map_err(|_| self.expected("a mapping"))?;
            return json.deserialize_map(v).map_err(|e| ArgError::new(e.to_string()).at(self.span));
        }
        if text.contains('=') {
            let pairs = convert::pairs(text).ok_or_else(|| self.expected("a mapping"))?;
            let pairs = de::value::MapDeserializer::new(pairs.into_iter());
            return v.visit_map(pairs).map_err(|e: ArgError| e.at(self.span));
        }
        let entries = self.entries().ok_or_else(|| self.expected("a mapping"))?;
        v.visit_map(de::value::MapDeserializer::new(entries.iter().map(|e| (&e.key, &e.value))))
            .map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, ArgError> {
        let entries = self.entries().ok_or_else(|| self.expected("a mapping"))?;
        for entry in entries {
            let key = entry.key.text().unwrap_or_default();
            if !fields.is_empty() && !fields.contains(&key) {
                let error = ArgError::new(format!("unknown parameter `{key}`")).at(entry.key.span);
                return Err(match super::nearest(key, fields.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("known parameters: {}", fields.join(", "))),
                });
            }
        }
        v.visit_map(Fields { entries: entries.iter(), value: None, whole: self.span })
            .map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        if self.is_null() { v.visit_none() } else { v.visit_some(self) }
            .map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, ArgError> {
        let word = self.text().ok_or_else(|| self.expected("a word"))?;
        let Some(choice) = convert::choice(self, variants) else {
            let choices = variants.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", ");
            let error = self.expected(&format!("one of {choices}"));
            return Err(match super::nearest(word, variants.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        };
        v.visit_enum(Word(choice)).map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        v: V,
    ) -> Result<V::Value, ArgError> {
        v.visit_newtype_struct(self).map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        let name = self.text().ok_or_else(|| self.expected("a name"))?;
        v.visit_borrowed_str(name).map_err(|e: ArgError| e.at(self.span))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, ArgError> {
        v.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 f32 char bytes byte_buf unit unit_struct tuple tuple_struct i128 u128
    }
}

impl<'de> IntoDeserializer<'de, ArgError> for &'de Node {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of a mapping. A null value is an absent parameter, as in Ansible.
struct Fields<'de> {
    entries: std::slice::Iter<'de, super::node::Entry>,
    value: Option<&'de Node>,
    whole: Span,
}

impl<'de> de::MapAccess<'de> for Fields<'de> {
    type Error = ArgError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgError> {
        for entry in self.entries.by_ref() {
            if entry.value.is_null() {
                continue;
            }
            self.value = Some(&entry.value);
            return seed.deserialize(&entry.key).map(Some).map_err(|e| e.at(entry.key.span));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ArgError> {
        let value = self
            .value
            .take()
            .ok_or_else(|| ArgError::new("a key without a value").at(self.whole))?;
        seed.deserialize(value).map_err(|e| e.at(value.span))
    }
}

/// A unit variant by its name.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = ArgError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ArgError> {
        let name: de::value::BorrowedStrDeserializer<'de, ArgError> =
            de::value::BorrowedStrDeserializer::new(self.0);
        seed.deserialize(name).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = ArgError;

    fn unit_variant(self) -> Result<(), ArgError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ArgError> {
        Err(ArgError::new("expected a word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ArgError> {
        Err(ArgError::new("expected a word"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ArgError> {
        Err(ArgError::new("expected a word"))
    }
}
