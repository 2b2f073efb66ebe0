//! x
pub mod inventory;
pub mod source;
