//! x
pub mod source;
pub mod session;
