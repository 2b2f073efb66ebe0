//! `file`: a path's kind, owner, group, mode and times; directories, links, removal.
//!
//! ```yaml
//! - file:
//!     path: /srv/app
//!     state: directory
//!     owner: deploy
//!     mode: u=rwX,g=rX,o=
//!     recurse: true
//! - file:
//!     src: /srv/app/releases/12
//!     dest: /srv/app/current
//!     state: link
//! - file:
//!     path: /tmp/old
//!     state: absent
//! ```

use crate::attributes::{describe, join, octal, split, tidy, with_file_attributes};
use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, FileKind, JsonSchema, Mode, Module, Plan, Probe, Reply, Result, Stat,
    Step, argv, ask, lstat, sh, stat,
};

with_file_attributes! {
    /// Makes a path what it should be: a directory, a link, a file with the right owner and mode,
    /// or nothing.
    ///
    /// `register` gets `path` (`dest` for links and `touch`), `state`, `mode`, `owner`, `group`,
    /// `uid`, `gid` and `size`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct File {
        /// The path. Required. `~` is the home directory of the user we act as.
        #[serde(alias = "dest", alias = "name")]
        path: String,
        /// What should be there. `file` changes what exists and creates nothing; `touch` creates
        /// an empty file or sets the times to now; `absent` removes, directories with all they
        /// hold. Default: what is there, else `directory` with `recurse`, else `file`.
        state: Option<State>,
        /// What a link points to: its text for `link` (relative to the link's directory), an
        /// existing file for `hard`.
        src: Option<String>,
        /// Apply owner, group and mode to everything in the directory. Links in it are not
        /// followed; they get the owner and group. Default: false.
        #[serde(default)]
        recurse: bool,
        /// Make a link even if its source does not exist, or in place of a file or an empty
        /// directory. Default: false.
        #[serde(default)]
        force: bool,
        /// If `path` is a symbolic link, apply owner, group and mode to what it points to.
        /// Default: true.
        #[serde(default = "yes")]
        follow: bool,
        /// `preserve`, `now`, or `YYYYMMDDhhmm.SS` in the host's time zone. Default: `now` for
        /// `touch`, else `preserve`.
        modification_time: Option<String>,
        /// How `modification_time` is written. Only the default is supported:
        /// `%Y%m%d%H%M.%S`.
        modification_time_format: Option<String>,
        /// As `modification_time`, for the time of the last access.
        access_time: Option<String>,
        /// How `access_time` is written. Only the default is supported: `%Y%m%d%H%M.%S`.
        access_time_format: Option<String>,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Directory,
    File,
    Hard,
    Link,
    Touch,
}

/// What there is at the path and around it.
pub(crate) struct Now {
    /// The path itself, a link not followed.
    path: Option<Stat>,
    /// What it leads to.
    target: Option<Stat>,
    /// What a link's source leads to.
    source: Option<Stat>,
    /// Kinds of entries in the tree, for `recurse`.
    tree: Vec<Alike>,
    /// Wanted modification and access time, in seconds since the epoch.
    times: [Option<i64>; 2],
}

/// Entries of a tree that have the same kind, mode, owner and group.
#[derive(Debug, Clone)]
struct Alike {
    count: u64,
    first: String,
    stat: Stat,
}

/// A time as a task gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time<'a> {
    Preserve,
    Now,
    At(&'a str),
}

impl File {
    fn place(&self, facts: &Facts) -> String {
        tidy(&facts.path(&self.path))
    }

    /// The wanted modification and access time.
    fn times(&self) -> Result<[Time<'_>; 2]> {
        let default = match self.state {
            Some(State::Touch) => Time::Now,
            _ => Time::Preserve,
        };
        let modification = (&self.modification_time, &self.modification_time_format);
        let access = (&self.access_time, &self.access_time_format);
        for format in [modification.1, access.1].into_iter().flatten() {
            if format != "%Y%m%d%H%M.%S" {
                return Err("only the time format `%Y%m%d%H%M.%S` is supported".into());
            }
        }
        Ok([Time::read(modification.0, default)?, Time::read(access.0, default)?])
    }

    fn state(&self, now: &Now) -> State {
        match (self.state, &now.path) {
            (Some(state), _) => state,
            (None, _) if self.recurse => State::Directory,
            (None, Some(path)) => match path.kind {
                FileKind::Directory => State::Directory,
                FileKind::Link => State::Link,
                _ => State::File,
            },
            (None, None) => State::File,
        }
    }

    fn absent(&self, path: &str, now: &Now) -> Plan {
        match &now.path {
            None => Plan::none(),
            Some(stat) => Plan::none().change(
                Diff::field(path, "state", kind(stat), "absent"),
                Step::run(argv(["rm", "-rf", "--", path])),
            ),
        }
    }

    fn directory(&self, path: &str, now: &Now) -> Result<Plan> {
        let Some(stat) = &now.path else {
            let mut diffs = vec![Diff::field(path, "state", "absent", "directory")];
            diffs.extend(self.attributes().diffs(path, None, true));
            return Ok(Plan::none().changes(diffs, self.create(MAKE_DIRECTORY, path, true)));
        };
        let target = now.target.as_ref().filter(|_| self.follow).unwrap_or(stat);
        if target.kind != FileKind::Directory {
            return Err(format!("{path} already exists as a {}", kind(target)).into());
        }
        Ok(if self.recurse { self.tree(path, now) } else { self.attributes().fix(path, target) })
    }

    /// Everything in the directory, itself included.
    fn tree(&self, path: &str, now: &Now) -> Plan {
        let wanted = self.attributes();
        let (mut owners, mut groups, mut plan) = (vec![], vec![], Plan::none());
        let mut modes = Plan::none();
        for alike in &now.tree {
            let stat = &alike.stat;
            let subject = match alike.count {
                1 => alike.first.clone(),
                n => format!("{} and {} more", alike.first, n - 1),
            };
            let directory = stat.kind == FileKind::Directory;
            owners.extend(
                wanted.other_owner(stat).map(|o| Diff::field(&subject, "owner", &stat.owner, o)),
            );
            groups.extend(
                wanted.other_group(stat).map(|g| Diff::field(&subject, "group", &stat.group, g)),
            );
            let letter = match stat.kind {
                FileKind::Link => continue,
                FileKind::Directory => "d",
                FileKind::File => "f",
                FileKind::Fifo => "p",
                FileKind::Socket => "s",
                FileKind::Block => "b",
                FileKind::Character => "c",
            };
            let bits = wanted.bits(Some(stat), directory).filter(|bits| *bits != stat.mode);
            if let Some(bits) = bits {
                let (before, after) = (octal(stat.mode), octal(bits));
                modes = modes.change(
                    Diff::field(&subject, "mode", &before, &after),
                    Step::run(argv([
                        "find", "-H", path, "-type", letter, "-perm", &before, "-exec", "chmod",
                        &after, "{}", "+",
                    ])),
                );
            }
        }
        let change = |test: &str, name: Option<&str>, spec: String| {
            Step::run(argv([
                "find",
                "-H",
                path,
                "!",
                test,
                name.unwrap_or_default(),
                "-exec",
                "chown",
                "-h",
                &spec,
                "{}",
                "+",
            ]))
        };
        let owner = wanted.owner.unwrap_or_default();
        plan = plan.changes(owners, change("-user", wanted.owner, owner.to_owned()));
        let group = wanted.group.unwrap_or_default();
        plan = plan.changes(groups, change("-group", wanted.group, format!(":{group}")));
        plan.followed_by(modes)
    }

    /// A file that must be there, or an empty one.
    fn file(&self, path: &str, now: &Now, touch: bool) -> Result<Plan> {
        let Some(stat) = &now.path else {
            if !touch {
                return Err(format!("file ({path}) is absent, cannot continue").into());
            }
            let mut diffs = vec![Diff::field(path, "state", "absent", "touch")];
            diffs.extend(self.attributes().diffs(path, None, false));
            return Ok(Plan::none().changes(diffs, self.create(MAKE_FILE, path, false)));
        };
        let target = now.target.as_ref().filter(|_| self.follow).unwrap_or(stat);
        if !touch
            && self.state.is_some()
            && matches!(target.kind, FileKind::Directory | FileKind::Link)
        {
            return Err(format!("file ({path}) is {}, cannot continue", kind(target)).into());
        }
        Ok(self.attributes().fix(path, target))
    }

    fn link(&self, path: &str, now: &Now) -> Result<Plan> {
        let text = match (&self.src, &now.path) {
            (Some(src), _) => src.as_str(),
            (None, Some(Stat { target: Some(target), .. })) => target,
            (None, _) => return Err("src is required for creating new symlinks".into()),
        };
        if now.source.is_none() && !self.force && self.src.is_some() {
            let place = join(split(path).0, text);
            return Err(format!(
                "src file does not exist, use \"force=yes\" if you really want to create the link: {place}"
            )
            .into());
        }
        let mut plan = Plan::none();
        let before = match &now.path {
            None => "absent".to_owned(),
            Some(Stat { target: Some(target), .. }) => target.clone(),
            Some(stat) if !self.force => {
                let kind = kind(stat);
                return Err(format!("refusing to convert from {kind} to symlink for {path}").into());
            }
            Some(stat) => kind(stat).to_owned(),
        };
        if before != text || now.path.as_ref().is_none_or(|stat| stat.kind != FileKind::Link) {
            let step = Step::run(sh(MAKE_LINK, [text, path]));
            plan = plan.change(Diff::field(path, "link", before, text), step);
        }
        if self.follow {
            if let Some(source) = &now.source {
                plan = plan.followed_by(self.attributes().fix(path, source));
            }
        } else if let Some(link) = now.path.as_ref().filter(|stat| stat.kind == FileKind::Link) {
            plan = plan.followed_by(self.attributes().fix(path, link));
        } else if let Some(spec) = Some(self.owner_spec()).filter(|spec| !spec.is_empty()) {
            let diffs = self.attributes().diffs(path, None, false);
            plan = plan.changes(diffs, Step::run(argv(["chown", "-h", "--", &spec, path])));
        }
        Ok(plan)
    }

    fn hard(&self, path: &str, now: &Now) -> Result<Plan> {
        let Some(src) = &self.src else {
            return match &now.path {
                Some(stat) => Ok(self.attributes().fix(path, stat)),
                None => Err("src is required for creating new hardlinks".into()),
            };
        };
        let Some(source) = &now.source else {
            return Err(format!("src {src} does not exist").into());
        };
        let plan = match &now.path {
            Some(stat) if (stat.inode, stat.device) == (source.inode, source.device) => {
                Plan::none()
            }
            Some(stat) if stat.kind == FileKind::Directory || !self.force => {
                let why = format!(
                    "cannot link, a {} exists at {path}; `force` replaces a file",
                    kind(stat)
                );
                return Err(why.into());
            }
            other => {
                let before = other.as_ref().map_or("absent", kind);
                let diff = Diff::field(path, "hard link", before, src);
                Plan::none().change(diff, Step::run(sh(MAKE_HARD_LINK, [src.as_str(), path])))
            }
        };
        Ok(plan.followed_by(self.attributes().fix(path, source)))
    }

    /// `OWNER`, `:GROUP`, `OWNER:GROUP` or nothing, for chown.
    fn owner_spec(&self) -> String {
        match (&self.owner, &self.group) {
            (owner, Some(group)) => format!("{}:{group}", owner.as_deref().unwrap_or_default()),
            (owner, None) => owner.clone().unwrap_or_default(),
        }
    }

    fn create(&self, script: &'static str, path: &str, directory: bool) -> Step {
        let mode = self.attributes().bits(None, directory).map(octal).unwrap_or_default();
        Step::run(sh(script, [path, &self.owner_spec(), &mode]))
    }

    /// Sets the times of what is there, or will be.
    fn stamp(&self, path: &str, now: &Now, mut plan: Plan) -> Result<Plan> {
        let target = now.target.as_ref().filter(|_| self.follow).or(now.path.as_ref());
        let created = target.is_none();
        for (index, wanted) in self.times()?.into_iter().enumerate() {
            let (name, letter) = [("modification time", "-m"), ("access time", "-a")][index];
            let link = if self.follow { "-c" } else { "-ch" };
            match wanted {
                Time::Preserve => {}
                // An empty file was just made.
                Time::Now if created => plan = plan.only_describes(),
                Time::Now => {
                    let step = Step::run(argv(["touch", link, letter, "--", path]));
                    plan = plan.change(Diff::field(path, name, "", "now"), step).only_describes();
                }
                Time::At(at) => {
                    let is = target.map(|stat| if index == 0 { stat.mtime } else { stat.atime });
                    if is.is_none() || is != now.times[index] {
                        let before = is.map_or_else(String::new, |seconds| format!("@{seconds}"));
                        let step = Step::run(argv(["touch", link, letter, "-t", at, "--", path]));
                        plan = plan.change(Diff::field(path, name, before, at), step);
                    }
                }
            }
        }
        Ok(plan)
    }
}

impl<'a> Time<'a> {
    fn read(given: &'a Option<String>, default: Time<'a>) -> Result<Time<'a>> {
        let text = match given.as_deref() {
            None | Some("") => return Ok(default),
            Some("preserve") => return Ok(Time::Preserve),
            Some("now") => return Ok(Time::Now),
            Some(text) => text,
        };
        let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        match text.split_once('.') {
            Some((day, second)) if digits(day, 12) && digits(second, 2) => Ok(Time::At(text)),
            _ => {
                let expected = "expected `preserve`, `now` or `YYYYMMDDhhmm.SS`";
                Err(format!("{expected}, found `{text}`").into())
            }
        }
    }

    /// Seconds since the epoch, by the host's time zone.
    fn probe(self) -> Probe<'a, Option<i64>> {
        let Time::At(t) = self else { return Probe::known(None) };
        let (day, time, second) = (&t[..8], &t[8..12], &t[13..]);
        let text = format!(
            "{}-{}-{} {}:{}:{second}",
            &day[..4],
            &day[4..6],
            &day[6..],
            &time[..2],
            &time[2..]
        );
        ask(argv(["date", "-d", &text, "+%s"])).map(|reply| reply.out().trim().parse().ok())
    }
}

impl Module for File {
    const NAMES: &'static [&'static str] = &["file"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let path = self.place(facts);
        if path.is_empty() {
            return Probe::refuse("`path` is empty");
        }
        let times = match self.times() {
            Ok([modification, access]) => modification.probe().and(access.probe()),
            Err(why) => return Probe::refuse(why),
        };
        let source = match (&self.src, self.state) {
            (Some(src), Some(State::Hard)) => lstat(facts.path(src)),
            (Some(src), _) => stat(join(split(&path).0, &facts.path(src))),
            (None, Some(State::Link) | None) => stat(path.clone()),
            (None, _) => Probe::known(None),
        };
        let tree = match self.recurse && !self.attributes().is_empty() {
            true => ask(sh(TREE, [&path])).map(|reply| tree(&reply)),
            false => Probe::known(vec![]),
        };
        lstat(path.clone()).and(stat(path)).and(source).and(tree).and(times).map(
            |((((path, target), source), tree), (modification, access))| Now {
                path,
                target,
                source,
                tree,
                times: [modification, access],
            },
        )
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let path = self.place(facts);
        let state = self.state(&now);
        if self.recurse && state != State::Directory {
            return Err("`recurse` needs `state: directory`".into());
        }
        if self.src.is_some() && !matches!(state, State::Link | State::Hard) {
            return Err("`src` needs `state: link` or `state: hard`".into());
        }
        if matches!(self.mode, Some(Mode::Preserve)) {
            return Err("there is no source whose mode could be preserved".into());
        }
        let plan = match state {
            State::Absent => self.absent(&path, &now),
            State::Directory => self.directory(&path, &now)?,
            State::File => self.file(&path, &now, false)?,
            State::Touch => self.file(&path, &now, true)?,
            State::Link => self.link(&path, &now)?,
            State::Hard => self.hard(&path, &now)?,
        };
        let mut plan = match state {
            State::Absent => plan,
            _ => self.stamp(&path, &now, plan)?,
        };
        let shown = match state {
            State::Link => now.path.as_ref(),
            _ => now.target.as_ref().filter(|_| self.follow).or(now.path.as_ref()),
        };
        plan.values.extend(describe(shown));
        let key = match state {
            State::Link | State::Hard | State::Touch => "dest",
            _ => "path",
        };
        plan = plan.value(key, facts.path(&self.path));
        if let Some(src) = self.src.as_ref().or(now.path.as_ref().and_then(|p| p.target.as_ref()))
            && matches!(state, State::Link | State::Hard)
        {
            plan = plan.value("src", src.as_str());
        }
        Ok(self.warn_of_ignored(plan))
    }
}

fn kind(stat: &Stat) -> &'static str {
    match stat.kind {
        FileKind::Directory => "directory",
        FileKind::Link => "link",
        _ => "file",
    }
}

fn tree(reply: &Reply) -> Vec<Alike> {
    let line = |line: String| {
        let mut words = line.trim_start().splitn(7, ' ');
        let count = words.next()?.parse().ok()?;
        let raw = u32::from_str_radix(words.next()?, 16).ok()?;
        let (uid, gid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let name = |name: &str, id: u32| match name {
            "UNKNOWN" => id.to_string(),
            name => name.to_owned(),
        };
        let (owner, group) = (name(words.next()?, uid), name(words.next()?, gid));
        let kind = match raw >> 12 {
            0o1 => FileKind::Fifo,
            0o2 => FileKind::Character,
            0o4 => FileKind::Directory,
            0o6 => FileKind::Block,
            0o12 => FileKind::Link,
            0o14 => FileKind::Socket,
            _ => FileKind::File,
        };
        let stat = Stat {
            kind,
            mode: raw & 0o7777,
            uid,
            gid,
            owner,
            group,
            size: 0,
            atime: 0,
            mtime: 0,
            ctime: 0,
            inode: 0,
            device: 0,
            links: 1,
            target: None,
        };
        Some(Alike { count, first: words.next()?.to_owned(), stat })
    };
    reply.lines().into_iter().filter_map(line).collect()
}

const TREE: &str = r#"# what kinds of entries does a tree hold? COUNT RAWMODE UID GID OWNER GROUP FIRST
[ -d "$1" ] || exit 0
find -H "$1" -exec stat -c '%f %u %g %U %G %n' {} + | awk '
    { key = $1 " " $2 " " $3 " " $4 " " $5; if (!(key in count)) first[key] = substr($0, length(key) + 2); count[key]++ }
    END { for (key in count) print count[key], key, first[key] }' | LC_ALL=C sort -k2
"#;

pub(crate) const MAKE_DIRECTORY: &str = r#"# make a directory and those it is in
path=$1 owner=$2 mode=$3
set --
while [ ! -d "$path" ]; do
    set -- "$path" "$@"
    case $path in
        */*) path=${path%/*}; path=${path:-/} ;;
        *) break ;;
    esac
done
for path; do
    mkdir -- "$path" || exit
    [ -z "$owner" ] || chown -- "$owner" "$path" || exit
    [ -z "$mode" ] || chmod -- "$mode" "$path" || exit
done
"#;

const MAKE_FILE: &str = r#"# make an empty file
: >>"$1" || exit
[ -z "$2" ] || chown -- "$2" "$1" || exit
[ -z "$3" ] || chmod -- "$3" "$1"
"#;

pub(crate) const MAKE_LINK: &str = r#"# make a symbolic link, or replace one
new=$2.$$.new
ln -s -- "$1" "$new" || exit
if [ -d "$2" ] && [ ! -L "$2" ]; then rmdir -- "$2" || { rm -f -- "$new"; exit 1; }; fi
mv -fT -- "$new" "$2" 2>/dev/null || { rm -f -- "$2" && mv -f -- "$new" "$2"; } || { rm -f -- "$new"; exit 1; }
"#;

const MAKE_HARD_LINK: &str = r#"# make a hard link in place of what is there
new=$2.$$.new
ln -- "$1" "$new" && mv -f -- "$new" "$2" || { rm -f -- "$new"; exit 1; }
"#;
