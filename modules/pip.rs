//! `pip`: Python packages, system-wide or in a virtual environment.
//!
//! Whether a requirement is met is decided by pip's own rules, by the Python that would install
//! it, without network access.
//!
//! ```yaml
//! - pip:
//!     requirements: requirements.txt
//!     chdir: /srv/app
//!     virtualenv: venv
//!     virtualenv_command: /root/.pyenv/shims/python -m venv
//! - pip: { name: ["flask>=3,<4", gunicorn], virtualenv: /srv/app/venv }
//! ```

use serde_json::Value;

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Output, Plan, Probe, Refusal, Result, Step,
    Words, ask, ask_costly, sh,
};
use crate::login::{keep_logins, without};
use crate::pip_access::{Access, reaching};

/// Installs and removes Python packages with pip.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pip {
    /// Packages: names with or without versions (`flask>=3,<4`), paths, URLs (`git+https://…`). A
    /// password in a URL is never a word of a process, here and in `extra_args`.
    name: Option<Words>,
    /// A requirements file on the host; relative to `chdir`, if that is given.
    requirements: Option<String>,
    /// The version of the one package in `name`.
    version: Option<String>,
    /// `present` (default), `latest`, `absent`, or `forcereinstall`, which installs each time.
    #[serde(default)]
    state: State,
    /// A virtual environment to work in, made if it is missing; relative to `chdir`, if given.
    virtualenv: Option<String>,
    /// The command that makes it. Default: `virtualenv`, or `python3 -m venv` where that is not
    /// installed.
    virtualenv_command: Option<String>,
    /// The Python to make it with, for example `python3.11`. Default: that of the command.
    virtualenv_python: Option<String>,
    /// Let the environment see the packages of the system when it is made. Default: false.
    #[serde(default)]
    virtualenv_site_packages: bool,
    /// More words for pip, separated by spaces.
    #[serde(default)]
    extra_args: String,
    /// Install a project in place (`pip install -e`). Default: false.
    #[serde(default)]
    editable: bool,
    /// Directory to run in.
    chdir: Option<String>,
    /// The pip to use, for example `pip3.11`. Default: that of python3. Not with `virtualenv`.
    executable: Option<String>,
    /// The umask to install with, for example `"0022"`. Default: that of the shell.
    umask: Option<String>,
    /// Install into a Python that belongs to the system's package manager. Default: false.
    #[serde(default)]
    break_system_packages: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Present,
    Latest,
    Absent,
    Forcereinstall,
}

/// What Python says about the requirements.
#[derive(Debug, Default, Clone)]
pub(crate) struct Now {
    environment: bool,
    /// The requirements, as a file or the names list them.
    wanted: Vec<Requirement>,
    externally_managed: bool,
    has_pip: bool,
    /// Newer versions, by normalised name; only asked for `latest`.
    outdated: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Requirement {
    spec: String,
    /// Its normalised name; empty for a path or URL that tells none.
    name: String,
    /// The version that is installed.
    found: Option<String>,
    met: bool,
}

impl Pip {
    /// The packages without passwords, which pip does not remember either.
    fn specs(&self) -> Vec<String> {
        self.written().iter().map(|spec| without(spec)).collect()
    }

    fn access(&self) -> Access {
        Access::new(&self.written(), &self.extra_args)
    }

    /// The list, with `a>1,<2` in one piece again.
    fn written(&self) -> Vec<String> {
        let mut specs: Vec<String> = Vec::new();
        for word in self.name.as_deref().unwrap_or_default() {
            match specs.last_mut() {
                Some(last) if word.starts_with(['<', '>', '=', '!', '~']) => {
                    last.push(',');
                    last.push_str(word);
                }
                _ => specs.push(word.clone()),
            }
        }
        if let (Some(version), [spec]) = (&self.version, &mut specs[..]) {
            *spec = format!("{spec}=={version}");
        }
        specs
    }

    fn check(&self) -> Result<()> {
        if self.name.is_none() && self.requirements.is_none() {
            return Err("expected `name` or `requirements`, found neither".into());
        }
        if self.version.is_some() && self.name.as_deref().unwrap_or_default().len() != 1 {
            return Err("`version` needs exactly one package in `name`".into());
        }
        if self.version.is_some() && self.state == State::Latest {
            return Err("`version` and `state: latest` contradict each other".into());
        }
        if self.executable.is_some() && self.virtualenv.is_some() {
            return Err("`executable` and `virtualenv` exclude each other".into());
        }
        if let Some(host) = self.access().ambiguous() {
            return Err(format!("expected one login for {host}, found two").into());
        }
        let octal = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_digit(8));
        match &self.umask {
            Some(umask) if !octal(umask) => {
                Err(format!("expected an octal `umask`, found `{umask}`").into())
            }
            _ => Ok(()),
        }
    }

    /// `$chdir $virtualenv $executable`, in front of what each script takes besides.
    fn place(&self, facts: &Facts) -> Vec<String> {
        let expand = |path: &Option<String>| facts.expand(path.as_deref().unwrap_or_default());
        vec![expand(&self.chdir), expand(&self.virtualenv), expand(&self.executable)]
    }

    fn step(&self, facts: &Facts, verb: &[&str], specs: &[String]) -> Step {
        let mut args = self.place(facts);
        args.push(self.umask.clone().unwrap_or_default());
        args.push(if self.break_system_packages { "1" } else { "" }.into());
        let access = self.access();
        args.push(access.servers());
        args.extend(verb.iter().map(|&word| word.to_owned()));
        if verb[0] == "install" {
            args.extend_from_slice(&access.words);
        }
        for spec in specs {
            if self.editable && verb[0] == "install" {
                args.push("-e".into());
            }
            args.push(spec.clone());
        }
        if let Some(file) = &self.requirements {
            args.extend(["-r".to_owned(), facts.expand(file)]);
        }
        Step::Run { script: access.feed(sh(RUN, args)), output: Output::Streams }
    }

    fn make_environment(&self, facts: &Facts) -> Step {
        let mut args = self.place(facts);
        args.truncate(2);
        args.push(self.umask.clone().unwrap_or_default());
        args.push(self.virtualenv_python.clone().unwrap_or_default());
        args.push(if self.virtualenv_site_packages { "--system-site-packages" } else { "" }.into());
        let command = self.virtualenv_command.as_deref().unwrap_or_default();
        args.extend(command.split_whitespace().map(|word| facts.expand(word)));
        Step::run(sh(MAKE, args))
    }
}

impl Module for Pip {
    const NAMES: &'static [&'static str] = &["pip"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if let Err(refusal) = self.check() {
            return Probe::refuse(refusal);
        }
        let mut args = self.place(facts);
        args.push(self.requirements.as_ref().map_or_else(String::new, |file| facts.expand(file)));
        args.extend(self.specs());
        let outdated = match self.state {
            State::Latest => {
                let (mut args, access) = (self.place(facts), self.access());
                args.push(access.servers());
                args.extend_from_slice(&access.words);
                ask_costly(access.feed(sh(OUTDATED, args))).map(|reply| outdated(&reply.out()))
            }
            _ => Probe::known(vec![]),
        };
        ask(sh(LOOK, args)).and(outdated).try_map(|(reply, outdated)| {
            let fault = |text: &str| Refusal::new(format!("pip cannot be asked: {}", text.trim()));
            if !reply.ok() {
                return Err(fault(&reply.err()));
            }
            let said: Value =
                serde_json::from_str(&reply.out()).map_err(|_| fault(&reply.out()))?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let wanted = said["wanted"].as_array().into_iter().flatten().map(|one| Requirement {
                spec: text(&one["spec"]).unwrap_or_default(),
                name: text(&one["name"]).unwrap_or_default(),
                found: text(&one["found"]),
                met: one["met"] == true,
            });
            Ok(Now {
                environment: said["environment"] == true,
                wanted: wanted.collect(),
                externally_managed: said["managed"] == true,
                has_pip: said["pip"] == true,
                outdated,
            })
        })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let mut plan = Plan::none();
        let missing = self.virtualenv.is_some() && !now.environment;
        if missing && self.state == State::Absent {
            return Ok(plan);
        }
        if missing {
            let path = self.virtualenv.as_deref().unwrap_or_default();
            let diff = Diff::field(path, "virtualenv", "absent", "present");
            plan = plan.change(diff, self.make_environment(facts));
        } else if !now.has_pip {
            return Err(
                "pip is not installed for this Python; Debian's package is `python3-pip`".into()
            );
        }
        let newest = |one: &Requirement| {
            now.outdated.iter().find(|(name, _)| *name == one.name).map(|(_, version)| version)
        };
        let shown = |one: &Requirement, after: String| {
            let subject = if one.name.is_empty() { &one.spec } else { &one.name };
            // `six==1.16.0` is 1.16.0, `six>1` stays, and plain `six` is whatever pip finds.
            let after = match after.strip_prefix(&one.spec) {
                Some("") if one.spec == one.name => "newest".to_owned(),
                _ => after.strip_prefix(&format!("{}==", one.name)).unwrap_or(&after).to_owned(),
            };
            Diff::field(subject, "version", one.found.as_deref().unwrap_or("absent"), after)
        };
        let diffs: Vec<Diff> = now
            .wanted
            .iter()
            .filter_map(|one| match self.state {
                State::Absent => one.found.as_ref().map(|_| shown(one, "absent".into())),
                State::Forcereinstall => Some(shown(one, one.spec.clone())),
                State::Latest => newest(one)
                    .map(|version| shown(one, version.clone()))
                    .or_else(|| (!one.met).then(|| shown(one, one.spec.clone()))),
                State::Present => (!one.met).then(|| shown(one, one.spec.clone())),
            })
            .collect();
        if !diffs.is_empty() && now.externally_managed && !missing && !self.break_system_packages {
            return Err("this Python belongs to the system's package manager; use `virtualenv`, or `break_system_packages: true`".into());
        }
        let verb: &[&str] = match self.state {
            State::Present => &["install"],
            State::Latest => &["install", "--upgrade"],
            State::Forcereinstall => &["install", "--upgrade", "--force-reinstall"],
            State::Absent => &["uninstall", "--yes"],
        };
        let specs: Vec<String> = match (self.state, self.requirements.is_some()) {
            (State::Present, false) => {
                now.wanted.iter().filter(|one| !one.met).map(|one| one.spec.clone()).collect()
            }
            _ => self.specs(),
        };
        plan = plan.changes(diffs, self.step(facts, verb, &specs));
        if self.state == State::Forcereinstall {
            plan = plan.never_settles();
        }
        let state = format!("{:?}", self.state).to_lowercase();
        plan = plan.value("name", self.specs()).value("state", state);
        for (key, value) in [
            ("requirements", &self.requirements),
            ("version", &self.version),
            ("virtualenv", &self.virtualenv),
        ] {
            plan = plan.value(key, value.clone());
        }
        Ok(plan)
    }
}

/// What `pip list --outdated --format=json` says.
fn outdated(out: &str) -> Vec<(String, String)> {
    let list: Value = serde_json::from_str(out).unwrap_or_default();
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter()
        .filter_map(|one| {
            let name = one["name"].as_str()?.to_lowercase().replace(['_', '.'], "-");
            Some((name, one["latest_version"].as_str()?.to_owned()))
        })
        .collect()
}

/// Goes to `$chdir` and sets `$python` from `$venv` or `$exe`; nothing if it is not there.
macro_rules! in_place {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
chdir=$1 venv=$2 exe=$3; shift 3
export LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
[ -z "$chdir" ] || cd "$chdir" || exit
python=$(command -v python3 || command -v python)
if [ -n "$venv" ]; then
  python=$venv/bin/python
  [ -x "$python" ] || python=
elif [ -n "$exe" ]; then
  at=$(command -v "$exe") || { echo "there is no $exe" >&2; exit 1; }
  first=$(sed -n '1s/^#! *\([^ ]*\)$/\1/p' "$at")
  case $first in /*) python=$first ;; esac
fi
case $python in ''|/*) ;; *) python=$PWD/$python ;; esac
"#,
            $body
        )
    };
}

/// `$chdir $virtualenv $executable $requirements SPEC…`: prints a JSON object.
const LOOK: &str = in_place!(
    "# ask Python which requirements are met",
    r#"if [ -z "$python" ]; then
  [ -n "$venv" ] || { echo "there is no python3" >&2; exit 1; }
  # What a new environment would lack can still be listed.
  python=$(command -v python3 || command -v python) && absent=1
  [ -n "$python" ] || { echo '{}'; exit 0; }
fi
"$python" - "${absent:-0}" "$@" <<'PY'
import json, os, re, sys
sys.path.pop(0)
absent, listed, specs = sys.argv[1] == "1", sys.argv[2], sys.argv[3:]
try:
    from importlib import metadata
except ImportError:
    sys.exit("Python 3.8 or later is needed")
try:
    from pip._vendor.packaging.requirements import Requirement
    pip = True
except ImportError:
    try:
        from packaging.requirements import Requirement
    except ImportError:
        Requirement = None
    pip = False

def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

found, origin = {}, {}
if not absent:
    for one in metadata.distributions():
        name = one.metadata["Name"]
        if not name or normal(name) in found:
            continue
        found[normal(name)] = one.version
        try:
            direct = json.loads(one.read_text("direct_url.json") or "null")
        except ValueError:
            direct = None
        if direct:
            origin[normal(name)] = direct

def same(spec, direct):
    url = spec.split('#')[0]
    info = direct.get("vcs_info")
    if info:
        known = info["vcs"] + "+" + direct["url"]
        asked = info.get("requested_revision")
        revisions = [known + "@" + r for r in (asked, info.get("commit_id")) if r]
        return url in revisions or (not asked and url == known)
    if "://" not in url:
        url = "file://" + os.path.realpath(re.sub(r"\[[^]]*\]$", "", url))
    return direct["url"] == url

def judge(spec):
    spec = spec.strip()
    at = re.match(r"^([A-Za-z0-9][\w.-]*)\s*(\[[^]]*\])?\s*@\s*(.+)$", spec)
    egg = re.search(r"[#&]egg=([\w.-]+)", spec)
    place = at.group(3) if at else spec
    if at or "://" in spec or spec.startswith((".", "/")) or spec.endswith((".whl", ".tar.gz", ".zip")):
        name = normal(at.group(1) if at else egg.group(1)) if at or egg else ""
        for known, direct in origin.items():
            if same(place, direct):
                return dict(spec=spec, name=known, found=found[known], met=True)
        return dict(spec=spec, name=name, found=found.get(name), met=False)
    if Requirement is None:
        name = normal(re.match(r"[\w.-]*", spec).group(0))
        return dict(spec=spec, name=name, found=found.get(name), met=False)
    try:
        need = Requirement(spec)
    except Exception as error:
        sys.exit("`%s` is no requirement: %s" % (spec, error))
    name = normal(need.name)
    version = found.get(name)
    met = version is not None and need.specifier.contains(version, prereleases=True)
    if need.marker and not need.marker.evaluate():
        met = True
    return dict(spec=spec, name=name, found=version, met=met)

def lines(path):
    try:
        text = open(path, encoding="utf-8").read()
    except OSError as error:
        sys.exit("%s: %s" % (path, error.strerror))
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        line = re.split(r"\s--(?:hash|global-option|config-settings|install-option)\b", line)[0].strip()
        more = re.match(r"(?:-r|--requirement)[\s=]*(.+)$", line)
        project = re.match(r"(?:-e|--editable)[\s=]+(.+)$", line)
        if more:
            for line in lines(os.path.join(os.path.dirname(path), more.group(1))):
                yield line
        elif project:
            yield project.group(1)
        elif line and not line.startswith("-"):
            yield line

wanted = list(specs)
if listed:
    wanted += list(lines(listed))
import sysconfig
managed = sys.prefix == sys.base_prefix and os.path.exists(
    os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
print(json.dumps(dict(environment=not absent, pip=pip, managed=managed and not absent,
                      wanted=[judge(spec) for spec in wanted])))
PY
"#
);

/// `$chdir $virtualenv $executable $servers WORD…`
const OUTDATED: &str = reaching!(
    "# ask pip for newer versions",
    in_place!(
        "",
        r#"[ -n "$python" ] || exit 0
reach "$1"; shift
"$python" -m pip list --outdated --format=json "$@"
"#
    )
);

/// `$chdir $virtualenv $executable $umask $break $servers WORD…`
const RUN: &str = reaching!(
    "# run pip",
    in_place!(
        "",
        r#"reach "$3"
[ -z "$1" ] || umask "$1" || exit
[ -z "$2" ] || export PIP_BREAK_SYSTEM_PACKAGES=1
shift 3
export PIP_ROOT_USER_ACTION=ignore
if [ -n "$exe" ]; then "$exe" "$@"; else "$python" -m pip "$@"; fi
"#
    )
);

/// `$chdir $virtualenv $umask $python $site_packages COMMAND…`
const MAKE: &str = r#"# make a virtual environment
chdir=$1 venv=$2 umask=$3 python=$4 site=$5; shift 5
[ -z "$chdir" ] || cd "$chdir" || exit
[ -z "$umask" ] || umask "$umask" || exit
if [ "$#" = 0 ]; then
  if command -v virtualenv >/dev/null; then set -- virtualenv; else set -- "${python:-python3}" -m venv; fi
fi
case " $* " in
  *' -m venv '* | *pyvenv*) ;;
  *) [ -z "$python" ] || set -- "$@" -p "$python" ;;
esac
[ -z "$site" ] || set -- "$@" "$site"
out=$("$@" "$venv" 2>&1) || { rc=$?; printf '%s\n' "$out" | tail -n 15 >&2; exit $rc; }
"#;
