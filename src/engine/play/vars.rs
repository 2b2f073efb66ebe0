//! The variables of a play: answers to its questions, its files, what it says of itself.

use std::sync::{Arc, PoisonError};

use rprov_modules::kit::{Node, boolean};

use super::PlayRun;
use crate::engine::host::Host;
use crate::engine::{Engine, show};
use crate::inventory::HostName;
use crate::playbook::Play;
use crate::source::Diagnostic;
use crate::vars::{Layer, special};

/// `vars_prompt`, asked on the terminal; without one the default counts.
pub(super) fn prompt(play: &Play) -> Result<Layer, Vec<Diagnostic>> {
    let mut layer = Layer::default();
    for entry in &play.vars_prompt {
        let field = |key: &str| entry.get(key).and_then(Node::text);
        let Some(name) = field("name") else {
            return Err(vec![
                Diagnostic::error("expected `name` in `vars_prompt`").at(entry.span, ""),
            ]);
        };
        let private = field("private").and_then(boolean).unwrap_or(true);
        let text = format!("{}: ", field("prompt").unwrap_or(name));
        let answer = crate::report::ask(&text, private).filter(|answer| !answer.is_empty());
        let value = match answer.or(field("default").map(str::to_owned)) {
            Some(value) => value,
            None => {
                return Err(vec![
                    Diagnostic::error(format!("no value was given for `{name}`"))
                        .at(entry.span, "")
                        .help(format!("give it on the command line: `-e {name}=…`")),
                ]);
            }
        };
        layer.set(name, value);
    }
    Ok(layer)
}

pub(super) fn special(
    engine: &Arc<Engine>,
    play: &Play,
    name: &str,
    all: &[HostName],
    batch: &[Arc<Host>],
) -> Arc<Layer> {
    let hosts: Vec<HostName> =
        all.iter().filter(|name| engine.host(name).alive()).cloned().collect();
    let batch: Vec<HostName> = batch.iter().map(|host| host.name.clone()).collect();
    let mut layer =
        engine.special.layer(&engine.inventory, crate::engine::include::hostvars(engine));
    layer.extend(special::Play { name, all, hosts: &hosts, batch: &batch }.layer());
    let here = match play.dir.as_os_str().is_empty() {
        true => std::path::Path::new("."),
        false => &play.dir,
    };
    // An imported playbook has its own.
    if let Ok(dir) = std::path::absolute(here) {
        layer.set("playbook_dir", dir.to_string_lossy());
    }
    Arc::new(layer)
}

impl PlayRun {
    /// `vars_files` of every host: the first existing file of each entry.
    pub(super) async fn read_vars_files(self: &Arc<Self>) {
        if self.play.vars_files.is_empty() {
            return;
        }
        for host in self.alive() {
            match self.vars_files_of(&host) {
                Ok(layer) => {
                    self.files
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(host.name.clone(), Arc::new(layer));
                }
                Err(errors) => show::refuse(self, &host, &errors),
            }
        }
    }

    fn vars_files_of(&self, host: &Host) -> Result<Layer, Vec<Diagnostic>> {
        let context = self.context(host, None)?;
        let mut layer = Layer::default();
        for entry in &self.play.vars_files {
            let choices: Vec<&Node> =
                entry.items().map_or_else(|| vec![entry], |items| items.iter().collect());
            let mut found = None;
            let mut tried = Vec::new();
            for choice in choices {
                let name = self
                    .engine
                    .templar
                    .render(choice, &context)
                    .map_err(|error| vec![error.into()])?;
                let path = self.play.dir.join(name.text().unwrap_or_default());
                if path.is_file() {
                    found = Some(path);
                    break;
                }
                tried.push(path);
            }
            let Some(path) = found else {
                let mut error = Diagnostic::error("there is no such file of variables")
                    .at(entry.span, "not found");
                for path in tried {
                    error = error.note(format!("looked for `{}`", path.display()));
                }
                return Err(vec![error]);
            };
            let node =
                self.engine.loader.file(&path, Some(entry.span)).map_err(|error| vec![error])?;
            layer.extend(Layer::from_node(&node).map_err(|error| vec![error])?);
        }
        Ok(layer)
    }
}
