//! A pseudo-terminal with a command on it, as a person has it before them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::place::{Ended, Place};

/// Tests share two cores.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Terminal {
    /// The person's side; when it is dropped, the terminal is gone.
    keys: Arc<File>,
    screen: Receiver<Vec<u8>>,
    child: Child,
    /// Everything that was shown.
    shown: String,
    /// How much of it was expected so far.
    read: usize,
}

impl Terminal {
    /// Calls rprov; the terminal is its standard input, output and error, and controls it.
    pub(crate) fn rprov(place: &Place, words: &[&str], env: &[(&str, &str)]) -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).expect("a terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a terminal");
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let theirs = || -> OwnedFd {
            open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
                .expect("its other side")
        };
        // `setsid` makes it the terminal that controls the session: keys become signals.
        let words = [&["--ctty", "--wait", env!("CARGO_BIN_EXE_rprov")], words].concat();
        let mut command = place.command("setsid", &words);
        command.env("TERM", "dumb").env("PAGER", "cat").envs(env.iter().copied());
        command.stdin(theirs()).stdout(theirs()).stderr(theirs());
        let child = command.spawn().expect("setsid runs");
        drop(command);
        let flags = fcntl_getfl(&ours).expect("flags");
        fcntl_setfl(&ours, flags | OFlags::NONBLOCK).expect("flags");
        let keys = Arc::new(File::from(ours));
        let output = Arc::downgrade(&keys);
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Some(output) = output.upgrade() {
                match (&*output).read(&mut bytes) {
                    Ok(read @ 1..) => drop(sender.send(bytes[..read].to_vec())),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        drop(output);
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    // The end: nobody has the other side open any more.
                    _ => break,
                }
            }
        });
        Terminal { keys, screen, child, shown: String::new(), read: 0 }
    }

    /// Waits until a text is shown, after those that were expected before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let start = Instant::now();
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no `{text}` in\n{}", self.shown);
            match self.screen.recv_timeout(Duration::from_millis(100)) {
                Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(_) => panic!("it ended without `{text}`:\n{}", self.shown),
            }
        }
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&*self.keys).expect("a terminal").local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for a question whose answer is not shown, and types it.
    #[track_caller]
    pub(crate) fn answer(&mut self, question: &str, answer: &str) {
        self.expect(question);
        let start = Instant::now();
        while self.echoes() {
            assert!(start.elapsed() < PATIENCE, "the answer to `{question}` would be shown");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.press(&format!("{answer}\r"));
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.keys).write_all(keys.as_bytes()).expect("somebody reads");
    }

    /// Waits for the end. What was shown is its output.
    pub(crate) fn end(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it goes on:\n{}", self.shown);
            while let Ok(more) = self.screen.recv_timeout(Duration::from_millis(20)) {
                self.shown.push_str(&String::from_utf8_lossy(&more));
            }
        };
        while let Ok(more) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
        let code = status.code().unwrap_or(-1);
        Ended { code, out: self.shown, err: String::new() }
    }
}
