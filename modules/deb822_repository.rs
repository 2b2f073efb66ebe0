//! `deb822_repository`: a package source of apt, in the form with fields.
//!
//! ```yaml
//! - deb822_repository:
//!     name: docker
//!     uris: https://download.docker.com/linux/debian
//!     suites: bookworm
//!     components: stable
//!     architectures: amd64
//!     signed_by: https://download.docker.com/linux/debian/gpg
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::attributes::Attributes;
use crate::content::{Found, Writing, find, sha256};
use crate::download::download;
use crate::file::MAKE_DIRECTORY;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Mode, Module, Plan, Presence, Probe, Refusal, Result,
    Stat, Step, Words, argv, sh, stat,
};

/// Makes or removes a file of package sources, with the key they are signed by.
///
/// `register` gets `dest` (the file), `repo` (its text) and `key_filename`. The package lists are
/// not fetched: that is for a task with `apt: update_cache=true`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deb822Repository {
    /// What the source is called; its file is named after it. Required.
    name: String,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// `deb`, `deb-src`, or both. Default: `deb`.
    #[serde(default = "deb")]
    types: Words,
    /// Where the packages are.
    uris: Option<Words>,
    /// Releases, such as `bookworm`, or a path that ends in `/`.
    suites: Option<Words>,
    /// Components, such as `main`. None where a suite is a path.
    components: Option<Words>,
    /// The key: a URL, which the host fetches; a path on the host; a fingerprint; or the key's text
    /// with its `BEGIN PGP PUBLIC KEY BLOCK`.
    signed_by: Option<String>,
    /// Architectures, such as `amd64`. Default: those of the host.
    architectures: Option<Words>,
    /// Languages of descriptions. Default: as the host is configured.
    languages: Option<Words>,
    /// Kinds of lists to fetch. Default: as the host is configured.
    targets: Option<Words>,
    /// Whether the source is used. Default: it is.
    enabled: Option<bool>,
    /// Accept that signatures are missing, where there were some before. Default: apt's.
    allow_downgrade_to_insecure: Option<bool>,
    /// Accept sources without a signature. Default: apt's.
    allow_insecure: Option<bool>,
    /// Accept signatures of weak algorithms. Default: apt's.
    allow_weak: Option<bool>,
    /// Whether lists are fetched by their digest. Default: apt's.
    by_hash: Option<bool>,
    /// Whether dates are checked at all. Default: apt's.
    check_date: Option<bool>,
    /// Whether the date of expiry is checked. Default: apt's.
    check_valid_until: Option<bool>,
    /// In seconds: how far in the future a source's date may be. Default: apt's.
    date_max_future: Option<i64>,
    /// Where the file `InRelease` is, relative to the source. Default: apt's.
    inrelease_path: Option<String>,
    /// Whether lists are updated by differences. Default: apt's.
    pdiffs: Option<bool>,
    /// Whether the source is trusted without a signature. Default: apt's.
    trusted: Option<bool>,
    /// Permissions of the file. Default: `0644`.
    #[serde(default = "readable")]
    mode: Mode,
}

fn deb() -> Words {
    Words(vec!["deb".into()])
}

fn readable() -> Mode {
    Mode::Bits(0o644)
}

const KEYRINGS: &str = "/etc/apt/keyrings";

pub(crate) struct Now {
    file: Found,
    /// The wanted key, and what is at its place.
    key: Option<(Arc<[u8]>, Found)>,
    keyrings: Option<Stat>,
    /// Whether `signed_by` is a file of the host.
    is_path: bool,
    /// With `state: absent`: key files that are there.
    left: Vec<String>,
}

impl Deb822Repository {
    fn slug(&self) -> String {
        let mut slug = String::new();
        let mut gap = false;
        for c in self.name.to_lowercase().chars() {
            match c {
                c if c == '_' || c.is_whitespace() => gap = true,
                c => {
                    if std::mem::take(&mut gap) {
                        slug.push('-');
                    }
                    slug.push(c);
                }
            }
        }
        if gap {
            slug.push('-');
        }
        slug.retain(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        slug
    }

    fn path(&self) -> String {
        format!("/etc/apt/sources.list.d/{}.sources", self.slug())
    }

    fn key_path(&self, ending: &str) -> String {
        format!("{KEYRINGS}/{}.{ending}", self.slug())
    }

    /// The URL of the key, if it is one.
    fn url(&self) -> Option<&str> {
        self.signed_by.as_deref().filter(|text| {
            let scheme = text.split_once("://").map(|(scheme, _)| scheme);
            scheme.is_some_and(|s| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric()))
        })
    }

    /// The file's text. `key` is where a fetched key is kept.
    fn text(&self, key: Option<&str>) -> String {
        let word = |on: Option<bool>| on.map(|on| if on { "yes" } else { "no" }.to_owned());
        let list = |words: &Option<Words>| words.as_ref().map(|words| words.join(" "));
        let fields = [
            ("Allow-Downgrade-To-Insecure", word(self.allow_downgrade_to_insecure)),
            ("Allow-Insecure", word(self.allow_insecure)),
            ("Allow-Weak", word(self.allow_weak)),
            ("Architectures", list(&self.architectures)),
            ("By-Hash", word(self.by_hash)),
            ("Check-Date", word(self.check_date)),
            ("Check-Valid-Until", word(self.check_valid_until)),
            ("Components", list(&self.components)),
            ("Date-Max-Future", self.date_max_future.map(|seconds| seconds.to_string())),
            ("Enabled", word(self.enabled)),
            ("Inrelease-Path", self.inrelease_path.clone()),
            ("Languages", list(&self.languages)),
            ("X-Repolib-Name", Some(self.name.clone())),
            ("Pdiffs", word(self.pdiffs)),
            ("Signed-By", key.map(str::to_owned).or_else(|| self.signed_by.clone())),
            ("Suites", list(&self.suites)),
            ("Targets", list(&self.targets)),
            ("Trusted", word(self.trusted)),
            ("Types", Some(self.types.join(" "))),
            ("URIs", list(&self.uris)),
        ];
        let mut text = String::new();
        for (name, value) in fields {
            let Some(value) = value else { continue };
            text += name;
            text.push(':');
            if value.contains('\n') {
                for line in value.trim().lines() {
                    let line = line.trim();
                    text += "\n    ";
                    text += if line.is_empty() { "." } else { line };
                }
            } else if !value.is_empty() {
                text.push(' ');
                text += &value;
            }
            text.push('\n');
        }
        text
    }

    /// The fetched key, if it comes from a URL, and its place.
    fn key<'a>(&'a self) -> Probe<'a, Option<(Arc<[u8]>, Found)>> {
        let Some(url) = self.url() else { return Probe::known(None) };
        download(url, true).then(move |bytes| {
            let armored = String::from_utf8_lossy(&bytes).contains("BEGIN PGP PUBLIC KEY BLOCK");
            let path = self.key_path(if armored { "asc" } else { "gpg" });
            let content: Arc<[u8]> = bytes.into();
            let digest = sha256(&content);
            find(path, None, true, Some(digest)).map(move |found| Some((content, found)))
        })
    }

    fn remove(&self, now: &Now) -> Plan {
        let mut paths: Vec<_> = now.file.stat.iter().map(|_| now.file.path.clone()).collect();
        paths.extend(now.left.iter().cloned());
        let mut plan = Plan::none();
        for path in paths {
            let step = Step::run(argv(["rm", "-f", "--", &path]));
            plan = plan.change(Diff::field(&path, "state", "file", "absent"), step);
        }
        plan.value("repo", Value::Null).value("key_filename", self.key_path("gpg"))
    }
}

impl Module for Deb822Repository {
    const NAMES: &'static [&'static str] = &["deb822_repository"];
    type State = Now;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Now> {
        if self.slug().is_empty() {
            return Probe::refuse(format!("no file can be named after `{}`", self.name));
        }
        if let Some(other) = self.types.iter().find(|t| !matches!(t.as_str(), "deb" | "deb-src")) {
            return Probe::refuse(format!(
                "expected `types` to be `deb`, `deb-src`, found `{other}`"
            ));
        }
        if self.state == Presence::Absent {
            let paths = ["asc", "gpg"].map(|ending| self.key_path(ending));
            let left = Probe::all(paths.map(|path| stat(path.clone()).map(|s| s.map(|_| path))));
            return find(self.path(), None, true, None).and(left).map(|(file, left)| Now {
                file,
                key: None,
                keyrings: None,
                is_path: false,
                left: left.into_iter().flatten().collect(),
            });
        }
        let path = match &self.signed_by {
            Some(path) if path.starts_with('/') => stat(path.clone()).map(|stat| stat.is_some()),
            _ => Probe::known(false),
        };
        self.key().and(stat(KEYRINGS)).and(path).then(move |((key, keyrings), is_path)| {
            let text = self.text(key.as_ref().map(|(_, found)| found.path.as_str()));
            find(self.path(), None, true, Some(sha256(text.as_bytes()))).map(move |file| Now {
                file,
                key,
                keyrings,
                is_path,
                left: vec![],
            })
        })
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        if self.state == Presence::Absent {
            return Ok(self.remove(&now).value("dest", self.path()));
        }
        let mode = Mode::Bits(0o644);
        let writing = |mode| Writing {
            attributes: Attributes { mode: Some(mode), ..Attributes::default() },
            backup: false,
            validate: None,
        };
        let mut plan = Plan::none();
        if let Some((content, found)) = &now.key {
            if content.is_empty() {
                return Err(Refusal::new("Could not fetch signed_by key: it is empty"));
            }
            if !found.is_right() {
                plan = plan.followed_by(match &now.keyrings {
                    Some(stat) => Attributes {
                        owner: Some("root"),
                        group: Some("root"),
                        mode: Some(&Mode::Bits(0o755)),
                    }
                    .fix(KEYRINGS, stat),
                    None => Plan::none().change(
                        Diff::field(KEYRINGS, "state", "absent", "directory"),
                        Step::run(sh(MAKE_DIRECTORY, [KEYRINGS, "root:root", "0755"])),
                    ),
                });
            }
            plan = plan.followed_by(found.reach(content, &writing(&mode))?);
        }
        let key = now.key.as_ref().map(|(_, found)| found.path.as_str());
        let text = self.text(key);
        let content: Arc<[u8]> = text.as_bytes().into();
        plan = plan.followed_by(now.file.reach(&content, &writing(&self.mode))?);
        plan.values.clear();
        let path = self.signed_by.as_deref().filter(|_| now.is_path);
        Ok(plan
            .value("dest", self.path())
            .value("repo", text)
            .value("key_filename", key.or(path).map_or(Value::Null, Value::from)))
    }
}
