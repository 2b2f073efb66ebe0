//! Owner, group and mode of a path: the parameters, what differs, and what sets it right.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};
use serde_json::{Map, Value};

use crate::kit::{Diff, FileKind, Mode, Plan, Stat, Step, argv};

/// The umask that symbolic modes without a letter for whom, and new files, are reckoned with.
pub(crate) const UMASK: u32 = 0o022;

/// Declares a module's struct with the parameters that all modules that make files share, and its
/// `attributes()` and `warn_of_ignored()`.
macro_rules! with_file_attributes {
    ($(#[$outer:meta])* pub(crate) struct $name:ident { $($body:tt)* }) => {
        $(#[$outer])*
        pub(crate) struct $name {
            $($body)*
            /// Owner, by name or number. Default: the user we act as for something new, else
            /// unchanged.
            owner: Option<String>,
            /// Group, by name or number. Default: as for `owner`.
            group: Option<String>,
            /// Permissions: octal (`0644`, `"0644"`) or symbolic (`u=rwX,g=rX,o=`). Default: 0666
            /// (directories 0777) less the umask for something new, else unchanged.
            mode: Option<crate::kit::Mode>,
            /// File attributes as `chattr` sets them: not supported, and refused.
            #[serde(alias = "attr")]
            #[schemars(with = "Option<String>")]
            #[expect(dead_code, reason = "never bound: reading it is an error")]
            attributes: Option<crate::attributes::Unsupported>,
            /// SELinux user: ignored, with a warning.
            #[schemars(with = "Option<String>")]
            seuser: Option<crate::attributes::Ignored>,
            /// SELinux role: ignored, with a warning.
            #[schemars(with = "Option<String>")]
            serole: Option<crate::attributes::Ignored>,
            /// SELinux type: ignored, with a warning.
            #[schemars(with = "Option<String>")]
            setype: Option<crate::attributes::Ignored>,
            /// SELinux level: ignored, with a warning.
            #[schemars(with = "Option<String>")]
            selevel: Option<crate::attributes::Ignored>,
            /// Write in place where a file cannot be replaced: ignored, with a warning if true.
            /// Files are always replaced atomically.
            #[serde(default)]
            unsafe_writes: bool,
        }

        impl $name {
            fn attributes(&self) -> crate::attributes::Attributes<'_> {
                crate::attributes::Attributes {
                    owner: self.owner.as_deref(),
                    group: self.group.as_deref(),
                    mode: self.mode.as_ref(),
                }
            }

            fn warn_of_ignored(&self, mut plan: crate::kit::Plan) -> crate::kit::Plan {
                for (name, given) in [
                    ("seuser", self.seuser.is_some()),
                    ("serole", self.serole.is_some()),
                    ("setype", self.setype.is_some()),
                    ("selevel", self.selevel.is_some()),
                    ("unsafe_writes", self.unsafe_writes),
                ] {
                    if given {
                        plan = plan.warn(format!("`{name}` is not supported and was ignored"));
                    }
                }
                plan
            }
        }
    };
}
pub(crate) use with_file_attributes;

/// A parameter that cannot be given.
#[derive(Debug)]
pub(crate) struct Unsupported;

impl<'de> Deserialize<'de> for Unsupported {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Unsupported, D::Error> {
        IgnoredAny::deserialize(d)?;
        Err(D::Error::custom("this parameter is not supported"))
    }
}

/// A parameter that has no effect here, whatever it says.
#[derive(Debug)]
pub(crate) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Ignored, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Ignored)
    }
}

/// What a path should have; `None` means whatever it has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) owner: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) mode: Option<&'a Mode>,
}

impl Attributes<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.owner.is_none() && self.group.is_none() && self.mode.is_none()
    }

    /// The wanted permission bits of what is there, or of a new file or directory.
    pub(crate) fn bits(&self, now: Option<&Stat>, directory: bool) -> Option<u32> {
        let new = if directory { 0o777 } else { 0o666 } & !UMASK;
        match self.mode? {
            Mode::Preserve => None,
            mode => Some(mode.apply(now.map_or(new, |stat| stat.mode), directory, UMASK)),
        }
    }

    /// The wanted owner, if it is another.
    pub(crate) fn other_owner(&self, now: &Stat) -> Option<&str> {
        self.owner.filter(|owner| *owner != now.owner && *owner != now.uid.to_string())
    }

    /// The wanted group, if it is another.
    pub(crate) fn other_group(&self, now: &Stat) -> Option<&str> {
        self.group.filter(|group| *group != now.group && *group != now.gid.to_string())
    }

    /// What would change: from nothing, if there is nothing yet.
    pub(crate) fn diffs(&self, path: &str, now: Option<&Stat>, directory: bool) -> Vec<Diff> {
        let mut diffs = Vec::new();
        match now {
            None => {
                diffs.extend(self.owner.map(|owner| Diff::field(path, "owner", "", owner)));
                diffs.extend(self.group.map(|group| Diff::field(path, "group", "", group)));
            }
            Some(now) => {
                let owner = self.other_owner(now);
                diffs.extend(owner.map(|owner| Diff::field(path, "owner", &now.owner, owner)));
                let group = self.other_group(now);
                diffs.extend(group.map(|group| Diff::field(path, "group", &now.group, group)));
            }
        }
        if let Some(bits) =
            self.bits(now, directory).filter(|bits| now.is_none_or(|n| n.mode != *bits))
        {
            let before = now.map_or_else(String::new, |now| octal(now.mode));
            diffs.push(Diff::field(path, "mode", before, octal(bits)));
        }
        diffs
    }

    /// Puts what will be over what [`describe`] says of a path, where nobody looks again.
    pub(crate) fn told(&self, now: &Stat, values: &mut Map<String, Value>) {
        for (key, number, name) in
            [("owner", "uid", self.other_owner(now)), ("group", "gid", self.other_group(now))]
        {
            let Some(name) = name else { continue };
            values.insert(key.into(), name.into());
            match name.parse::<u32>() {
                Ok(id) => values.insert(number.into(), id.into()),
                Err(_) => values.remove(number),
            };
        }
        if let Some(bits) = self.bits(Some(now), now.kind == FileKind::Directory) {
            values.insert("mode".into(), octal(bits).into());
        }
    }

    /// Sets right what is there. A symbolic link has an owner of its own unless it is followed,
    /// and no mode.
    pub(crate) fn fix(&self, path: &str, now: &Stat) -> Plan {
        let link = now.kind == FileKind::Link;
        let mut plan = Plan::none();
        let spec = match (self.other_owner(now), self.other_group(now)) {
            (Some(owner), Some(group)) => Some(format!("{owner}:{group}")),
            (Some(owner), None) => Some(owner.to_owned()),
            (None, Some(group)) => Some(format!(":{group}")),
            (None, None) => None,
        };
        let (modes, owners): (Vec<_>, Vec<_>) = self
            .diffs(path, Some(now), now.kind == FileKind::Directory)
            .into_iter()
            .partition(|diff| matches!(diff, Diff::Field { name: "mode", .. }));
        if let Some(spec) = spec {
            let words = match link {
                true => vec!["chown", "-h", "--", &spec, path],
                false => vec!["chown", "--", &spec, path],
            };
            plan = plan.changes(owners, Step::run(argv(words)));
        }
        // After the owner: chown clears set-id bits.
        if let Some(bits) = self.bits(Some(now), now.kind == FileKind::Directory).filter(|_| !link)
        {
            plan = plan.changes(modes, Step::run(argv(["chmod", "--", &octal(bits), path])));
        }
        plan
    }
}

/// `0644`, `01777`
pub(crate) fn octal(bits: u32) -> String {
    format!("0{bits:03o}")
}

/// What Ansible's file modules tell of a path: `uid`, `gid`, `owner`, `group`, `mode`, `size`,
/// `state`.
pub(crate) fn describe(stat: Option<&Stat>) -> Map<String, Value> {
    let mut values = Map::new();
    let Some(stat) = stat else {
        values.insert("state".into(), "absent".into());
        return values;
    };
    let state = match stat.kind {
        FileKind::Directory => "directory",
        FileKind::Link => "link",
        _ if stat.links > 1 => "hard",
        _ => "file",
    };
    for (key, value) in [
        ("uid", Value::from(stat.uid)),
        ("gid", Value::from(stat.gid)),
        ("owner", stat.owner.as_str().into()),
        ("group", stat.group.as_str().into()),
        ("mode", octal(stat.mode).into()),
        ("size", stat.size.into()),
        ("state", state.into()),
    ] {
        values.insert(key.into(), value);
    }
    values
}

/// A path without slashes at its end or two in a row.
pub(crate) fn tidy(path: &str) -> String {
    let mut tidy = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !tidy.ends_with('/') {
            tidy.push(c);
        }
    }
    if tidy.len() > 1 && tidy.ends_with('/') {
        tidy.pop();
    }
    tidy
}

/// `/etc` and `hosts` of `/etc/hosts`; `.` and `hosts` of `hosts`.
pub(crate) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => (".", path),
    }
}

/// A path inside a directory; an absolute one stays.
pub(crate) fn join(directory: &str, path: &str) -> String {
    match path.starts_with('/') || directory.is_empty() {
        true => path.to_owned(),
        false => format!("{}/{path}", directory.trim_end_matches('/')),
    }
}
