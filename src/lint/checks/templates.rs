//! Templates and conditions that cannot be read.

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::Tree;
use crate::playbook::{TEMPLATE_SYNTAX, faulty, syntax};

pub(super) const CHECK: Check = Check {
    id: TEMPLATE_SYNTAX,
    finds: "a template or condition that cannot be read: a brace or an `endif` too few …",
    run: Some(run),
};

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let templar = tree.request.templar;
    for file in &tree.sources.files {
        match file.kind {
            Kind::Playbook | Kind::Tasks | Kind::Handlers => {
                syntax(&file.node, templar).into_iter().for_each(|finding| findings.add(finding));
            }
            // A run meets them only if something uses the variable.
            Kind::Vars => {
                for error in templar.syntax(&file.node) {
                    findings.add(faulty(error).as_warning());
                }
            }
            Kind::Meta | Kind::Specs | Kind::Other => {}
        }
    }
}
