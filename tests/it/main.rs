//! The one integration test binary; one module per area.

mod converge;
mod modules;
mod yaml;
