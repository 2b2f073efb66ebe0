//! The directory that a file goes into: made where the destination ends with `/`, else it must be there.

use crate::attributes::{Attributes, octal, split, tidy};
use crate::content::Found;
use crate::file::MAKE_DIRECTORY;
use crate::kit::{Diff, Plan, Probe, Result, Step, sh, stat};

pub(crate) struct Parent {
    path: String,
    is_there: bool,
    /// Whether it may be made.
    makes: bool,
}

/// Looks at the directory of a destination.
pub(crate) fn look<'a>(dest: &str) -> Probe<'a, Parent> {
    let makes = dest.ends_with('/');
    let whole = tidy(dest);
    let path = if makes { whole } else { split(&whole).0.to_owned() };
    stat(path.clone()).map(move |stat| Parent { path, is_there: stat.is_some(), makes })
}

impl Parent {
    /// What must happen before the file can be written; `attributes` are those of directories.
    pub(crate) fn reach(&self, found: &Found, attributes: Attributes<'_>) -> Result<Plan> {
        match (self.is_there || found.stat.is_some(), self.makes) {
            (true, _) => Ok(Plan::none()),
            (false, true) => Ok(make(&self.path, attributes)),
            (false, false) => Err(format!("the directory {} does not exist", self.path).into()),
        }
    }
}

/// Makes a directory, with those above it.
pub(crate) fn make(path: &str, attributes: Attributes<'_>) -> Plan {
    let mode = attributes.bits(None, true).map(octal).unwrap_or_default();
    let owner = attributes.owner.unwrap_or_default();
    let spec =
        attributes.group.map_or_else(|| owner.to_owned(), |group| format!("{owner}:{group}"));
    let mut diffs = vec![Diff::field(path, "state", "absent", "directory")];
    diffs.extend(attributes.diffs(path, None, true));
    Plan::none().changes(diffs, Step::run(sh(MAKE_DIRECTORY, [path, &spec, &mode])))
}
