//! What the exit code of rprov means.

use std::process::ExitCode;

/// How rprov ended. The numbers are Ansible's where Ansible has one for the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every task is `ok`, `changed` or skipped.
    Ok = 0,
    /// Anything else: an interrupted run, a fault of rprov.
    Other = 1,
    /// A task failed on at least one host; every host could be reached.
    TaskFailed = 2,
    /// Bad input: a mistake in a file or on the command line. Nothing was changed.
    BadInput = 3,
    /// At least one host could not be reached. It wins over a failed task.
    Unreachable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_documented_and_stay() {
        let numbers = [Exit::Ok, Exit::Other, Exit::TaskFailed, Exit::BadInput, Exit::Unreachable]
            .map(|e| e as u8);
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }
}
