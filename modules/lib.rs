//! Modules: everything rprov knows how to do to a host.
//!
//! A module is one file holding one struct. The struct is what the user writes in a playbook; its
//! doc comments are the manual; `kit::Module` says how the host is inspected and what would have
//! to change. This crate performs no I/O.

#[cfg(any(fuzzing, test))]
pub mod fuzz;
pub mod kit;
pub mod python_regex;

mod acl;
mod alternatives;
mod apache2_module;
mod apt;
mod apt_get;
mod apt_key;
mod apt_repository;
mod apt_sources;
mod assemble;
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
mod debconf;
mod debian_version;
mod download;
mod dpkg_divert;
mod dpkg_selections;
mod file;
mod find;
mod fstab;
mod get_url;
mod getent;
mod git;
mod git_config;
mod group;
mod guard;
mod hostname;
mod http;
mod ini_file;
mod init_script;
mod iptables;
mod iptables_rule;
mod known_hosts;
mod lineinfile;
mod locale_gen;
mod login;
mod make;
mod modprobe;
mod mount;
mod mysql;
mod mysql_db;
mod mysql_privs;
mod mysql_user;
mod named;
mod nginx;
mod npm;
mod nvm;
mod openpgp;
mod openssh_keypair;
mod package;
mod package_facts;
mod pam_limits;
mod parent;
mod ping;
mod pip;
mod pip_access;
mod postgres;
mod postgres_password;
mod postgresql_db;
mod postgresql_ext;
mod postgresql_privs;
mod postgresql_query;
mod postgresql_user;
mod pyenv;
mod raw;
mod replace;
mod script;
mod service;
mod service_facts;
mod service_unit;
mod setup;
mod shell;
mod slurp;
mod stat;
mod supervisor;
mod supervisorctl;
mod supervisord;
mod sysctl;
mod systemd;
mod tempfile;
mod template;
mod text_file;
mod timezone;
mod toolchain;
mod ufw;
mod unarchive;
mod uri;
mod uri_body;
mod user;
mod wait_for;
mod words;

use kit::Spec;

/// Every module, by name.
pub static MODULES: &[Spec] = &[
    Spec::of::<acl::Acl>(),
    Spec::of::<alternatives::Alternatives>(),
    Spec::of::<apache2_module::Apache2Module>(),
    Spec::of::<apt::Apt>(),
    Spec::of::<apt_key::AptKey>(),
    Spec::of::<apt_repository::AptRepository>(),
    Spec::of::<assemble::Assemble>(),
    Spec::of::<authorized_key::AuthorizedKey>(),
    Spec::of::<blockinfile::Block>(),
    Spec::of::<certbot::Certbot>(),
    Spec::of::<command::Run>(),
    Spec::of::<copy::Copy>(),
    Spec::of::<cron::Cron>(),
    Spec::of::<deb822_repository::Deb822Repository>(),
    Spec::of::<debconf::Debconf>(),
    Spec::of::<dpkg_divert::DpkgDivert>(),
    Spec::of::<dpkg_selections::DpkgSelections>(),
    Spec::of::<file::File>(),
    Spec::of::<find::Find>(),
    Spec::of::<get_url::GetUrl>(),
    Spec::of::<getent::Getent>(),
    Spec::of::<git::Git>(),
    Spec::of::<git_config::GitConfig>(),
    Spec::of::<group::Group>(),
    Spec::of::<hostname::Hostname>(),
    Spec::of::<ini_file::IniFile>(),
    Spec::of::<iptables::Iptables>(),
    Spec::of::<known_hosts::KnownHosts>(),
    Spec::of::<lineinfile::Line>(),
    Spec::of::<locale_gen::LocaleGen>(),
    Spec::of::<make::Make>(),
    Spec::of::<modprobe::Modprobe>(),
    Spec::of::<mount::Mount>(),
    Spec::of::<mysql_db::MysqlDb>(),
    Spec::of::<mysql_user::MysqlUser>(),
    Spec::of::<nginx::Nginx>(),
    Spec::of::<npm::Npm>(),
    Spec::of::<nvm::Nvm>(),
    Spec::of::<openssh_keypair::OpensshKeypair>(),
    Spec::of::<package::Package>(),
    Spec::of::<package_facts::PackageFacts>(),
    Spec::of::<pam_limits::PamLimits>(),
    Spec::of::<ping::Ping>(),
    Spec::of::<pip::Pip>(),
    Spec::of::<postgresql_db::PostgresqlDb>(),
    Spec::of::<postgresql_ext::PostgresqlExt>(),
    Spec::of::<postgresql_privs::PostgresqlPrivs>(),
    Spec::of::<postgresql_query::PostgresqlQuery>(),
    Spec::of::<postgresql_user::PostgresqlUser>(),
    Spec::of::<pyenv::Pyenv>(),
    Spec::of::<raw::Raw>(),
    Spec::of::<replace::Replace>(),
    Spec::of::<script::Upload>(),
    Spec::of::<service::Service>(),
    Spec::of::<service_facts::ServiceFacts>(),
    Spec::of::<setup::Setup>(),
    Spec::of::<shell::Shell>(),
    Spec::of::<slurp::Slurp>(),
    Spec::of::<stat::Look>(),
    Spec::of::<supervisor::Supervisor>(),
    Spec::of::<supervisorctl::Supervisorctl>(),
    Spec::of::<sysctl::Sysctl>(),
    Spec::of::<systemd::Systemd>(),
    Spec::of::<tempfile::Tempfile>(),
    Spec::of::<template::Template>(),
    Spec::of::<timezone::Timezone>(),
    Spec::of::<ufw::Ufw>(),
    Spec::of::<unarchive::Unarchive>(),
    Spec::of::<uri::Uri>(),
    Spec::of::<user::User>(),
    Spec::of::<wait_for::WaitFor>(),
];

/// The entry of one module.
fn the<M: kit::Module>() -> &'static Spec {
    let entry = MODULES.iter().find(|spec| spec.names == M::NAMES);
    entry.expect("every module is in the list")
}

/// The collections whose modules are found under their full name. `ansible.legacy` is what
/// `ansible.builtin` was called first; the others hold modules that once were builtin.
const COLLECTIONS: &[&str] = &[
    "ansible.builtin",
    "ansible.legacy",
    "ansible.mysql",
    "ansible.posix",
    "community.crypto",
    "community.general",
    "community.mysql",
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
