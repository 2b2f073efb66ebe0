//! Host patterns: `all`, `web:&prod:!old`, `web[0]`, `db*`, `~web\d+`, `--limit`.
//!
//! Terms are taken in Ansible's order whatever order they are written in: what is named, then
//! intersections (`&`), then exclusions (`!`). Hosts come in the order in which the terms give them.
//!
//! Nothing is ever silently empty. A pattern that names no known group and no host is an error (a warning
//! where other plays of the run have hosts); a term of `--limit` that matches nothing is an error. A known
//! group without hosts, and a play that `--limit` leaves no host, give an empty selection with a note: the
//! play is skipped, and whoever runs several plays must see to it that at least one host is left in one of
//! them.

use std::collections::HashSet;
use std::path::Path;

use fancy_regex::Regex;
use indexmap::IndexSet;
use rprov_modules::kit::{Span, nearest};

use super::{HostName, Inventory, LOCALHOST, range, wildcard};
use crate::source::Diagnostic;

/// The hosts of a play, in order, and what the user should hear about the pattern.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub hosts: Vec<HostName>,
    /// Terms that match nothing, while others match.
    pub missed: Vec<Diagnostic>,
    /// Why there is no host.
    pub notes: Vec<Diagnostic>,
}

/// What a term that matches nothing is, while others match: `host_pattern_mismatch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mismatch {
    #[default]
    Warning,
    Error,
    Ignore,
}

/// The hosts that `--limit` leaves, in order.
#[derive(Debug, Clone)]
pub struct Limit {
    text: String,
    terms: Vec<String>,
    hosts: IndexSet<HostName>,
}

impl Limit {
    /// Evaluates `--limit`; a term `@file` stands for the lines of that file.
    ///
    /// # Errors
    /// When a term matches nothing, when nothing is left, or when a file cannot be read.
    pub fn new(inventory: &Inventory, text: &str) -> Result<Limit, Diagnostic> {
        let mut terms = vec![];
        for term in split(text) {
            match term.strip_prefix('@') {
                Some(path) => terms.extend(lines(Path::new(path))?),
                None => terms.push(term),
            }
        }
        let found = evaluate(inventory, &terms, Span::default())?;
        if let Some(missed) = found.missed.first() {
            let error = missed.describe(inventory, Span::default(), Diagnostic::error);
            return Err(error.note(format!("in `--limit {text}`")));
        }
        if found.hosts.is_empty() {
            return Err(Diagnostic::error(format!("`--limit {text}` leaves no host")));
        }
        Ok(Limit { text: text.to_owned(), terms, hosts: found.hosts })
    }

    /// The hosts it left when it was made.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &HostName> {
        self.hosts.iter()
    }

    /// The hosts it leaves of an inventory that may have gained some.
    fn allowed(&self, inventory: &Inventory) -> Result<IndexSet<HostName>, Diagnostic> {
        Ok(evaluate(inventory, &self.terms, Span::default())?.hosts)
    }
}

fn lines(path: &Path) -> Result<Vec<String>, Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let reason = crate::vars::files::reason(&error);
        Diagnostic::error(format!("cannot read the limit file `{}`: {reason}", path.display()))
    })?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The hosts that `pattern` means, within `limit`. `span` is where the pattern stands (or none).
///
/// # Errors
/// When the pattern matches no host and names no known group, or cannot be understood.
pub fn select(
    inventory: &Inventory,
    pattern: &str,
    span: Span,
    limit: Option<&Limit>,
) -> Result<Selection, Diagnostic> {
    let selection = select_or_none(inventory, pattern, span, limit)?;
    match selection.missed {
        Some(missed) => Err(missed),
        None => Ok(selection.found),
    }
}

/// What a pattern means, and the error that it is to mean nothing.
#[derive(Debug)]
pub struct Attempt {
    pub found: Selection,
    pub missed: Option<Diagnostic>,
}

/// As [`select`], for one of several plays: a pattern may come to nothing, and the caller decides.
///
/// # Errors
/// When the pattern cannot be understood.
pub fn select_or_none(
    inventory: &Inventory,
    pattern: &str,
    span: Span,
    limit: Option<&Limit>,
) -> Result<Attempt, Diagnostic> {
    let found = evaluate(inventory, &split(pattern), span)?;
    let mut hosts = found.hosts;
    if let Some(missed) = found.missed.first().filter(|_| hosts.is_empty()) {
        let missed = missed.describe(inventory, span, Diagnostic::error);
        return Ok(Attempt { found: Selection::default(), missed: Some(missed) });
    }
    let describe = |missed: &Missed| missed.describe(inventory, span, Diagnostic::warning);
    let missed: Vec<Diagnostic> = found.missed.iter().map(describe).collect();
    let mut notes = vec![];
    if hosts.is_empty() {
        let note = Diagnostic::warning(format!("no host is in `{pattern}`"));
        notes.push(note.at(span, "the play is skipped"));
    } else if let Some(limit) = limit {
        let allowed = limit.allowed(inventory)?;
        hosts.retain(|host| allowed.contains(host));
        if hosts.is_empty() {
            let note = Diagnostic::warning(format!(
                "`--limit {}` leaves no host of `{pattern}`",
                limit.text
            ));
            notes.push(note.at(span, "the play is skipped"));
        }
    }
    Ok(Attempt {
        found: Selection { hosts: hosts.into_iter().collect(), missed, notes },
        missed: None,
    })
}

/// The terms of a pattern: separated by commas, else by colons and blanks that are not in brackets.
pub fn split(pattern: &str) -> Vec<String> {
    let pattern = pattern.trim();
    let mut terms = vec![String::new()];
    let whole = range::is_ipv6(pattern) || has_port(pattern);
    let commas = pattern.contains(',');
    let mut bracket = false;
    for c in pattern.chars() {
        bracket = (bracket || c == '[') && c != ']';
        let separates =
            if commas { c == ',' } else { !bracket && !whole && (c == ':' || c.is_whitespace()) };
        if separates {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(c);
        }
    }
    terms.into_iter().map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

/// The pattern that a list of patterns is.
pub fn of_list<'a>(patterns: impl IntoIterator<Item = &'a str>) -> String {
    patterns.into_iter().flat_map(split).collect::<Vec<_>>().join(",")
}

/// `name:22` is one term (which matches no host: names have no port).
fn has_port(pattern: &str) -> bool {
    pattern.split_once(':').is_some_and(|(name, port)| {
        !name.starts_with(['!', '&', '~'])
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
    })
}

struct Found {
    hosts: IndexSet<HostName>,
    missed: Vec<Missed>,
}

/// A term that matches nothing, and why if that is not plain.
struct Missed {
    term: String,
    why: Option<String>,
}

impl Missed {
    fn describe(
        &self,
        inventory: &Inventory,
        span: Span,
        diagnostic: fn(String) -> Diagnostic,
    ) -> Diagnostic {
        if let Some(why) = &self.why {
            return diagnostic(format!("`{}` matches no host", self.term)).at(span, why.clone());
        }
        let message = format!("no host or group matches `{}`", self.term);
        let found = diagnostic(message).at(span, "");
        let name = subscript(&self.term).0;
        if name.contains(':') && !range::is_ipv6(name) && !has_port(name) {
            return found.help("where commas separate, colons do not: use one of them throughout");
        }
        let known = || {
            inventory
                .groups()
                .map(|group| &*group.name)
                .chain(inventory.hosts().map(|host| &*host.name))
        };
        if let Some(near) = nearest(name, known()) {
            return found.help(format!("did you mean `{near}`?"));
        }
        if inventory.hosts().len() == 0 {
            return found.help("the inventory has no hosts: name one with `-i`");
        }
        let groups: Vec<String> =
            inventory.groups().skip(2).take(8).map(|g| format!("`{}`", g.name)).collect();
        match groups.is_empty() {
            true => found,
            false => found.help(format!("the groups are {}", groups.join(", "))),
        }
    }
}

fn evaluate(inventory: &Inventory, terms: &[String], span: Span) -> Result<Found, Diagnostic> {
    let mut found = Found { hosts: IndexSet::new(), missed: vec![] };
    let of_kind = |first: &[char]| -> Vec<&str> {
        terms.iter().filter_map(|t| t.strip_prefix(first)).map(str::trim).collect()
    };
    let (wanted, excluded) = (of_kind(&['&']), of_kind(&['!']));
    let mut named: Vec<&str> =
        terms.iter().map(String::as_str).filter(|t| !t.starts_with(['!', '&'])).collect();
    if named.is_empty() {
        named.push("all");
    }
    for term in named {
        // The name of a host means that host, also if a group is called so.
        if let Some(host) = inventory.hosts.get(term) {
            found.hosts.insert(host.name.clone());
            continue;
        }
        found.hosts.extend(matches(inventory, term, span, &mut found.missed)?);
    }
    for term in wanted {
        let matching: HashSet<_> =
            matches(inventory, term, span, &mut found.missed)?.into_iter().collect();
        found.hosts.retain(|host| matching.contains(host));
    }
    for term in excluded {
        let matching: HashSet<_> =
            matches(inventory, term, span, &mut found.missed)?.into_iter().collect();
        found.hosts.retain(|host| !matching.contains(host));
    }
    Ok(found)
}

/// The hosts of one term. A host may come twice: subscripts count it twice, as Ansible does.
fn matches(
    inventory: &Inventory,
    term: &str,
    span: Span,
    missed: &mut Vec<Missed>,
) -> Result<Vec<HostName>, Diagnostic> {
    let (name, range) = subscript(term);
    let test = Matcher::new(name).map_err(|error| {
        Diagnostic::error(format!("`{name}` is not a regular expression: {error}")).at(span, "")
    })?;
    let groups: Vec<_> = inventory.groups().filter(|group| test.is_match(&group.name)).collect();
    let mut hosts: Vec<HostName> = vec![];
    for group in &groups {
        hosts.extend(inventory.members(group).into_iter().map(|host| host.name.clone()));
    }
    if groups.is_empty() || name.starts_with('~') || name.contains(['.', '?', '*', '[']) {
        hosts.extend(
            inventory
                .hosts()
                .filter(|host| test.is_match(&host.name))
                .map(|host| host.name.clone()),
        );
    }
    if hosts.is_empty() && LOCALHOST.contains(&name) {
        hosts.extend(inventory.host(name).map(|host| host.name.clone()));
    }
    if hosts.is_empty() {
        if groups.is_empty() {
            missed.push(Missed { term: term.to_owned(), why: None });
        }
        return Ok(hosts);
    }
    let Some(range) = range else { return Ok(hosts) };
    let count = hosts.len();
    let hosts = range.of(hosts);
    if hosts.is_empty() {
        let plural = if count == 1 { "" } else { "s" };
        missed.push(Missed {
            term: term.to_owned(),
            why: Some(format!("`{name}` has {count} host{plural}")),
        });
    }
    Ok(hosts)
}

/// `[2]`, `[-1]`, `[1:3]` (both ends included), `[1:]`.
enum Subscript {
    At(i64),
    Range(usize, Option<usize>),
}

impl Subscript {
    fn of(&self, hosts: Vec<HostName>) -> Vec<HostName> {
        let (first, last) = match *self {
            Subscript::At(at) => {
                let at =
                    if at < 0 { at + i64::try_from(hosts.len()).unwrap_or(i64::MAX) } else { at };
                let Ok(at) = usize::try_from(at) else { return vec![] };
                (at, Some(at))
            }
            Subscript::Range(first, last) => (first, last),
        };
        let count = last.map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
        hosts.into_iter().skip(first).take(count).collect()
    }
}

/// Parts a term from its subscript. Brackets that hold no subscript belong to a wildcard.
fn subscript(term: &str) -> (&str, Option<Subscript>) {
    let parts = || {
        let (name, inside) = term.strip_suffix(']')?.rsplit_once('[')?;
        if name.is_empty() || term.starts_with('~') {
            return None;
        }
        let digits = |text: &str| {
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<usize>().ok()).flatten()
        };
        let unsigned = inside.strip_prefix('-').unwrap_or(inside);
        if digits(unsigned).is_some() {
            return Some((name, Subscript::At(inside.parse().ok()?)));
        }
        let (first, last) = inside.split_once([':', '-'])?;
        let last = if last.is_empty() { None } else { Some(digits(last)?) };
        Some((name, Subscript::Range(digits(first)?, last)))
    };
    parts().map_or((term, None), |(name, range)| (name, Some(range)))
}

/// A name, a shell wildcard, or after `~` a regular expression matched at the start.
enum Matcher<'t> {
    Name(&'t str),
    Regex(Regex),
}

impl Matcher<'_> {
    fn new(name: &str) -> Result<Matcher<'_>, Box<fancy_regex::Error>> {
        let regex = match name.strip_prefix('~') {
            // On its own first: an error is about what the user wrote.
            Some(regex) => Regex::new(regex).map(|_| format!("^(?:{regex})"))?,
            None if wildcard::is_one(name) => wildcard::regex(name),
            None => return Ok(Matcher::Name(name)),
        };
        Regex::new(&regex).map(Matcher::Regex).map_err(Box::new)
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Matcher::Name(name) => *name == text,
            Matcher::Regex(regex) => regex.is_match(text).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        assert_eq!(split("web:&prod:!old"), ["web", "&prod", "!old"]);
        assert_eq!(split(" web , db[0:1] "), ["web", "db[0:1]"]);
        assert_eq!(split("web[0:1]:db"), ["web[0:1]", "db"]);
        assert_eq!(split("2001:db8::1"), ["2001:db8::1"]);
        assert_eq!(split("2001:db8::1,::1"), ["2001:db8::1", "::1"]);
        assert_eq!(split("web:80"), ["web:80"]);
        assert_eq!(split("web db"), ["web", "db"]);
    }
}
