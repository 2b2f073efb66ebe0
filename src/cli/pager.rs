//! Clear text for a person to read.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

/// To a person through a pager, as far as there is one; to a program as it is.
pub(super) fn show(plain: &[u8]) {
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let words = shlex::split(pager.as_deref().unwrap_or("less")).unwrap_or_default();
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
