//! The one integration test binary; one module per area.

mod embedded;
mod embedded_sandbox;
mod inventory;
mod converge;
mod edits;
mod modules;
mod session;
mod template;
mod vars;
mod yaml;
