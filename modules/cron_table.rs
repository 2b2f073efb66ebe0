//! The text of a crontab: jobs with their name in a comment before them, variables, and lines that
//! are none of our business.

use crate::kit::{Refusal, Result};

const MARK: &str = "#Ansible: ";

pub(crate) struct Table {
    lines: Vec<String>,
}

pub(crate) struct Job<'a> {
    pub(crate) name: &'a str,
    pub(crate) line: String,
}

impl Table {
    pub(crate) fn new(text: &str) -> Table {
        Table { lines: text.lines().map(str::to_owned).collect() }
    }

    pub(crate) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// The line of the comment that names a job.
    fn job(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.strip_prefix(MARK) == Some(name))
    }

    /// Adds or replaces a job. The very same line without a name is given the name.
    pub(crate) fn set_job(&mut self, job: Job<'_>) {
        match self.job(job.name) {
            Some(at) if at + 1 < self.lines.len() => self.lines[at + 1] = job.line,
            Some(_) => self.lines.push(job.line),
            None => {
                let mark = format!("{MARK}{}", job.name);
                let nameless = (0..self.lines.len()).find(|at| {
                    let named = at.checked_sub(1).is_some_and(|b| self.lines[b].starts_with(MARK));
                    self.lines[*at] == job.line && !named
                });
                match nameless {
                    Some(at) => self.lines.insert(at, mark),
                    None => self.lines.extend([mark, job.line]),
                }
            }
        }
    }

    pub(crate) fn remove_job(&mut self, name: &str) {
        while let Some(at) = self.job(name) {
            self.lines.drain(at..(at + 2).min(self.lines.len()));
        }
    }

    /// The line of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    }

    /// Replaces a variable where it stands, or adds it at a line.
    pub(crate) fn set_variable(&mut self, name: &str, line: String, at: usize) {
        match self.variable(name) {
            Some(at) => self.lines[at] = line,
            None => self.lines.insert(at.min(self.lines.len()), line),
        }
    }

    pub(crate) fn remove_variable(&mut self, name: &str) {
        while let Some(at) = self.variable(name) {
            self.lines.remove(at);
        }
    }

    /// The names of all jobs.
    pub(crate) fn jobs(&self) -> Vec<String> {
        self.lines.iter().filter_map(|line| line.strip_prefix(MARK)).map(str::to_owned).collect()
    }

    /// The names of all variables.
    pub(crate) fn variables(&self) -> Vec<String> {
        let name = |line: &String| {
            let (name, _) = line.split_once('=')?;
            let name = name.trim_end();
            let mut chars = name.chars();
            let fits = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
            fits.then(|| name.to_owned())
        };
        self.lines.iter().filter_map(name).collect()
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Checks one of the five fields: cron would drop the whole line of a wrong one, in silence.
///
/// # Errors
/// What is expected, with the field's name.
pub(crate) fn check_field(name: &str, text: &str) -> Result<()> {
    let (low, high, words): (u32, u32, &[&str]) = match name {
        "minute" => (0, 59, &[]),
        "hour" => (0, 23, &[]),
        "day" => (1, 31, &[]),
        "month" => (1, 12, &MONTHS),
        _ => (0, 7, &DAYS),
    };
    let value = |word: &str| match word.parse::<u32>() {
        Ok(number) => (low..=high).contains(&number).then_some(number),
        Err(_) => {
            let at = words.iter().position(|known| *known == word.to_ascii_lowercase())?;
            u32::try_from(at).ok().map(|at| at + low)
        }
    };
    let good = |item: &str| {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let step = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
        let range = match range.trim_start_matches('~').split_once(['-', '~']) {
            _ if matches!(range, "*" | "~") => true,
            Some((from, to)) => match (value(from), value(to)) {
                (Some(from), Some(to)) => from <= to,
                _ => false,
            },
            None => value(range).is_some(),
        };
        step && range
    };
    match !text.is_empty() && text.split(',').all(good) {
        true => Ok(()),
        false => Err(Refusal::new(format!(
            "expected `{name}` to be `*`, or numbers from {low} to {high} with `-`, `,` and `/`, found `{text}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::check_field;

    #[test]
    fn fields_are_what_cron_takes() {
        let ok =
            [("minute", "*/5"), ("minute", "0,30-45/5"), ("weekday", "mon-fri"), ("weekday", "7")];
        for (name, text) in
            ok.into_iter().chain([("month", "Jan,DEC"), ("hour", "0-23"), ("day", "*")])
        {
            assert!(check_field(name, text).is_ok(), "{name} {text}");
        }
        for (name, text) in [
            ("minute", "60"),
            ("hour", ""),
            ("day", "0"),
            ("minute", "*/0"),
            ("hour", "5-2"),
            ("month", "x"),
            ("day", "1 2"),
        ] {
            assert!(check_field(name, text).is_err(), "{name} {text}");
        }
    }
}
