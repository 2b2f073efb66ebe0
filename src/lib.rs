//! rprov.
pub mod source;
pub mod template;
