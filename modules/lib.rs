//! Modules: everything rprov knows how to do to a host.
//!
//! A module is one file holding one struct. The struct is what the user writes in a playbook; its
//! doc comments are the manual; `kit::Module` says how the host is inspected and what would have
//! to change. This crate performs no I/O.

pub mod kit;
