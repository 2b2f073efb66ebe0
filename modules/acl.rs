//! `acl`: access control lists of files and directories.
//!
//! ```yaml
//! - acl:
//!     path: /srv/app/log
//!     entity: deploy
//!     etype: user
//!     permissions: rwX
//!     recursive: true
//!     state: present
//! - acl: { path: /srv/app/log, entry: "default:group:adm:rx", state: present }
//! - acl: { path: /srv/app/log, entity: guest, etype: user, state: absent }
//! ```

use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Stat, Step,
    ask, lstat, sh, stat,
};

/// Adds and removes an entry of an access control list, or tells the list.
///
/// `register` gets `acl`: the entries after the task; `msg`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acl {
    /// The file or directory. Required.
    #[serde(alias = "name")]
    path: String,
    /// `present`, `absent` or `query`, which changes nothing. Default: `query`.
    #[serde(default)]
    state: State,
    /// Whom the entry is for: `user`, `group`, `mask` or `other`. Required unless `entry` is given.
    etype: Option<Kind>,
    /// The name or number of the user or group. Default: the owner.
    #[serde(default)]
    entity: String,
    /// Any of `r`, `w`, `x` and `X`. Required with `state: present`.
    permissions: Option<String>,
    /// The entry as `setfacl` takes it, instead of `etype`, `entity` and `permissions`:
    /// `[default:]TYPE:[NAME][:PERMISSIONS]`.
    entry: Option<String>,
    /// Of a directory, what its new files get. Default: false.
    #[serde(default)]
    default: bool,
    /// Go through a symbolic link. Default: true.
    #[serde(default = "yes")]
    follow: bool,
    /// Also everything below a directory. Default: false.
    #[serde(default, alias = "recurse")]
    recursive: bool,
    /// `mask`: always reckon the mask anew; `no_mask`: never; `default`: as setfacl does.
    #[serde(default)]
    recalculate_mask: Recalculate,
    /// NFSv4 lists: not supported, and refused.
    #[schemars(with = "Option<bool>")]
    #[serde(default)]
    use_nfsv4_acls: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Present,
    Absent,
    #[default]
    Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Group,
    Mask,
    Other,
}

impl Kind {
    fn read(word: &str) -> Option<Kind> {
        Some(match word {
            "user" | "u" => Kind::User,
            "group" | "g" => Kind::Group,
            "mask" | "m" => Kind::Mask,
            "other" | "o" => Kind::Other,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Mask => "mask",
            Kind::Other => "other",
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Recalculate {
    #[default]
    Default,
    Mask,
    NoMask,
}

/// An entry, read.
struct Entry<'a> {
    default: bool,
    kind: Kind,
    entity: &'a str,
    permissions: Option<&'a str>,
}

impl Acl {
    fn entry(&self) -> Result<Entry<'_>> {
        let Some(text) = &self.entry else {
            let kind = self.etype.ok_or("'etype' must be specified when 'entry' is not")?;
            let permissions = self.permissions.as_deref();
            return Ok(Entry { default: self.default, kind, entity: &self.entity, permissions });
        };
        if self.etype.is_some() || !self.entity.is_empty() || self.permissions.is_some() {
            return Err(
                "'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.".into()
            );
        }
        let (default, rest) = match text.strip_prefix("default:").or(text.strip_prefix("d:")) {
            Some(rest) => (true, rest),
            None => (self.default, text.as_str()),
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let wrong = || {
            Refusal::new(format!(
                "expected `TYPE:NAME:PERMISSIONS` (with `state: absent` without permissions), found `{text}`"
            ))
        };
        let kind = Kind::read(parts[0]).ok_or_else(wrong)?;
        match parts[..] {
            [_, entity] => Ok(Entry { default, kind, entity, permissions: None }),
            [_, entity, permissions] => {
                Ok(Entry { default, kind, entity, permissions: Some(permissions) })
            }
            _ => Err(wrong()),
        }
    }

    /// What setfacl is told, after `-m` or `-x`; nothing for a query.
    fn words(&self) -> Result<Option<(&'static str, String)>> {
        if self.use_nfsv4_acls {
            return Err("`use_nfsv4_acls` is not supported".into());
        }
        if self.state == State::Query {
            let idle = self.recursive || self.recalculate_mask != Recalculate::Default;
            return match idle {
                true => {
                    Err("'recursive' and 'recalculate_mask' MUST NOT be set when 'state=query'."
                        .into())
                }
                false => Ok(None),
            };
        }
        let entry = self.entry()?;
        if entry.entity.contains([':', ',', '\n']) {
            return Err(Refusal::new(format!("expected a name, found `{}`", entry.entity)));
        }
        let prefix = if entry.default { "d:" } else { "" };
        let head = format!("{prefix}{}:{}", entry.kind.word(), entry.entity);
        if self.state == State::Absent {
            if entry.permissions.is_some() {
                return Err("'permissions' MUST NOT be set when 'state=absent'.".into());
            }
            return Ok(Some(("-x", head)));
        }
        match entry.permissions {
            Some(permissions) if permissions.chars().all(|c| "rwxX-01234567".contains(c)) => {
                Ok(Some(("-m", format!("{head}:{permissions}"))))
            }
            Some(permissions) => {
                Err(Refusal::new(format!("expected permissions of `rwxX`, found `{permissions}`")))
            }
            None => Err("'permissions' MUST be set when 'state=present'.".into()),
        }
    }

    /// Options of setfacl.
    fn options(&self, facts: &Facts, how: &str, entry: &str) -> Vec<String> {
        let flag = |on: bool, flag: &str| if on { flag.to_owned() } else { String::new() };
        vec![
            flag(self.recursive, "-R"),
            flag(!self.follow, "-P"),
            match self.recalculate_mask {
                Recalculate::Default => String::new(),
                Recalculate::Mask => "--mask".into(),
                Recalculate::NoMask => "--no-mask".into(),
            },
            how.to_owned(),
            entry.to_owned(),
            facts.path(&self.path),
        ]
    }
}

pub(crate) struct Now {
    file: Option<Stat>,
    listed: Reply,
    /// What setfacl says it would change.
    foretold: Option<Reply>,
}

impl Module for Acl {
    const NAMES: &'static [&'static str] = &["acl"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let words = match self.words() {
            Ok(words) => words,
            Err(why) => return Probe::refuse(why),
        };
        let path = facts.path(&self.path);
        let flag = if self.default { "-d" } else { "" };
        let listed = ask(sh(LIST, [flag, if self.follow { "" } else { "-P" }, &path]));
        let file = if self.follow { stat(path) } else { lstat(path) };
        let foretold = match words {
            Some((how, entry)) => ask(sh(TEST, self.options(facts, how, &entry))).map(Some),
            None => Probe::known(None),
        };
        file.and(listed).and(foretold).map(|((file, listed), foretold)| Now {
            file,
            listed,
            foretold,
        })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let path = facts.path(&self.path);
        if now.file.is_none() {
            return Err("Path not found or not accessible.".into());
        }
        if now.listed.status == 127 {
            return Err("there is no getfacl on the host; install acl first".into());
        }
        if !now.listed.ok() {
            return Err(Refusal::new(now.listed.err().trim()));
        }
        let acl: Vec<String> =
            now.listed.lines().into_iter().filter(|line| !line.is_empty()).collect();
        let message = match self.state {
            State::Query => "current acl".to_owned(),
            _ => self.words()?.map_or_else(String::new, |(how, entry)| match how {
                "-m" => format!("{entry} is present"),
                _ => format!("{entry} is absent"),
            }),
        };
        let plan = Plan::none().value("acl", acl).value("msg", message);
        let (Some(foretold), Some((how, entry))) = (now.foretold, self.words()?) else {
            return Ok(plan);
        };
        if !foretold.ok() {
            return Err(Refusal::new(foretold.err().trim()));
        }
        // A line of a path with nothing to change ends in `*,*`.
        let out = foretold.out();
        let others = out.lines().filter(|line| !line.ends_with("*,*")).count();
        if others == 0 {
            return Ok(plan);
        }
        let what = if how == "-m" { "entry" } else { "without" };
        let place = match others {
            1 => path.clone(),
            others => format!("{path} ({others} paths)"),
        };
        let diff = Diff::Note(format!("{place}: {what} {entry}"));
        Ok(plan.change(diff, Step::run(sh(SET, self.options(facts, how, &entry)))))
    }
}

const LIST: &str = r#"# what is in an access control list: OPTION OPTION PATH
command -v getfacl >/dev/null || exit 127
LC_ALL=C getfacl --omit-header --absolute-names $1 $2 -- "$3"
"#;

const TEST: &str = r#"# what would change in access control lists: OPTIONS HOW ENTRY PATH
command -v setfacl >/dev/null || exit 127
LC_ALL=C setfacl --test $1 $2 $3 "$4" "$5" -- "$6"
"#;

const SET: &str = r#"# change access control lists: OPTIONS HOW ENTRY PATH
LC_ALL=C setfacl $1 $2 $3 "$4" "$5" -- "$6"
"#;
