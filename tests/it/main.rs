//! The one integration test binary; one module per area.

#![expect(clippy::print_stderr, reason = "what is skipped is said, with its reason")]

mod acts;
mod agreement;
mod canary;
mod cli;
mod config;
mod connections;
mod converge;
mod edits;
mod embedded;
mod embedded_sandbox;
mod engine;
mod facts;
mod flights;
mod hosts;
mod http;
mod interrupt;
mod inventory;
mod jobs;
mod lint;
mod logins;
mod modules;
mod outputs;
mod pending;
mod place;
mod playbook;
mod promises;
mod redact;
mod same;
mod sealed;
mod secrets;
mod secrets_git;
mod session;
mod system_files;
mod template;
mod template_properties;
mod traced;
mod vars;
mod vault;
mod vault_verbs;
mod why;
mod yaml;
