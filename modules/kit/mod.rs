//! The contract between modules and the engine.

mod de;
mod nearest;
mod node;
pub mod resolve;

pub use schemars::JsonSchema;
pub use serde::Deserialize;

pub use self::de::{ArgError, boolean};
pub use self::nearest::nearest;
pub use self::node::{Entry, Node, NodeKind, Scalar, Span, Tag};
pub use self::resolve::Resolved;
