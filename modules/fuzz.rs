//! What the fuzz targets reach: readers of text that are no module's own. Built for them only.

use crate::kit::{Mode, resolve};
use crate::{cron_table, debian_version, text_file, words as word};

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
