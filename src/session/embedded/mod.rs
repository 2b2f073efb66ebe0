//! The embedded host: an SSH server inside this process.
//!
//! It is the demo's host and the test server in one, so that what the tests exercise is the path a
//! real host takes.

mod command;
mod connection;
mod counters;
mod delay;
mod server;

pub use counters::{Counters, Cut};
pub use server::{Refuse, Server, ServerOptions, new_key};
