//! Questions to the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

/// Asks on the terminal and reads a line; what is private is not echoed, and is asked for also while
/// standard input is something else. `None` without a terminal.
pub fn ask(question: &str, private: bool) -> Option<String> {
    let stdin = std::io::stdin().is_terminal();
    if private && (stdin || std::io::stderr().is_terminal()) {
        return rpassword::prompt_password(question).ok();
    }
    if !stdin {
        return None;
    }
    answer(question)
}

/// Asks, and reads a line from standard input, whatever it is. `None` at its end.
pub fn answer(question: &str) -> Option<String> {
    let mut terminal = std::io::stderr();
    terminal.write_all(question.as_bytes()).and_then(|()| terminal.flush()).ok()?;
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line).ok()? {
        0 => None,
        _ => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}
