//! Clear text for a person to read.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::config::{Config, PAGER};

/// To a person through the pager that the settings name, as far as there is one; to a program as it is.
pub(super) fn show(config: &Config, plain: &[u8]) {
    // The pager may be left before it has read everything.
    show_with(config, |output| drop(output.write_all(plain)));
}

/// As [`show`], of what is written.
pub(super) fn show_with(config: &Config, write: impl FnOnce(&mut dyn Write)) {
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        let words = config.text(&PAGER).and_then(shlex::split).unwrap_or_default();
        if let Some((program, words)) = words.split_first() {
            // Less then writes no file and starts nothing.
            let child = Command::new(program)
                .args(words)
                .env("LESSSECURE", "1")
                .stdin(Stdio::piped())
                .spawn();
            if let Ok(mut child) = child {
                if let Some(mut input) = child.stdin.take() {
                    write(&mut input);
                }
                let _ = child.wait();
                return;
            }
        }
    }
    write(&mut stdout);
    let _ = stdout.flush();
}
