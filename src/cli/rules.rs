//! What settings say about inventories and about the files of variables beside them.

use std::path::PathBuf;
use std::sync::Arc;

use fancy_regex::Regex;

use super::Result;
use super::basis::Basis;
use crate::config::{self, Config, Origin};
use crate::inventory::{Inventory, Rules};
use crate::source::Diagnostic;
use crate::vars::{InventoryVars, files::Reader};

/// How inventories are read.
///
/// # Errors
/// When a pattern of names is no regular expression, or a setting asks for what cannot be had.
pub(super) fn rules(config: &Config) -> Result<Arc<Rules>> {
    let patterns = config.list(&config::INVENTORY_IGNORE_PATTERNS);
    let compiled = patterns.iter().map(|pattern| {
        Regex::new(pattern).map_err(|error| {
            let message = format!("expected a regular expression, found `{pattern}`");
            let error = Diagnostic::error(message).note(error.to_string());
            vec![placed(error, config.origin(&config::INVENTORY_IGNORE_PATTERNS))]
        })
    });
    fixed_order(config)?;
    let transform = config.text(&config::TRANSFORM_INVALID_GROUP_CHARS);
    Ok(Arc::new(Rules {
        plugins: config.list(&config::INVENTORY_ENABLED),
        ignored: config.list(&config::INVENTORY_IGNORE_EXTS),
        patterns: compiled.collect::<Result<_>>()?,
        yaml: config.list(&config::INVENTORY_YAML),
        extra: config.flag(&config::INVENTORY_EXTRA_VARS),
        safe_names: matches!(transform, Some("always" | "silently")),
    }))
}

/// The order in which variables of groups are merged cannot be chosen.
fn fixed_order(config: &Config) -> Result<()> {
    let given = config.list(&config::VARIABLE_PRECEDENCE);
    let default = config::VARIABLE_PRECEDENCE.default.unwrap_or_default();
    if given.iter().map(String::as_str).eq(default.split(", ")) {
        return Ok(());
    }
    let error = Diagnostic::error("the order in which variables of groups are merged is fixed");
    let error = error.note(format!("it is {default}")).help("remove the setting `precedence`");
    Err(vec![placed(error, config.origin(&config::VARIABLE_PRECEDENCE))])
}

/// Where a setting is given.
fn placed(error: Diagnostic, origin: Origin) -> Diagnostic {
    match origin {
        Origin::File(span) => error.at(span, ""),
        Origin::Variable(name) => error.note(format!("it is in the variable {name}")),
        Origin::Default => error,
    }
}

/// The same reader, looking for `group_vars/` and `host_vars/` as the settings say.
pub(super) fn looking(reader: Reader, config: &Config) -> Reader {
    let enabled = config.list(&config::VARIABLE_PLUGINS_ENABLED);
    let beside = |name: &String| name.rsplit('.').next() == Some("host_group_vars");
    match enabled.iter().any(beside) {
        true => reader.with_endings(config.list(&config::YAML_FILENAME_EXTENSIONS)),
        false => reader.without_files_beside(),
    }
}

/// The variables of an inventory and of the files beside it and beside the playbook.
pub(super) fn variables(
    basis: &Basis,
    inventory: Arc<Inventory>,
    playbook_dir: Option<PathBuf>,
    reader: Reader,
) -> InventoryVars {
    InventoryVars::new(inventory, playbook_dir, reader)
        .merging(basis.merges())
        .managed(basis.managed())
}
