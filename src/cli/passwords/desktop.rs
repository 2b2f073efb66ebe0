//! The desktop's keyring, through libsecret's own `secret-tool`.
//!
//! An entry belongs to a project by its directory. It is stored with
//! `secret-tool store --label='rprov' application rprov project DIRECTORY`.

use std::path::Path;
use std::process::{Command, Stdio};

use rprov_vault::ansible::Plain;

use crate::vars::files::reason;

/// The password kept for a project.
///
/// # Errors
/// Why there is none.
pub(super) fn lookup(project: &Path) -> Result<Plain, String> {
    // Without a session `secret-tool` would try to start one.
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
        return Err("there is no desktop session".to_owned());
    }
    let output = Command::new("secret-tool")
        .args(["lookup", "application", "rprov", "project"])
        .arg(project)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = output.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "`secret-tool` is not installed".to_owned(),
        _ => format!("`secret-tool` cannot be run: {}", reason(&error)),
    })?;
    let stdout = Plain::new(output.stdout);
    match output.status.success() && !stdout.is_empty() {
        true => Ok(Plain::new(stdout.trim_ascii().to_vec())),
        false => Err("it has nothing for this project".to_owned()),
    }
}
