//! What `pyenv` and `nvm` share: a git checkout in a home directory, and a block in a start file of
//! the shell.

use crate::kit::{
    Content, Diff, Facts, Plan, Probe, Put, Result, Step, Text, ask, ask_costly, boolean, read, sh,
};
use crate::login::{Logins, keep_logins};

/// A tool that is used from its git checkout.
#[derive(Debug, Clone)]
pub(crate) struct Checkout<'a> {
    pub tool: &'static str,
    pub root: String,
    /// A file that tells the tool is there, below the root.
    pub marker: &'static str,
    pub repo: &'a str,
    pub version: Option<&'a str>,
    pub update: bool,
}

/// What stands at the root.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    pub present: bool,
    /// There is something else.
    occupied: bool,
    /// The nearest tag.
    pub version: String,
    /// It is at the wanted version.
    at: bool,
    /// The repository has something newer.
    behind: bool,
}

impl Checkout<'_> {
    /// The repository as processes may see it, and the login that was in it.
    fn bare(&self) -> (String, Logins) {
        let mut logins = Logins::default();
        (logins.strip(self.repo), logins)
    }

    pub(crate) fn probe<'a>(&self) -> Probe<'a, Tree> {
        let version = self.version.unwrap_or_default();
        let update = if self.update { "update" } else { "" };
        let (_, logins) = self.bare();
        let args = [self.root.as_str(), self.marker, version, update, &logins.servers()];
        let script = logins.feed(sh(LOOK, args), "");
        let reply = if self.update { ask_costly(script) } else { ask(script) };
        reply.map(|reply| {
            let said = reply.lines();
            let has = |word: &str| said.iter().any(|line| line == word);
            let version = said.iter().find_map(|line| line.strip_prefix("version "));
            Tree {
                present: has("present"),
                occupied: has("occupied"),
                version: version.unwrap_or_default().to_owned(),
                at: has("at"),
                behind: has("behind"),
            }
        })
    }

    pub(crate) fn plan(&self, plan: Plan, tree: &Tree) -> Result<Plan> {
        let (root, tool) = (self.root.as_str(), self.tool);
        let wanted = self.version.unwrap_or("newest");
        let version = self.version.unwrap_or_default();
        if tree.occupied {
            return Err(format!("`{root}` holds something that is not {tool}").into());
        }
        let (repo, logins) = self.bare();
        let script =
            |text| logins.feed(sh(text, [root, repo.as_str(), version, &logins.servers()]), "");
        let moves = (self.version.is_some() && !tree.at) || (self.version.is_none() && tree.behind);
        Ok(match tree.present {
            false => plan.change(
                Diff::field(root, "version", "absent", format!("{tool} {wanted}")),
                Step::run(script(CLONE)),
            ),
            true if moves => plan.change(
                Diff::field(root, "version", &tree.version, wanted),
                Step::run(script(UPDATE)),
            ),
            true => plan,
        })
    }
}

/// The start file that a `shell:` parameter means; `None` for none.
pub(crate) fn start_file(shell: Option<&str>, facts: &Facts) -> Option<String> {
    let shell = shell.unwrap_or("~/.bashrc");
    (boolean(shell) != Some(false) && !shell.is_empty()).then(|| facts.expand(shell))
}

/// Reads a start file.
pub(crate) fn read_start_file<'a>(path: Option<&str>) -> Probe<'a, Content> {
    path.map_or(Probe::known(Content::Absent), |path| read(path, 1 << 20))
}

/// Brings a block of a start file up to date.
pub(crate) fn plan_block(
    plan: Plan,
    path: Option<&str>,
    now: &Content,
    name: &str,
    block: &str,
) -> Result<Plan> {
    let Some(path) = path else { return Ok(plan) };
    let (before, text) = match now {
        Content::Absent => (Text::Absent, String::new()),
        Content::Bytes(bytes) => {
            (Text::Bytes(bytes.clone()), String::from_utf8_lossy(bytes).into_owned())
        }
        _ => return Err(format!("`{path}` is not a file a block could be put in").into()),
    };
    if matches!(&before, Text::Bytes(bytes) if text.as_bytes() != &bytes[..]) {
        return Err(format!("`{path}` is not text in UTF-8").into());
    }
    let after = with_block(&text, name, block);
    if after == text {
        return Ok(plan);
    }
    let after: std::sync::Arc<[u8]> = after.into_bytes().into();
    let put = Put {
        path: path.to_owned(),
        content: after.clone(),
        mode: None,
        owner: None,
        group: None,
        validate: None,
        backup: false,
    };
    let diff = Diff::Text { path: path.to_owned(), before, after: Text::Bytes(after) };
    Ok(plan.change(diff, Step::Put(put)))
}

/// The text with the block between its markers, in its old place or at the end.
fn with_block(text: &str, name: &str, block: &str) -> String {
    let begin = format!("# BEGIN ANSIBLE MANAGED BLOCK: {name}");
    let end = format!("# END ANSIBLE MANAGED BLOCK: {name}");
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| *line == begin);
    let stop = start.and_then(|start| lines[start..].iter().position(|line| *line == end));
    let (head, tail) = match (start, stop) {
        (Some(start), Some(length)) => (&lines[..start], &lines[start + length + 1..]),
        _ => (&lines[..], &[][..]),
    };
    let mut out = String::new();
    for line in head.iter().copied().chain([begin.as_str(), block.trim_end(), end.as_str()]) {
        out.push_str(line);
        out.push('\n');
    }
    for line in tail {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// `$root $marker $version $update $servers`
const LOOK: &str = keep_logins!(
    "# look at a checkout",
    r#"export LC_ALL=C GIT_TERMINAL_PROMPT=0
root=$1 marker=$2 version=$3 update=$4
keep_logins "$5"
if [ ! -e "$root/$marker" ]; then
  [ -z "$(ls -A "$root" 2>/dev/null)" ] || echo occupied
  exit 0
fi
echo present
head=$(git -C "$root" rev-parse -q --verify HEAD 2>/dev/null) || exit 0
echo "version $(git -C "$root" describe --tags --always 2>/dev/null)"
if [ -n "$version" ]; then
  for name in "$version" "v$version"; do
    [ "$(git -C "$root" rev-parse -q --verify "$name^{commit}" 2>/dev/null)" != "$head" ] || { echo at; break; }
  done
fi
if [ -n "$update" ]; then
  newest=$(git -C "$root" ls-remote origin HEAD 2>/dev/null | cut -f 1)
  [ -z "$newest" ] || [ "$newest" = "$head" ] || echo behind
fi
exit 0
"#
);

/// Checks out `$version` in `$1`: a tag, with or without its `v`, a branch or a commit.
macro_rules! checkout {
    ($head:literal, $body:literal) => {
        keep_logins!(
            $head,
            concat!(
                r#"export LC_ALL=C GIT_TERMINAL_PROMPT=0
root=$1 repo=$2 version=$3
keep_logins "$4"
command -v git >/dev/null || { echo "git is not installed" >&2; exit 127; }
checkout() {
  for name in "$version" "v$version" "origin/$version"; do
    git -C "$1" rev-parse -q --verify "$name^{commit}" >/dev/null || continue
    git -C "$1" -c advice.detachedHead=false checkout -q "$name"
    return
  done
  echo "there is no version $version in $repo" >&2
  return 1
}
"#,
                $body
            )
        )
    };
}

/// `$root $repo $version $servers`
const CLONE: &str = checkout!(
    "# clone a tool",
    r#"mkdir -p "$(dirname "$root")" || exit
new=$(mktemp -d "$root.XXXXXX") || exit
trap 'rm -rf -- "$new" ${private:+"$private"}' EXIT; trap 'exit 129' HUP INT TERM
chmod 755 "$new"
git clone -q "$repo" "$new" || exit
[ -z "$version" ] || checkout "$new" || exit
[ ! -d "$root" ] || rmdir "$root" || exit
mv "$new" "$root"
"#
);

/// `$root $repo $version $servers`
const UPDATE: &str = checkout!(
    "# update a tool",
    r#"git -C "$root" remote set-url origin "$repo" && git -C "$root" fetch -q --tags origin || exit
if [ -n "$version" ]; then
  checkout "$root"
else
  git -C "$root" remote set-head origin -a >/dev/null || exit
  git -C "$root" -c advice.detachedHead=false checkout -q origin/HEAD
fi
"#
);

#[cfg(test)]
mod tests {
    use super::with_block;

    #[test]
    fn a_block_is_replaced_where_it_stands() {
        let first = with_block("a\n", "x", "one\n");
        assert_eq!(
            first,
            "a\n# BEGIN ANSIBLE MANAGED BLOCK: x\none\n# END ANSIBLE MANAGED BLOCK: x\n"
        );
        let second = with_block(&format!("{first}b\n"), "x", "two");
        assert_eq!(second, format!("{}b\n", first.replace("one", "two")));
        assert_eq!(with_block(&second, "x", "two"), second);
    }
}
