//! Modules: everything rprov knows how to do to a host.
//!
//! A module is one file holding one struct. The struct is what the user writes in a playbook; its
//! doc comments are the manual; `kit::Module` says how the host is inspected and what would have
//! to change. This crate performs no I/O.

#[cfg(fuzzing)]
pub mod fuzz;
pub mod kit;
pub mod python_regex;

mod apt;
mod apt_get;
mod apt_key;
mod apt_repository;
mod apt_sources;
mod attributes;
mod authorized_key;
mod blockinfile;
mod certbot;
mod command;
mod content;
mod copy;
mod copy_remote;
mod cron;
mod cron_table;
mod deb822_repository;
mod debian_version;
mod download;
mod file;
mod getent;
mod git;
mod group;
mod guard;
mod ini_file;
mod init_script;
mod lineinfile;
mod login;
mod nginx;
mod nvm;
mod openpgp;
mod package;
mod package_facts;
mod ping;
mod pip;
mod pip_access;
mod pyenv;
mod raw;
mod replace;
mod script;
mod service;
mod service_facts;
mod service_unit;
mod setup;
mod shell;
mod stat;
mod supervisor;
mod supervisorctl;
mod supervisord;
mod systemd;
mod template;
mod text_file;
mod toolchain;
mod user;
mod wait_for;
mod words;

use kit::Spec;

/// Every module, by name.
pub static MODULES: &[Spec] = &[
    Spec::of::<apt::Apt>(),
    Spec::of::<apt_key::AptKey>(),
    Spec::of::<apt_repository::AptRepository>(),
    Spec::of::<authorized_key::AuthorizedKey>(),
    Spec::of::<blockinfile::Block>(),
    Spec::of::<certbot::Certbot>(),
    Spec::of::<command::Run>(),
    Spec::of::<copy::Copy>(),
    Spec::of::<cron::Cron>(),
    Spec::of::<deb822_repository::Deb822Repository>(),
    Spec::of::<file::File>(),
    Spec::of::<getent::Getent>(),
    Spec::of::<git::Git>(),
    Spec::of::<group::Group>(),
    Spec::of::<ini_file::IniFile>(),
    Spec::of::<lineinfile::Line>(),
    Spec::of::<nginx::Nginx>(),
    Spec::of::<nvm::Nvm>(),
    Spec::of::<package::Package>(),
    Spec::of::<package_facts::PackageFacts>(),
    Spec::of::<ping::Ping>(),
    Spec::of::<pip::Pip>(),
    Spec::of::<pyenv::Pyenv>(),
    Spec::of::<raw::Raw>(),
    Spec::of::<replace::Replace>(),
    Spec::of::<script::Upload>(),
    Spec::of::<service::Service>(),
    Spec::of::<service_facts::ServiceFacts>(),
    Spec::of::<setup::Setup>(),
    Spec::of::<shell::Shell>(),
    Spec::of::<stat::Look>(),
    Spec::of::<supervisor::Supervisor>(),
    Spec::of::<supervisorctl::Supervisorctl>(),
    Spec::of::<systemd::Systemd>(),
    Spec::of::<template::Template>(),
    Spec::of::<user::User>(),
    Spec::of::<wait_for::WaitFor>(),
];

/// The collections whose modules are found under their full name. `ansible.legacy` is what
/// `ansible.builtin` was called first; the others hold modules that once were builtin.
const COLLECTIONS: &[&str] = &[
    "ansible.builtin",
    "ansible.legacy",
    "ansible.posix",
    "community.crypto",
    "community.general",
    "community.postgresql",
    "rprov",
];

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
