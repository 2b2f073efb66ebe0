//! `stat`: what is at a path.
//!
//! ```yaml
//! - stat:
//!     path: /etc/nginx/nginx.conf
//!   register: conf
//! ```

use serde_json::{Map, Value, json};

use crate::command::yes;
use crate::kit::{
    self, Algorithm, Deserialize, Facts, FileKind, JsonSchema, Module, Plan, Probe, Refusal, Reply,
    Result, ask, digest, lstat, sh, stat,
};

/// Tells what is at a path; changes nothing.
///
/// `register` gets `stat`, with `exists` and, if so, everything `ls`, `stat` and a digest say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    /// The path. Required.
    #[serde(alias = "dest", alias = "name")]
    path: String,
    /// Follow symbolic links. Default: false.
    #[serde(default)]
    follow: bool,
    /// Give the digest of a regular file as `checksum`. Default: true.
    #[serde(default = "yes")]
    get_checksum: bool,
    /// How the digest is made. Default: `sha1`.
    #[serde(default, alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: Checksum,
    /// Give `mimetype` and `charset`, where the host has the tool `file`. Default: true.
    #[serde(default = "yes", alias = "mime", alias = "mime_type", alias = "mime-type")]
    get_mime: bool,
    /// Give `attributes` and `version`, where the host has the tool `lsattr`. Default: true.
    #[serde(default = "yes", alias = "attr", alias = "attributes")]
    get_attributes: bool,
    /// Give the capabilities of SELinux: accepted, nothing is given. Default: false.
    #[schemars(with = "bool")]
    #[expect(dead_code, reason = "accepted, without effect")]
    get_selinux_context: Option<crate::attributes::Ignored>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Checksum {
    Md5,
    #[default]
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl From<Checksum> for Algorithm {
    fn from(checksum: Checksum) -> Algorithm {
        match checksum {
            Checksum::Md5 => Algorithm::Md5,
            Checksum::Sha1 => Algorithm::Sha1,
            Checksum::Sha224 => Algorithm::Sha224,
            Checksum::Sha256 => Algorithm::Sha256,
            Checksum::Sha384 => Algorithm::Sha384,
            Checksum::Sha512 => Algorithm::Sha512,
        }
    }
}

pub(crate) struct Now {
    stat: Option<kit::Stat>,
    digest: Option<String>,
    more: Reply,
}

impl Module for Look {
    const NAMES: &'static [&'static str] = &["stat"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let path = facts.path(&self.path);
        let digest = match self.get_checksum {
            true => digest(path.clone(), self.checksum_algorithm.into()),
            false => Probe::known(None),
        };
        let word = |on: bool, word: &str| if on { word.to_owned() } else { String::new() };
        let more = ask(sh(
            MORE,
            [
                path.clone(),
                word(self.follow, "-L"),
                word(self.get_mime, "mime"),
                word(self.get_attributes, "attributes"),
            ],
        ));
        let stat = if self.follow { stat(path) } else { lstat(path) };
        stat.and(digest).and(more).map(|((stat, digest), more)| Now { stat, digest, more })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let Some(stat) = now.stat else {
            return Ok(Plan::none().value("stat", json!({ "exists": false })));
        };
        let path = facts.path(&self.path);
        let mut values = describe(&path, &stat);
        if stat.kind == FileKind::File
            && let Some(digest) = now.digest
        {
            values.insert("checksum".into(), digest.into());
        }
        self.add(&mut values, &stat, &now.more)?;
        Ok(Plan::none().value("stat", values))
    }
}

pub(crate) fn describe(path: &str, stat: &kit::Stat) -> Map<String, Value> {
    let mut values = Map::new();
    let mut set = |key: &str, value: Value| values.insert(key.into(), value);
    set("exists", true.into());
    set("path", path.into());
    set("mode", crate::attributes::octal(stat.mode).into());
    for (key, kind) in [
        ("isdir", FileKind::Directory),
        ("ischr", FileKind::Character),
        ("isblk", FileKind::Block),
        ("isreg", FileKind::File),
        ("isfifo", FileKind::Fifo),
        ("islnk", FileKind::Link),
        ("issock", FileKind::Socket),
    ] {
        set(key, (stat.kind == kind).into());
    }
    set("uid", stat.uid.into());
    set("gid", stat.gid.into());
    set("size", stat.size.into());
    set("inode", stat.inode.into());
    set("dev", stat.device.into());
    set("nlink", stat.links.into());
    set("atime", (stat.atime as f64).into());
    set("mtime", (stat.mtime as f64).into());
    set("ctime", (stat.ctime as f64).into());
    let letters = ["xoth", "woth", "roth", "xgrp", "wgrp", "rgrp", "xusr", "wusr", "rusr"];
    for (bit, key) in letters.into_iter().enumerate() {
        set(key, (stat.mode >> bit & 1 == 1).into());
    }
    set("isuid", (stat.mode & 0o4000 != 0).into());
    set("isgid", (stat.mode & 0o2000 != 0).into());
    for (key, name) in [("pw_name", &stat.owner), ("gr_name", &stat.group)] {
        // A number is what stands there when the database has no name.
        if name.parse::<u32>().is_err() {
            set(key, name.as_str().into());
        }
    }
    if let Some(target) = &stat.target {
        set("lnk_target", target.as_str().into());
    }
    values
}

impl Look {
    /// What the script found besides.
    fn add(&self, values: &mut Map<String, Value>, stat: &kit::Stat, more: &Reply) -> Result<()> {
        let out = more.out();
        let mut flags = None;
        for line in out.lines() {
            let (key, text) =
                line.split_once(' ').ok_or_else(|| Refusal::new("the host's answer is cut off"))?;
            let mut set = |key: &str, value: Value| values.insert(key.into(), value);
            match key {
                "stat" => {
                    let words: Vec<&str> = text.split(' ').collect();
                    let number = |index: usize| words.get(index)?.parse::<u64>().ok();
                    if let (Some(blocks), Some(size)) = (number(0), number(1)) {
                        set("blocks", blocks.into());
                        set("block_size", size.into());
                    }
                    let hex = |index: usize| u64::from_str_radix(words.get(index)?, 16).ok();
                    if let (Some(major), Some(minor)) = (hex(2), hex(3)) {
                        let device = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
                        set("device_type", device.into());
                    }
                    for (index, key) in [(4, "atime"), (5, "mtime"), (6, "ctime")] {
                        if let Some(Ok(time)) = words.get(index).map(|text| text.parse::<f64>()) {
                            set(key, time.into());
                        }
                    }
                }
                "readable" | "writeable" | "executable" => {
                    set(key, (text == "true").into());
                }
                "lnk_source" if stat.kind == FileKind::Link => {
                    set(key, text.into());
                }
                "mimetype" if self.get_mime => {
                    let (kind, charset) =
                        text.split_once("; charset=").unwrap_or((text, "unknown"));
                    set("mimetype", kind.into());
                    set("charset", charset.into());
                }
                "lsattr" => {
                    let (version, letters) = text.split_once(' ').unwrap_or(("", text));
                    set(
                        "version",
                        match version {
                            "" => Value::Null,
                            version => version.into(),
                        },
                    );
                    flags = Some(letters.replace('-', ""));
                }
                _ => {}
            }
        }
        if self.get_mime && !values.contains_key("mimetype") {
            values.insert("mimetype".into(), "unknown".into());
            values.insert("charset".into(), "unknown".into());
        }
        if self.get_attributes {
            let flags = flags.unwrap_or_default();
            let names: Vec<&str> = flags.chars().filter_map(flag).collect();
            values.entry("version").or_insert(Value::Null);
            values.insert("attributes".into(), json!(names));
            values.insert("attr_flags".into(), flags.into());
        }
        Ok(())
    }
}

/// The long name of a letter of `lsattr`.
fn flag(letter: char) -> Option<&'static str> {
    Some(match letter {
        'A' => "noatime",
        'a' => "append",
        'c' => "compressed",
        'C' => "nocow",
        'd' => "nodump",
        'D' => "dirsync",
        'e' => "extents",
        'E' => "encrypted",
        'h' => "blocksize",
        'i' => "immutable",
        'I' => "indexed",
        'j' => "journalled",
        'N' => "inline",
        's' => "zero",
        'S' => "synchronous",
        't' => "notail",
        'T' => "blockroot",
        'u' => "undelete",
        'X' => "compressedraw",
        'Z' => "compresseddirty",
        _ => return None,
    })
}

const MORE: &str = r#"# what else is known of a path?
if [ ! -e "$1" ]; then [ -L "$1" ] && [ -z "$2" ] || exit 0; fi
times='%.9X %.9Y %.9Z'
[ "$(stat -c %.9X / 2>/dev/null | tr -d 0-9.)" = '' ] || times=
printf 'stat '
stat $2 -c "%b %o %t %T $times" -- "$1"
for test in readable:-r writeable:-w executable:-x; do
    if [ "${test#*:}" "$1" ]; then echo "${test%:*} true"; else echo "${test%:*} false"; fi
done
[ ! -L "$1" ] || printf 'lnk_source %s\n' "$(readlink -f -- "$1")"
if [ -n "$3" ] && command -v file >/dev/null; then
    printf 'mimetype %s\n' "$(file -b --mime-type --mime-encoding $2 -- "$1" 2>/dev/null)"
fi
if [ -n "$4" ] && command -v lsattr >/dev/null; then
    found=$(lsattr -vd -- "$1" 2>/dev/null) && { set -- $found; printf 'lsattr %s %s\n' "$1" "$2"; }
fi
exit 0
"#;
