//! `rprov.toml`: the settings that are ours.

use std::path::Path;

use rprov_modules::kit::{Span, nearest};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{Config, Kind, Origin, SETTINGS, wrong};
use crate::source::{Diagnostic, SourceMap};

pub(super) fn read(
    config: &mut Config,
    text: &str,
    path: &Path,
    map: &SourceMap,
    errors: &mut Vec<Diagnostic>,
) {
    let file = map.add(path, text.into());
    let span = |range: std::ops::Range<usize>| {
        let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: at(range.start), end: at(range.end) }
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let place = span(error.span().unwrap_or_default());
            return errors.push(Diagnostic::error(error.message().to_lowercase()).at(place, ""));
        }
    };
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let found = SETTINGS.iter().find(|setting| setting.ours == Some(name));
        let Some(setting) = found else {
            let known: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.ours).collect();
            let error = Diagnostic::error(format!("unknown setting `{name}`"));
            errors.push(error.at(span(key.span()), "").help(
                match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known: {}; others stand in `ansible.cfg`", known.join(", ")),
                },
            ));
            continue;
        };
        let parsed = match (setting.kind, value.get_ref()) {
            (Kind::Boolean, DeValue::Boolean(flag)) => Some(Value::Bool(*flag)),
            (Kind::Number, DeValue::Integer(number)) => {
                u32::from_str_radix(number.as_str(), number.radix()).ok().map(Value::from)
            }
            _ => None,
        };
        match parsed {
            Some(value) => {
                config.values.insert(setting.name, (value, Origin::File(span(key.span()))));
            }
            None => {
                let place = span(value.span());
                let written = text.get(value.span()).unwrap_or_default();
                errors.push(wrong(setting, written).at(place, ""));
            }
        }
    }
}
