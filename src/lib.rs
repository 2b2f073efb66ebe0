//! x
pub mod source;
