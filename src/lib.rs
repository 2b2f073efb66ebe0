//! rprov runs the playbooks, inventories and vault files that Ansible users have, over SSH.
//!
//! # Layout, in reading order
//! - [`source`]: text to spanned YAML nodes; diagnostics.
//! - [`inventory`]: hosts, groups, patterns.
//! - [`vars`]: where a variable's value comes from: the precedence table.
//! - [`template`]: what `{{ … }}` means.
//! - [`playbook`]: plays, blocks, tasks and roles, typed, still templated.
//! - [`session`]: a host we can ask: SSH, local, embedded.
//! - [`engine`]: plays over hosts; check, verification and the look-ahead window.
//! - [`lint`]: what can be told of a project without a host.
//! - [`keys`]: new keys for applications, and the writing of texts in URLs.
//! - [`report`]: events to lines and diffs.
//! - [`config`]: settings: `ansible.cfg`, the environment, `rprov.toml`.
//! - [`cli`]: the command line.

pub mod cli;
pub mod config;
pub mod engine;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
pub mod inventory;
pub mod keys;
pub mod lint;
pub mod playbook;
pub mod report;
pub mod session;
pub mod source;
pub mod template;
pub mod vars;
