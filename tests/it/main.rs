//! The one integration test binary; one module per area.

mod modules;
mod session;
mod template;
mod yaml;
