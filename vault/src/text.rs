//! A YAML text in clear: what is in it, and one value set or removed with everything else left as it
//! is written.

use zeroize::Zeroizing;

use crate::Error;
use crate::path::KeyPath;
use crate::values::{NewValue, Value, change, value};
use crate::yaml;

/// All values, mappings and lists, in their order.
///
/// # Errors
/// [`Error::Yaml`]
pub fn list(plain: &str) -> Result<Vec<Value>, Error> {
    let outline = yaml::outline(plain, 1)?;
    Ok(outline.items.iter().map(|item| value(plain, item)).collect())
}

/// Sets one value, as [`crate::Vault::set`] does.
///
/// # Errors
/// As there.
pub fn set(plain: &str, path: &KeyPath, value: NewValue<'_>) -> Result<Zeroizing<String>, Error> {
    change::set(plain, path, value)
}

/// Removes a key or an item, as [`crate::Vault::unset`] does.
///
/// # Errors
/// As there.
pub fn unset(plain: &str, path: &KeyPath) -> Result<Zeroizing<String>, Error> {
    change::unset(plain, path)
}
