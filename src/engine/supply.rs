//! A task made ready for a host: arguments rendered and bound, and given what it needs from here.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use rprov_modules::kit::{Ask, Need, Node, Spec, Supply, TemplateOptions, TreeEntry};

use super::goals::Goals;
use super::job::Wish;
use super::outcome::Failure;
use super::play::PlayRun;
use super::target::{self, Seen};
use crate::playbook::Task;
use crate::session::{Become, Env, Question};
use crate::source::Diagnostic;
use crate::template::{Context, FileOptions, from_node, shown};
use crate::vars::files::{self, Reader, reason};

/// A module bound to what it shall do, and how it is to be run.
pub(super) struct Prepared {
    pub(super) goals: Goals,
    pub(super) become_: Option<Become>,
    pub(super) environment: Env,
    pub(super) timeout: Option<Duration>,
    /// `async` and `poll`.
    pub(super) job: Option<Wish>,
}

impl Prepared {
    /// `vars` are those of the host that acts.
    pub(super) fn new(
        play: &PlayRun,
        task: &Task,
        spec: &'static Spec,
        context: &Context,
        vars: &Context,
    ) -> Result<Prepared, Failure> {
        let templar = &play.engine.templar;
        let mut goals = Goals::new(play, task, spec, context)?;
        if let Some(goal) = goals.own()
            && let needs = goal.needs()
            && !needs.is_empty()
        {
            let supplies = needs
                .iter()
                .map(|need| supply(play, task, need, context))
                .collect::<Result<Vec<_>, _>>()?;
            goal.supply(supplies).map_err(|refusal| {
                Failure::from(Diagnostic::error(refusal.message).at(task.span, ""))
            })?;
        }
        let timeout = match task.chain.nearest("timeout") {
            Some(node) => {
                let rendered = templar.render(node, context).map_err(Failure::from)?;
                let seconds = crate::playbook::integer(&rendered);
                seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|s| *s > 0)
            }
            None => None,
        };
        Ok(Prepared {
            goals,
            become_: target::become_(Seen { play, task, vars, own: context })?,
            environment: environment(play, task, context)?,
            timeout: timeout.map(Duration::from_secs),
            job: Wish::new(play, task, context)?,
        })
    }

    pub(super) fn question(&self, ask: &Ask) -> Question {
        Question { ask: ask.clone(), environment: self.environment.clone() }
    }
}

/// `environment`, from the play inwards: mappings, or lists of them.
pub(super) fn environment(play: &PlayRun, task: &Task, context: &Context) -> Result<Env, Failure> {
    let mut all: Vec<(String, String)> = Vec::new();
    for node in task.chain.all("environment") {
        let rendered = play.engine.templar.render(node, context).map_err(Failure::from)?;
        let maps: Vec<&Node> =
            rendered.items().map_or_else(|| vec![&rendered], |items| items.iter().collect());
        for map in maps {
            for entry in map.entries().unwrap_or_default() {
                let Some(name) = entry.key.text() else {
                    return Err(Failure::from(
                        Diagnostic::error("expected `NAME: value`").at(entry.key.span, ""),
                    ));
                };
                // As Python prints it: `true` is `True`.
                let value = shown(&from_node(&entry.value));
                all.retain(|(known, _)| known != name);
                all.push((name.to_owned(), value));
            }
        }
    }
    Ok(all.into())
}

fn supply(play: &PlayRun, task: &Task, need: &Need, context: &Context) -> Result<Supply, Failure> {
    let (below, src) = match need {
        Need::File { src } => ("files", src),
        Need::Template { src, .. } => ("templates", src),
    };
    let Some(path) = context.search.find(below, src) else {
        let span =
            task.args.get("src").or(task.args.get("template")).map_or(task.span, |node| node.span);
        let mut error = Diagnostic::error(format!("there is no file `{src}` on this machine"))
            .at(span, "not found");
        for tried in context.search.candidates(below, Path::new(src)).iter().take(8) {
            error = error.note(format!("looked for `{}`", tried.display()));
        }
        return Err(Failure::from(error));
    };
    match need {
        Need::Template { options, .. } => template(play, task, &path, options, context),
        Need::File { .. } if path.is_dir() => tree(&path, play.engine.loader.reader())
            .map_err(|error| Failure::from(error.at(task.span, "needed here"))),
        Need::File { .. } => {
            let content = play
                .engine
                .loader
                .reader()
                .bytes(&path)
                .map_err(|error| Failure::from(error.at(task.span, "needed here")))?;
            let mode = std::fs::metadata(&path)
                .map_err(|error| unreadable(task, &path, &error))?
                .permissions()
                .mode();
            Ok(Supply::File {
                path: path.to_string_lossy().into_owned(),
                content: content.into(),
                mode: mode & 0o7777,
            })
        }
    }
}

fn template(
    play: &PlayRun,
    task: &Task,
    path: &Path,
    options: &TemplateOptions,
    context: &Context,
) -> Result<Supply, Failure> {
    let reader = play.engine.loader.reader();
    let bytes =
        reader.bytes(path).map_err(|error| Failure::from(error.at(task.span, "needed here")))?;
    let text = crate::source::yaml::utf8(&reader.map, path, &bytes).map_err(Failure::from)?;
    let text: Arc<str> = text.into();
    let standard = FileOptions::default();
    let file = play.engine.loader.template_file(path, &text);
    let or = |given: &Option<String>, standard: String| given.clone().unwrap_or(standard);
    let options = FileOptions {
        block_start_string: or(&options.block_start_string, standard.block_start_string),
        block_end_string: or(&options.block_end_string, standard.block_end_string),
        variable_start_string: or(&options.variable_start_string, standard.variable_start_string),
        variable_end_string: or(&options.variable_end_string, standard.variable_end_string),
        comment_start_string: or(&options.comment_start_string, standard.comment_start_string),
        comment_end_string: or(&options.comment_end_string, standard.comment_end_string),
        newline_sequence: or(&options.newline_sequence, standard.newline_sequence),
        trim_blocks: options.trim_blocks.unwrap_or(standard.trim_blocks),
        lstrip_blocks: options.lstrip_blocks.unwrap_or(standard.lstrip_blocks),
        file,
    };
    let rendered =
        play.engine.templar.file(&text, path, context, &options).map_err(Failure::from)?;
    let mode = std::fs::metadata(path)
        .map_err(|error| unreadable(task, path, &error))?
        .permissions()
        .mode();
    Ok(Supply::File {
        path: path.to_string_lossy().into_owned(),
        content: rendered.into_bytes().into(),
        mode: mode & 0o7777,
    })
}

/// A directory, parents before children, in the order of names.
fn tree(root: &Path, reader: &Reader) -> Result<Supply, Diagnostic> {
    fn walk(
        root: &Path,
        dir: &Path,
        reader: &Reader,
        entries: &mut Vec<TreeEntry>,
    ) -> Result<(), Diagnostic> {
        let listed = std::fs::read_dir(dir).and_then(|found| {
            found.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()
        });
        let mut paths = listed.map_err(|error| files::unreadable(dir, &error))?;
        paths.sort();
        for path in paths {
            let wrong = |error: std::io::Error| files::unreadable(&path, &error);
            let about = std::fs::symlink_metadata(&path).map_err(wrong)?;
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let mode = about.permissions().mode() & 0o7777;
            let link = match about.is_symlink() {
                true => {
                    let to = std::fs::read_link(&path).map_err(wrong)?;
                    Some(to.to_string_lossy().into_owned())
                }
                false => None,
            };
            let content = match about.is_file() {
                true => Some(reader.bytes(&path)?.into()),
                false => None,
            };
            entries.push(TreeEntry { path: relative, mode, content, link });
            if about.is_dir() {
                walk(root, &path, reader, entries)?;
            }
        }
        Ok(())
    }
    let mut entries = Vec::new();
    walk(root, root, reader, &mut entries)?;
    Ok(Supply::Tree { path: root.to_string_lossy().into_owned(), entries })
}

fn unreadable(task: &Task, path: &Path, error: &std::io::Error) -> Failure {
    Failure::from(
        Diagnostic::error(format!("cannot read `{}`: {}", path.display(), reason(error)))
            .at(task.span, "needed here"),
    )
}
