//! rprov.
pub mod inventory;
pub mod source;
pub mod template;
pub mod vars;
