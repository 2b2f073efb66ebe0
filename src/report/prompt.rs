//! Questions to the person at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// What the keys for an interrupt and for quitting send where they are no signals.
const INTERRUPT: u8 = 0x03;
const QUIT: u8 = 0x1c;

/// Asks on the terminal and reads a line; what is private is not echoed, and is asked for also while
/// standard input is something else. `None` without a terminal.
pub fn ask(question: &str, private: bool) -> Option<String> {
    let stdin = std::io::stdin().is_terminal();
    if private && (stdin || std::io::stderr().is_terminal()) {
        return hidden(question).ok();
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

/// Asks on the terminal, and reads a line that is not shown. An interrupt ends rprov, as everywhere,
/// when the terminal shows again what is typed.
fn hidden(question: &str) -> io::Result<String> {
    let mut terminal = Quiet::new()?;
    terminal.file.write_all(question.as_bytes())?;
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut byte = Zeroizing::new([0]);
    loop {
        match terminal.file.read(&mut *byte)? {
            0 if line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            0 => break,
            _ => match byte[0] {
                b'\n' => break,
                key @ (INTERRUPT | QUIT) => {
                    drop(terminal);
                    let signal = if key == QUIT { Signal::QUIT } else { Signal::INT };
                    kill_process(getpid(), signal)?;
                    return Err(io::ErrorKind::Interrupted.into());
                }
                other => line.push(other),
            },
        }
    }
    let text = std::str::from_utf8(&line).map(str::to_owned);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The terminal while it does not show what is typed.
struct Quiet {
    file: File,
    before: Termios,
}

impl Quiet {
    fn new() -> io::Result<Quiet> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        // The end of the line is shown, and the keys that would be signals end it.
        quiet.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        quiet.special_codes[SpecialCodeIndex::VEOL2] = QUIT;
        tcsetattr(&file, OptionalActions::Now, &quiet)?;
        Ok(Quiet { file, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}
