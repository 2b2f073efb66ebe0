//! `modprobe`: modules of the kernel.
//!
//! ```yaml
//! - modprobe:
//!     name: nf_conntrack
//!     params: hashsize=65536
//!     persistent: present
//! - modprobe: { name: floppy, state: absent }
//! ```

use crate::content::{Found, Writing};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Result, Step,
    argv, ask, sh,
};
use crate::text_file::{self, lines};
use crate::words;

/// Loads or unloads a module of the kernel, now and at boot.
///
/// `register` gets `name`, `params` and `state`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Modprobe {
    /// The module. Required.
    name: String,
    /// `present`: it is loaded. `absent`: it is not. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Parameters, `key=value` with blanks between them, for loading it. Default: none.
    #[serde(default)]
    params: String,
    /// `present`: it is loaded at boot, with `params` (files in `/etc/modules-load.d` and
    /// `/etc/modprobe.d`). `absent`: it is not; lines for it are commented out. `disabled`: that is
    /// left as it is. Default: `disabled`.
    #[serde(default)]
    persistent: Persistent,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Persistent {
    #[default]
    Disabled,
    Present,
    Absent,
}

const LOADED_AT_BOOT: &str = "/etc/modules-load.d/";
const PARAMETERS: &str = "/etc/modprobe.d/";

pub(crate) struct Now {
    is_loaded: bool,
    /// The files to be changed, each with its new text.
    files: Vec<((Found, bool), String)>,
}

impl Modprobe {
    /// Whether a line loads the module at boot.
    fn loads(&self, line: &str) -> bool {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        line.trim() == self.name
    }

    /// The parameter that a line sets for the module.
    fn parameter<'l>(&self, line: &'l str) -> Option<&'l str> {
        let line = line.split(" #").next().unwrap_or_default();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["options", name, parameter] if name == self.name && parameter.contains('=') => {
                Some(parameter)
            }
            _ => None,
        }
    }

    /// Paths and new texts, given all files there are.
    fn edits(&self, files: &[(String, String)]) -> Vec<(String, String)> {
        let of = |directory: &'static str| {
            files.iter().filter(move |(path, _)| path.starts_with(directory))
        };
        let commented = |text: &str, is: &dyn Fn(&str) -> bool| -> String {
            let line = |line: String| if is(&line) { format!("#{line}") } else { line };
            lines(text).into_iter().map(line).collect()
        };
        let mut new: Vec<(String, String)> = Vec::new();
        let boot = of(LOADED_AT_BOOT).any(|(_, text)| text.lines().any(|line| self.loads(line)));
        let set =
            of(PARAMETERS).flat_map(|(_, text)| text.lines().filter_map(|l| self.parameter(l)));
        let sorted = |mut all: Vec<String>| {
            all.sort();
            all.dedup();
            all
        };
        let set = sorted(set.map(str::to_owned).collect());
        let wanted: Vec<String> = self.params.split_whitespace().map(str::to_owned).collect();
        let present = self.persistent == Persistent::Present;
        match self.persistent {
            Persistent::Disabled => return vec![],
            Persistent::Present if !boot => {
                new.push((
                    format!("{LOADED_AT_BOOT}{}.conf", self.name),
                    format!("{}\n", self.name),
                ));
            }
            Persistent::Present => {}
            Persistent::Absent => new.extend(
                of(LOADED_AT_BOOT)
                    .map(|(path, text)| (path.clone(), commented(text, &|line| self.loads(line)))),
            ),
        }
        let differs = if present { set != sorted(wanted.clone()) } else { !set.is_empty() };
        if differs {
            let own = format!("{PARAMETERS}{}.conf", self.name);
            let others = of(PARAMETERS).filter(|(path, _)| !present || *path != own);
            new.extend(others.map(|(path, text)| {
                (path.clone(), commented(text, &|line| self.parameter(line).is_some()))
            }));
            if present {
                let line = |parameter: &String| format!("options {} {parameter}\n", self.name);
                new.push((own, wanted.iter().map(line).collect()));
            }
        }
        new.retain(|edit| !files.contains(edit));
        new
    }
}

impl Module for Modprobe {
    const NAMES: &'static [&'static str] = &["modprobe"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let name = self.name.as_str();
        if name.is_empty() || name.starts_with('-') || name.contains(['/', '\n', ' ']) {
            return Probe::refuse(format!("expected the name of a module, found `{name}`"));
        }
        let files = if self.persistent == Persistent::Disabled { "" } else { "files" };
        ask(sh(LOOK, [name, files])).then(move |reply| {
            let out = reply.out();
            let fields: Vec<&str> = out.split('\0').collect();
            let is_loaded = fields[0] == "loaded";
            let pairs = fields[1..].chunks_exact(2);
            let files: Vec<_> =
                pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
            let edits = self.edits(&files).into_iter();
            Probe::all(edits.map(|(path, new)| {
                text_file::open(facts, &path, true).map(move |file| (file, new))
            }))
            .map(move |files| Now { is_loaded, files })
        })
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        let name = self.name.as_str();
        let params = words::split(&self.params).map_err(Refusal::new)?;
        let mut plan = Plan::none();
        match (self.state, now.is_loaded) {
            (Presence::Present, false) => {
                let words = ["modprobe", "--", name].map(str::to_owned).into_iter().chain(params);
                plan =
                    plan.change(Diff::field(name, "loaded", "no", "yes"), Step::run(argv(words)));
            }
            (Presence::Absent, true) => {
                let step = Step::run(argv(["modprobe", "-r", "--", name]));
                plan = plan.change(Diff::field(name, "loaded", "yes", "no"), step);
            }
            _ => {}
        }
        for (file, new) in &now.files {
            let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
            plan = plan.followed_by(text_file::edit(file, &writing, |_| {
                Ok(Some((new.clone(), String::new())))
            })?);
        }
        plan.values.clear();
        plan.on_change.clear();
        let state = if self.state == Presence::Present { "present" } else { "absent" };
        Ok(plan.value("name", name).value("params", &*self.params).value("state", state))
    }
}

const LOOK: &str = r#"# is a module of the kernel loaded, and at boot: NAME FILES
name=$(printf '%s\n' "$1" | tr - _)
if grep -q "^$name " /proc/modules 2>/dev/null || tr - _ <"/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null |
    grep -q "/$name\.ko$"; then printf loaded; fi
printf '\0'
[ -n "$2" ] || exit 0
for file in /etc/modules-load.d/* /etc/modprobe.d/*; do
    [ -f "$file" ] || continue
    printf '%s\0' "$file"
    cat -- "$file"
    printf '\0'
done
"#;
