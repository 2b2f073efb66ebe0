//! Questions to the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

/// Asks on the terminal and reads a line; what is private is not echoed. `None` without a terminal.
pub fn ask(question: &str, private: bool) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    if private {
        return rpassword::prompt_password(question).ok();
    }
    let mut terminal = std::io::stderr();
    terminal.write_all(question.as_bytes()).and_then(|()| terminal.flush()).ok()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim_end_matches(['\n', '\r']).to_owned())
}
