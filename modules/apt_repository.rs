//! `apt_repository`: a package source of apt, in the one-line form.
//!
//! ```yaml
//! - apt_repository:
//!     repo: deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable
//!     filename: docker
//! - apt_repository:
//!     repo: deb http://nginx.org/packages/debian bookworm nginx
//!     state: absent
//! ```

use serde_json::json;

use crate::apt_get::Running;
use crate::apt_sources::{enabled, file_name, has, normal, with, without};
use crate::attributes::Attributes;
use crate::command::yes;
use crate::content::{Found, Writing};
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Mode, Module, PackageManager, Plan, Presence,
    Probe, Refusal, Result, Step, argv, ask, sh,
};
use crate::text_file;

/// Adds a package source of apt, or removes it.
///
/// The source may stand in any file; a source that is commented out is enabled where it is.
/// `register` gets `repo`, `state`, `sources_added` and `sources_removed` (files).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AptRepository {
    /// The source, as in `sources.list`. `ppa:` is not supported: give its line. Required.
    repo: String,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Name of the file for a new source, in `/etc/apt/sources.list.d`, without `.list`; a path if
    /// there is a `/` in it. Default: made of the source's server and path.
    filename: Option<String>,
    /// Permissions of the file for a new source. Default: `0644`.
    mode: Option<Mode>,
    /// Fetch the package lists after a change; if that fails, the files are put back.
    /// Default: true.
    #[serde(default = "yes", alias = "update-cache")]
    update_cache: bool,
    /// How often to try again when fetching the lists fails. Default: 5.
    #[serde(default = "five")]
    update_cache_retries: u32,
    /// In seconds: the longest pause between two tries, which grow from 2. Default: 12.
    #[serde(default = "twelve")]
    update_cache_retry_max_delay: u32,
    /// The release for a `ppa:`: without effect on other sources.
    #[expect(dead_code, reason = "says something of `ppa:` only")]
    codename: Option<String>,
    /// Whether certificates must be valid when a `ppa:` is looked up: without effect on other
    /// sources. Default: true.
    #[serde(default = "yes")]
    #[expect(dead_code, reason = "says something of `ppa:` only")]
    validate_certs: bool,
    /// For Ansible's sake: nothing needs to be installed for this module. Default: true.
    #[serde(default = "yes")]
    #[expect(dead_code, reason = "accepted, without effect")]
    install_python_apt: bool,
}

fn five() -> u32 {
    5
}

fn twelve() -> u32 {
    12
}

/// What is to be done with the source in a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Act {
    Add,
    Enable,
    Remove,
}

impl Act {
    fn apply(self, text: &str, source: &str) -> String {
        match self {
            Act::Add => with(text, source),
            Act::Enable => enabled(text, source),
            Act::Remove => without(text, source),
        }
    }
}

impl AptRepository {
    /// The source in its normal form.
    fn source(&self) -> Result<String> {
        let repo = self.repo.trim();
        if repo.is_empty() {
            return Err("Please set argument 'repo' to a non-empty value".into());
        }
        if repo.starts_with("ppa:") {
            return Err(Refusal::new(format!(
                "`{repo}` is not supported; give the line of the archive: `deb [signed-by=KEY] \
                 https://ppa.launchpadcontent.net/OWNER/NAME/ubuntu CODENAME main`"
            )));
        }
        normal(repo).ok_or_else(|| Refusal::new(format!("Invalid repository string: {repo}")))
    }

    /// The files that are to be changed, given all there are.
    fn acts(&self, source: &str, files: &[(String, String)]) -> Vec<(String, Act)> {
        if self.state == Presence::Present && !files.iter().any(|(_, text)| has(text, source)) {
            let path = match &self.filename {
                Some(name) if name.contains('/') => format!("{name}.list"),
                Some(name) => format!("{DIRECTORY}/{name}.list"),
                None => format!("{DIRECTORY}/{}.list", file_name(source)),
            };
            return vec![(path, Act::Add)];
        }
        let act = if self.state == Presence::Present { Act::Enable } else { Act::Remove };
        let differs = files.iter().filter(|(_, text)| act.apply(text, source) != *text);
        differs.map(|(path, _)| (path.clone(), act)).collect()
    }
}

/// Path and text, each followed by NUL.
fn files(out: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(out);
    let fields: Vec<&str> = text.split('\0').collect();
    let pairs = fields.chunks_exact(2);
    pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

impl Module for AptRepository {
    const NAMES: &'static [&'static str] = &["apt_repository"];
    type State = Vec<((Found, bool), Act)>;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if facts.system.package_manager != Some(PackageManager::Apt) {
            return Probe::refuse(format!("this host (`{}`) has no apt", facts.system.id));
        }
        let source = match self.source() {
            Ok(source) => source,
            Err(why) => return Probe::refuse(why),
        };
        ask(sh(SOURCES, [""; 0])).then(move |reply| {
            let acts = self.acts(&source, &files(&reply.stdout));
            Probe::all(acts.into_iter().map(|(path, act)| {
                text_file::open(facts, &path, true).map(move |file| (file, act))
            }))
        })
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let source = self.source()?;
        let mut plan = Plan::none();
        let (mut added, mut removed) = (vec![], vec![]);
        // How to put the files back: path and size of each, `-` for what was not there.
        let (mut places, mut content) = (vec![], Vec::new());
        let default = Mode::Bits(0o644);
        for (file, act) in &now {
            let path = file.0.path.as_str();
            match &file.0.content {
                Content::Bytes(bytes) => {
                    places.extend([path.to_owned(), bytes.len().to_string()]);
                    content.extend_from_slice(bytes);
                }
                _ => {
                    added.push(path.to_owned());
                    places.extend([path.to_owned(), "-".into()]);
                }
            }
            let mode = (*act == Act::Add).then(|| self.mode.as_ref().unwrap_or(&default));
            let attributes = Attributes { mode, ..Attributes::default() };
            let writing = Writing { attributes, backup: false, validate: None };
            let mut is_empty = false;
            let edited = text_file::edit(file, &writing, |text| {
                let new = act.apply(&text.text, &text.inner(&source));
                is_empty = new.is_empty();
                Ok((new != text.text).then_some((new, String::new())))
            })?;
            plan = match is_empty {
                true => {
                    removed.push(path.to_owned());
                    let step = Step::run(argv(["rm", "-f", "--", path]));
                    plan.change(Diff::field(path, "state", "file", "absent"), step)
                }
                false => plan.followed_by(edited),
            };
        }
        plan.values.clear();
        plan.on_change.clear();
        if self.update_cache && !plan.is_empty() {
            let running = Running { lock_timeout: 60, policy_rc_d: None };
            let step = running.update_or_put_back(
                self.update_cache_retries,
                self.update_cache_retry_max_delay,
                places,
                content,
            );
            plan = plan.change(Diff::Note("fetch the package lists".into()), step);
        }
        let state = if self.state == Presence::Present { "present" } else { "absent" };
        Ok(plan
            .value("repo", &*self.repo)
            .value("state", state)
            .value("sources_added", json!([]))
            .value("sources_removed", json!([]))
            .value_on_change("sources_added", added)
            .value_on_change("sources_removed", removed))
    }
}

const DIRECTORY: &str = "/etc/apt/sources.list.d";

const SOURCES: &str = r#"# read the package sources
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    printf '%s\0' "$file"
    cat -- "$file"
    printf '\0'
done
"#;
