//! Sessions: a host that can be asked.

pub mod embedded;
