//! Where rprov keeps what outlives a run.

use std::path::PathBuf;

/// `$RPROV_STATE_DIR`, or `rprov` in `$XDG_STATE_HOME` or in `~/.local/state`. `None` without a home.
pub(super) fn directory() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("RPROV_STATE_DIR").or_else(|| {
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state.map(|state| state.join("rprov"))
    })
}
