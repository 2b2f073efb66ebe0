//! `pyenv`: Python versions side by side, built where they are missing.
//!
//! What a version is built with has to be there: on Debian `build-essential libssl-dev zlib1g-dev
//! libbz2-dev libreadline-dev libsqlite3-dev libffi-dev liblzma-dev curl git`.
//!
//! ```yaml
//! - pyenv:
//!     version: v2.4.0
//!     python: ["3.12.2", "3.8"]
//!     prune: true
//! ```

use std::collections::BTreeMap;

use serde_json::json;

use crate::debian_version::compare;
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Result, Step, Words, ask,
    quote, sh,
};
use crate::toolchain::{Checkout, Tree, plan_block, read_start_file, start_file};

/// Installs pyenv and the Python versions that are wanted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pyenv {
    /// Directory of pyenv and its versions. Default: `~/.pyenv`.
    #[serde(default = "root")]
    root: String,
    /// Where pyenv is cloned from. Default: `https://github.com/pyenv/pyenv.git`.
    #[serde(default = "repo")]
    repo: String,
    /// Version of pyenv itself: a tag or a commit. Default: whatever is there, or the newest.
    version: Option<String>,
    /// Without `version`: have the newest pyenv. Default: false.
    #[serde(default)]
    update: bool,
    /// Python versions to have: `3.12.2`; or `3.12`, which any 3.12 meets.
    #[serde(default)]
    python: Words,
    /// The versions `python` means, in order. Default: the first of `python`.
    global: Option<Words>,
    /// Remove versions that are neither in `python` nor in `global`. Default: false.
    #[serde(default)]
    prune: bool,
    /// Start file of the shell that gets a block to set pyenv up. Default: `~/.bashrc`; `false` for
    /// none.
    shell: Option<String>,
    /// Fetch sources from this mirror (`PYTHON_BUILD_MIRROR_URL`).
    mirror: Option<String>,
    /// Keep sources in this directory (`PYTHON_BUILD_CACHE_PATH`).
    cache: Option<String>,
    /// Options of Python's `configure`, for example `--enable-shared`.
    configure_opts: Option<String>,
    /// Options of `make`, for example `-j4`.
    make_opts: Option<String>,
    /// Further variables for the build.
    #[serde(default)]
    build_environment: BTreeMap<String, String>,
}

fn root() -> String {
    "~/.pyenv".into()
}

fn repo() -> String {
    "https://github.com/pyenv/pyenv.git".into()
}

/// The checkout, what pyenv says of it, and the start file.
pub(crate) struct Now {
    tree: Tree,
    versions: Vec<String>,
    global: Vec<String>,
    start: Content,
}

impl Pyenv {
    fn checkout(&self, facts: &Facts) -> Checkout<'_> {
        Checkout {
            tool: "pyenv",
            root: facts.expand(&self.root),
            marker: "bin/pyenv",
            repo: &self.repo,
            version: self.version.as_deref(),
            update: self.update,
        }
    }

    fn global(&self) -> Vec<String> {
        match &self.global {
            Some(global) => global.to_vec(),
            None => self.python.first().cloned().into_iter().collect(),
        }
    }

    fn environment(&self, facts: &Facts) -> Vec<String> {
        let cache = self.cache.as_ref().map(|dir| facts.expand(dir));
        let mut environment: Vec<String> = [
            ("PYTHON_BUILD_MIRROR_URL", &self.mirror),
            ("PYTHON_BUILD_CACHE_PATH", &cache),
            ("CONFIGURE_OPTS", &self.configure_opts),
            ("MAKE_OPTS", &self.make_opts),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)))
        .collect();
        environment.extend(self.build_environment.iter().map(|(k, v)| format!("{k}={v}")));
        environment
    }
}

/// The installed version that a wish means: itself, or the newest that begins with it.
fn resolve<'v>(wish: &str, versions: &'v [String]) -> Option<&'v String> {
    let prefix = format!("{wish}.");
    versions.iter().find(|version| *version == wish).or_else(|| {
        versions
            .iter()
            .filter(|version| version.starts_with(&prefix))
            .max_by(|a, b| compare(a, b))
    })
}

impl Module for Pyenv {
    const NAMES: &'static [&'static str] = &["pyenv"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let wishes = || self.python.iter().chain(self.global.iter().flat_map(|g| g.iter()));
        let bad = |word: &&String| {
            word.is_empty() || word.starts_with('-') || word.contains(|c: char| c.is_whitespace())
        };
        if let Some(word) = wishes().find(bad) {
            return Probe::refuse(format!("expected a Python version, found `{word}`"));
        }
        if let Some(key) = self.build_environment.keys().find(|key| {
            key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }) {
            return Probe::refuse(format!("expected the name of a variable, found `{key}`"));
        }
        let checkout = self.checkout(facts);
        let start = start_file(self.shell.as_deref(), facts);
        checkout
            .probe()
            .and(ask(sh(LOOK, [&checkout.root])).map(|reply| reply.lines()))
            .and(read_start_file(start.as_deref()))
            .map(|((tree, said), start)| {
                let list = |key: &str| {
                    let words = said.iter().filter_map(|line| line.strip_prefix(key));
                    words.map(str::to_owned).collect::<Vec<_>>()
                };
                Now { tree, versions: list("version "), global: list("global "), start }
            })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let root = facts.expand(&self.root);
        let mut plan = self.checkout(facts).plan(Plan::none(), &now.tree)?;
        let mut wanted: Vec<String> = self.python.to_vec();
        wanted.extend(self.global().into_iter().filter(|version| version != "system"));
        let mut missing: Vec<&String> =
            wanted.iter().filter(|wish| resolve(wish, &now.versions).is_none()).collect();
        missing.dedup();
        for (at, wish) in missing.iter().enumerate() {
            if missing[..at].contains(wish) {
                continue;
            }
            let mut args = vec![root.clone(), (*wish).clone()];
            args.extend(self.environment(facts));
            let diff = Diff::field(&format!("python {wish}"), "version", "absent", "built");
            plan = plan.change(diff, Step::run(sh(INSTALL, args)));
        }
        let global = self.global();
        let known: Vec<String> = global
            .iter()
            .map(|wish| resolve(wish, &now.versions).unwrap_or(wish).clone())
            .collect();
        // `3.12` in pyenv's own file means the same as the version it leads to.
        let set: Vec<String> = now
            .global
            .iter()
            .map(|word| resolve(word, &now.versions).unwrap_or(word).clone())
            .collect();
        if !global.is_empty() && known != set {
            let mut args = vec![root.clone()];
            args.extend(known.iter().cloned());
            let diff =
                Diff::field(&root, "global", now.global.join(" "), known.join(" "));
            plan = plan.change(diff, Step::run(sh(GLOBAL, args)));
        }
        let kept: Vec<&String> =
            wanted.iter().filter_map(|wish| resolve(wish, &now.versions)).collect();
        if self.prune {
            // A wish still to be built may be met better than by what is there; then nothing of
            // its kind is in `kept`, and nothing of its kind is there to be removed.
            for version in now.versions.iter().filter(|version| !kept.contains(version)) {
                let diff = Diff::field(&format!("python {version}"), "version", version, "absent");
                plan = plan.change(diff, Step::run(sh(REMOVE, [&root, version])));
            }
        }
        let start = start_file(self.shell.as_deref(), facts);
        let block = format!(
            "export PYENV_ROOT={}\nexport PATH=\"$PYENV_ROOT/shims:$PYENV_ROOT/bin:$PATH\"\nif command -v pyenv >/dev/null; then eval \"$(pyenv init - --no-rehash)\"; fi\n",
            quote(&root)
        );
        plan = plan_block(plan, start.as_deref(), &now.start, "pyenv", &block)?;
        let path = |version: &str| format!("{root}/versions/{version}/bin/python");
        let paths: serde_json::Map<_, _> =
            now.versions.iter().map(|v| (v.clone(), json!(path(v)))).collect();
        let main = set.iter().find(|version| now.versions.contains(version));
        Ok(plan
            .value("root", root.as_str())
            .value("pyenv_version", now.tree.version.as_str())
            .value("versions", now.versions.clone())
            .value("global", now.global)
            .value("python", main.map(|version| path(version)))
            .value("pythons", paths))
    }
}

/// `$root`
const LOOK: &str = r#"# ask pyenv for its versions
export LC_ALL=C PYENV_ROOT="$1"
[ -x "$1/bin/pyenv" ] || exit 0
cd / || exit
"$1/bin/pyenv" versions --bare 2>/dev/null | sed '/\//d; s/^ */version /'
[ ! -e "$1/version" ] || "$1/bin/pyenv" global 2>/dev/null | sed 's/^ */global /'
exit 0
"#;

/// `$root $version NAME=VALUE…`
const INSTALL: &str = r#"# build a Python version
root=$1 version=$2; shift 2
for pair do export "$pair"; done
[ -z "$PYTHON_BUILD_CACHE_PATH" ] || mkdir -p "$PYTHON_BUILD_CACHE_PATH" || exit
export PYENV_ROOT="$root"
cd / || exit
# The build and its log are as private as they are passing.
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT; trap 'exit 129' HUP INT TERM
export TMPDIR="$work"
if ! "$root/bin/pyenv" install -s "$version" >"$work/said" 2>&1 </dev/null; then
  echo "pyenv could not install Python $version:" >&2
  tail -n 20 "$work/said" >&2
  cat "$work"/python-build.*.log 2>/dev/null | tail -n 20 >&2
  exit 1
fi
"$root/bin/pyenv" rehash
"#;

/// `$root VERSION…`: a version still unknown when this was planned is looked up now.
const GLOBAL: &str = r#"# set the global Python versions
export PYENV_ROOT="$1"; shift
cd / || exit
count=$#
while [ "$count" -gt 0 ]; do
  name=$1; shift; count=$((count - 1))
  known=$("$PYENV_ROOT/bin/pyenv" versions --bare |
    awk -v want="$name" '$1 == want || index($1, want ".") == 1 { print $1 }' | sort -V | tail -n 1)
  set -- "$@" "${known:-$name}"
done
"$PYENV_ROOT/bin/pyenv" global "$@"
"#;

/// `$root $version`
const REMOVE: &str = r#"# remove a Python version
export PYENV_ROOT="$1"
cd / || exit
"$1/bin/pyenv" uninstall -f "$2" >/dev/null && "$1/bin/pyenv" rehash
"#;
