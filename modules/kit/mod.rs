//! The contract between modules and the engine: values and two pure functions.
//!
//! Reading order: `module` (what a module is), `probe` and `ask` (questions and answers), `plan`
//! (differences and steps), `script` (shell, safely), `facts`, then the argument types.

mod arguments;
mod ask;
mod convert;
mod de;
mod facts;
mod mode;
mod module;
mod nearest;
mod node;
mod plan;
mod probe;
pub mod python;
pub mod resolve;
mod script;

pub use schemars::JsonSchema;
pub use serde::Deserialize;

pub use self::arguments::{Presence, Words};
pub use self::ask::{
    Algorithm, Answer, Ask, Content, Cost, FileKind, Group, Reply, Stat, Unit, User,
};
pub use self::de::{ArgError, boolean};
pub use self::facts::{Facts, PackageManager, ServiceManager, System};
pub use self::mode::Mode;
pub use self::module::{Goal, Module, Need, Spec, Supply, TemplateOptions, Through, TreeEntry};
pub use self::nearest::nearest;
pub use self::node::{Entry, Node, NodeKind, Scalar, Span, Tag};
pub use self::plan::{
    Change, Command, Diff, Output, Plan, Program, Put, Refusal, Result, Step, Text,
};
pub use self::probe::{
    Next, Probe, act, ask, ask_costly, digest, group, lstat, package, read, read_unless, stat,
    test, unit, user,
};
pub use self::resolve::Resolved;
pub use self::script::{Script, argv, quote, sh};
