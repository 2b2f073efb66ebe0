//! The command that enters a container or a directory and runs `sh` there.

use std::fmt;
use std::time::Duration;

/// A command that runs `sh`'s words behind its own.
#[derive(Clone, PartialEq)]
pub struct Enter {
    /// `["docker", "exec", "-i", "NAME"]`. Everybody on this machine can see them.
    pub words: Vec<String>,
    /// Variables of the command's own environment, which it may be told to pass on by their names.
    pub environment: Vec<(String, String)>,
    /// How long the shell may take to answer. Default: 30 seconds.
    pub patience: Option<Duration>,
}

impl Enter {
    /// With no more than its words.
    pub fn new(words: Vec<String>) -> Enter {
        Enter { words, environment: vec![], patience: None }
    }
}

/// Without the values of variables, which may be secret.
impl fmt::Debug for Enter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("Enter")
            .field("words", &self.words)
            .field("environment", &names)
            .field("patience", &self.patience)
            .finish()
    }
}
