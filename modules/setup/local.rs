//! Local facts: files on the host that hold facts, and programs that print them.

use serde_json::{Map, Value, json};

use super::sections::{Sections, set};

pub(super) fn gather(
    sections: &Sections<'_>,
    fact_path: &str,
    found: &mut Map<String, Value>,
    warnings: &mut Vec<String>,
) {
    let mut local = Map::new();
    for (name, text) in sections.starting("fact ") {
        let file = format!("{}/{name}.fact", fact_path.trim_end_matches('/'));
        let fact = fact(&file, text.trim()).unwrap_or_else(|why| {
            warnings.push(why.trim_end().to_owned());
            why.into()
        });
        local.insert(name.to_owned(), fact);
    }
    set(found, "local", local);
}

/// JSON, or INI; what is neither is told in its place.
fn fact(file: &str, text: &str) -> Result<Value, String> {
    if let Some((_, failed)) = text.rsplit_once("@@failed ") {
        let (code, said) = failed.split_once('\n').unwrap_or((failed, ""));
        let said = if said.is_empty() { String::new() } else { format!("{said}\n") };
        return Err(format!("Failure executing fact script ({file}), rc: {code}, err: {said}"));
    }
    serde_json::from_str(text).or_else(|_| {
        ini(text).ok_or_else(|| {
            format!("error loading facts as JSON or ini - please check content: {file}")
        })
    })
}

/// Sections of `key = value` or `key: value`, a value going on in indented lines; `[DEFAULT]`
/// counts in every section. `None` if the text is not of that form.
fn ini(text: &str) -> Option<Value> {
    let mut defaults: Map<String, Value> = Map::new();
    let mut sections: Vec<(&str, Map<String, Value>)> = Vec::new();
    // The section one is in (`None`: the defaults), and the key that an indented line adds to.
    let mut current: Option<usize> = None;
    let mut begun = false;
    let mut key: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let section = match current {
            Some(at) => &mut sections[at].1,
            None => &mut defaults,
        };
        if line.starts_with([' ', '\t'])
            && let Some(Value::String(value)) = key.as_ref().and_then(|key| section.get_mut(key))
        {
            *value += &format!("\n{trimmed}");
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            begun = true;
            key = None;
            current = match name.0 {
                "DEFAULT" => None,
                name if sections.iter().any(|(known, _)| *known == name) => return None,
                name => {
                    sections.push((name, Map::new()));
                    Some(sections.len() - 1)
                }
            };
            continue;
        }
        let (name, value) = trimmed.split_once(['=', ':']).filter(|_| begun)?;
        let name = name.trim().to_lowercase();
        if section.insert(name.clone(), value.trim().into()).is_some() {
            return None;
        }
        key = Some(name);
    }
    let with_defaults = |(name, own): (&str, Map<String, Value>)| {
        let mut all = own;
        for (key, value) in &defaults {
            all.entry(key).or_insert_with(|| value.clone());
        }
        (name.to_owned(), json!(all))
    };
    Some(sections.into_iter().map(with_defaults).collect::<Map<String, Value>>().into())
}
