//! Clear text for a person to read.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::config::{Config, PAGER};

/// To a person through the pager that the settings name, as far as there is one; to a program as it is.
pub(super) fn show(config: &Config, plain: &[u8]) {
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
                    // It may be left before it has read everything.
                    let _ = input.write_all(plain);
                }
                let _ = child.wait();
                return;
            }
        }
    }
    let _ = stdout.write_all(plain).and_then(|()| stdout.flush());
}
