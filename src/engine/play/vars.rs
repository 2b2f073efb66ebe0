//! The variables of a play: its files, what it says of itself.

use std::sync::{Arc, PoisonError};

use rprov_modules::kit::Node;

use super::PlayRun;
use crate::engine::host::Host;
use crate::engine::{Engine, show};
use crate::playbook::Play;
use crate::source::Diagnostic;
use crate::template::normal_path;
use crate::vars::Layer;

pub(super) fn special(engine: &Arc<Engine>, play: &Play) -> Arc<Layer> {
    let mut layer =
        engine.special.layer(&engine.world.inventory(), crate::engine::include::hostvars(engine));
    set_dir(&mut layer, play);
    Arc::new(layer)
}

/// An imported playbook has its own `playbook_dir`.
pub(super) fn set_dir(layer: &mut Layer, play: &Play) {
    let here = match play.dir.as_os_str().is_empty() {
        true => std::path::Path::new("."),
        false => &play.dir,
    };
    if let Ok(dir) = std::path::absolute(here) {
        layer.set("playbook_dir", normal_path(&dir.to_string_lossy()));
    }
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
