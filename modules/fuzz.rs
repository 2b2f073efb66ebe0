//! What the fuzz targets do, and with every file of their corpora the tests: readers of text that are no
//! module's own. Built for both only.

use crate::kit::{Mode, resolve};
use crate::{cron_table, debian_version, python_regex, text_file, words as word};

/// Reads the text below the first line as a crontab, and changes what the first line names.
pub fn cron_table(text: &str) {
    let (name, table) = text.split_once('\n').unwrap_or((text, ""));
    let fields = ["minute", "hour", "day", "month", "weekday"];
    fields.iter().for_each(|field| drop(cron_table::check_field(field, name)));
    let mut table = cron_table::Table::new(table);
    let (jobs, variables) = (table.jobs(), table.variables());
    for known in jobs.iter().map(String::as_str).chain([name]) {
        table.set_job(cron_table::Job { name: known, line: "* * * * * true".to_owned() });
        table.remove_job(known);
    }
    for known in variables.iter().map(String::as_str).chain([name]) {
        table.set_variable(known, format!("{known}=x"), 0);
        table.remove_variable(known);
    }
    drop(table.text());
}

/// Words, versions and their patterns, modes, plain scalars, lines.
pub fn words(text: &str) {
    drop(word::split(text));
    let (one, other) = text.split_once('\n').unwrap_or((text, ""));
    assert_eq!(debian_version::compare(one, other), debian_version::compare(other, one).reverse());
    let _ = debian_version::fits(one, other);
    if let Ok(mode) = Mode::parse(one) {
        let _ = mode.apply(0o644, false, 0o022);
    }
    let _ = resolve::plain(text);
    assert_eq!(text_file::lines(text).concat(), text);
}

/// Python's regular expressions: the first line is the pattern, the second the replacement, the third
/// the text.
pub fn regex(text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (pattern, template, text) = (line(), line(), line());
    // A few bytes can ask for gigabytes of automaton, which the engine refuses slowly.
    if pattern.len() > 60 {
        return;
    }
    let Ok(regex) = python_regex::compile(pattern) else { return };
    let _ = python_regex::replace_all(&regex, template, text);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpora_are_read() {
        type Target = fn(&str);
        let targets: [(&str, Target); 3] = [
            ("cron_table", super::cron_table),
            ("python_regex", super::regex),
            ("words_and_versions", super::words),
        ];
        for (name, target) in targets {
            let directory = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(&directory).expect("a corpus").flatten();
            let read = files.map(|file| {
                let data = std::fs::read(file.path()).expect("a file");
                target(std::str::from_utf8(&data).unwrap_or_default());
            });
            assert!(read.count() > 0, "{directory} is empty");
        }
    }
}
