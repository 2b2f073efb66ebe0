//! `nvm`: Node versions side by side, installed where they are missing.
//!
//! Whether a version is there is read from nvm's directory, without starting nvm. `lts/*` means
//! what nvm found it to mean when it last asked the server.
//!
//! ```yaml
//! - nvm:
//!     version: v0.39.1
//!     node: ["18", "lts/*"]
//!     default: "18"
//!     links: /usr/local/bin
//! ```

use crate::debian_version::compare;
use crate::kit::{
    Content, Deserialize, Diff, Facts, FileKind, JsonSchema, Module, Plan, Probe, Result, Stat,
    Step, Words, ask, lstat, quote, sh,
};
use crate::toolchain::{Checkout, Tree, plan_block, read_start_file, start_file};

/// Installs nvm and the Node versions that are wanted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nvm {
    /// Directory of nvm and its versions. Default: `~/.nvm`.
    #[serde(default = "dir", alias = "root")]
    dir: String,
    /// Where nvm is cloned from. Default: `https://github.com/nvm-sh/nvm.git`.
    #[serde(default = "repo")]
    repo: String,
    /// Version of nvm itself: a tag or a commit. Default: whatever is there, or the newest.
    version: Option<String>,
    /// Without `version`: have the newest nvm. Default: false.
    #[serde(default)]
    update: bool,
    /// Node versions to have: `v20.11.1`; `18`, which any 18 meets; `lts/*`, `lts/hydrogen`, `node`.
    #[serde(default)]
    node: Words,
    /// The version new shells use. Default: the first of `node`.
    default: Option<String>,
    /// Remove versions that are neither in `node` nor the default. Default: false.
    #[serde(default)]
    prune: bool,
    /// Directory that gets links to node, npm and npx of the default version, for example
    /// /usr/local/bin. Default: none.
    links: Option<String>,
    /// Start file of the shell that gets a block to set nvm up. Default: `~/.bashrc`; `false` for
    /// none.
    shell: Option<String>,
    /// Fetch Node from this mirror (`NVM_NODEJS_ORG_MIRROR`).
    mirror: Option<String>,
}

fn dir() -> String {
    "~/.nvm".into()
}

fn repo() -> String {
    "https://github.com/nvm-sh/nvm.git".into()
}

const PROGRAMS: [&str; 3] = ["node", "npm", "npx"];

/// The checkout, what is in it, the links and the start file.
pub(crate) struct Now {
    tree: Tree,
    versions: Vec<String>,
    /// Name and meaning: `default`, `lts/*`, `lts/iron`, …
    aliases: Vec<(String, String)>,
    links: Vec<Option<Stat>>,
    start: Content,
}

impl Now {
    /// The installed version that a wish means.
    fn resolve(&self, wish: &str) -> Option<&String> {
        let mut wish = wish;
        // An alias may lead to another; a loop ends.
        for _ in 0..10 {
            match self.aliases.iter().find(|(name, _)| name == wish) {
                Some((_, meaning)) => wish = meaning,
                None => break,
            }
        }
        let newest = |versions: &mut dyn Iterator<Item = &'_ String>| {
            versions.max_by(|a, b| compare(&a[1..], &b[1..])).cloned()
        };
        let found = match wish {
            "node" | "stable" => newest(&mut self.versions.iter()),
            _ => {
                let full = format!("v{}", wish.trim_start_matches('v'));
                let prefix = format!("{full}.");
                let fits = |v: &&String| **v == full || v.starts_with(&prefix);
                newest(&mut self.versions.iter().filter(fits))
            }
        }?;
        self.versions.iter().find(|version| **version == found)
    }
}

impl Nvm {
    fn checkout(&self, facts: &Facts) -> Checkout<'_> {
        Checkout {
            tool: "nvm",
            root: facts.expand(&self.dir),
            marker: "nvm.sh",
            repo: &self.repo,
            version: self.version.as_deref(),
            update: self.update,
        }
    }

    fn default(&self) -> Option<&str> {
        self.default.as_deref().or_else(|| self.node.first().map(String::as_str))
    }

    fn links(&self, facts: &Facts) -> Vec<String> {
        let dir = self.links.as_ref().map(|dir| facts.expand(dir));
        let dir = dir.iter().map(|dir| dir.trim_end_matches('/'));
        dir.flat_map(|dir| PROGRAMS.map(|program| format!("{dir}/{program}"))).collect()
    }
}

impl Module for Nvm {
    const NAMES: &'static [&'static str] = &["nvm"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let bad = |word: &&str| {
            word.is_empty() || word.starts_with('-') || word.contains(|c: char| c.is_whitespace())
        };
        if let Some(word) = self.node.iter().map(String::as_str).chain(self.default()).find(bad) {
            return Probe::refuse(format!("expected a Node version, found `{word}`"));
        }
        if self.links.is_some() && self.default().is_none() {
            return Probe::refuse("`links` needs a version: give `node` or `default`");
        }
        let checkout = self.checkout(facts);
        let start = start_file(self.shell.as_deref(), facts);
        checkout
            .probe()
            .and(ask(sh(LOOK, [&checkout.root])).map(|reply| reply.lines()))
            .and(Probe::all(self.links(facts).into_iter().map(lstat)))
            .and(read_start_file(start.as_deref()))
            .map(|(((tree, said), links), start)| {
                let list = |key: &'static str| said.iter().filter_map(move |line| line.strip_prefix(key));
                let versions = list("version ").map(str::to_owned).collect();
                let aliases = list("alias ")
                    .filter_map(|line| line.split_once(' '))
                    .map(|(name, meaning)| (name.to_owned(), meaning.to_owned()))
                    .collect();
                Now { tree, versions, aliases, links, start }
            })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let dir = facts.expand(&self.dir);
        let mut plan = self.checkout(facts).plan(Plan::none(), &now.tree)?;
        let mut wanted: Vec<&str> = self.node.iter().map(String::as_str).collect();
        wanted.extend(self.default().filter(|default| !wanted.contains(default)));
        let mirror = self.mirror.as_deref().unwrap_or_default();
        let run = |verb: &str, word: &str| {
            Step::run(sh(RUN, [dir.as_str(), mirror, verb, word]))
        };
        for (at, wish) in wanted.iter().enumerate() {
            if now.resolve(wish).is_none() && !wanted[..at].contains(wish) {
                let diff = Diff::field(&format!("node {wish}"), "version", "absent", "installed");
                plan = plan.change(diff, run("install", wish));
            }
        }
        let set = now.aliases.iter().find(|(name, _)| name == "default").map(|(_, to)| to.as_str());
        let default = self.default();
        if let Some(default) = default.filter(|default| set != Some(*default)) {
            let diff = Diff::field(&dir, "default", set.unwrap_or("none"), default);
            plan = plan.change(diff, run("default", default));
        }
        let main = default.or(set).and_then(|wish| now.resolve(wish));
        let program = |program: &str| {
            main.map(|version| format!("{dir}/versions/node/{version}/bin/{program}"))
        };
        let mut diffs = Vec::new();
        for ((path, stat), name) in self.links(facts).iter().zip(&now.links).zip(PROGRAMS) {
            if stat.as_ref().is_some_and(|stat| stat.kind != FileKind::Link) {
                return Err(format!(
                    "`{path}` is there and is no link; another Node must be removed first"
                )
                .into());
            }
            let target = stat.as_ref().and_then(|stat| stat.target.clone());
            let wanted = program(name);
            if target != wanted || target.is_none() {
                let after = wanted.unwrap_or_else(|| format!("{name} of the default version"));
                diffs.push(Diff::field(path, "link", target.as_deref().unwrap_or("absent"), after));
            }
        }
        let links = self.links.as_ref().map(|dir| facts.expand(dir)).unwrap_or_default();
        plan = plan.changes(diffs, run("link", &links));
        if self.prune {
            let kept: Vec<&String> = wanted.iter().filter_map(|wish| now.resolve(wish)).collect();
            for version in now.versions.iter().filter(|version| !kept.contains(version)) {
                let diff = Diff::field(&format!("node {version}"), "version", version, "absent");
                plan = plan.change(diff, run("uninstall", version));
            }
        }
        let start = start_file(self.shell.as_deref(), facts);
        let block = format!(
            "export NVM_DIR={}\n[ ! -s \"$NVM_DIR/nvm.sh\" ] || . \"$NVM_DIR/nvm.sh\"\n[ ! -s \"$NVM_DIR/bash_completion\" ] || . \"$NVM_DIR/bash_completion\"\n",
            quote(&dir)
        );
        plan = plan_block(plan, start.as_deref(), &now.start, "nvm", &block)?;
        Ok(plan
            .value("dir", dir.as_str())
            .value("nvm_version", now.tree.version.as_str())
            .value("versions", now.versions.clone())
            .value("default", set)
            .value("node_version", main.cloned())
            .value("node", program("node"))
            .value("npm", program("npm")))
    }
}

/// `$dir`
const LOOK: &str = r#"# list the Node versions of nvm
dir=$1
for at in "$dir"/versions/node/v*/bin/node; do
  [ -x "$at" ] || continue
  at=${at%/bin/node}; echo "version ${at##*/}"
done
for at in "$dir"/alias/* "$dir"/alias/lts/*; do
  [ -f "$at" ] || continue
  IFS= read -r to <"$at"
  echo "alias ${at#"$dir"/alias/} $to"
done
exit 0
"#;

/// `$dir $mirror $verb $word`. nvm is a function of bash.
const RUN: &str = r#"# run nvm
command -v bash >/dev/null || { echo "nvm needs bash, which is not installed" >&2; exit 127; }
text=$(cat <<'NVM'
export NVM_DIR=$1
[ -z "$2" ] || export NVM_NODEJS_ORG_MIRROR=$2
verb=$3 word=$4
cd "$HOME" 2>/dev/null || cd /
unset PREFIX NPM_CONFIG_PREFIX npm_config_prefix
. "$NVM_DIR/nvm.sh" --no-use || exit
run() {
  local said rc
  said=$(mktemp) || exit
  "$@" >"$said" 2>&1 </dev/null
  rc=$?
  [ "$rc" = 0 ] || tail -n 20 "$said" >&2
  rm -f "$said"
  return "$rc"
}
case $verb in
  install) run nvm install --no-progress "$word" || { echo "nvm could not install Node $word" >&2; exit 1; } ;;
  default) run nvm alias default "$word" ;;
  uninstall) run nvm uninstall "$word" ;;
  link)
    node=$(nvm which default 2>/dev/null)
    [ -x "$node" ] || { echo "nvm has no default version" >&2; exit 1; }
    for program in node npm npx; do
      new=$word/.rprov.$program.$$
      ln -sfn "${node%/node}/$program" "$new" && mv -fT "$new" "$word/$program" || { rm -f "$new"; exit 1; }
    done ;;
esac
NVM
)
exec bash -c "$text" nvm "$@"
"#;
