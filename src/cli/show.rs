//! In which form a run is shown: from what the command is, and what the settings say.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::RunArgs;
use super::basis::Basis;
use super::verbs::Look;
use crate::config::{self, Color, Config, Setting};
use crate::report::{AdHoc, Extent, Form, Human, Json, Log, Logged, Palette, Reporter, View};
use crate::source::Diagnostic;

pub(super) fn reporter(basis: &Basis, look: &Look, args: &RunArgs) -> Arc<dyn Reporter> {
    let config = &basis.config;
    let view = view(basis, args);
    let out = || Box::new(std::io::stdout());
    let palette = basis.color(&std::io::stdout()).then(|| palette(config));
    let redactor = || basis.redactor.clone();
    let adhoc = |form: Form| -> Arc<dyn Reporter> {
        Arc::new(AdHoc::new(out(), palette, Form { extent: view.extent, ..form }, redactor()))
    };
    let shown = match (look, callback(basis)) {
        (Look::Ping, _) => adhoc(Form::default()),
        (Look::AdHoc { one_line, tree }, _) => {
            adhoc(Form { one_line: *one_line, tree: tree.clone(), ..Form::default() })
        }
        (Look::Plays, "json") => {
            Arc::new(Json::new(out(), Box::new(std::io::stderr()), redactor()))
        }
        (Look::Plays, "minimal") => adhoc(Form::default()),
        (Look::Plays, "oneline") => adhoc(Form { one_line: true, ..Form::default() }),
        (Look::Plays, name) => {
            let yaml = view.yaml || name == "yaml";
            Arc::new(Human::new(out(), palette, View { yaml, ..view.clone() }, redactor()))
        }
    };
    match log(basis, config) {
        None => shown,
        Some(file) => {
            let least = config.number(&config::LOG_VERBOSITY).unwrap_or_default();
            let verbosity = view.verbosity.max(u8::try_from(least).unwrap_or(u8::MAX));
            let view = View { verbosity, failures_aside: false, ..view };
            let log = Arc::new(Human::new(Box::new(file), None, view, redactor()));
            Arc::new(Logged { shown, log })
        }
    }
}

/// The name of the output's form, without its collection.
fn callback(basis: &Basis) -> &str {
    let name = basis.config.text(&config::STDOUT_CALLBACK).unwrap_or("default");
    let bare = ["ansible.builtin.", "ansible.legacy.", "ansible.posix.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    match bare {
        "default" | "yaml" | "json" | "minimal" | "oneline" => bare,
        // What it does is the default here: text of several lines is shown as such by `yaml`.
        "debug" => "yaml",
        _ => {
            let warning = Diagnostic::warning(format!("output in the form `{name}` is not known"));
            basis.complain(&[warning.help("known: default, yaml, json, minimal, oneline")]);
            "default"
        }
    }
}

fn view(basis: &Basis, args: &RunArgs) -> View {
    let config = &basis.config;
    let number = |setting| {
        config.number(setting).and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX)
    };
    View {
        verbosity: basis.verbosity(args.act.verbose),
        width: super::width(),
        yaml: config.text(&config::RESULT_FORMAT) == Some("yaml"),
        compact: !config.flag(&config::FORMAT_PRETTY),
        failures_aside: config.flag(&config::DISPLAY_FAILED_STDERR),
        markers: config.flag(&config::CHECK_MODE_MARKERS),
        dry: args.act.check,
        totals: config.flag(&config::SHOW_CUSTOM_STATS),
        ok: config.flag(&config::DISPLAY_OK_HOSTS),
        skipped: config.flag(&config::DISPLAY_SKIPPED_HOSTS),
        extent: Extent {
            context: number(&config::DIFF_CONTEXT),
            size: number(&config::MAX_DIFF_SIZE),
        },
    }
}

/// The colours that the settings give.
fn palette(config: &Config) -> Palette {
    // Whatever else was given is an error already.
    let color =
        |setting: &Setting| config.text(setting).and_then(Color::parse).unwrap_or(Color::Normal);
    Palette {
        ok: color(&config::COLOR_OK),
        changed: color(&config::COLOR_CHANGED),
        error: color(&config::COLOR_ERROR),
        skipped: color(&config::COLOR_SKIP),
        unreachable: color(&config::COLOR_UNREACHABLE),
        included: color(&config::COLOR_INCLUDED),
        warning: color(&config::COLOR_WARN),
        added: color(&config::COLOR_DIFF_ADD),
        removed: color(&config::COLOR_DIFF_REMOVE),
        place: color(&config::COLOR_DIFF_LINES),
    }
}

/// `log_path`, opened; a warning if it cannot be.
fn log(basis: &Basis, config: &Config) -> Option<Log> {
    let path = PathBuf::from(config.text(&config::LOG_PATH)?);
    let opened = Log::open(Path::new(&path));
    opened
        .map_err(|error| {
            let reason = crate::vars::files::reason(&error);
            let warning = format!("cannot write to the log `{}`: {reason}", path.display());
            basis.complain(&[Diagnostic::warning(warning)]);
        })
        .ok()
}
