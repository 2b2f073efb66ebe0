//! rprov.
pub mod template;
