//! The one integration test binary; one module per area.

mod modules;
mod template;
mod yaml;
