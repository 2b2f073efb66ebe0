//! The task that gathers facts at the beginning of a play.

use std::sync::Arc;

use rprov_modules::kit::Node;

use crate::playbook::{Action, Chain, ChainLevel, Keywords, Play, Task};

/// The task that gathers facts at the beginning of a play.
pub(in crate::engine) fn fact_task(play: &Play) -> Option<Arc<Task>> {
    let spec = rprov_modules::find("setup")?;
    let mut args = Node::map(play.span, Vec::new());
    for name in ["gather_subset", "gather_timeout", "fact_path"] {
        if let Some(node) = play.chain.keywords.get(name) {
            args.set(name, node.clone());
        }
    }
    let chain = Chain {
        // In a play with tags, facts are gathered when those are wanted.
        keywords: match play.chain.nearest("tags") {
            Some(_) => Keywords::default(),
            None => Keywords::always(),
        },
        level: ChainLevel::Task,
        vars: Arc::default(),
        role: None,
        dir: play.dir.clone(),
        up: Some(play.chain.clone()),
    };
    Some(Arc::new(Task {
        name: Some(Node::string(play.span, "Gathering Facts")),
        action: Action::Module(spec),
        written: "gather_facts".to_owned(),
        args,
        defaults: Vec::new(),
        others: Vec::new(),
        chain: Arc::new(chain),
        span: play.span,
    }))
}
