//! How facts are gathered and kept: `ANSIBLE_GATHERING` and `ANSIBLE_CACHE_PLUGIN…`.

use crate::engine::FactSettings;
use crate::source::Diagnostic;

/// # Errors
/// A value that means nothing.
pub(super) fn settings(flush: bool) -> Result<FactSettings, Diagnostic> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let timeout = match variable("ANSIBLE_CACHE_PLUGIN_TIMEOUT") {
        None => 86_400,
        Some(text) => text.parse().map_err(|_| {
            Diagnostic::error(format!(
                "expected seconds in `ANSIBLE_CACHE_PLUGIN_TIMEOUT`, found `{text}`"
            ))
        })?,
    };
    let settings = FactSettings::new(
        variable("ANSIBLE_GATHERING").as_deref().unwrap_or("implicit"),
        variable("ANSIBLE_CACHE_PLUGIN").as_deref().unwrap_or("memory"),
        variable("ANSIBLE_CACHE_PLUGIN_CONNECTION").as_deref(),
        variable("ANSIBLE_CACHE_PLUGIN_PREFIX").as_deref().unwrap_or_default(),
        timeout,
    )?;
    Ok(FactSettings { flush, ..settings })
}
