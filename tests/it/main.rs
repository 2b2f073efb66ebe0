//! The one integration test binary; one module per area.

mod template;
mod yaml;
