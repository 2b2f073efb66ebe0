//! The one integration test binary; one module per area.

mod inventory;
mod modules;
mod template;
mod vars;
mod yaml;
