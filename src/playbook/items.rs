//! Lists of tasks and blocks, in a file or inside another list.

use std::{path::Path, sync::Arc};

use rprov_modules::kit::{Node, Span};

use super::keywords::{self, Keywords, Kind};
use super::load::Load;
use super::{Block, Chain, ChainLevel, Item};
use crate::source::Diagnostic;

impl Load<'_> {
    /// A list of tasks and blocks.
    pub(super) fn items(
        &mut self,
        node: Option<&Node>,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Vec::new() };
        let Some(list) = node.items() else {
            self.fail(
                Diagnostic::error(format!("expected a list of tasks, found {}", node.type_name()))
                    .at(node.span, "begin each task with `- `"),
            );
            return Vec::new();
        };
        list.iter().flat_map(|item| self.item(item, chain, place)).collect()
    }

    fn item(&mut self, node: &Node, chain: &Arc<Chain>, place: u8) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        if node.get("block").is_none() {
            return self.task(node, chain, place);
        }
        let mut keywords = Keywords::default();
        for entry in node.entries().unwrap_or_default() {
            let key = entry.key.text().unwrap_or_default();
            match keywords::kind(key, keywords::BLOCK) {
                Kind::Keyword(name) => keywords.set(name, entry.value.clone()),
                Kind::Misplaced | Kind::Other => {
                    let error = Diagnostic::error(format!("`{key}` is not a keyword of a block"))
                        .kind("unknown-keyword")
                        .at(entry.key.span, "unknown");
                    self.fail(match keywords::suggestion(key, keywords::BLOCK) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error.help("move it to the tasks of the block"),
                    });
                }
            }
        }
        self.check_keywords(&keywords);
        let vars = Arc::new(self.vars(keywords.get("vars")));
        let parts = ["block", "rescue", "always"].map(|name| keywords.get(name).cloned());
        let chain = Arc::new(Chain {
            keywords,
            level: ChainLevel::Block,
            vars,
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        let [body, rescue, always] =
            parts.map(|part| self.items(part.as_ref(), &chain, place).into());
        vec![Item::Block(Arc::new(Block { chain, body, rescue, always }))]
    }

    /// The tasks of a file, below `chain`.
    pub(super) fn task_file(&mut self, path: &Path, from: Span, chain: &Arc<Chain>) -> Vec<Item> {
        self.file_items(path, from, chain, keywords::TASK)
    }

    pub(super) fn file_items(
        &mut self,
        path: &Path,
        from: Span,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        if self.reading.iter().any(|open| open == path) {
            self.fail(
                Diagnostic::error(format!("`{}` imports itself", path.display()))
                    .at(from, "imported here again")
                    .note(super::circle(&self.reading, path)),
            );
            return Vec::new();
        }
        let node = match self.loader.file(path, Some(from)) {
            Ok(node) => node,
            Err(error) => {
                self.fail(error);
                return Vec::new();
            }
        };
        self.errors.append(&mut self.loader.syntax(path, &node));
        self.reading.push(path.to_owned());
        let items = self.items(Some(&node), chain, place);
        self.reading.pop();
        items
    }
}
