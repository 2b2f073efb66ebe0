//! Colours as Ansible names them.

use std::fmt;

/// The colour of a text on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// One of the sixteen, which the terminal's user has chosen.
    Named { bright: bool, digit: u8 },
    /// One of 256.
    Index(u8),
    /// As all other text.
    Normal,
}

/// Names, whether they are bright, and their digit.
const NAMES: &[(&str, bool, u8)] = &[
    ("black", false, 0),
    ("bright gray", false, 7),
    ("blue", false, 4),
    ("white", true, 7),
    ("green", false, 2),
    ("bright blue", true, 4),
    ("cyan", false, 6),
    ("bright green", true, 2),
    ("red", false, 1),
    ("bright cyan", true, 6),
    ("purple", false, 5),
    ("bright red", true, 1),
    ("yellow", false, 3),
    ("bright purple", true, 5),
    ("dark gray", true, 0),
    ("bright yellow", true, 3),
    ("magenta", false, 5),
    ("bright magenta", true, 5),
];

impl Color {
    /// The colour of that name; `color0` to `color255`, `rgb000` to `rgb555` and `gray0` to `gray23` are
    /// those of a terminal with 256.
    pub fn parse(name: &str) -> Option<Color> {
        if name == "normal" {
            return Some(Color::Normal);
        }
        if let Some((_, bright, digit)) = NAMES.iter().find(|(known, ..)| *known == name) {
            return Some(Color::Named { bright: *bright, digit: *digit });
        }
        let number = |text: &str, most: u8| text.parse().ok().filter(|number| *number <= most);
        if let Some(index) = name.strip_prefix("color") {
            return number(index, 255).map(Color::Index);
        }
        if let Some(shade) = name.strip_prefix("gray") {
            return number(shade, 23).map(|shade| Color::Index(232 + shade));
        }
        let digits: Vec<u8> = name
            .strip_prefix("rgb")?
            .chars()
            .map(|c| c.to_digit(6).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        match digits[..] {
            [red, green, blue] => Some(Color::Index(16 + 36 * red + 6 * green + blue)),
            _ => None,
        }
    }
}

/// The numbers between `ESC [` and `m`.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Color::Named { bright, digit } => write!(f, "{};3{digit}", u8::from(*bright)),
            Color::Index(index) => write!(f, "38;5;{index}"),
            Color::Normal => f.write_str("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_ansibles_codes() {
        let code = |name: &str| Color::parse(name).map(|color| color.to_string());
        assert_eq!(code("red").as_deref(), Some("0;31"));
        assert_eq!(code("bright purple").as_deref(), Some("1;35"));
        assert_eq!(code("rgb510").as_deref(), Some("38;5;202"));
        assert_eq!(code("color208").as_deref(), Some("38;5;208"));
        assert_eq!(code("gray12").as_deref(), Some("38;5;244"));
        assert_eq!(code("normal").as_deref(), Some("0"));
        for wrong in ["", "reddish", "rgb600", "rgb51", "color256", "gray24", "color"] {
            assert_eq!(code(wrong), None, "{wrong}");
        }
    }
}
