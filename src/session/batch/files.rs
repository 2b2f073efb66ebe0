//! Stat, Read and Digest of many paths by one `stat`, one digest command and one `cat`.
//!
//! Paths that the output of these tools could not name without doubt travel alone. The contents
//! arrive in one stream, cut by the sizes that `stat` told, each piece checked against its digest.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use indexmap::IndexMap;
use rprov_modules::kit::{Algorithm, Answer, Ask, Content, FileKind, Reply, Stat, quote};
use sha2::{Digest as _, Sha256};

use super::{Given, Said, broken};
use crate::session::frame::Request;

/// Fields before the name: see [`parse`]. No field can hold a colon.
const FORMAT: &str = "%f:%u:%g:%s:%X:%Y:%Z:%i:%d:%h:%U:%G:%n";
/// Paths in one command line, and bytes of them.
const MANY: usize = 400;
const LONG: usize = 60_000;

/// Everything asked of some paths.
#[derive(Debug, Default)]
pub(super) struct Files {
    single: bool,
    entries: Vec<Entry>,
    frames: Frames,
}

#[derive(Debug, Default)]
struct Entry {
    path: String,
    lstat: Option<usize>,
    stat: Option<usize>,
    /// Ask, limit, unless.
    reads: Vec<(usize, u64, Option<String>)>,
    digests: Vec<(usize, Algorithm)>,
}

/// Where the answers stand.
#[derive(Debug, Default)]
struct Frames {
    lstat: usize,
    stat: Option<usize>,
    links: Option<usize>,
    sums: Vec<(Algorithm, usize)>,
    content: Option<usize>,
}

impl Files {
    /// Collects the asks about paths.
    pub(super) fn gather(asks: &[(usize, &Ask)], single: bool) -> Vec<Files> {
        let mut entries: IndexMap<&str, Entry> = IndexMap::new();
        for &(i, ask) in asks {
            let (Ask::Stat { path, .. } | Ask::Read { path, .. } | Ask::Digest { path, .. }) = ask
            else {
                continue;
            };
            let entry = entries.entry(path).or_insert_with(|| {
                // A relative path is one of the home directory's, and never an option.
                let prefix = if path.starts_with('/') { "" } else { "./" };
                Entry { path: format!("{prefix}{path}"), ..Entry::default() }
            });
            match ask {
                Ask::Stat { follow: false, .. } => entry.lstat = Some(i),
                Ask::Stat { .. } => entry.stat = Some(i),
                Ask::Read { limit, unless, .. } => entry.reads.push((i, *limit, unless.clone())),
                Ask::Digest { algorithm, .. } => entry.digests.push((i, *algorithm)),
                _ => {}
            }
        }
        let mut all: Vec<Files> = Vec::new();
        let mut room = 0;
        for entry in entries.into_values() {
            if single || is_odd(&entry.path) {
                let entries = vec![entry];
                all.insert(0, Files { single: true, entries, ..Files::default() });
                continue;
            }
            let cost = entry.path.len() + LONG / MANY;
            match all.last_mut() {
                Some(last) if !last.single && cost <= room => {
                    room -= cost;
                    last.entries.push(entry);
                }
                _ => {
                    room = LONG.saturating_sub(cost);
                    all.push(Files { entries: vec![entry], ..Files::default() });
                }
            }
        }
        all
    }

    pub(super) fn write(&mut self, request: &mut Request) {
        for (i, entry) in self.entries.iter().enumerate() {
            let _ = writeln!(request.text, "__p{i}={}", quote(&entry.path));
        }
        let names = |wanted: &dyn Fn(&Entry) -> bool| {
            let chosen = self.entries.iter().enumerate().filter(|(_, entry)| wanted(entry));
            chosen.fold(String::new(), |text, (i, _)| format!("{text} \"$__p{i}\""))
        };
        // The positional parameters become those of `names` that pass a test.
        let such = |test: char, names: &str| {
            format!(
                "set --;for __p in{names};do [ -{test} \"$__p\" ]&&set -- \"$@\" \"$__p\";done\n"
            )
        };
        let lstat = request.frame();
        let _ = writeln!(
            request.text,
            "__A=$(stat -c {FORMAT} --{});printf %s \"$__A\";__m {lstat} 0;__B=",
            names(&|_| true)
        );
        let through = names(&Entry::follows);
        let stat = (!through.is_empty()).then(|| request.frame());
        if let Some(frame) = stat {
            let _ = writeln!(
                request.text,
                "{}[ $# = 0 ]||__B=$(stat -L -c {FORMAT} -- \"$@\");printf %s \"$__B\";__m {frame} 0",
                such('L', &through)
            );
        }
        let direct = names(&|entry| entry.lstat.is_some());
        let links = (!direct.is_empty()).then(|| request.frame());
        if let Some(frame) = links {
            // Busybox reads one link at a time.
            let _ = writeln!(
                request.text,
                "{}[ $# = 0 ]||readlink -- \"$@\" 2>/dev/null||for __p;do readlink -- \"$__p\";done;__m {frame} 0",
                such('L', &direct)
            );
        }
        let mut sums = Vec::new();
        for (algorithm, tool) in TOOLS {
            let asked = names(&|entry| entry.digest_wanted(algorithm));
            if asked.is_empty() {
                continue;
            }
            let frame = request.frame();
            let command = match self.single {
                false => format!("{tool} -- \"$@\""),
                // A name with a line break would come back disguised.
                true => format!("{tool} <\"$1\""),
            };
            let _ = writeln!(
                request.text,
                "{}__D=;[ $# = 0 ]||__D=$({command});printf %s \"$__D\";__m {frame} 0",
                such('f', &asked)
            );
            if algorithm == Algorithm::Sha256 {
                if self.single {
                    request.text += "__D=\"${__D%% *}  $__p0\"\n";
                }
                request.text += "__H=$__D\n";
            }
            sums.push((algorithm, frame));
        }
        let mut content = None;
        if self.entries.iter().any(|entry| !entry.reads.is_empty()) {
            request.text += "__D=$__H;set --\n";
            for (i, entry) in self.entries.iter().enumerate() {
                for (_, limit, unless) in &entry.reads {
                    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
                    let unless = quote(unless.as_deref().unwrap_or(""));
                    let _ = writeln!(
                        request.text,
                        "__c \"$__p{i}\" {limit} {unless}&&set -- \"$@\" \"$__p{i}\""
                    );
                }
            }
            let frame = request.frame();
            let _ = writeln!(request.text, "[ $# = 0 ]||cat -- \"$@\";__m {frame} 0");
            content = Some(frame);
        }
        self.frames = Frames { lstat, stat, links, sums, content };
    }

    pub(super) fn read(&self, frames: Said<'_>, found: &mut Vec<(usize, Given)>) {
        let lstats = self.stats(frames, self.frames.lstat);
        let stats = self.frames.stat.map_or_else(HashMap::new, |frame| self.stats(frames, frame));
        let mut targets = self.targets(frames, &lstats);
        let sums: HashMap<Algorithm, HashMap<String, String>> = self
            .frames
            .sums
            .iter()
            .map(|&(algorithm, frame)| (algorithm, self.sums(frames, frame)))
            .collect();
        let sha256 = |path: &str| sums.get(&Algorithm::Sha256).and_then(|sums| sums.get(path));
        let mut contents = Vec::new();
        for entry in &self.entries {
            let path = entry.path.as_str();
            let direct = lstats.get(path);
            let followed = match direct {
                Some(stat) if stat.kind == FileKind::Link => stats.get(path),
                other => other,
            };
            // Nothing there, or nothing that we may see?
            let hidden = direct.is_none().then(|| denied(path, frames.reply(self.frames.lstat)));
            let hidden = hidden.flatten().map(Err::<Answer, Reply>);
            if let Some(ask) = entry.lstat {
                match (direct, targets.as_mut().map(|targets| targets.remove(path))) {
                    (Some(stat), Some(Some(target))) => {
                        let stat = Stat { target: Some(target), ..stat.clone() };
                        found.push((ask, Ok(Answer::Stat(Some(stat)))));
                    }
                    // The targets could not be told apart.
                    (Some(stat), None) if stat.kind == FileKind::Link => {}
                    _ => found.push((
                        ask,
                        hidden.clone().unwrap_or_else(|| Ok(Answer::Stat(direct.cloned()))),
                    )),
                }
            }
            if let Some(ask) = entry.stat {
                let seen = Ok(Answer::Stat(followed.cloned()));
                found.push((ask, hidden.clone().unwrap_or(seen)));
            }
            let regular = followed.is_some_and(|stat| stat.kind == FileKind::File);
            for &(ask, algorithm) in &entry.digests {
                let sum = sums.get(&algorithm).and_then(|sums| sums.get(path));
                let answer = match (&hidden, sum) {
                    (Some(hidden), _) => hidden.clone(),
                    (_, None) if regular => Err(self.unread(frames, path, algorithm)),
                    (_, sum) => Ok(Answer::Digest(sum.cloned())),
                };
                found.push((ask, answer));
            }
            for (ask, limit, unless) in &entry.reads {
                let content = match (&hidden, followed, sha256(path)) {
                    (Some(hidden), ..) => {
                        found.push((*ask, hidden.clone()));
                        continue;
                    }
                    (_, None, _) => Content::Absent,
                    (_, Some(_), None) if regular => {
                        found.push((*ask, Err(self.unread(frames, path, Algorithm::Sha256))));
                        continue;
                    }
                    (_, Some(_), None) => Content::NotAFile,
                    (_, Some(_), Some(sha256)) if unless.as_ref() == Some(sha256) => Content::Same,
                    (_, Some(stat), Some(sha256)) if stat.size > *limit => {
                        Content::Large { size: stat.size, sha256: sha256.clone() }
                    }
                    (_, Some(stat), Some(sha256)) => {
                        contents.push((*ask, stat.size, sha256));
                        continue;
                    }
                };
                found.push((*ask, Ok(Answer::Content(content))));
            }
        }
        let Some(frame) = self.frames.content else { return };
        let mut rest = frames.reply(frame).stdout.as_slice();
        for (ask, size, sha256) in contents {
            let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
            let (bytes, others) = match self.single {
                true => (rest, &rest[rest.len()..]),
                false => rest.split_at(size),
            };
            // One file that changed in between leaves those behind it open too.
            if self.single || hex(&Sha256::digest(bytes)) == *sha256 {
                rest = others;
                found.push((ask, Ok(Answer::Content(Content::Bytes(Arc::from(bytes))))));
            }
        }
    }

    fn stats(&self, frames: Said<'_>, frame: usize) -> HashMap<&str, Stat> {
        let text = frames.text(frame);
        let mut found = HashMap::new();
        if self.single {
            let stat = parse(&text).map(|(stat, _)| stat);
            found.extend(self.entries.iter().map(|entry| entry.path.as_str()).zip(stat));
            return found;
        }
        let mut lines = text.lines().filter_map(parse).peekable();
        for entry in &self.entries {
            if let Some((stat, _)) = lines.next_if(|(_, name)| *name == entry.path) {
                found.insert(entry.path.as_str(), stat);
            }
        }
        found
    }

    /// What the links say, by path; `None` if that is unclear.
    fn targets(
        &self,
        frames: Said<'_>,
        stats: &HashMap<&str, Stat>,
    ) -> Option<HashMap<&str, String>> {
        let Some(frame) = self.frames.links else { return Some(HashMap::new()) };
        let is_link = |path: &str| stats.get(path).is_some_and(|s| s.kind == FileKind::Link);
        let links = self
            .entries
            .iter()
            .filter(|entry| entry.lstat.is_some() && is_link(&entry.path))
            .map(|entry| entry.path.as_str());
        let text = frames.text(frame);
        if self.single {
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            return Some(links.map(|path| (path, text.clone())).collect());
        }
        let links = links.collect::<Vec<_>>();
        let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        (links.len() == lines.len()).then(|| links.into_iter().zip(lines).collect())
    }

    fn sums(&self, frames: Said<'_>, frame: usize) -> HashMap<String, String> {
        let text = frames.text(frame);
        let line = |line: &str| {
            let (sum, name) = line.split_once(' ')?;
            Some((name.get(1..)?.to_owned(), sum.to_owned()))
        };
        match (self.single, self.entries.first()) {
            (true, Some(entry)) => {
                let sum = text.split(' ').next().filter(|sum| !sum.is_empty());
                sum.map(|sum| (entry.path.clone(), sum.to_owned())).into_iter().collect()
            }
            _ => text.lines().filter_map(line).collect(),
        }
    }

    /// Why a file has no digest.
    fn unread(&self, frames: Said<'_>, path: &str, algorithm: Algorithm) -> Reply {
        let frame = self.frames.sums.iter().find(|(known, _)| *known == algorithm);
        let said = frame.map_or_else(String::new, |(_, frame)| frames.reply(*frame).err());
        let line = said.lines().find(|line| self.single || line.contains(path));
        broken(line.unwrap_or("the file cannot be read"))
    }
}

impl Entry {
    /// Whether it matters what a symbolic link points to.
    fn follows(&self) -> bool {
        self.stat.is_some() || !self.reads.is_empty() || !self.digests.is_empty()
    }

    fn digest_wanted(&self, algorithm: Algorithm) -> bool {
        self.digests.iter().any(|(_, wanted)| *wanted == algorithm)
            || algorithm == Algorithm::Sha256 && !self.reads.is_empty()
    }
}

const TOOLS: [(Algorithm, &str); 6] = [
    (Algorithm::Md5, "md5sum"),
    (Algorithm::Sha1, "sha1sum"),
    (Algorithm::Sha224, "sha224sum"),
    (Algorithm::Sha256, "sha256sum"),
    (Algorithm::Sha384, "sha384sum"),
    (Algorithm::Sha512, "sha512sum"),
];

/// Whether a path could be misread among others, or its size is not that of its content.
fn is_odd(path: &str) -> bool {
    !path.starts_with('/')
        || ["\n", "\\", "  ", ":/"].iter().any(|part| path.contains(part))
        || ["/proc/", "/sys/", "/dev/"].iter().any(|part| path.starts_with(part))
}

/// A line of `stat`, and the name in it.
fn parse(line: &str) -> Option<(Stat, &str)> {
    let mut fields = line.splitn(13, ':');
    let raw = u32::from_str_radix(fields.next()?, 16).ok()?;
    let mut number = || fields.next()?.parse::<i64>().ok();
    let (uid, gid, size) = (number()?, number()?, number()?);
    let (atime, mtime, ctime) = (number()?, number()?, number()?);
    let (inode, device, links) = (fields.next()?, fields.next()?, fields.next()?);
    let name = |name: &str, id: i64| match name {
        "UNKNOWN" => id.to_string(),
        name => name.to_owned(),
    };
    let kind = match raw >> 12 {
        0o01 => FileKind::Fifo,
        0o02 => FileKind::Character,
        0o04 => FileKind::Directory,
        0o06 => FileKind::Block,
        0o10 => FileKind::File,
        0o12 => FileKind::Link,
        0o14 => FileKind::Socket,
        _ => return None,
    };
    let stat = Stat {
        kind,
        mode: raw & 0o7777,
        uid: u32::try_from(uid).ok()?,
        gid: u32::try_from(gid).ok()?,
        owner: name(fields.next()?, uid),
        group: name(fields.next()?, gid),
        size: u64::try_from(size).ok()?,
        atime,
        mtime,
        ctime,
        inode: inode.parse().ok()?,
        device: device.parse().ok()?,
        links: links.parse().ok()?,
        target: None,
    };
    Some((stat, fields.next()?))
}

/// What `stat` said, if it was not let near the path.
fn denied(path: &str, reply: &Reply) -> Option<Reply> {
    let said = reply.err();
    let line = said
        .lines()
        .find(|line| line.contains(path) && line.ends_with(": Permission denied"))
        .or_else(|| said.lines().find(|line| line.contains("stat: not found")))?;
    Some(broken(line))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
