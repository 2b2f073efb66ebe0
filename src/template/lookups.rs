//! Lookups: values from the controller's files, variables and programs.

use minijinja::Environment;

pub(super) fn register(environment: &mut Environment<'static>) {
    let _ = environment;
}
