//! Host expressions: `web[01:20].example.org`, `db-[a:f]`, `host:2222`, `[::1]:22`.

/// The host names an expression stands for, and the port written after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    pub names: Vec<String>,
    pub port: Option<u16>,
}

/// More names than this from one expression are a mistake, not an inventory; a fuzzer would make a million
/// all the time.
const MOST: usize = if cfg!(fuzzing) { 1 << 10 } else { 1 << 20 };

/// Expands an expression.
///
/// # Errors
/// A message and, if there is one, a help line.
pub(super) fn expand(expression: &str) -> Result<Hosts, (String, Option<&'static str>)> {
    if expression.starts_with("---") {
        return Err((
            format!("`{expression}` cannot be a host"),
            Some("is this a YAML file? then name it `.yml`"),
        ));
    }
    if expression.ends_with(':') && !expression.contains('[') {
        let help = "a colon separates a host from its port; a YAML inventory is named `.yml`";
        return Err((format!("expected a port after `{expression}`"), Some(help)));
    }
    let (name, port) = split_port(expression);
    let port = match port.map(str::parse) {
        Some(Err(_)) => {
            return Err((format!("expected a port from 0 to 65535 in `{expression}`"), None));
        }
        Some(Ok(port)) => Some(port),
        None => None,
    };
    let mut names = Vec::new();
    if is_ipv6(name) {
        names.push(name.to_owned());
    } else {
        ranges("", name, &mut names)?;
    }
    Ok(Hosts { names, port })
}

/// `host:22` and `[anything]:22` carry a port; `::1` does not.
fn split_port(expression: &str) -> (&str, Option<&str>) {
    let Some((name, port)) = expression.rsplit_once(':') else { return (expression, None) };
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return (expression, None);
    }
    if let Some(inner) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'))
        && !inner.contains(['[', ']'])
    {
        return (inner, Some(port));
    }
    // Colons are allowed inside brackets only: they belong to ranges.
    let mut depth = 0usize;
    for c in name.chars() {
        match c {
            '[' if depth == 0 => depth = 1,
            ']' if depth == 1 => depth = 0,
            '[' | ']' => return (expression, None),
            ':' if depth == 0 => return (expression, None),
            _ => {}
        }
    }
    if depth == 0 && !name.is_empty() { (name, Some(port)) } else { (expression, None) }
}

/// Whether the text is an IPv6 address (an interface after `%` is allowed).
pub(super) fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

fn ranges(
    head: &str,
    rest: &str,
    out: &mut Vec<String>,
) -> Result<(), (String, Option<&'static str>)> {
    let Some(open) = rest.find('[') else {
        out.push(format!("{head}{rest}"));
        return if out.len() > MOST {
            Err(("the range names too many hosts".to_owned(), None))
        } else {
            Ok(())
        };
    };
    let Some(close) = rest[open..].find(']').map(|at| open + at) else {
        return Err((format!("expected `]` after `{}`", &rest[open..]), None));
    };
    let (before, range, after) = (&rest[..open], &rest[open + 1..close], &rest[close + 1..]);
    for item in bounds(range)? {
        ranges(&format!("{head}{before}{item}"), after, out)?;
    }
    Ok(())
}

fn bounds(range: &str) -> Result<Vec<String>, (String, Option<&'static str>)> {
    let fail = |what: &str| {
        Err((
            format!("{what} in the range `[{range}]`"),
            Some("a range is `[first:last]` or `[first:last:step]`"),
        ))
    };
    let parts: Vec<&str> = range.split(':').collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, "1"),
        [first, last, step] => (first, last, step),
        _ => return fail("expected two or three parts"),
    };
    let first = if first.is_empty() { "0" } else { first };
    if last.is_empty() {
        return fail("expected a last value");
    }
    let Some(step) = step.parse::<usize>().ok().filter(|step| *step > 0) else {
        return fail("expected a step of 1 or more");
    };
    let letter = |text: &str| -> Option<usize> {
        let mut chars = text.chars();
        let c = chars.next().filter(char::is_ascii_alphabetic)?;
        chars.next().is_none().then(|| LETTERS.find(c)).flatten()
    };
    if let (Some(from), Some(to)) = (letter(first), letter(last)) {
        if from > to {
            return fail("the first letter comes after the last");
        }
        return Ok(LETTERS[from..=to].chars().step_by(step).map(String::from).collect());
    }
    let digits = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let (Some(from), Some(to)) = (digits(first), digits(last)) else {
        return fail("expected two numbers or two letters");
    };
    let padded = first.len() > 1 && first.starts_with('0');
    if padded && first.len() != last.len() {
        return fail("expected as many digits in the last number as in the first");
    }
    if from > to {
        return fail("the first number is greater than the last");
    }
    if (to - from) / step as u64 >= MOST as u64 {
        return fail("too many hosts");
    }
    let width = if padded { first.len() } else { 1 };
    Ok((from..=to).step_by(step).map(|n| format!("{n:0width$}")).collect())
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands() {
        let names = |text: &str| expand(text).unwrap().names;
        assert_eq!(names("web[08:10].x"), ["web08.x", "web09.x", "web10.x"]);
        assert_eq!(names("s[0:10:5]-[1:2]"), ["s0-1", "s0-2", "s5-1", "s5-2", "s10-1", "s10-2"]);
        assert_eq!(names("db-[a:c]"), ["db-a", "db-b", "db-c"]);
        assert_eq!(names("h[:2]"), ["h0", "h1", "h2"]);
        assert_eq!(
            expand("h[1:2]:22").unwrap(),
            Hosts { names: vec!["h1".into(), "h2".into()], port: Some(22) }
        );
        assert_eq!(
            expand("[::1]:22").unwrap(),
            Hosts { names: vec!["::1".into()], port: Some(22) }
        );
        assert_eq!(expand("::2").unwrap(), Hosts { names: vec!["::2".into()], port: None });
        for bad in ["h[1:", "h[3:1]", "h[01:100]", "foo:", "---", "h[1:2:0]", "h:99999", "h[a:1]"] {
            assert!(expand(bad).is_err(), "{bad}");
        }
    }
}
