//! x
pub mod inventory;
pub mod source;
pub mod vars;
