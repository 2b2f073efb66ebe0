//! The lookup `ini`: values of INI and Java properties files.

use minijinja::{Error, Value};

use super::super::error::failed;
use super::super::filters::regex;
use super::super::ini::{Reading, interpolated, parse};
use super::super::print;
use super::Lookup;
use super::files::{find, read};
use super::lists::is_list;
use super::table::inline;

const OPTIONS: &[&str] = &[
    "type",
    "file",
    "section",
    "re",
    "default",
    "case_sensitive",
    "allow_no_value",
    "allow_none",
    "interpolation",
    "encoding",
];

pub(super) fn ini(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(OPTIONS)?;
    let mut found = Vec::new();
    for term in &lookup.terms {
        let term = print::text(term);
        let (key, inline) = match term.contains('=') {
            true => inline(&term, OPTIONS)?,
            false => (term, Vec::new()),
        };
        let option = |name: &str| {
            let inline = inline.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone());
            inline.or_else(|| lookup.text(name))
        };
        let flag = |name: &str, default: bool| {
            option(name).and_then(|text| rprov_modules::kit::boolean(&text)).unwrap_or(default)
        };
        let path = find(lookup.cx(), "files", &option("file").unwrap_or("ansible.ini".into()))?;
        let mut text = read(&path, lookup.cx())?;
        let properties = match option("type").as_deref() {
            None | Some("ini") => false,
            Some("properties") => true,
            Some(other) => {
                return Err(failed(format!(
                    "`type` is one of ini and properties, found `{other}`"
                )));
            }
        };
        let section = match properties {
            true => String::new(),
            false => option("section").unwrap_or_else(|| "global".to_owned()),
        };
        if properties {
            text.insert_str(0, "[]\n");
        }
        let reading = Reading {
            case_sensitive: flag("case_sensitive", false),
            keys_alone: flag("allow_no_value", false) || flag("allow_none", false),
        };
        let wrong = |error: String| failed(format!("cannot read `{}`: {error}", path.display()));
        let sections = parse(&text, reading).map_err(wrong)?;
        let Some(section) = sections.get(&section) else {
            return Err(failed(format!("no section `{section}` in `{}`", path.display())));
        };
        let value = |text: &Option<String>| -> Result<Option<Value>, Error> {
            match text {
                None => Ok(None),
                Some(text) if !flag("interpolation", true) => Ok(Some(Value::from(text.as_str()))),
                Some(text) => {
                    let text = interpolated(text, section, 0).map_err(wrong)?;
                    Ok(Some(Value::from(text)))
                }
            }
        };
        if flag("re", false) {
            let pattern = regex::compile(&key, false, false)?;
            for (name, text) in section {
                let at = pattern.find(name).map_err(regex::too_hard)?;
                if at.is_some_and(|at| at.start() == 0) {
                    found.push(value(text)?.unwrap_or_else(|| Value::from(())));
                }
            }
            continue;
        }
        let name = if reading.case_sensitive { key } else { key.to_lowercase() };
        match (section.get(&name), lookup.option("default")) {
            (Some(text), _) => found.extend(value(text)?),
            (None, Some(list)) if is_list(list) => found.extend(list.try_iter()?),
            (None, _) => found.push(Value::from(option("default").unwrap_or_default())),
        }
    }
    Ok(found)
}
