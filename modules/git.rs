//! `git`: a checkout of a repository at a wanted version.
//!
//! ```yaml
//! - git:
//!     repo: git@git.example.org:team/app.git
//!     dest: /srv/app
//!     version: v1.4.2
//!     accept_newhostkey: true
//! ```

use std::collections::HashMap;

use crate::attributes::{Unsupported, tidy};
use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step,
    ask_costly, quote, sh,
};
use crate::login::{Logins, keep_logins, without};

/// Keeps a directory a checkout of a git repository, at a branch, tag or commit. Whether there is
/// something newer is asked without changing the host.
///
/// `register` gets `before` and `after` (commits) and `remote_url_changed`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Git {
    /// The repository: a URL, `user@host:path`, or a path on the host. A password in a URL is in the
    /// checkout's configuration afterwards, but never a word of a process. Required.
    #[serde(alias = "name")]
    repo: String,
    /// The directory of the checkout. Required.
    dest: String,
    /// A branch, a tag, a commit (whole or its first digits), or `HEAD` for the repository's
    /// default branch. Default: `HEAD`.
    #[serde(default = "head")]
    version: String,
    /// Throw local changes away. Without it they make the task fail. Default: false.
    #[serde(default)]
    force: bool,
    /// Look for newer commits if there is a checkout already. Default: true.
    #[serde(default = "yes")]
    update: bool,
    /// Make the checkout if there is none. Default: true.
    #[serde(default = "yes")]
    clone: bool,
    /// How many commits of history to get. Default: all.
    depth: Option<u32>,
    /// Get only the history of `version`. Default: false.
    #[serde(default)]
    single_branch: bool,
    /// The name of the remote. Default: `origin`.
    #[serde(default = "origin")]
    remote: String,
    /// A refspec to fetch besides, such as `refs/pull/12/head`.
    refspec: Option<String>,
    /// Check out submodules too. Default: true.
    #[serde(default = "yes")]
    recursive: bool,
    /// When the checkout changes, take each submodule's newest commit. Default: false.
    #[serde(default)]
    track_submodules: bool,
    /// Accept any host key of the repository's server. Default: false.
    #[serde(default)]
    accept_hostkey: bool,
    /// Accept the host key of a server that is not known yet. Default: false.
    #[serde(default)]
    accept_newhostkey: bool,
    /// The private key to use, a path on the host. Default: that of the user we act as.
    key_file: Option<String>,
    /// Options for `ssh`. Default: none.
    ssh_opts: Option<String>,
    /// A repository without a checkout. Default: false.
    #[serde(default)]
    bare: bool,
    /// A repository on the host to borrow objects from. Default: none.
    reference: Option<String>,
    /// The git program. Default: `git`.
    #[serde(default = "program")]
    executable: String,
    /// umask for what git writes, as an octal text. Default: the host's.
    umask: Option<String>,
    /// Check the signature of the commit: only false is supported. Default: false.
    #[serde(default)]
    verify_commit: bool,
    /// Trusted keys: not supported, and refused.
    #[serde(alias = "gpg_whitelist")]
    #[schemars(with = "Option<Vec<String>>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    gpg_allowlist: Option<Unsupported>,
    /// Make an archive: not supported, and refused.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    archive: Option<Unsupported>,
    /// Directory in the archive: not supported, and refused.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    archive_prefix: Option<Unsupported>,
    /// Keep the repository elsewhere than in `dest`: not supported, and refused.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    separate_git_dir: Option<Unsupported>,
}

fn head() -> String {
    "HEAD".into()
}

fn origin() -> String {
    "origin".into()
}

fn program() -> String {
    "git".into()
}

/// What there is, and what the repository offers.
pub(crate) struct Now {
    said: HashMap<String, String>,
    /// References of the repository with their commits.
    remote: Vec<(String, String)>,
    /// Why the repository could not be asked.
    error: String,
}

/// What `version` is in the repository.
struct Wanted {
    /// `branch`, `tag` or `commit`.
    kind: &'static str,
    /// The branch's, tag's or commit's name.
    name: String,
    /// `None`: a commit that is known by its first digits only, and not here yet.
    commit: Option<String>,
}

impl Now {
    fn read(reply: &Reply) -> Now {
        let mut now =
            Now { said: HashMap::new(), remote: vec![], error: reply.err().trim().to_owned() };
        for line in reply.lines() {
            match (line.split_once('\t'), line.split_once('=')) {
                (Some((commit, name)), _) => now.remote.push((name.to_owned(), commit.to_owned())),
                (None, Some((key, value))) => {
                    now.said.insert(key.to_owned(), value.to_owned());
                }
                (None, None) => {}
            }
        }
        now
    }

    fn get(&self, key: &str) -> &str {
        self.said.get(key).map_or("", String::as_str)
    }

    fn has(&self, name: &str) -> Option<&str> {
        self.remote.iter().find(|(known, _)| known == name).map(|(_, commit)| commit.as_str())
    }
}

impl Git {
    /// The repository as processes may see it, and the login that was in it.
    fn bare(&self) -> (String, Logins) {
        let mut logins = Logins::default();
        (logins.strip(&self.repo), logins)
    }

    /// The directory; a relative one is in the home directory.
    fn place(&self, facts: &Facts) -> String {
        tidy(&facts.path(&self.dest))
    }

    /// What git is told to connect with; empty for its default.
    fn ssh(&self, facts: &Facts) -> String {
        let mut words = Vec::new();
        if let Some(key) = &self.key_file {
            words.push(format!("-i {} -o IdentitiesOnly=yes", quote(&facts.path(key))));
        }
        if self.accept_hostkey {
            words.push("-o StrictHostKeyChecking=no".into());
        } else if self.accept_newhostkey {
            words.push("-o StrictHostKeyChecking=accept-new".into());
        }
        words.extend(self.ssh_opts.clone());
        match words.is_empty() {
            true => String::new(),
            false => format!("ssh -o BatchMode=yes {}", words.join(" ")),
        }
    }

    fn wanted(&self, now: &Now) -> Result<Wanted> {
        let version = self.version.as_str();
        let of = |kind, name: &str, commit: &str| {
            Ok(Wanted { kind, name: name.to_owned(), commit: Some(commit.to_owned()) })
        };
        if version == "HEAD" {
            // `ref: refs/heads/main<tab>HEAD` comes before `COMMIT<tab>HEAD`.
            let mut heads = now.remote.iter().filter(|(name, _)| name == "HEAD");
            let branch = heads.clone().find_map(|(_, to)| to.strip_prefix("ref: refs/heads/"));
            let commit = heads.find(|(_, to)| !to.starts_with("ref: "));
            return match (branch, commit) {
                (Some(branch), Some((_, commit))) => of("branch", branch, commit),
                (None, Some((_, commit))) => of("commit", commit, commit),
                (_, None) => Err(format!("{} has no commits", without(&self.repo)).into()),
            };
        }
        if let Some(commit) = now.has(&format!("refs/heads/{version}")) {
            return of("branch", version, commit);
        }
        let tag = format!("refs/tags/{version}");
        // An annotated tag is an object of its own; `^{}` is the commit it is for.
        if let Some(commit) = now.has(&format!("{tag}^{{}}")).or_else(|| now.has(&tag)) {
            return of("tag", version, commit);
        }
        let digits = version.len() >= 4 && version.bytes().all(|b| b.is_ascii_hexdigit());
        match now.get("resolved") {
            "" if digits && version.len() == 40 => of("commit", version, version),
            "" if digits || version.starts_with("refs/") || self.refspec.is_some() => {
                Ok(Wanted { kind: "commit", name: version.to_owned(), commit: None })
            }
            commit if digits && !commit.is_empty() => of("commit", version, commit),
            commit if !commit.is_empty() && self.refspec.is_some() => of("commit", version, commit),
            _ => {
                let repo = without(&self.repo);
                Err(format!("expected a branch, tag or commit of {repo}, found `{version}`").into())
            }
        }
    }

    fn script(&self, facts: &Facts, text: &'static str, wanted: &Wanted, modified: bool) -> Step {
        let word = |on: bool| if on { "yes" } else { "" }.to_owned();
        let (repo, logins) = self.bare();
        let script = sh(
            text,
            [
                self.executable.clone(),
                self.place(facts),
                repo,
                self.remote.clone(),
                wanted.kind.to_owned(),
                wanted.name.clone(),
                self.ssh(facts),
                self.depth.map(|depth| depth.to_string()).unwrap_or_default(),
                self.refspec.clone().unwrap_or_default(),
                word(self.bare),
                word(self.single_branch),
                match (self.recursive && !self.bare, self.track_submodules) {
                    (false, _) => String::new(),
                    (true, false) => "init".into(),
                    (true, true) => "remote".into(),
                },
                word(modified),
                self.reference.clone().unwrap_or_default(),
                self.umask.clone().unwrap_or_default(),
                logins.servers(),
            ],
        );
        Step::run(logins.feed(script, &format!("{}\n", in_config(&self.repo))))
    }
}

impl Module for Git {
    const NAMES: &'static [&'static str] = &["git"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if self.verify_commit {
            return Probe::refuse("`verify_commit` is not supported");
        }
        for (name, text) in
            [("repo", &self.repo), ("version", &self.version), ("remote", &self.remote)]
        {
            // Git would take it for an option.
            if text.is_empty() || text.starts_with('-') {
                return Probe::refuse(format!("`{name}` must not be empty or begin with `-`"));
            }
        }
        if self.umask.as_ref().is_some_and(|umask| umask.bytes().any(|b| !b.is_ascii_digit())) {
            return Probe::refuse("expected `umask` to be octal digits");
        }
        let (repo, logins) = self.bare();
        let args = [
            self.executable.clone(),
            self.place(facts),
            repo,
            self.remote.clone(),
            self.version.clone(),
            self.ssh(facts),
            if self.bare { "yes" } else { "" }.to_owned(),
            if self.update { "yes" } else { "" }.to_owned(),
            logins.servers(),
        ];
        ask_costly(logins.feed(sh(LOOK, args), "")).map(|reply| Now::read(&reply))
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let place = self.place(facts);
        if now.get("git") != "yes" {
            let why =
                format!("Failed to find required executable \"{}\" on the host", self.executable);
            return Err(Refusal::new(why));
        }
        let exists = now.get("present") == "yes";
        let before = now.get("head");
        if exists && !self.update {
            return Ok(Plan::none().value("before", before).value("after", before));
        }
        if now.get("asked") != "yes" {
            let why = format!("Failed to download remote objects and refs: {}", now.error);
            return Err(Refusal::new(why).value("before", before));
        }
        let wanted = self.wanted(&now)?;
        let after = wanted.commit.clone().unwrap_or_else(|| wanted.name.clone());
        if !exists {
            let plan = Plan::none().value("before", serde_json::Value::Null);
            if !self.clone {
                return Ok(plan.value("after", after));
            }
            if now.get("occupied") == "yes" {
                return Err(
                    format!("{place} exists, and is neither empty nor a git repository").into()
                );
            }
            let diffs = vec![
                Diff::field(&place, "repository", "absent", without(&self.repo)),
                Diff::field(&place, "commit", "", &after),
            ];
            return Ok(plan
                .changes(diffs, self.script(facts, CLONE, &wanted, false))
                .value("after", after)
                .value_on_change("before", serde_json::Value::Null)
                .value_on_change("remote_url_changed", false));
        }
        let modified = now.get("modified") == "yes";
        if modified && !self.force {
            let why = format!("Local modifications exist in the destination: {place} (force=no).");
            return Err(Refusal::new(why).value("before", before));
        }
        let mut diffs = Vec::new();
        let other_url = now.get("url") != self.repo;
        if other_url {
            let (before, mut after) = (without(now.get("url")), without(&self.repo));
            if before == after {
                after += " (with another login)";
            }
            diffs.push(Diff::field(&place, "remote", before, after));
        }
        if modified {
            diffs.push(Diff::field(&place, "local modifications", "some", "none"));
        }
        if wanted.commit.as_deref() != Some(before) {
            diffs.push(Diff::field(&place, "commit", before, &after));
        } else if wanted.kind == "branch"
            && self.version != "HEAD"
            && !self.bare
            && now.get("branch") != wanted.name
        {
            let branch = match now.get("branch") {
                "" => "detached",
                branch => branch,
            };
            diffs.push(Diff::field(&place, "branch", branch, &wanted.name));
        }
        if self.recursive && now.get("submodules") == "behind" {
            diffs.push(Diff::field(&place, "submodules", "other commits", "recorded commits"));
        }
        let mut plan = Plan::none()
            .changes(diffs, self.script(facts, SYNC, &wanted, modified))
            .value("before", before)
            .value("after", after)
            .value("remote_url_changed", false)
            .value_on_change("before", before)
            .value_on_change("remote_url_changed", other_url);
        if modified {
            let message = format!("Local modifications exist in the destination: {place}");
            plan = plan.value_on_change("msg", message);
        }
        Ok(plan)
    }
}

/// A text as a value of git's configuration.
fn in_config(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

const LOOK: &str = keep_logins!(
    "# what is checked out, and what does the repository offer? GIT DEST REPO REMOTE VERSION SSH BARE UPDATE SERVERS",
    r#"git=$1 dest=$2 repo=$3 remote=$4 version=$5 ssh=$6 bare=$7 update=$8
keep_logins "$9"
[ -z "$ssh" ] || export GIT_SSH_COMMAND="$ssh"
export GIT_TERMINAL_PROMPT=0 LC_ALL=C
command -v "$git" >/dev/null || exit 0
echo git=yes
present=
if [ -n "$bare" ]; then
    if [ -f "$dest/HEAD" ] && [ -d "$dest/objects" ]; then present=yes; fi
elif [ -e "$dest/.git" ]; then
    present=yes
fi
if [ -n "$present" ]; then
    echo present=yes
    cd -- "$dest" || exit
    if [ -n "$bare" ] && [ "$version" != HEAD ]; then
        echo "head=$("$git" rev-parse -q --verify "$version^{commit}")"
    else
        echo "head=$("$git" rev-parse -q --verify HEAD)"
    fi
    echo "branch=$("$git" symbolic-ref -q --short HEAD)"
    echo "url=$("$git" config --get "remote.$remote.url")"
    [ -n "$update" ] || exit 0
    echo "resolved=$("$git" rev-parse -q --verify "$version^{commit}")"
    if [ -z "$bare" ]; then
        # Also tells of a repository that belongs to another user.
        status=$("$git" status --porcelain --untracked-files=no) || exit
        [ -z "$status" ] || echo modified=yes
        if [ -f .gitmodules ] && "$git" submodule status --recursive 2>/dev/null | grep -q '^[-+]'; then
            echo submodules=behind
        fi
    fi
elif [ -d "$dest" ]; then
    [ -z "$(ls -A -- "$dest")" ] || echo occupied=yes
elif [ -e "$dest" ]; then
    echo occupied=yes
fi
"$git" ls-remote --symref -- "$repo" HEAD "refs/heads/$version" "refs/tags/$version" "refs/tags/$version^{}" && echo asked=yes
"#
);

/// As [`keep_logins!`]; besides, `name_remote` in a checkout gives the remote the URL that standard
/// input tells next, login and all: git itself would take it as a word.
macro_rules! changing {
    ($head:literal, $body:literal) => {
        keep_logins!(
            $head,
            concat!(
                r#"name_remote() {
    [ -n "$private" ] && file=$("$git" rev-parse --git-path config) || return 0
    IFS= read -r whole || return
    section=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            "[remote \"$remote\"]") section=yes ;;
            '['*) section= ;;
            '	url = '*) [ -z "$section" ] || line="	url = $whole" ;;
        esac
        printf '%s\n' "$line"
    done <"$file" >"$private/config" || return
    (set -C && : >"$file.lock") && cp -p -- "$file" "$file.lock" &&
        cat -- "$private/config" >"$file.lock" && mv -f -- "$file.lock" "$file"
}
"#,
                $body
            )
        )
    };
}

const CLONE: &str = changing!(
    "# clone a repository",
    r#"git=$1 dest=$2 repo=$3 remote=$4 kind=$5 name=$6 ssh=$7 depth=$8 refspec=$9
shift 9
bare=$1 single=$2 submodules=$3 reference=$5 umask=$6
keep_logins "$7"
[ -z "$ssh" ] || export GIT_SSH_COMMAND="$ssh"
export GIT_TERMINAL_PROMPT=0
[ -z "$umask" ] || umask "$umask"
mkdir -p -- "$(dirname -- "$dest")" || exit
set -- --origin "$remote"
[ -z "$bare" ] || set -- --bare
[ "$kind" = commit ] || set -- "$@" --branch "$name"
# Nobody knows how deep a commit is.
if [ -n "$depth" ] && [ "$kind" != commit ]; then set -- "$@" --depth "$depth"; fi
[ -z "$single" ] || set -- "$@" --single-branch
[ -z "$reference" ] || set -- "$@" --reference "$reference"
"$git" clone -q "$@" -- "$repo" "$dest" || exit
cd -- "$dest" || exit
[ -z "$private" ] || trap 'name_remote; rm -rf -- "$private"' EXIT
[ -z "$refspec" ] || "$git" fetch -q "$remote" "$refspec" || exit
[ -z "$bare" ] || exit 0
if [ "$kind" = commit ]; then
    "$git" rev-parse -q --verify "$name^{commit}" >/dev/null || "$git" fetch -q "$remote" "$name" || exit
    "$git" -c advice.detachedHead=false checkout -q --force "$name" -- || exit
fi
case $submodules in
    init) "$git" submodule -q update --init --recursive ;;
    remote) "$git" submodule -q update --init --recursive --remote ;;
esac
"#
);

const SYNC: &str = changing!(
    "# bring a checkout to a version",
    r#"git=$1 dest=$2 repo=$3 remote=$4 kind=$5 name=$6 ssh=$7 depth=$8 refspec=$9
shift 9
bare=$1 submodules=$3 modified=$4 umask=$6
keep_logins "$7"
[ -z "$ssh" ] || export GIT_SSH_COMMAND="$ssh"
export GIT_TERMINAL_PROMPT=0
[ -z "$umask" ] || umask "$umask"
cd -- "$dest" || exit
if "$git" config --get "remote.$remote.url" >/dev/null; then
    "$git" remote set-url "$remote" "$repo" || exit
else
    "$git" remote add "$remote" "$repo" || exit
fi
[ -z "$private" ] || trap 'name_remote; rm -rf -- "$private"' EXIT
set -- -q --force
if [ -n "$depth" ] && [ "$kind" != commit ]; then set -- "$@" --depth "$depth"; fi
if [ -n "$bare" ]; then
    "$git" fetch "$@" --tags "$remote" '+refs/heads/*:refs/heads/*' $refspec
    exit
fi
case $kind in
    branch) "$git" fetch "$@" --tags "$remote" "+refs/heads/$name:refs/remotes/$remote/$name" $refspec || exit ;;
    tag) "$git" fetch "$@" "$remote" "+refs/tags/$name:refs/tags/$name" $refspec || exit ;;
    *)
        "$git" fetch "$@" --tags "$remote" || exit
        [ -z "$refspec" ] || "$git" fetch "$@" "$remote" "$refspec" || exit
        "$git" rev-parse -q --verify "$name^{commit}" >/dev/null || "$git" fetch "$@" "$remote" "$name" || exit
        ;;
esac
[ -z "$modified" ] || "$git" reset -q --hard HEAD || exit
case $kind in
    branch)
        "$git" checkout -q --force -B "$name" "refs/remotes/$remote/$name" -- || exit
        "$git" branch -q --set-upstream-to="$remote/$name" "$name" 2>/dev/null || :
        ;;
    tag) "$git" -c advice.detachedHead=false checkout -q --force "refs/tags/$name" -- || exit ;;
    *) "$git" -c advice.detachedHead=false checkout -q --force "$name" -- || exit ;;
esac
case $submodules in
    init) "$git" submodule -q sync --recursive && "$git" submodule -q update --init --recursive --force ;;
    remote) "$git" submodule -q sync --recursive && "$git" submodule -q update --init --recursive --remote --force ;;
esac
"#
);
