//! What the fuzz targets reach: everything a host says. Built for them and tests only.

use std::time::SystemTime;

use rprov_modules::kit::{Algorithm, Ask, PackageManager, Reply};

use super::batch::Batch;
use super::frame::{Event, Frame, Frames, Nonce, Request, Splitter};
use super::{Env, Question, hello};

pub use super::ssh::fuzz::{config, known_hosts};

/// Two streams of a shell. In the data 0xff begins a piece, its next byte says of which stream;
/// 0xfe is the mark of frames.
pub fn frames(data: &[u8]) {
    let nonce = Nonce::random();
    let mut frames = Frames::continuing(Splitter::new(&nonce), Splitter::new(&nonce));
    frames.begin();
    for piece in data.split(|byte| *byte == 0xff) {
        let Some((stream, text)) = piece.split_first() else { continue };
        let marks: Vec<&[u8]> = text.split(|byte| *byte == 0xfe).collect();
        let bytes = marks.join(nonce.as_str().as_bytes());
        match stream % 2 {
            0 => frames.out(&bytes),
            _ => frames.err(&bytes),
        }
        while let Some(event) = frames.next() {
            match event {
                Event::Frame(frame) => drop(frame.reply.map(|reply| reply.stdout.len())),
                Event::Group(group) => drop(group.checked_add(1)),
                Event::Nonsense(words) => drop(words),
            }
        }
    }
    drop(frames.rest());
}

/// What a host says about itself.
pub fn hello(text: &str) {
    drop(hello::read(text, None));
}

/// Answers to questions of every kind. Each frame is a piece up to 0xff: the first byte is the
/// status, the rest standard output.
pub fn answers(data: &[u8]) {
    let path = || "/etc/a file".to_owned();
    let name = || "name".to_owned();
    let asks = [
        Ask::Stat { path: path(), follow: false },
        Ask::Stat { path: "/etc".to_owned(), follow: true },
        Ask::Read { path: path(), limit: 100, unless: None },
        Ask::Digest { path: path(), algorithm: Algorithm::Sha256 },
        Ask::Package { manager: PackageManager::Apt, name: name() },
        Ask::Package { manager: PackageManager::Dnf, name: name() },
        Ask::Unit { name: name() },
        Ask::User { name: name() },
        Ask::Group { name: name() },
    ];
    let environment: Env = Env::from([]);
    let questions: Vec<Question> =
        asks.into_iter().map(|ask| Question { ask, environment: environment.clone() }).collect();
    for single in [false, true] {
        let mut batch = Batch::new(&questions);
        let mut request = Request::default();
        batch.write(&mut request, single);
        let mut pieces = data.split(|byte| *byte == 0xff);
        let frames: Vec<Frame> = (0..request.frames())
            .map(|_| {
                let (status, stdout) = pieces.next().and_then(<[u8]>::split_first)?;
                let status = i32::from(*status);
                Some(Reply { status, stdout: stdout.to_vec(), stderr: vec![] })
            })
            .map(|reply| Frame { reply, at: SystemTime::UNIX_EPOCH })
            .collect();
        batch.read(&frames);
        drop(batch.finish());
        let _ = request.encode(&Nonce::random());
    }
}
