//! `lookup('config', NAME)`: the value of a setting.

use minijinja::{Error, Value};

use super::Lookup;
use crate::config::{Config, Origin, SETTINGS};
use crate::template::error::{ErrorKind, TemplateError, wrap};
use crate::template::{from_json, print};

/// `on_missing` is one of error, warn and skip; with `show_origin` each value comes with its place.
pub(super) fn config(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let shared = &lookup.evaluation.templar.shared;
    let missing = lookup.option("on_missing").map_or("error".to_owned(), print::text);
    let mut found = vec![];
    for term in &lookup.terms {
        let name = print::text(term);
        let Some(setting) = Config::find(&name) else {
            if missing != "error" {
                continue;
            }
            let message = format!("no setting named `{name}` has a meaning here");
            let mut error = TemplateError::new(ErrorKind::Failed, message, Default::default());
            let names = SETTINGS.iter().map(|setting| setting.name);
            error.help = rprov_modules::kit::nearest(&name, names)
                .map(|near| format!("did you mean `{near}`?"));
            return Err(wrap(error));
        };
        let value = from_json(shared.config.value(setting));
        if !lookup.flag("show_origin", false) {
            found.push(value);
            continue;
        }
        let origin = match shared.config.origin(setting) {
            Origin::Default => "default".to_owned(),
            Origin::Variable(name) => format!("env: {name}"),
            Origin::File(span) => {
                shared.map.path(span.file).map_or(String::new(), |path| path.display().to_string())
            }
        };
        found.push(Value::from(vec![value, Value::from(origin)]));
    }
    Ok(found)
}
