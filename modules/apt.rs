//! `apt`: packages of Debian and its relatives.
//!
//! A task whose packages are all there asks for their versions and nothing else; the lists are
//! fetched only for a task that cannot be decided without them.
//!
//! ```yaml
//! - apt:
//!     name: [nginx, "redis-server=5:7*", foo/bookworm-backports]
//!     update_cache: true
//!     cache_valid_time: 3600
//! - apt: { upgrade: dist }
//! ```

use crate::apt_get::{Preview, Running, preview, read_file};
use crate::debian_version::{compare, fits};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, PackageManager, Plan, Probe, Refusal, Result,
    Words, ask, ask_costly, package, sh,
};

/// Installs, upgrades and removes packages with apt-get.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Apt {
    /// Packages: `foo`, `foo=1.2`, `foo=1.2*`, `foo>=1.2`, `foo/bookworm-backports`, `foo:i386`, or
    /// patterns such as `foo*`. `"*"` with `state: latest` upgrades everything. A name that is no
    /// package of its own and that an installed one provides counts as installed.
    #[serde(alias = "pkg", alias = "package")]
    pub(crate) name: Option<Words>,
    /// `present` (default), `latest` (the newest version of the lists), `absent`, `build-dep` (what
    /// is needed to build the packages), or `fixed` (mends broken dependencies).
    pub(crate) state: State,
    /// Fetch the package lists first, if the task needs them: always when no package is named; else
    /// when a package is missing, or must be the latest. Default: false, but true if
    /// `cache_valid_time` is given.
    #[serde(alias = "update-cache")]
    pub(crate) update_cache: Option<bool>,
    /// In seconds: lists younger than this are fresh enough. Default: 0, they never are.
    pub(crate) cache_valid_time: u64,
    /// How often to try again when fetching the lists fails. Default: 5.
    #[serde(default = "five")]
    update_cache_retries: u32,
    /// In seconds: the longest pause between two tries, which grow from 2. Default: 12.
    #[serde(default = "twelve")]
    update_cache_retry_max_delay: u32,
    /// Upgrade all packages: `no` (default), `yes` or `safe` (no package is removed), `full` or
    /// `dist` (packages may be removed).
    upgrade: Upgrade,
    /// Remove packages that were only installed for others that are gone. With `name`, as part of
    /// what is done for the names.
    autoremove: bool,
    /// Delete package files that can no longer be downloaded from /var/cache/apt/archives.
    autoclean: bool,
    /// Delete all package files from /var/cache/apt/archives.
    clean: bool,
    /// With `state: absent` or `autoremove`: remove the configuration as well.
    purge: bool,
    /// Install this package file: a path on the host, or a URL (which is fetched each time, to see
    /// its version).
    deb: Option<String>,
    /// Prefer the packages of this release (`apt-get -t`).
    #[serde(alias = "default-release")]
    default_release: Option<String>,
    /// Whether recommended packages are installed too. Default: as the host is configured.
    #[serde(alias = "install-recommends")]
    install_recommends: Option<bool>,
    /// Dangerous: accepts unsigned packages, downgrades, changes of held packages and the removal of
    /// essential ones.
    force: bool,
    /// Allow a version that is older than the installed one.
    #[serde(alias = "allow-downgrade", alias = "allow_downgrades", alias = "allow-downgrades")]
    pub(crate) allow_downgrade: bool,
    /// Accept packages that are not signed.
    #[serde(alias = "allow-unauthenticated")]
    allow_unauthenticated: bool,
    /// Change packages that are on hold.
    allow_change_held_packages: bool,
    /// Upgrade packages that are installed, install none.
    only_upgrade: bool,
    /// Fail rather than remove a package.
    fail_on_autoremove: bool,
    /// Options of dpkg, separated by commas. Default: `force-confdef,force-confold`: a changed
    /// configuration file is kept.
    #[serde(default = "keep_configuration")]
    dpkg_options: String,
    /// In seconds: how long to wait while another program holds a lock of apt or dpkg. Default: 60.
    #[serde(default = "sixty")]
    lock_timeout: u64,
    /// Exit status of /usr/sbin/policy-rc.d while packages are installed: 101 keeps services from
    /// being started. Default: that file is left alone.
    policy_rc_d: Option<i32>,
    /// For Ansible's sake: apt-get is always used. Default: false.
    force_apt_get: bool,
    /// For Ansible's sake: nothing needs to be installed for this module. Default: true.
    auto_install_module_deps: Option<bool>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    #[default]
    #[serde(alias = "installed")]
    Present,
    Latest,
    #[serde(alias = "removed")]
    Absent,
    BuildDep,
    Fixed,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Upgrade {
    #[default]
    #[serde(alias = "false", alias = "False")]
    No,
    #[serde(alias = "true", alias = "True", alias = "safe")]
    Yes,
    #[serde(alias = "dist")]
    Full,
}

fn five() -> u32 {
    5
}

fn twelve() -> u32 {
    12
}

fn sixty() -> u64 {
    60
}

fn keep_configuration() -> String {
    "force-confdef,force-confold".into()
}

/// What a task of apt finds.
pub(crate) struct Now {
    /// Age in seconds and time of the lists; only asked where they may have to be fetched.
    lists: Option<Lists>,
    operations: Vec<(Operation, Preview)>,
    /// Package files in the archive, if they should go.
    archived: u64,
    /// Name, version, architecture of `deb`, and the version that is installed.
    deb: Option<(String, String, Option<String>)>,
}

#[derive(Debug, Clone, Copy)]
struct Lists {
    age: i64,
    time: i64,
}

/// One run of apt-get.
#[derive(Debug, Clone)]
struct Operation {
    words: Vec<String>,
    specs: Vec<String>,
    /// Whether it can only be right with fresh lists.
    needs_lists: bool,
}

/// `name[:arch][=version | >=version | /release]`
struct Spec<'a> {
    name: &'a str,
    wanted: Wanted<'a>,
}

enum Wanted<'a> {
    Any,
    Version(&'a str),
    AtLeast(&'a str),
    Release,
    Pattern,
}

impl<'a> Spec<'a> {
    fn read(text: &'a str) -> Spec<'a> {
        let cut = |at: usize, skip: usize| (text[..at].trim(), text[at + skip..].trim());
        let (name, wanted) = if let Some(at) = text.find(">=") {
            let (name, version) = cut(at, 2);
            (name, Wanted::AtLeast(version))
        } else if let Some(at) = text.find('=') {
            let (name, version) = cut(at, 1);
            (name, Wanted::Version(version))
        } else if let Some(at) = text.find('/') {
            (cut(at, 1).0, Wanted::Release)
        } else {
            (text, Wanted::Any)
        };
        match name.contains(['*', '?', '[']) {
            true => Spec { name, wanted: Wanted::Pattern },
            false => Spec { name, wanted },
        }
    }

    fn satisfied_by(&self, installed: Option<&str>) -> bool {
        let Some(installed) = installed else { return false };
        match self.wanted {
            Wanted::Any => true,
            Wanted::Version(wanted) => fits(wanted, installed),
            Wanted::AtLeast(wanted) => compare(installed, wanted).is_ge(),
            Wanted::Release | Wanted::Pattern => false,
        }
    }

    /// As apt-get takes it.
    fn word(&self, text: &str) -> String {
        match self.wanted {
            Wanted::AtLeast(_) => self.name.to_owned(),
            _ => text.to_owned(),
        }
    }
}

impl Module for Apt {
    const NAMES: &'static [&'static str] = &["apt"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        look(self.clone(), facts)
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        self.decide(now)
    }
}

/// The probe of a task that `package` may have made up, and that nobody else owns.
pub(crate) fn look<'a>(apt: Apt, facts: &Facts) -> Probe<'a, Now> {
    if let Err(refusal) = apt.check(facts) {
        return Probe::refuse(refusal);
    }
    let names: Vec<String> = apt
        .names()
        .iter()
        .map(|text| Spec::read(text))
        .filter(|spec| !matches!(spec.wanted, Wanted::Pattern))
        .map(|spec| spec.name.to_owned())
        .collect();
    let versions = match apt.state {
        State::Present | State::Absent => Probe::all(names.iter().map(|name| {
            let name = name.clone();
            package(PackageManager::Apt, name.clone()).map(move |version| (name, version))
        })),
        _ => Probe::known(vec![]),
    };
    let lists = match apt.updates() {
        true => ask(sh(LISTS, [""; 0])).map(|reply| lists(&reply.out())),
        false => Probe::known(None),
    };
    let archived = match apt.clean {
        true => ask(sh(ARCHIVED, [""; 0])).map(|r| r.out().trim().parse().unwrap_or(0)),
        false => Probe::known(0),
    };
    // Only dpkg knows which packages a pattern means, or which left configuration behind.
    let removable =
        match apt.state == State::Absent && (apt.purge || names.len() < apt.names().len()) {
            true => ask(sh(REMOVABLE, apt.names().iter())).map(|r| r.lines()),
            false => Probe::known(vec![]),
        };
    let deb = apt.probe_deb();
    versions.and(lists).and(archived).and(removable).and(deb).then(
        move |((((versions, lists), archived), removable), deb)| {
            let version = |name: &str| {
                versions.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref())
            };
            let operations = apt.operations(version, &removable);
            let due = apt.update_due(lists);
            Probe::all(operations.into_iter().map(|operation| {
                preview(
                    due && operation.needs_lists,
                    operation.words.clone(),
                    operation.specs.clone(),
                )
                .map(|preview| (operation, preview))
            }))
            .map(move |operations| Now { lists, operations, archived, deb })
        },
    )
}

impl Apt {
    fn check(&self, facts: &Facts) -> Result<()> {
        match facts.system.package_manager {
            Some(PackageManager::Apt) => {}
            _ => {
                return Err(Refusal::new(format!(
                    "this host (`{}`) has no apt; use `package`, which works on all of them",
                    facts.system.id
                )));
            }
        }
        let all = self.names().iter().any(|name| name == "*");
        if all && self.names().len() > 1 {
            return Err("`*` stands for all packages: name nothing beside it".into());
        }
        if all && self.state != State::Latest {
            return Err("`*` needs `state: latest`".into());
        }
        let whole = self.name.is_none() && self.state != State::Fixed;
        let other = self.update_cache.is_some()
            || self.updates()
            || self.upgrade != Upgrade::No
            || self.autoremove
            || self.autoclean
            || self.clean
            || self.deb.is_some();
        if whole && !other {
            return Err("expected one of `name`, `deb`, `upgrade`, `update_cache`, `autoremove`, `autoclean` and `clean`".into());
        }
        Ok(())
    }

    /// A task that names packages at most.
    pub(crate) fn of(name: Option<Words>) -> Apt {
        Apt {
            name,
            update_cache_retries: five(),
            update_cache_retry_max_delay: twelve(),
            dpkg_options: keep_configuration(),
            lock_timeout: sixty(),
            ..Apt::default()
        }
    }

    fn names(&self) -> &[String] {
        self.name.as_deref().unwrap_or_default()
    }

    fn updates(&self) -> bool {
        self.update_cache.unwrap_or(self.cache_valid_time > 0)
    }

    fn update_due(&self, lists: Option<Lists>) -> bool {
        let fresh = lists.is_some_and(|lists| {
            (0..=i64::try_from(self.cache_valid_time).unwrap_or(i64::MAX)).contains(&lists.age)
        });
        self.updates() && !(self.cache_valid_time > 0 && fresh)
    }

    fn running(&self) -> Running {
        Running { lock_timeout: self.lock_timeout, policy_rc_d: self.policy_rc_d }
    }

    /// Options of every run.
    fn options(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .dpkg_options
            .split(',')
            .map(str::trim)
            .filter(|option| !option.is_empty())
            .flat_map(|option| ["-o".to_owned(), format!("Dpkg::Options::=--{option}")])
            .collect();
        let force = self.force;
        for (wanted, option) in [
            (force || self.allow_downgrade, "--allow-downgrades"),
            (force || self.allow_unauthenticated, "--allow-unauthenticated"),
            (force || self.allow_change_held_packages, "--allow-change-held-packages"),
            (force, "--allow-remove-essential"),
            (self.only_upgrade, "--only-upgrade"),
            (self.fail_on_autoremove && self.state != State::Absent, "--no-remove"),
            (self.purge, "--purge"),
            (self.install_recommends == Some(true), "--install-recommends"),
            (self.install_recommends == Some(false), "--no-install-recommends"),
        ] {
            if wanted {
                words.push(option.into());
            }
        }
        words.extend(self.default_release.iter().map(|r| format!("--target-release={r}")));
        words
    }

    fn operations<'v>(
        &self,
        version: impl Fn(&str) -> Option<&'v str>,
        removable: &[String],
    ) -> Vec<Operation> {
        let options = self.options();
        let run = |verb: &[&str], specs: Vec<String>, needs_lists: bool| {
            let mut words = options.clone();
            if self.autoremove && !self.names().is_empty() && self.state != State::BuildDep {
                words.push("--auto-remove".into());
            }
            words.extend(verb.iter().map(|&w| w.to_owned()));
            Operation { words, specs, needs_lists }
        };
        let mut operations = Vec::new();
        let everything = self.names().iter().any(|name| name == "*");
        match self.upgrade {
            Upgrade::No if !everything => {}
            Upgrade::Full => operations.push(run(&["dist-upgrade"], vec![], true)),
            _ => operations.push(run(&["--with-new-pkgs", "upgrade"], vec![], true)),
        }
        let specs = || self.names().iter().map(|text| (text, Spec::read(text)));
        let all = || specs().map(|(text, spec)| spec.word(text)).collect::<Vec<_>>();
        match self.state {
            _ if everything => {}
            State::Fixed => operations.push(run(&["-f", "install"], all(), false)),
            _ if self.names().is_empty() => {
                if self.autoclean {
                    operations.push(run(&["autoclean"], vec![], false));
                }
                if self.autoremove {
                    operations.push(run(&["autoremove"], vec![], false));
                }
            }
            State::Present => {
                let missing: Vec<String> = specs()
                    .filter(|(_, spec)| !spec.satisfied_by(version(spec.name)))
                    .map(|(text, spec)| spec.word(text))
                    .collect();
                if !missing.is_empty() {
                    operations.push(run(&["install"], missing, false));
                }
            }
            State::Latest => operations.push(run(&["install"], all(), true)),
            State::BuildDep => operations.push(run(&["build-dep"], all(), true)),
            State::Absent => {
                let mut installed: Vec<String> = specs()
                    .filter(|(_, spec)| version(spec.name).is_some())
                    .map(|(_, spec)| spec.name.to_owned())
                    .collect();
                installed.extend(removable.iter().cloned());
                installed.sort();
                installed.dedup();
                if !installed.is_empty() {
                    operations.push(run(&["remove"], installed, false));
                }
            }
        }
        operations
    }

    fn probe_deb<'a>(&self) -> Probe<'a, Option<(String, String, Option<String>)>> {
        let Some(from) = &self.deb else { return Probe::known(None) };
        let script = read_file(from);
        let from = from.clone();
        let read = if from.contains("://") { ask_costly(script) } else { ask(script) };
        read.try_map(move |reply| {
            let out = reply.out();
            let field =
                |key: &str| out.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            match (field("Package"), field("Version")) {
                (Some(name), Some(version)) => Ok((name.to_owned(), version.to_owned())),
                _ => Err(Refusal::new(format!(
                    "`{from}` cannot be read as a package file: {}",
                    reply.err().trim()
                ))),
            }
        })
        .then(|(name, version)| {
            package(PackageManager::Apt, name.clone())
                .map(move |installed| Some((name, version, installed)))
        })
    }

    pub(crate) fn decide(&self, now: Now) -> Result<Plan> {
        let due = self.update_due(now.lists);
        let mut work = Plan::none();
        let mut waits_for_lists = false;
        for (operation, preview) in &now.operations {
            let words = || {
                let mut words = operation.words.clone();
                words.extend(
                    operation.specs.iter().filter(|s| !preview.provided.contains(s)).cloned(),
                );
                words
            };
            if !preview.errors.is_empty() {
                if due && !operation.needs_lists && unknown(&preview.errors).next().is_some() {
                    // The lists that will be fetched may know them.
                    let what = format!("install {}", operation.specs.join(", "));
                    waits_for_lists = true;
                    work = work.change(Diff::Note(what), self.running().step(words()));
                    continue;
                }
                return Err(self.explain(&preview.errors, due));
            }
            self.check_versions(operation, preview)?;
            let named: Vec<String> =
                operation.specs.iter().map(|spec| Spec::read(spec).name.to_owned()).collect();
            work = work.changes(preview.diffs(&named), self.running().step(words()));
        }
        if let (Some(from), Some((name, version, installed))) = (&self.deb, &now.deb) {
            let newer = installed.as_ref().is_some_and(|i| compare(i, version).is_gt());
            if newer && !(self.allow_downgrade || self.force) {
                return Err(Refusal::new(format!(
                    "`{name}` is installed in version {}, newer than {version} of `{from}`; `allow_downgrade: true` would replace it",
                    installed.as_deref().unwrap_or_default()
                )));
            }
            let before = installed.as_deref().unwrap_or("absent");
            if before != version {
                let mut words = self.options();
                words.push("install".into());
                work = work.change(
                    Diff::field(name, "version", before, version),
                    self.running().install_file(from, words),
                );
            }
        }
        if now.archived > 0 {
            let what = format!("delete {} package files from the archive", now.archived);
            let step = self.running().step(vec!["clean".into()]);
            work = Plan::none().change(Diff::Note(what), step).followed_by(work);
        }
        let alone = self.names().is_empty()
            && self.deb.is_none()
            && self.upgrade == Upgrade::No
            && self.state != State::Fixed;
        let fetch = due && (alone || waits_for_lists || !work.is_empty());
        let mut plan = Plan::none();
        if fetch {
            let step =
                self.running().update(self.update_cache_retries, self.update_cache_retry_max_delay);
            plan = plan
                .change(Diff::Note("fetch the package lists".into()), step)
                .value_on_change("cache_updated", true);
        }
        if alone && fetch && self.cache_valid_time == 0 {
            plan = plan.never_settles();
        }
        plan = plan.followed_by(work).value("cache_updated", false);
        if let Some(lists) = now.lists {
            plan = plan.value("cache_update_time", lists.time);
        }
        Ok(plan)
    }

    /// A version that was asked for must be the one that would come.
    fn check_versions(&self, operation: &Operation, preview: &Preview) -> Result<()> {
        if self.state == State::Absent {
            return Ok(());
        }
        for text in self.names().iter() {
            let Spec { name, wanted: Wanted::AtLeast(version) } = Spec::read(text) else {
                continue;
            };
            let found = preview.installs.iter().find(|install| install.name == name);
            let enough = found.is_some_and(|install| compare(&install.after, version).is_ge());
            if operation.specs.iter().any(|spec| spec == name) && !enough {
                let best = found.map_or("none", |install| install.after.as_str());
                return Err(Refusal::new(format!(
                    "no version of `{name}` is at least {version} (the best one is {best})"
                )));
            }
        }
        Ok(())
    }

    fn explain(&self, errors: &[String], due: bool) -> Refusal {
        let mut unknown: Vec<String> = unknown(errors).map(|name| format!("`{name}`")).collect();
        unknown.dedup();
        if unknown.is_empty() {
            let text = errors.join("; ");
            let hint = ["--allow-downgrades", "--allow-change-held-packages"]
                .into_iter()
                .zip(["allow_downgrade", "allow_change_held_packages"])
                .find(|(option, _)| text.contains(option))
                .map(|(_, parameter)| format!("; add `{parameter}: true` if that is meant"));
            return Refusal::new(format!("apt-get would fail: {text}{}", hint.unwrap_or_default()));
        }
        let names = unknown.join(", ");
        match due || self.updates() {
            true => Refusal::new(format!("no package matching {names} is available")),
            false => Refusal::new(format!(
                "no package matching {names} is available; if the package lists may be old, add `update_cache: true`"
            )),
        }
    }
}

/// Packages that apt does not know.
fn unknown(errors: &[String]) -> impl Iterator<Item = &str> {
    errors.iter().filter_map(|line| {
        line.strip_prefix("Unable to locate package ")
            .or_else(|| {
                line.strip_prefix("Package '")?.strip_suffix("' has no installation candidate")
            })
            .or_else(|| {
                line.strip_prefix("Couldn't find any package by glob '")?.strip_suffix('\'')
            })
    })
}

fn lists(out: &str) -> Option<Lists> {
    let (age, time) = out.trim().split_once(' ')?;
    Some(Lists { age: age.parse().ok()?, time: time.parse().ok()? })
}

/// The age of the package lists in seconds, and when they were fetched. Nothing if never.
const LISTS: &str = r#"# how old are the package lists
set -- /var/lib/apt/lists/*_Packages* /var/lib/apt/lists/*InRelease
[ -e "$1" ] || [ -e "$2" ] || exit 0
time=$(stat -c %Y /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp 2>/dev/null | sort -n | tail -n 1)
echo "$(($(date +%s) - time)) $time"
"#;

/// How many package files lie in the archive.
const ARCHIVED: &str = r#"# count the package files in the archive
find /var/cache/apt/archives -name '*.deb' 2>/dev/null | wc -l
"#;

/// Which of these names or patterns are installed or left configuration behind.
const REMOVABLE: &str = r#"# list what dpkg knows of these names
LC_ALL=C dpkg-query -W -f='${db:Status-Status} ${Package}\n' -- "$@" 2>/dev/null |
  sed -n 's/^\(installed\|config-files\|half-[a-z]*\|unpacked\) //p'
"#;
