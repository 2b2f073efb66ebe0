//! RPROV-SH/1: requests to a POSIX shell and its replies, as bytes. No I/O.
//!
//! The shell runs [`START`]: it reads a line, evaluates it, and so on until its input ends. The
//! script is an argument, so nothing is ever read ahead, and what follows a line can be read by a
//! command that the line runs.
//!
//! To the shell, `⏎` being the byte 10 and NONCE 32 hex digits from 128 random bits:
//!
//! ```text
//! __N=NONCE;__s=$(dd bs=LEN …);eval …⏎   then LEN bytes     once: the functions of preamble.sh
//! __e LINES⏎                             then LINES lines    a short script
//! __b LEN⏎                               then LEN bytes      a long one, ended by `#NONCE`
//! ```
//!
//! then, for every payload that the script takes, in order: its bytes, `NONCE⏎`. A script or a
//! payload that was cut short is never used. `read` costs a system call per byte and `dd` a fork,
//! hence the two forms.
//!
//! From the shell, on standard output `⏎NONCE SEQ WORD…⏎` and on standard error `⏎NONCE SEQ⏎` end a
//! frame; what precedes is the frame's content, byte for byte. `SEQ` counts from 0 in every flight,
//! in order; the words are the exit status, or `skip`. `⏎NONCE P PID⏎` on standard output only names
//! the process group of the command that now runs. No output can forge a marker, because what
//! could write one never learns the nonce.

use std::{fmt::Write as _, sync::Arc, time::SystemTime};

use rprov_modules::kit::Reply;

/// What starts a shell, whatever the login shell is.
pub(crate) const START: &str = r#"exec /bin/sh -c 'while IFS= read -r __l;do eval "$__l";done'"#;
/// The same, for a `-c` of one's own.
pub(crate) const LOOP: &str = r#"while IFS= read -r __l;do eval "$__l";done"#;
/// The same without a dollar sign, for `sudo -i` lets the other user's login shell expand what has one.
pub(crate) const LOOP_BEHIND_LOGIN: &str =
    r#"eval `printf 'while IFS= read -r __l;do eval "\44__l";done'`"#;

const PREAMBLE: &str = include_str!("preamble.sh");
/// Scripts up to this size are read line by line.
const SHORT: usize = 1200;

/// The mark of one shell's frames.
#[derive(Debug, Clone)]
pub(crate) struct Nonce(Arc<str>);

impl Nonce {
    pub(crate) fn random() -> Nonce {
        Nonce(format!("{:032x}", rand::random::<u128>()).into())
    }

    /// One that was made before.
    pub(crate) fn known(text: &str) -> Nonce {
        Nonce(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first bytes for a shell: the functions, then `script`.
pub(crate) fn greeting(nonce: &Nonce, script: &str) -> Vec<u8> {
    let lines = PREAMBLE.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text += script;
    let n = &nonce.0;
    let mut bytes = format!(
        "__N={n};__s=$(dd bs={} count=1 iflag=fullblock 2>/dev/null);eval \"${{__s:-printf '\\n%s ! dd\\n' {n}}}\"\n",
        text.len()
    )
    .into_bytes();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// One flight to a shell: a script that ends frames, and the payloads it takes.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) text: String,
    payloads: Vec<Arc<[u8]>>,
    frames: usize,
}

impl Request {
    /// The number of the next frame.
    pub(crate) fn frame(&mut self) -> usize {
        self.frames += 1;
        self.frames - 1
    }

    /// How many frames the flight's reply has.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// Adds a payload. The script must take it at this place, by `__i` or `__g` with its length.
    pub(crate) fn payload(&mut self, bytes: Arc<[u8]>) -> usize {
        let length = bytes.len();
        self.payloads.push(bytes);
        length
    }

    /// The flight as it travels, in pieces.
    pub(crate) fn encode(mut self, nonce: &Nonce) -> Vec<Arc<[u8]>> {
        let mut head = String::new();
        if self.text.len() <= SHORT {
            if !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            let lines = self.text.bytes().filter(|&b| b == b'\n').count();
            let _ = writeln!(head, "__e {lines}");
            head += &self.text;
        } else {
            let _ = write!(self.text, "\n#{}", nonce.0);
            let _ = writeln!(head, "__b {}", self.text.len());
            head += &self.text;
        }
        let seal: Arc<[u8]> = format!("{}\n", nonce.0).into_bytes().into();
        let mut pieces: Vec<Arc<[u8]>> = vec![head.into_bytes().into()];
        for payload in self.payloads {
            pieces.extend([payload, seal.clone()]);
        }
        pieces
    }
}

/// Cuts one stream at its markers, however it arrives.
#[derive(Debug)]
pub(crate) struct Splitter {
    marker: Vec<u8>,
    buffer: Vec<u8>,
    /// No marker begins before this.
    searched: usize,
}

impl Splitter {
    pub(crate) fn new(nonce: &Nonce) -> Splitter {
        let marker = format!("\n{} ", nonce.0).into_bytes();
        Splitter { marker, buffer: Vec::new(), searched: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next marker's words and what came before it.
    pub(crate) fn next(&mut self) -> Option<(Vec<u8>, String)> {
        loop {
            let from = self.searched;
            let newline = self.buffer[from..].iter().position(|&b| b == b'\n');
            let Some(at) = newline.map(|at| from + at) else {
                self.searched = self.buffer.len();
                return None;
            };
            let rest = &self.buffer[at..];
            let known = rest.len().min(self.marker.len());
            if rest[..known] != self.marker[..known] {
                self.searched = at + 1;
                continue;
            }
            self.searched = at;
            let words = rest.get(self.marker.len()..)?;
            let end = words.iter().position(|&b| b == b'\n')?;
            let text = String::from_utf8_lossy(&words[..end]).into_owned();
            let tail = self.buffer.split_off(at + self.marker.len() + end + 1);
            let mut before = std::mem::replace(&mut self.buffer, tail);
            before.truncate(at);
            self.searched = 0;
            return Some((before, text));
        }
    }

    /// What came after the last marker.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer
    }
}

/// One answered request.
#[derive(Debug)]
pub(crate) struct Frame {
    /// `None`: skipped.
    pub(crate) reply: Option<Reply>,
    /// When its end arrived.
    pub(crate) at: SystemTime,
}

/// What the streams of a shell say.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(Frame),
    /// The process group of the running command.
    Group(u32),
    /// Words that are not part of the protocol: the shell is out of step.
    Nonsense(String),
}

/// Pairs the two streams of a shell.
#[derive(Debug)]
pub(crate) struct Frames {
    out: Splitter,
    err: Splitter,
    /// A frame whose standard output is complete.
    half: Option<(Vec<u8>, String, SystemTime)>,
    next: usize,
}

impl Frames {
    /// Goes on with the streams of a shell that has said hello.
    pub(crate) fn continuing(out: Splitter, err: Splitter) -> Frames {
        Frames { out, err, half: None, next: 0 }
    }

    /// A new flight: frames count from 0 again.
    pub(crate) fn begin(&mut self) {
        self.next = 0;
    }

    pub(crate) fn out(&mut self, bytes: &[u8]) {
        self.out.push(bytes);
    }

    pub(crate) fn err(&mut self, bytes: &[u8]) {
        self.err.push(bytes);
    }

    /// What the host said last, for an error message.
    pub(crate) fn rest(&self) -> String {
        let text = [self.out.rest(), self.err.rest()].concat();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// The next event, if it is complete.
    pub(crate) fn next(&mut self) -> Option<Event> {
        if self.half.is_none() {
            let (before, words) = self.out.next()?;
            if let Some(group) = words.strip_prefix("P ") {
                // Nothing of the command's own is lost: its output is in files.
                return Some(group.parse().map_or(Event::Nonsense(words.clone()), Event::Group));
            }
            self.half = Some((before, words, SystemTime::now()));
        }
        let (stderr, number) = self.err.next()?;
        let (stdout, words, at) = self.half.take()?;
        let (seq, rest) = words.split_once(' ').unwrap_or((&words, ""));
        if seq != number || seq.parse() != Ok(self.next) {
            return Some(Event::Nonsense(format!("{words} / {number}")));
        }
        self.next += 1;
        let reply = match rest {
            "skip" => None,
            status => match status.parse::<i32>() {
                // ksh counts signals from 256.
                Ok(status) if status > 256 => Some(Reply { status: status - 128, stdout, stderr }),
                Ok(status) => Some(Reply { status, stdout, stderr }),
                Err(_) => return Some(Event::Nonsense(words)),
            },
        };
        Some(Event::Frame(Frame { reply, at }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(stream: &[u8], sizes: &[usize], nonce: &Nonce) -> Vec<(Vec<u8>, String)> {
        let mut splitter = Splitter::new(nonce);
        let (mut found, mut rest, mut sizes) = (Vec::new(), stream, sizes.iter().cycle());
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |n| (*n).clamp(1, rest.len()));
            splitter.push(&rest[..size]);
            rest = &rest[size..];
            while let Some(frame) = splitter.next() {
                found.push(frame);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_come_back(
            // Pieces of markers, newlines and NUL are the hard bytes.
            contents in proptest::collection::vec(
                proptest::collection::vec(prop_oneof![
                    Just(b"\n".to_vec()),
                    Just(b"\n0123".to_vec()),
                    Just(b"\n0123456789abcdef0123456789abcdef".to_vec()),
                    Just(b"0123456789abcdef0123456789abcdef 1 0\n".to_vec()),
                    proptest::collection::vec(any::<u8>(), 0..20),
                ], 0..6),
                1..6,
            ),
            sizes in proptest::collection::vec(1usize..40, 1..8),
        ) {
            let nonce = Nonce("0123456789abcdef0123456789abcdee".into());
            let contents = contents.into_iter().map(|c| c.concat()).collect::<Vec<_>>();
            let mut stream = Vec::new();
            for (i, content) in contents.iter().enumerate() {
                stream.extend_from_slice(content);
                stream.extend_from_slice(format!("\n{} {i} 0\n", nonce.0).as_bytes());
            }
            let found = cut(&stream, &sizes, &nonce);
            prop_assert_eq!(found.len(), contents.len());
            for (i, (content, (before, words))) in contents.iter().zip(&found).enumerate() {
                prop_assert_eq!(content, before);
                prop_assert_eq!(words, &format!("{i} 0"));
            }
        }
    }

    #[test]
    fn frames_are_paired_and_numbered() {
        let nonce = Nonce("ab".repeat(16).into());
        let n = nonce.as_str().to_owned();
        let mut frames = Frames::continuing(Splitter::new(&nonce), Splitter::new(&nonce));
        frames.out(format!("\n{n} P 42\nhello\n{n} 0 3\n\n{n} 1 skip\n").as_bytes());
        assert!(matches!(frames.next(), Some(Event::Group(42))));
        assert!(frames.next().is_none(), "standard error is still open");
        frames.err(format!("oops\n{n} 0\n\n{n} 2\n").as_bytes());
        let Some(Event::Frame(Frame { reply: Some(reply), .. })) = frames.next() else {
            panic!("expected a frame");
        };
        assert_eq!((reply.status, reply.out(), reply.err()), (3, "hello".into(), "oops".into()));
        assert!(
            matches!(frames.next(), Some(Event::Nonsense(_))),
            "1 and 2 do not belong together"
        );
    }
}
