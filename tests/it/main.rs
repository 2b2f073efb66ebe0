//! The one integration test binary; one module per area.

mod converge;
mod edits;
mod modules;
mod yaml;
