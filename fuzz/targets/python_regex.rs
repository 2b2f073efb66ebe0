//! Python's regular expressions: the first line is the pattern, the second the replacement.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov_modules::python_regex;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (pattern, template) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    // A few bytes can ask for gigabytes of automaton, which the engine refuses slowly.
    if pattern.len() > 60 {
        return;
    }
    let Ok(regex) = python_regex::compile(pattern) else { return };
    if let Ok(Some(captures)) = regex.captures(lines.next().unwrap_or_default()) {
        let _ = python_regex::expand(template, &captures);
    }
});
