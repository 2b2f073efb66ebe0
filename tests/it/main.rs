//! The one integration test binary; one module per area.

mod embedded;
mod embedded_sandbox;
mod yaml;
