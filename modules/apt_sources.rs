//! The package sources in apt's one-line files: finding, adding and removing a source.
//!
//! Only the lines of that source are touched; a source that is commented out counts as disabled.

/// A line that is, or was, a source.
struct Line {
    enabled: bool,
    /// `deb [options] uri suite component…`, single blanks between them.
    source: String,
    comment: String,
}

impl Line {
    fn read(line: &str) -> Option<Line> {
        let line = line.trim();
        let (enabled, line) = match line.strip_prefix('#') {
            Some(rest) => (false, rest),
            None => (true, line),
        };
        let (text, comment) = match line.split_once('#').filter(|(text, _)| !text.is_empty()) {
            Some((text, comment)) => (text, comment.trim()),
            None => (line, ""),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        matches!(words.first(), Some(&("deb" | "deb-src"))).then(|| Line {
            enabled,
            source: words.join(" "),
            comment: comment.to_owned(),
        })
    }
}

/// A source as a task gives it, in its normal form; nothing if it is none.
pub(crate) fn normal(repo: &str) -> Option<String> {
    Line::read(repo).filter(|line| line.enabled).map(|line| line.source)
}

fn lines(text: &str) -> impl Iterator<Item = (Option<Line>, &str)> {
    text.split_inclusive('\n').map(|line| (Line::read(line), line))
}

/// Whether a source is in a file, enabled or not.
pub(crate) fn has(text: &str, source: &str) -> bool {
    lines(text).any(|(line, _)| line.is_some_and(|line| line.source == source))
}

/// The text with a source added at its end.
pub(crate) fn with(text: &str, source: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{source}\n")
}

/// The text with a source enabled wherever it is.
pub(crate) fn enabled(text: &str, source: &str) -> String {
    let fix = |(line, text): (Option<Line>, &str)| match line {
        Some(line) if !line.enabled && line.source == source => match &*line.comment {
            "" => format!("{source}\n"),
            comment => format!("{source} # {comment}\n"),
        },
        _ => text.to_owned(),
    };
    lines(text).map(fix).collect()
}

/// The text without a source, unless it is disabled.
pub(crate) fn without(text: &str, source: &str) -> String {
    let stays =
        |line: &Option<Line>| line.as_ref().is_none_or(|l| !l.enabled || l.source != source);
    lines(text).filter(|(line, _)| stays(line)).map(|(_, text)| text).collect()
}

/// The name, without `.list`, of the file for a source: that of its server and path.
pub(crate) fn file_name(source: &str) -> String {
    let mut bare = String::new();
    let mut rest = source;
    // The options in brackets say nothing of the place.
    while let Some((before, inside)) = rest.split_once('[') {
        bare += before;
        rest = inside.split_once(']').map_or("", |(_, after)| after);
    }
    bare += rest;
    let uri = bare.split_whitespace().find(|word| !matches!(*word, "deb" | "deb-src"));
    let place = uri.unwrap_or_default();
    let place = place.split_once("://").map_or(place, |(_, place)| place);
    let place = place.split_once('@').map_or(place, |(_, place)| place);
    let words = place.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::{file_name, normal};

    /// The right sides are the names that Ansible gives.
    #[test]
    fn files_are_named_after_their_source() {
        for (source, name) in [
            (
                "deb http://archive.canonical.com/ubuntu hardy partner",
                "archive_canonical_com_ubuntu",
            ),
            (
                "deb [arch=amd64 signed-by=/k.asc] https://download.docker.com/linux/debian bookworm stable",
                "download_docker_com_linux_debian",
            ),
            ("deb https://me:pw@repo.example.org/x/ ./", "repo_example_org_x"),
        ] {
            assert_eq!(file_name(source), name);
        }
        assert_eq!(normal(" deb  http://a  b c # why").as_deref(), Some("deb http://a b c"));
        assert_eq!(normal("# deb http://a b"), None);
        assert_eq!(normal("http://a b"), None);
    }
}
