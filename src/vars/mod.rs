//! Variables: where they are defined, and which definition counts.
//!
//! [`Level`] is the table of precedence. [`Layers`] are the definitions that one host sees in one
//! task; templates ask them through [`crate::template::Scope`]. Nothing here evaluates anything.

pub mod extra;
pub mod files;
pub mod hostvars;
mod inventory;
mod layers;
mod level;
mod merge;
pub mod special;

pub use self::inventory::InventoryVars;
pub(crate) use self::inventory::{Beside, layer};
pub use self::layers::{Binding, Layer, Layers};
pub use self::level::Level;
