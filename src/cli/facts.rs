//! How facts are gathered and kept.

use crate::config::{
    Config, FACT_CACHING, FACT_CACHING_CONNECTION, FACT_CACHING_PREFIX, FACT_CACHING_TIMEOUT,
    GATHERING, INJECT_FACTS,
};
use crate::engine::FactSettings;
use crate::source::Diagnostic;

/// # Errors
/// A value that means nothing.
pub(super) fn settings(config: &Config, flush: bool) -> Result<FactSettings, Diagnostic> {
    // The name Ansible has for it in its settings is not what its files begin with.
    let prefix = config.given(&FACT_CACHING_PREFIX).and_then(|value| value.as_str());
    let settings = FactSettings::new(
        config.text(&GATHERING).unwrap_or("implicit"),
        config.text(&FACT_CACHING).unwrap_or("memory"),
        config.text(&FACT_CACHING_CONNECTION),
        prefix.unwrap_or_default(),
        config.number(&FACT_CACHING_TIMEOUT).unwrap_or_default(),
    )?;
    Ok(FactSettings { flush, hidden: !config.flag(&INJECT_FACTS), ..settings })
}
