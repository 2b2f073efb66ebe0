//! What every command stands on: the texts it read, the secrets to mask, the settings.

use std::io::IsTerminal;
use std::sync::Arc;

use crate::config::{
    ANSIBLE_MANAGED, Config, FORCE_COLOR, HASH_BEHAVIOUR, NOCOLOR, Reason, VERBOSITY,
};
use crate::report::Redactor;
use crate::source::{Diagnostic, SourceMap, render_all};
use crate::template::Templar;

pub(super) struct Basis {
    pub(super) map: SourceMap,
    pub(super) redactor: Redactor,
    pub(super) config: Arc<Config>,
}

impl Basis {
    /// Evaluates templates.
    pub(super) fn templar(&self) -> Templar {
        let redactor = self.redactor.clone();
        let secrets = Arc::new(move |text: &str| redactor.learn(text));
        Templar::with_config(self.map.clone(), self.config.clone(), secrets)
    }

    /// Whether mappings that are defined more than once are merged.
    pub(super) fn merges(&self) -> bool {
        self.config.text(&HASH_BEHAVIOUR) == Some("merge")
    }

    /// What `ansible_managed` is, if it is set.
    pub(super) fn managed(&self) -> Option<String> {
        self.config.given(&ANSIBLE_MANAGED).and_then(|text| text.as_str()).map(str::to_owned)
    }

    /// Whether to colour what goes there.
    pub(super) fn color(&self, stream: &impl IsTerminal) -> bool {
        if is_set("NO_COLOR") || self.config.flag(&NOCOLOR) {
            return false;
        }
        self.config.flag(&FORCE_COLOR) || usual(stream)
    }

    /// How many `-v` there are, with those of the settings.
    pub(super) fn verbosity(&self, flags: u8) -> u8 {
        let least = self.config.number(&VERBOSITY).unwrap_or_default();
        flags.max(u8::try_from(least).unwrap_or(u8::MAX))
    }

    /// Shows warnings, or what is wrong.
    pub(super) fn complain(&self, diagnostics: &[Diagnostic]) {
        let shown = render_all(diagnostics, &self.map, self.color(&std::io::stderr()));
        super::complain(&self.redactor.clean(&format!("{}\n", shown.trim_end())));
    }

    /// Tells what reading files has warned of.
    pub(super) fn tell_warnings(&self) {
        let warnings = self.map.take_warnings();
        if !warnings.is_empty() {
            self.complain(&warnings);
        }
    }

    /// Tells once what is given in settings and nobody knows.
    pub(super) fn tell_unknown(&self) {
        let unknown = self.config.unused.iter().filter_map(|one| match &one.reason {
            Reason::Unknown(near) => Some((one, near)),
            Reason::Idle(_) => None,
        });
        let notes: Vec<Diagnostic> = unknown
            .map(|(one, near)| {
                let note = Diagnostic::warning(format!("unknown setting `{}`", one.name));
                let note = match one.span {
                    Some(span) => note.at(span, "has no effect"),
                    None => note.note("it is set in the environment and has no effect"),
                };
                match near {
                    Some(near) => note.help(format!("did you mean `{near}`?")),
                    None => note,
                }
            })
            .collect();
        if !notes.is_empty() {
            self.complain(&notes);
        }
    }
}

/// Whether to colour where no settings are known.
pub(super) fn usual(stream: &impl IsTerminal) -> bool {
    !is_set("NO_COLOR")
        && (is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR") || stream.is_terminal())
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}
