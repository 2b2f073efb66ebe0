//! The one integration test binary; one module per area.

mod cli;
mod converge;
mod edits;
mod embedded;
mod embedded_sandbox;
mod engine;
mod flights;
mod inventory;
mod modules;
mod promises;
mod session;
mod template;
mod vars;
mod vault;
mod yaml;
