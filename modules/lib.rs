//! Modules: everything rprov knows how to do to a host.
//!
//! A module is one file holding one struct. The struct is what the user writes in a playbook; its
//! doc comments are the manual; `kit::Module` says how the host is inspected and what would have
//! to change. This crate performs no I/O.

pub mod kit;

mod attributes;
mod blockinfile;
mod command;
mod content;
mod copy;
mod copy_remote;
mod cron;
mod cron_table;
mod file;
mod git;
mod group;
mod guard;
mod lineinfile;
mod ping;
pub mod python_regex;
mod raw;
mod script;
mod setup;
mod shell;
mod stat;
mod template;
mod text_file;
mod user;
mod words;

use kit::Spec;

/// Every module, by name.
pub static MODULES: &[Spec] = &[
    Spec::of::<blockinfile::Block>(),
    Spec::of::<command::Run>(),
    Spec::of::<copy::Copy>(),
    Spec::of::<cron::Cron>(),
    Spec::of::<file::File>(),
    Spec::of::<git::Git>(),
    Spec::of::<group::Group>(),
    Spec::of::<lineinfile::Line>(),
    Spec::of::<ping::Ping>(),
    Spec::of::<raw::Raw>(),
    Spec::of::<script::Upload>(),
    Spec::of::<setup::Setup>(),
    Spec::of::<shell::Shell>(),
    Spec::of::<stat::Look>(),
    Spec::of::<template::Template>(),
    Spec::of::<user::User>(),
];

/// The collections whose modules are found under their full name. `ansible.legacy` is what
/// `ansible.builtin` was called first; the others hold modules that once were builtin.
const COLLECTIONS: &[&str] =
    &["ansible.builtin", "ansible.legacy", "ansible.posix", "community.general", "rprov"];

/// The module a task's key names: `copy`, `ansible.builtin.copy`, `community.general.ini_file`.
///
/// The collection is not checked against the module: names are unique over all of them.
pub fn find(name: &str) -> Option<&'static Spec> {
    let short = match name.rsplit_once('.') {
        Some((collection, short)) if COLLECTIONS.contains(&collection) => short,
        Some(_) => return None,
        None => name,
    };
    MODULES.iter().find(|spec| spec.names.contains(&short))
}
