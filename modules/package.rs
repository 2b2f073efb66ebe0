//! `package`: packages, whatever the host installs them with: apt, dnf, apk, zypper or pacman.
//!
//! ```yaml
//! - package:
//!     name: [git, curl]
//!     state: present
//!     update_cache: true
//! ```

use crate::apt::{self, Apt};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Node, Output, PackageManager, Plan, Probe,
    Refusal, Result, Step, Through, Words, ask_costly, package, sh,
};

/// Installs, upgrades and removes packages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    /// Packages, as the host's package manager names them. Required, unless `update_cache` is true:
    /// then the package lists are fetched, and that is all.
    #[serde(alias = "pkg")]
    name: Option<Words>,
    /// `present` (default), `latest` or `absent`.
    #[serde(default)]
    state: State,
    /// The package manager: `auto` (default), `apt`, `dnf`, `apk`, `zypper` or `pacman`.
    #[serde(default, rename = "use")]
    manager: Manager,
    /// Fetch the package lists first, if a package is missing or must be the latest. Default: false.
    #[serde(default, alias = "update-cache")]
    update_cache: bool,
    /// With apt, in seconds: lists younger than this are fresh enough. Default: 0.
    #[serde(default)]
    cache_valid_time: u64,
    /// With apt: allow a version that is older than the installed one. Default: false.
    #[serde(default)]
    allow_downgrade: bool,
    /// With dnf: repositories to use although they are not enabled. Default: none.
    #[serde(default)]
    enablerepo: Words,
    /// With dnf: repositories to do without. Default: none.
    #[serde(default)]
    disablerepo: Words,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    #[serde(alias = "installed")]
    Present,
    Latest,
    #[serde(alias = "removed")]
    Absent,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Manager {
    #[default]
    Auto,
    Apt,
    #[serde(alias = "dnf5", alias = "yum")]
    Dnf,
    Apk,
    Zypper,
    Pacman,
}

/// What a task finds.
pub(crate) enum Now {
    Apt(Box<apt::Now>),
    /// Name and version of each package; and, for `latest`, the newest version where it is newer.
    Other(Vec<(String, Option<String>)>, Vec<(String, String)>),
}

impl Package {
    fn manager(&self, facts: &Facts) -> Result<PackageManager> {
        Ok(match self.manager {
            Manager::Auto => facts.system.package_manager.ok_or_else(|| {
                Refusal::new(format!(
                    "this host (`{}`) has none of apt, dnf, apk, zypper and pacman",
                    facts.system.id
                ))
            })?,
            Manager::Apt => PackageManager::Apt,
            Manager::Dnf => PackageManager::Dnf,
            Manager::Apk => PackageManager::Apk,
            Manager::Zypper => PackageManager::Zypper,
            Manager::Pacman => PackageManager::Pacman,
        })
    }

    /// Options of dnf that say which repositories to use.
    fn repositories(&self) -> Vec<String> {
        let option = |name: &str, ids: &Words| {
            ids.iter().map(|id| format!("--{name}={id}")).collect::<Vec<_>>()
        };
        [option("enablerepo", &self.enablerepo), option("disablerepo", &self.disablerepo)].concat()
    }

    fn names(&self) -> &[String] {
        self.name.as_deref().unwrap_or_default()
    }

    fn updates(&self) -> bool {
        self.update_cache || self.cache_valid_time > 0
    }

    fn apt(&self) -> Apt {
        let mut apt = Apt::of(self.name.clone());
        apt.state = match self.state {
            State::Present => apt::State::Present,
            State::Latest => apt::State::Latest,
            State::Absent => apt::State::Absent,
        };
        apt.update_cache = Some(self.updates());
        apt.cache_valid_time = self.cache_valid_time;
        apt.allow_downgrade = self.allow_downgrade;
        apt
    }
}

impl Module for Package {
    const NAMES: &'static [&'static str] = &["package"];
    const THROUGH: Option<Through> = Some(Through {
        spec: crate::the::<Apt>,
        here: |facts, args| match args.get("use").and_then(Node::text) {
            None | Some("auto") => facts.system.package_manager == Some(PackageManager::Apt),
            Some(other) => other.ends_with("apt"),
        },
        without: &["use"],
    });
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if self.name.is_none() && !self.updates() {
            return Probe::refuse("expected `name` or `update_cache`");
        }
        let manager = match self.manager(facts) {
            Ok(manager) if manager != PackageManager::Dnf && !self.repositories().is_empty() => {
                return Probe::refuse(format!(
                    "`enablerepo` and `disablerepo` mean something to dnf only, here is {}",
                    tool(manager)
                ));
            }
            Ok(PackageManager::Apt) => {
                return apt::look(self.apt(), facts).map(|now| Now::Apt(Box::new(now)));
            }
            Ok(manager) => manager,
            Err(refusal) => return Probe::refuse(refusal),
        };
        if let Some(name) =
            self.names().iter().find(|name| name.starts_with('-') || name.is_empty())
        {
            return Probe::refuse(format!("expected the name of a package, found `{name}`"));
        }
        let installed = Probe::all(self.names().iter().map(|name| {
            package(manager, name.as_str()).map(move |version| (name.clone(), version))
        }));
        let newer = match self.state {
            State::Latest if !self.names().is_empty() => {
                let mut args = vec![tool(manager).to_owned()];
                args.extend(self.repositories());
                args.extend(self.names().iter().cloned());
                ask_costly(sh(NEWER, args)).map(|reply| {
                    let words = |line: String| {
                        let (name, version) = line.split_once(' ')?;
                        Some((name.to_owned(), version.to_owned()))
                    };
                    reply.lines().into_iter().filter_map(words).collect()
                })
            }
            _ => Probe::known(vec![]),
        };
        installed.and(newer).map(|(installed, newer)| Now::Other(installed, newer))
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let (installed, newer) = match now {
            Now::Apt(now) => return self.apt().decide(*now),
            Now::Other(installed, newer) => (installed, newer),
        };
        let manager = self.manager(facts)?;
        if self.name.is_none() {
            let args = [tool(manager), "nothing", "update"];
            let step = Step::Run { script: sh(RUN, args), output: Output::Streams };
            let note = Diff::Note("fetch the package lists".into());
            return Ok(Plan::none().change(note, step).never_settles());
        }
        let mut diffs = Vec::new();
        let mut names = Vec::new();
        for (name, version) in &installed {
            let newest = newer.iter().find(|(n, _)| n == name).map(|(_, version)| version.as_str());
            let after = match (self.state, version) {
                (State::Absent, Some(_)) => "absent",
                (State::Absent, None) | (State::Present, Some(_)) => continue,
                (State::Present | State::Latest, None) => newest.unwrap_or("installed"),
                (State::Latest, Some(_)) => match newest {
                    Some(newest) => newest,
                    None => continue,
                },
            };
            diffs.push(Diff::field(name, "version", version.as_deref().unwrap_or("absent"), after));
            names.push(name.clone());
        }
        let verb = match self.state {
            State::Absent => "remove",
            _ => "install",
        };
        let update = if self.update_cache && self.state != State::Absent { "update" } else { "" };
        let mut args = vec![tool(manager).to_owned(), verb.to_owned(), update.to_owned()];
        args.extend(self.repositories());
        args.extend(names);
        let step = Step::Run { script: sh(RUN, args), output: Output::Streams };
        Ok(Plan::none().changes(diffs, step))
    }
}

fn tool(manager: PackageManager) -> &'static str {
    match manager {
        PackageManager::Apt => "apt-get",
        PackageManager::Dnf => "dnf",
        PackageManager::Apk => "apk",
        PackageManager::Zypper => "zypper",
        PackageManager::Pacman => "pacman",
    }
}

/// `$tool NAME…`: prints name and version of what would become newer.
const NEWER: &str = r#"# ask for newer versions of packages
export LC_ALL=C
tool=$1; shift
case $tool in
  apk)
    # `(1/2) Upgrading musl (1.2.4-r0 -> 1.2.5-r1)`, `(2/2) Installing git (2.45.2-r0)`
    apk add --simulate --upgrade --no-progress "$@" 2>/dev/null |
      sed -n 's/^([0-9/ ]*) [A-Z][a-z]*grading \([^ ]*\) (.* -> \(.*\))$/\1 \2/p
        s/^([0-9/ ]*) Installing \([^ ]*\) (\(.*\))$/\1 \2/p' ;;
  dnf)
    dnf -q check-update "$@" 2>/dev/null |
      awk 'NF == 3 && $1 ~ /\./ { sub(/\.[^.]*$/, "", $1); print $1, $2 }' ;;
  zypper)
    zypper --non-interactive --quiet list-updates --all 2>/dev/null |
      awk -F ' *[|] *' 'NF >= 5 && $1 == "v" { print $3, $5 }' ;;
  pacman)
    # `git 2.44.0-1 -> 2.45.0-1`
    pacman -Qu "$@" 2>/dev/null | awk '$3 == "->" { print $1, $4 }' ;;
esac
exit 0
"#;

/// `$tool $verb $update NAME…`
const RUN: &str = r#"# run the package manager
export LC_ALL=C
tool=$1 verb=$2 update=$3; shift 3
work() {
case $tool in
  apk)
    [ -z "$update" ] || apk update --no-progress || return
    case $verb in
      install) apk add --no-progress --upgrade "$@" ;;
      remove) apk del --no-progress "$@" ;;
    esac ;;
  dnf)
    [ -z "$update" ] || dnf -y -q makecache --refresh || return
    case $verb in
      install) dnf -y install "$@" && dnf -y upgrade "$@" ;;
      remove) dnf -y remove "$@" ;;
    esac ;;
  zypper)
    [ -z "$update" ] || zypper --non-interactive refresh || return
    case $verb in
      install) zypper --non-interactive install --auto-agree-with-licenses "$@" ;;
      remove) zypper --non-interactive remove "$@" ;;
    esac ;;
  pacman)
    case $verb in
      nothing) pacman -Sy --noconfirm ;;
      install) pacman -S${update:+y} --noconfirm --needed "$@" ;;
      remove) pacman -R --noconfirm "$@" ;;
    esac ;;
esac
}
# Some of them tell their errors on standard output.
said=$(work "$@" 2>&1); rc=$?
[ "$rc" = 0 ] || { printf '%s\n' "$said" | tail -n 15 >&2; exit "$rc"; }
printf '%s\n' "$said"
"#;
