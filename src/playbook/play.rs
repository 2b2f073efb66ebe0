//! Plays: their keywords, their lists of tasks, their roles and handlers.

use std::{path::Path, sync::Arc};

use rprov_modules::kit::{Node, NodeKind};

use super::keywords::{self, Keywords, Kind};
use super::load::{Load, flat};
use super::{Chain, ChainLevel, Play};
use crate::source::Diagnostic;

impl Load<'_> {
    /// The keywords beside `import_playbook`: they hold for every task of the plays.
    pub(super) fn import_playbook(
        &mut self,
        node: &Node,
        outer: Option<&Arc<Chain>>,
        dir: &Path,
    ) -> Arc<Chain> {
        let mut keywords = Keywords::default();
        for entry in node.entries().unwrap_or_default() {
            let key = entry.key.text().unwrap_or_default();
            match (key, keywords::kind(key, keywords::BLOCK)) {
                (_, Kind::Keyword(name @ ("name" | "tags" | "when" | "vars"))) => {
                    keywords.set(name, entry.value.clone());
                }
                _ if key.ends_with("import_playbook") => {}
                // Ansible takes what plays, blocks and tasks have in common, and forgets it.
                (name, Kind::Keyword(_)) if keywords::is_common(name) => {
                    let note = format!("`{key}` has no effect beside `import_playbook`");
                    self.loader.warn(Diagnostic::warning(note).at(entry.key.span, ""));
                }
                _ => self.fail(
                    Diagnostic::error(format!("`{key}` cannot be used with `import_playbook`"))
                        .at(entry.key.span, "")
                        .help("allowed beside it: name, tags, vars, when"),
                ),
            }
        }
        let vars = Arc::new(self.vars(keywords.get("vars")));
        Arc::new(Chain {
            keywords,
            level: ChainLevel::Import,
            vars,
            role: None,
            dir: dir.to_owned(),
            up: outer.cloned(),
        })
    }

    pub(super) fn play(&mut self, node: &Node, outer: Option<&Arc<Chain>>) -> Option<Play> {
        let Some(entries) = node.entries() else {
            self.fail(
                Diagnostic::error(format!("expected a play, found {}", node.type_name()))
                    .at(node.span, "a play is a mapping with `hosts:`"),
            );
            return None;
        };
        let mut keywords = Keywords::default();
        for entry in entries {
            let key = match entry.key.text().unwrap_or_default() {
                "user" => "remote_user",
                key => key,
            };
            match keywords::kind(key, keywords::PLAY) {
                Kind::Keyword(name) => keywords.set(name, entry.value.clone()),
                Kind::Misplaced | Kind::Other => {
                    let error = Diagnostic::error(format!("`{key}` is not a keyword of a play"))
                        .kind("unknown-keyword")
                        .at(entry.key.span, "unknown");
                    let known = super::task::is_action(key);
                    self.fail(match keywords::suggestion(key, keywords::PLAY) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None if known => error.help("a task belongs below `tasks:`"),
                        None => error,
                    });
                }
            }
        }
        for (name, node) in &self.loader.settings.keywords {
            if keywords.get(name).is_none() {
                keywords.set(name, node.clone());
            }
        }
        self.check_keywords(&keywords);
        self.check_words(&keywords);
        let Some(hosts) = keywords.get("hosts").filter(|hosts| !hosts.is_null()).cloned() else {
            self.fail(
                Diagnostic::error("a play needs `hosts`")
                    .at(node.span, "no `hosts` here")
                    .help("add `hosts: all`, a group, or a host pattern"),
            );
            return None;
        };
        let mut vars = self.vars(keywords.get("vars"));
        for import in outer.iter().flat_map(|chain| chain.levels()) {
            vars.extend((*import.vars).clone());
        }
        let vars = Arc::new(vars);
        let take = |name: &str| keywords.get(name).cloned();
        let (name, roles) = (take("name"), take("roles"));
        let (pre, tasks, post, handlers) =
            (take("pre_tasks"), take("tasks"), take("post_tasks"), take("handlers"));
        let (vars_files, vars_prompt) = (list(take("vars_files")), list(take("vars_prompt")));
        for file in &vars_files {
            if let Some(name) = file.text().filter(|name| !super::has_template(name))
                && let Err(error) = self.loader.file(&self.playbook_dir.join(name), Some(file.span))
            {
                self.fail(error);
            }
        }
        let chain = Arc::new(Chain {
            keywords,
            level: ChainLevel::Play,
            vars: vars.clone(),
            role: None,
            dir: self.playbook_dir.clone(),
            up: outer.cloned(),
        });
        // Handlers of roles come first, in the order of the roles, then the play's own, then those that
        // imports bring, in the order in which ansible-core reads the parts of a play.
        let mut during = self.play_roles(roles.as_ref(), &chain);
        let mut all_handlers = std::mem::take(&mut self.handlers);
        all_handlers.extend(flat(self.items(handlers.as_ref(), &chain, keywords::HANDLER)));
        let before = self.items(pre.as_ref(), &chain, keywords::TASK);
        let after = self.items(post.as_ref(), &chain, keywords::TASK);
        during.extend(self.items(tasks.as_ref(), &chain, keywords::TASK));
        all_handlers.append(&mut self.imported);
        Some(Play {
            name,
            hosts,
            chain,
            vars,
            vars_files,
            vars_prompt,
            roles: std::mem::take(&mut self.roles),
            names: std::mem::take(&mut self.names),
            phases: vec![before.into(), during.into(), after.into()],
            handlers: all_handlers,
            dir: self.playbook_dir.clone(),
            span: node.span,
        })
    }
}

fn list(node: Option<Node>) -> Vec<Node> {
    match node {
        None => Vec::new(),
        Some(node) if node.is_null() => Vec::new(),
        Some(Node { kind: NodeKind::List(items), .. }) => items,
        Some(node) => vec![node],
    }
}
