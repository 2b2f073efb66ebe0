//! Retry files: the hosts that failed, one on each line, for `--limit @FILE`.

use std::path::Path;

use super::Engine;
use crate::report::{Event, Stats};

/// Writes those that failed or were out of reach.
pub(super) fn write(engine: &Engine, path: &Path, recap: &[(String, Stats)]) {
    let failed = recap.iter().filter(|(_, stats)| stats.failed > 0 || stats.unreachable > 0);
    let hosts: String = failed.map(|(name, _)| format!("{name}\n")).collect();
    if hosts.is_empty() {
        return;
    }
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, hosts));
    engine.reporter.report(match written {
        Ok(()) => Event::Note(format!("\tto retry, use: --limit @{}", path.display())),
        Err(error) => Event::Warning(format!(
            "cannot write the retry file `{}`: {}",
            path.display(),
            crate::vars::files::reason(&error)
        )),
    });
}
