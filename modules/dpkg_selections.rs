//! `dpkg_selections`: what dpkg shall do with a package, such as hold it.
//!
//! ```yaml
//! - dpkg_selections: { name: linux-image-amd64, selection: hold }
//! ```

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, ask,
    sh,
};

/// Sets the selection of a package that dpkg knows.
///
/// `register` gets `before` and `after`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DpkgSelections {
    /// The package. Required.
    name: String,
    /// `install`, `hold`, `deinstall` or `purge`. Required.
    selection: Selection,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Selection {
    Install,
    Hold,
    Deinstall,
    Purge,
}

impl Selection {
    fn word(self) -> &'static str {
        match self {
            Selection::Install => "install",
            Selection::Hold => "hold",
            Selection::Deinstall => "deinstall",
            Selection::Purge => "purge",
        }
    }
}

impl Module for DpkgSelections {
    const NAMES: &'static [&'static str] = &["dpkg_selections"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        let name = self.name.as_str();
        if name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace) {
            return Probe::refuse(format!("expected the name of a package, found `{name}`"));
        }
        ask(sh(LOOK, [name]))
    }

    fn plan(&self, _: &Facts, now: Reply) -> Result<Plan> {
        let (name, wanted) = (self.name.as_str(), self.selection.word());
        if now.status == 127 {
            return Err("this host has no dpkg".into());
        }
        let out = now.out();
        let Some(current) = out.split_whitespace().nth(1) else {
            return Err(Refusal::new(format!(
                "Failed to find package '{name}' to perform selection '{wanted}'."
            )));
        };
        let mut plan = Plan::none();
        if current != wanted {
            let script = sh(SET, [""; 0]).stdin(format!("{name} {wanted}\n").into_bytes());
            let diff = Diff::field(name, "selection", current, wanted);
            plan = plan.change(diff, Step::run(script));
        }
        Ok(plan.value("before", current).value("after", wanted).value_on_change("before", current))
    }
}

const LOOK: &str = r#"# what shall dpkg do with a package
command -v dpkg >/dev/null || exit 127
LC_ALL=C dpkg --get-selections "$1" 2>/dev/null
"#;

const SET: &str = "# tell dpkg what to do with a package
dpkg --set-selections
";
