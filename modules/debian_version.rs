//! The order of Debian's package versions, and version patterns.
//!
//! Rules: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>.

use std::cmp::Ordering;

/// Compares two versions as `dpkg --compare-versions` does.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.parse::<u64>().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| part(&a.1, &b.1)).then_with(|| part(&a.2, &b.2))
}

/// Runs of other characters and runs of digits, in turn.
fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (word_a, word_b) = (take(&mut a, false), take(&mut b, false));
        let words = (0..=word_a.len().max(word_b.len()))
            .map(|at| weight(word_a.as_bytes().get(at)).cmp(&weight(word_b.as_bytes().get(at))))
            .find(|order| order.is_ne());
        if let Some(order) = words {
            return order;
        }
        let number = |digits: &str| digits.trim_start_matches('0').to_owned();
        let (left, right) = (number(take(&mut a, true)), number(take(&mut b, true)));
        let order = left.len().cmp(&right.len()).then_with(|| left.cmp(&right));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn take<'a>(text: &mut &'a str, digits: bool) -> &'a str {
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run
}

/// `~` sorts before the end, the end before letters, letters before anything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

/// Whether `text` fits a pattern in which `*` stands for any text and `?` for any character.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Behind the last `*`, and what it has not taken yet. Only the last one needs to take more.
    let mut star: Option<(&str, &str)> = None;
    loop {
        let mut wanted = pattern.chars();
        let mut found = text.chars();
        match (wanted.next(), found.next()) {
            (Some('*'), _) => {
                pattern = wanted.as_str();
                star = Some((pattern, text));
            }
            (None, None) => return true,
            (Some(c), Some(t)) if c == '?' || c == t => {
                (pattern, text) = (wanted.as_str(), found.as_str());
            }
            _ => {
                let Some((behind, left)) = star else { return false };
                let mut left = left.chars();
                if left.next().is_none() {
                    return false;
                }
                (pattern, text) = (behind, left.as_str());
                star = Some((behind, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_dpkg_sorts_them() {
        // Each line was checked with `dpkg --compare-versions`.
        for (low, high) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0-1"),
            ("1.0-1", "1.0-1+b1"),
            ("1.0-1~bpo12+1", "1.0-1"),
            ("9.0", "1:0.1"),
            ("1.0a", "1.0+dfsg"),
            ("1.22.1-9", "1.22.1-9+deb12u10"),
        ] {
            assert_eq!(compare(low, high), Ordering::Less, "{low} < {high}");
            assert_eq!(compare(high, low), Ordering::Greater, "{high} > {low}");
        }
        assert_eq!(compare("1.00", "1.0"), Ordering::Equal);
    }

    #[test]
    fn patterns_fit() {
        assert!(fits("1.2*", "1.22.1-9") && fits("1.?-1", "1.2-1") && fits("*", ""));
        assert!(!fits("1.2", "1.22") && !fits("1.2*", "1.3"));
        assert!(fits("*1*1", "0101") && fits("a*b*c", "abxbcc") && !fits("a*b*c", "abxbd"));
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)), "many stars take no time");
        assert!(fits("*é?", "aéx") && !fits("*é?", "aé"));
    }
}
