//! `find`: files and directories of the host by name, age, size, mode or content.
//!
//! ```yaml
//! - find:
//!     paths: /var/log
//!     patterns: "*.gz"
//!     age: 30d
//!     recurse: true
//!   register: old
//! - file:
//!     path: "{{ item.path }}"
//!     state: absent
//!   loop: "{{ old.files }}"
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::attributes::{UMASK, tidy};
use crate::kit::{
    self, Algorithm, Deserialize, Facts, FileKind, JsonSchema, Mode, Module, Plan, Probe, Refusal,
    Reply, Result, Words, ask_costly, digest, sh,
};
use crate::python_regex;

/// Lists what is below directories of the host; changes nothing.
///
/// `register` gets `files`, a list of mappings like `stat`'s, directories before what is in them and
/// each directory in the order of names; `matched`, `examined`, `msg` and `skipped_paths`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Directories to look in. Required.
    #[serde(alias = "name", alias = "path")]
    paths: Words,
    /// Names to be found: shell patterns, or regular expressions with `use_regex`. Default: all.
    #[serde(default, alias = "pattern")]
    patterns: Words,
    /// Names to be left out, in the same form. Default: none.
    #[serde(default, alias = "exclude")]
    excludes: Words,
    /// `patterns` and `excludes` are regular expressions, matched from the start of the name.
    /// Default: false.
    #[serde(default)]
    use_regex: bool,
    /// A regular expression that must match a line of the file, from its start. The host needs GNU
    /// grep. Default: not looked into.
    contains: Option<String>,
    /// `contains` may match anywhere in the file, also over several lines. Default: false.
    #[serde(default)]
    read_whole_file: bool,
    /// How the file's text is encoded: accepted, only UTF-8 is known.
    encoding: Option<String>,
    /// `file` (default), `directory`, `link` or `any`.
    #[serde(default)]
    file_type: FileType,
    /// At least so old, or with `-` at most: seconds, or a number with `m`, `h`, `d` or `w`.
    age: Option<String>,
    /// The time that `age` looks at: `mtime` (default), `atime` or `ctime`.
    #[serde(default)]
    age_stamp: Stamp,
    /// At least so large, or with `-` at most: bytes, or a number with `k`, `m`, `g` or `t`.
    size: Option<String>,
    /// Permissions that are wanted: octal or symbolic. Default: any.
    mode: Option<Mode>,
    /// `mode` is all there is; otherwise one bit of it is enough. Default: true.
    #[serde(default = "crate::command::yes")]
    exact_mode: bool,
    /// Look into directories, too. Default: false.
    #[serde(default)]
    recurse: bool,
    /// How many levels of directories to look at. Default: all.
    depth: Option<u32>,
    /// Find what begins with a dot, too. Default: false.
    #[serde(default)]
    hidden: bool,
    /// Look into directories behind symbolic links. Default: false.
    #[serde(default)]
    follow: bool,
    /// Give the digest of files as `checksum`. Default: false.
    #[serde(default)]
    get_checksum: bool,
    /// How the digest is made. Default: `sha1`.
    #[serde(default, alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: crate::stat::Checksum,
    /// Find so many at most. Default: all.
    limit: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FileType {
    Any,
    Directory,
    #[default]
    File,
    Link,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Stamp {
    Atime,
    Ctime,
    #[default]
    Mtime,
}

/// One thing that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    path: String,
    stat: kit::Stat,
    /// With fractions of a second: of access, of content, of attributes.
    times: [f64; 3],
    digest: Option<String>,
}

/// What is told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    now: f64,
    examined: u64,
    skipped: BTreeMap<String, String>,
    /// A path could not be looked into at all.
    warned: bool,
    found: Vec<Found>,
    full: bool,
}

/// What a name must be like.
struct Names {
    wanted: Vec<fancy_regex::Regex>,
    excluded: Vec<fancy_regex::Regex>,
}

impl Names {
    fn fit(&self, name: &str) -> Result<bool> {
        let any = |patterns: &[fancy_regex::Regex]| -> Result<bool> {
            for pattern in patterns {
                if pattern.is_match(name).map_err(|error| error.to_string())? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(any(&self.wanted)? && !any(&self.excluded)?)
    }
}

/// A shell pattern as a regular expression.
fn shell(pattern: &str) -> String {
    let mut out = String::from("(?s)^");
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => out += ".*",
            '?' => out.push('.'),
            '[' => {
                // The first `]` may be one of the characters.
                let skip = 1 + usize::from(rest.starts_with('!'));
                let end = rest.char_indices().skip(skip).find(|(_, c)| *c == ']');
                match end {
                    Some((end, _)) => {
                        let (class, tail) = (&rest[..end], &rest[end + 1..]);
                        let (not, class) = match class.strip_prefix('!') {
                            Some(class) => ("^", class),
                            None => ("", class),
                        };
                        let class = class.replace('\\', r"\\").replace('[', r"\[");
                        let class = class.replace('^', r"\^").replace('&', r"\&");
                        let class = class.replace('~', r"\~").replace(']', r"\]");
                        out += &format!("[{not}{class}]");
                        rest = tail;
                    }
                    None => out += r"\[",
                }
            }
            c => out += &fancy_regex::escape(&c.to_string()),
        }
    }
    out + "$"
}

/// A number with a unit, as a multiple of the first one.
fn amount(text: &str, units: &[(&str, i64)]) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" => 1,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// At least `want`, or at most if it is negative.
fn at_least(value: f64, want: i64) -> bool {
    if want >= 0 { value >= want as f64 } else { value <= -want as f64 }
}

impl Find {
    fn names(&self) -> Result<Names> {
        let compile = |patterns: &[String]| -> Result<Vec<_>> {
            patterns
                .iter()
                .map(|pattern| match self.use_regex {
                    true => Ok(python_regex::compile(&format!("^(?:{pattern})"))?),
                    false => {
                        fancy_regex::Regex::new(&shell(pattern)).map_err(|e| e.to_string().into())
                    }
                })
                .collect()
        };
        let all = [if self.use_regex { ".*".to_owned() } else { "*".to_owned() }];
        let wanted = if self.patterns.is_empty() { &all } else { &*self.patterns };
        Ok(Names { wanted: compile(wanted)?, excluded: compile(&self.excludes)? })
    }

    fn age(&self) -> Result<Option<i64>> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
        let wrong = || Refusal::new("failed to process age").value("age", self.age.clone());
        self.age.as_ref().map(|age| amount(age, &units).ok_or_else(wrong)).transpose()
    }

    fn size(&self) -> Result<Option<i64>> {
        let units = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
        let wrong = || Refusal::new("failed to process size").value("size", self.size.clone());
        self.size.as_ref().map(|size| amount(size, &units).ok_or_else(wrong)).transpose()
    }

    fn fits(&self, found: &Found, names: &Names, now: f64) -> Result<bool> {
        let name = found.path.rsplit('/').next().unwrap_or_default();
        let kind = found.stat.kind;
        let wanted = match self.file_type {
            FileType::Any => true,
            FileType::Directory => kind == FileKind::Directory,
            FileType::File => kind == FileKind::File,
            FileType::Link => kind == FileKind::Link,
        };
        if !wanted || (name.starts_with('.') && !self.hidden) || !names.fit(name)? {
            return Ok(false);
        }
        let time = match self.age_stamp {
            Stamp::Atime => found.times[0],
            Stamp::Mtime => found.times[1],
            Stamp::Ctime => found.times[2],
        };
        let mode = self.mode.as_ref().map(|mode| mode.apply(0, false, UMASK));
        let mode = mode.is_none_or(|mode| match self.exact_mode {
            true => found.stat.mode == mode,
            false => found.stat.mode & mode != 0,
        });
        let size = self.size()?.filter(|_| kind == FileKind::File);
        Ok(mode
            && self.age()?.is_none_or(|age| at_least(now - time, age))
            && size.is_none_or(|size| at_least(found.stat.size as f64, size)))
    }

    /// Reads what the host has listed: for each path whether it is a directory, then what is in it.
    fn read(&self, facts: &Facts, reply: &Reply) -> Result<Seen> {
        let names = self.names()?;
        let out = reply.out();
        let mut records = out.split('\0');
        let unclear = || Refusal::new(format!("cannot look: {}", reply.err().trim()));
        let now = records.next().and_then(|now| now.parse().ok()).ok_or_else(unclear)?;
        let mut seen = Seen { now, ..Seen::default() };
        let mut roots = self.paths.iter().map(|path| tidy(&facts.path(path)));
        let (mut root, mut all) = (String::new(), Vec::new());
        for record in records {
            match record {
                "" => {}
                "end" => self.take(&root, std::mem::take(&mut all), &names, &mut seen)?,
                "directory" => root = roots.next().ok_or_else(unclear)?,
                "none" => {
                    let path = roots.next().ok_or_else(unclear)?;
                    seen.skipped.insert(path.clone(), format!("'{path}' is not a directory"));
                    seen.warned = true;
                }
                record => all.push(Found::read(record).ok_or_else(unclear)?),
            }
        }
        for line in reply.err().lines() {
            let said = line.strip_prefix("find: ").and_then(|line| line.rsplit_once(": "));
            if let Some((path, "Permission denied")) = said {
                let path = path.trim_matches(['\'', '`', '‘', '’']);
                let why = format!("[Errno 13] Permission denied: '{path}'");
                seen.skipped.insert(path.to_owned(), why);
            }
        }
        Ok(seen)
    }

    /// Takes what fits of one path, in order.
    fn take(&self, root: &str, mut all: Vec<Found>, names: &Names, seen: &mut Seen) -> Result<()> {
        seen.examined += all.len() as u64;
        let level = |path: &str| {
            path.matches('/').count() - root.trim_end_matches('/').matches('/').count()
        };
        all.sort_by(|one, other| {
            let key = |found: &Found| {
                let (parent, name) = found.path.rsplit_once('/').unwrap_or(("", &found.path));
                let directory = found.stat.kind == FileKind::Directory;
                (parent.to_owned(), directory, name.to_owned())
            };
            key(one).cmp(&key(other))
        });
        for found in all {
            if self.depth.is_some_and(|depth| depth > 0 && level(&found.path) > depth as usize) {
                continue;
            }
            if self.fits(&found, names, seen.now)? {
                seen.found.push(found);
            }
        }
        Ok(())
    }

    /// Leaves only files whose content fits.
    fn grep<'a>(&'a self, mut seen: Seen) -> Probe<'a, Seen> {
        let Some(pattern) = self.contains.as_ref().filter(|_| self.file_type == FileType::File)
        else {
            return Probe::known(seen);
        };
        let whole = if self.read_whole_file { "whole" } else { "" };
        let pattern = match self.read_whole_file {
            true => pattern.clone(),
            false => format!("^(?:{pattern})"),
        };
        let words = [whole.to_owned(), pattern].into_iter();
        let words = words.chain(seen.found.iter().map(|found| found.path.clone()));
        ask_costly(sh(GREP, words)).try_map(move |reply| {
            if !reply.ok() {
                return Err(Refusal::new(reply.err().trim()));
            }
            let out = reply.out();
            let mut verdicts = out.lines();
            seen.found.retain(|_| verdicts.next() == Some("0"));
            Ok(seen)
        })
    }

    fn limited(&self, mut seen: Seen) -> Seen {
        if let Some(limit) = self.limit
            && seen.found.len() >= limit as usize
        {
            seen.found.truncate(limit as usize);
            seen.full = true;
        }
        seen
    }

    fn digests<'a>(&self, mut seen: Seen) -> Probe<'a, Seen> {
        if !self.get_checksum || !matches!(self.file_type, FileType::File | FileType::Any) {
            return Probe::known(seen);
        }
        let algorithm: Algorithm = self.checksum_algorithm.into();
        let each = seen.found.iter().map(|found| match found.stat.kind {
            FileKind::File => digest(found.path.clone(), algorithm),
            _ => Probe::known(None),
        });
        Probe::all(each.collect::<Vec<_>>()).map(move |digests| {
            for (found, digest) in seen.found.iter_mut().zip(digests) {
                found.digest = digest;
            }
            seen
        })
    }
}

impl Found {
    /// Type and mode, owner, group, size, inode, device, links, three times, names, path.
    fn read(record: &str) -> Option<Found> {
        let mut words = record.splitn(13, ' ');
        let mut next = || words.next();
        let bits = u32::from_str_radix(next()?, 16).ok()?;
        let kind = match bits >> 12 {
            0o1 => FileKind::Fifo,
            0o2 => FileKind::Character,
            0o4 => FileKind::Directory,
            0o6 => FileKind::Block,
            0o10 => FileKind::File,
            0o12 => FileKind::Link,
            0o14 => FileKind::Socket,
            _ => return None,
        };
        let (uid, gid) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (size, inode) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (device, links) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let times = [next()?, next()?, next()?].map(|time| time.parse::<f64>());
        let [Ok(atime), Ok(mtime), Ok(ctime)] = times else { return None };
        let (owner, group) = (next()?.to_owned(), next()?.to_owned());
        let path = next()?.to_owned();
        let stat = kit::Stat {
            kind,
            mode: bits & 0o7777,
            uid,
            gid,
            owner,
            group,
            size,
            atime: atime as i64,
            mtime: mtime as i64,
            ctime: ctime as i64,
            inode,
            device,
            links,
            target: None,
        };
        Some(Found { path, stat, times: [atime, mtime, ctime], digest: None })
    }

    fn values(&self) -> Value {
        let mut values = Map::new();
        values.insert("path".into(), self.path.as_str().into());
        let mut about = crate::stat::describe(&self.path, &self.stat);
        about.remove("exists");
        for (key, time) in ["atime", "mtime", "ctime"].into_iter().zip(self.times) {
            about.insert(key.into(), time.into());
        }
        for (key, name) in [("pw_name", &self.stat.owner), ("gr_name", &self.stat.group)] {
            let name = if name == "UNKNOWN" { "" } else { name };
            about.insert(key.into(), name.into());
        }
        values.extend(about);
        if let Some(digest) = &self.digest {
            values.insert("checksum".into(), digest.as_str().into());
        }
        values.into()
    }
}

impl Module for Find {
    const NAMES: &'static [&'static str] = &["find"];
    type State = Seen;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Seen> {
        let checked = self.names().and(self.age()).and(self.size());
        if let Err(why) = checked {
            return Probe::refuse(why);
        }
        if self.limit == Some(0) {
            return Probe::refuse("expected a `limit` above 0");
        }
        if let Some(encoding) = &self.encoding
            && encoding.to_lowercase().replace(['-', '_'], "") != "utf8"
        {
            return Probe::refuse(format!("expected `encoding: utf-8`, found `{encoding}`"));
        }
        // One level more than is wanted, because those count as examined.
        let depth = match (self.recurse, self.depth.unwrap_or(0)) {
            (false, _) => "1".to_owned(),
            (true, 0) => String::new(),
            (true, depth) => (depth + 1).to_string(),
        };
        let follow = if self.follow { "-L" } else { "-H" };
        let paths = self.paths.iter().map(|path| tidy(&facts.path(path)));
        let words = [follow.to_owned(), depth].into_iter().chain(paths);
        ask_costly(sh(LIST, words))
            .try_map(move |reply| self.read(facts, &reply))
            .then(move |seen| self.grep(seen))
            .then(move |seen| self.digests(self.limited(seen)))
    }

    fn plan(&self, _: &Facts, seen: Seen) -> Result<Plan> {
        let message = match (seen.warned, seen.full) {
            (true, _) => "Not all paths examined, check warnings for details",
            (false, true) => "Limit of matches reached",
            (false, false) => "All paths examined",
        };
        let mut plan = Plan::none()
            .value("files", seen.found.iter().map(Found::values).collect::<Vec<_>>())
            .value("msg", message)
            .value("matched", seen.found.len())
            .value("examined", seen.examined)
            .value("skipped_paths", json!(seen.skipped));
        for (path, why) in seen.skipped.iter().filter(|(_, why)| why.ends_with("a directory")) {
            plan = plan.warn(format!("skipped `{path}`: {why}"));
        }
        Ok(plan)
    }
}

const LIST: &str = r#"# what is below these directories?
follow=$1 depth=$2
shift 2
printf '%s\0' "$(date +%s)"
if stat --printf= / 2>/dev/null; then
    how=--printf='%f %u %g %s %i %d %h %.9X %.9Y %.9Z %U %G %n\0'
else
    how='%f %u %g %s %i %d %h %X %Y %Z %U %G %n'
fi
for path; do
    if [ ! -d "$path" ]; then printf 'none\0'; continue; fi
    printf 'directory\0'
    case $path in [-\(\)\!]*) path=./$path ;; esac
    set -- "$follow" "$path" -mindepth 1
    [ -z "$depth" ] || set -- "$@" -maxdepth "$depth"
    case $how in
        --*) find "$@" -exec stat "$how" -- {} + ;;
        *) find "$@" -exec stat -c "$how" -- {} + | tr '\n' '\0' ;;
    esac
    printf 'end\0'
done
exit 0
"#;

const GREP: &str = r#"# do these files contain an expression?
whole=$1 pattern=$2
shift 2
if ! echo a | grep -qP a 2>/dev/null; then
    echo 'expected GNU grep on the host for `contains`: install it' >&2
    exit 1
fi
for path; do
    if [ -n "$whole" ]; then
        grep -qzP -e "$pattern" -- "$path" 2>/dev/null
    else
        grep -qaP -e "$pattern" -- "$path" 2>/dev/null
    fi
    echo "$?"
done
"#;
