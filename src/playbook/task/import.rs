//! `import_tasks` and `import_role`, carried out while loading; where included files are.

use std::{path::Path, sync::Arc};

use rprov_modules::kit::{Node, Span};

use super::Import;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Load;
use crate::playbook::role::Wanted;
use crate::playbook::{Chain, ChainLevel, Item, shown};
use crate::source::Diagnostic;
use crate::vars::Layer;

impl Load<'_> {
    pub(super) fn import(
        &mut self,
        import: Import,
        args: &Node,
        span: Span,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        match import {
            Import::Tasks => {
                let Some(file) = args.get("file") else {
                    self.fail(
                        Diagnostic::error("expected the name of a file")
                            .at(span, "imports nothing"),
                    );
                    return Vec::new();
                };
                let name = match self.loader.text(file, self.statics(chain)) {
                    Ok(name) => name,
                    Err(error) => {
                        self.fail(error);
                        return Vec::new();
                    }
                };
                match self.task_path(&name, chain) {
                    Some(path) => self.file_items(&path, file.span, &inside(&path, chain), place),
                    None => {
                        self.fail(
                            Diagnostic::error(format!("there is no task file `{name}`"))
                                .kind("missing-file")
                                .at(file.span, "not found")
                                .note(format!("looked in `{}`", shown(&chain.dir).display())),
                        );
                        Vec::new()
                    }
                }
            }
            Import::Role => {
                let Some(mut wanted) = Wanted::from_args(args) else {
                    self.fail(
                        Diagnostic::error("expected the name of a role")
                            .at(span, "imports nothing"),
                    );
                    return Vec::new();
                };
                let name = Node::string(wanted.span, wanted.name.as_str());
                match self.loader.text(&name, self.statics(chain)) {
                    Ok(name) => wanted.name = name,
                    Err(error) => {
                        self.fail(error);
                        return Vec::new();
                    }
                }
                wanted.public = wanted.public.or(Some(!self.loader.settings.private_roles));
                let before = self.handlers.len();
                let items = self.role(&wanted, chain);
                let own = self.handlers.split_off(before);
                self.imported.extend(own);
                items
            }
        }
    }

    pub(super) fn task_path(&self, name: &str, chain: &Chain) -> Option<std::path::PathBuf> {
        find_tasks(name, chain, &self.playbook_dir)
    }
}

/// A level for the tasks of a file: what they name is looked for beside it first.
pub(in crate::playbook) fn inside(path: &Path, chain: &Arc<Chain>) -> Arc<Chain> {
    Arc::new(Chain {
        keywords: Keywords::default(),
        level: ChainLevel::Block,
        vars: Arc::default(),
        role: chain.role.clone(),
        dir: path.parent().map(Path::to_owned).unwrap_or_default(),
        up: Some(chain.clone()),
    })
}

/// Where a task file is: beside the file that names it, in the role's `tasks/`, beside the playbook.
pub(crate) fn find_tasks(
    name: &str,
    chain: &Chain,
    playbook_dir: &Path,
) -> Option<std::path::PathBuf> {
    let mut dirs: Vec<_> = chain.levels().map(|level| level.dir.clone()).collect();
    dirs.dedup();
    if let Some(role) = &chain.role {
        dirs.push(role.path.join("tasks"));
        dirs.push(role.path.clone());
    }
    dirs.push(playbook_dir.join("tasks"));
    dirs.push(playbook_dir.to_owned());
    dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
}

impl Wanted {
    /// The parameters of `import_role` and `include_role`.
    pub(crate) fn from_args(args: &Node) -> Option<Wanted> {
        let name = args.get("name").or_else(|| args.get("role"))?;
        let text = |key: &str| {
            let text = args.get(key)?.text()?;
            Some(
                ["yml", "yaml"]
                    .iter()
                    .find_map(|e| text.strip_suffix(e)?.strip_suffix('.'))
                    .unwrap_or(text)
                    .to_owned(),
            )
        };
        let public = args.get("public").and_then(Node::text).and_then(rprov_modules::kit::boolean);
        Some(Wanted {
            name: name.text()?.to_owned(),
            span: name.span,
            tasks_from: text("tasks_from"),
            vars_from: text("vars_from"),
            defaults_from: text("defaults_from"),
            handlers_from: text("handlers_from"),
            params: Arc::new(Layer::default()),
            point: args.get("tasks_from").and_then(Node::text).map(str::to_owned),
            unvalidated: args
                .get("rolespec_validate")
                .and_then(Node::text)
                .and_then(rprov_modules::kit::boolean)
                == Some(false),
            repeats: args
                .get("allow_duplicates")
                .and_then(Node::text)
                .and_then(rprov_modules::kit::boolean)
                != Some(false),
            public,
        })
    }
}
