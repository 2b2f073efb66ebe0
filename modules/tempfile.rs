//! `tempfile`: a new file or directory with a name that nobody can guess.
//!
//! ```yaml
//! - tempfile:
//!     state: directory
//!     suffix: .build
//!   register: work
//! ```

use crate::attributes::describe;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Result, Stat, act, lstat, sh,
};

/// Makes an empty temporary file (mode 0600) or directory (0700); it stays until it is removed.
///
/// `register` gets `path`, and what `file` tells of it. A new one is made each time, so it is always
/// changed; in check mode it is skipped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tempfile {
    /// `file` or `directory`. Default: `file`.
    #[serde(default)]
    state: State,
    /// The directory it is made in. Default: `TMPDIR` of the host, or `/tmp`.
    path: Option<String>,
    /// What its name begins with. Default: `ansible.`.
    #[serde(default = "prefix")]
    prefix: String,
    /// What its name ends with. Default: nothing.
    #[serde(default)]
    suffix: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Directory,
    #[default]
    File,
}

fn prefix() -> String {
    "ansible.".to_owned()
}

impl Module for Tempfile {
    const NAMES: &'static [&'static str] = &["tempfile"];
    /// Where it is, and what.
    type State = (String, Option<Stat>);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        for (name, part) in [("prefix", &self.prefix), ("suffix", &self.suffix)] {
            if part.contains('/') {
                let why = format!("expected part of a file's name as `{name}`, found `{part}`");
                return Probe::refuse(why);
            }
        }
        let kind = if self.state == State::File { "file" } else { "directory" };
        let directory = self.path.as_deref().map(|path| facts.path(path)).unwrap_or_default();
        act(sh(MAKE, [kind, &directory, &self.prefix, &self.suffix])).then(|reply| {
            let path = reply.out().trim_end_matches('\n').to_owned();
            match reply.ok() && path.starts_with('/') {
                true => lstat(path.clone()).map(move |stat| (path, stat)),
                false => Probe::refuse(format!("cannot make it: {}", reply.err().trim())),
            }
        })
    }

    fn plan(&self, _: &Facts, (path, stat): Self::State) -> Result<Plan> {
        let mut plan = Plan::none().acted(Diff::Note(format!("make {path}")));
        plan.values.insert("path".into(), path.into());
        plan.values.extend(describe(stat.as_ref()));
        Ok(plan)
    }
}

const MAKE: &str = r#"# make a temporary file or directory
umask 077
d=${2:-${TMPDIR:-/tmp}}
d=$(cd -- "$d" && pwd) || exit
n=0
while [ "$n" -lt 100 ]; do
    n=$((n + 1))
    r=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n') || exit
    f=${d%/}/$3$r$4
    if [ "$1" = directory ]; then
        said=$(mkdir -- "$f" 2>&1) && { printf '%s\n' "$f"; exit; }
    else
        said=$( (set -C && : >"$f") 2>&1) && { printf '%s\n' "$f"; exit; }
    fi
    [ -e "$f" ] || break
done
printf '%s\n' "$said" >&2
exit 1
"#;
