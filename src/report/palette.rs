//! Colours by what they stand for.

use crate::config::Color;

/// The colour of each kind of thing that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    pub ok: Color,
    pub changed: Color,
    pub error: Color,
    pub skipped: Color,
    pub unreachable: Color,
    pub included: Color,
    pub warning: Color,
    /// Lines that a change adds.
    pub added: Color,
    /// Lines that a change removes.
    pub removed: Color,
    /// Where in a file a change is.
    pub place: Color,
}

/// Paints texts, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style(pub(super) Option<Palette>);

impl Style {
    fn paint(self, color: impl Fn(&Palette) -> Color, text: &str) -> String {
        match &self.0 {
            Some(palette) => format!("\x1b[{}m{text}\x1b[0m", color(palette)),
            None => text.to_owned(),
        }
    }
    pub(super) fn ok(self, text: &str) -> String {
        self.paint(|palette| palette.ok, text)
    }
    pub(super) fn changed(self, text: &str) -> String {
        self.paint(|palette| palette.changed, text)
    }
    pub(super) fn error(self, text: &str) -> String {
        self.paint(|palette| palette.error, text)
    }
    pub(super) fn skipped(self, text: &str) -> String {
        self.paint(|palette| palette.skipped, text)
    }
    pub(super) fn unreachable(self, text: &str) -> String {
        self.paint(|palette| palette.unreachable, text)
    }
    pub(super) fn included(self, text: &str) -> String {
        self.paint(|palette| palette.included, text)
    }
    pub(super) fn warning(self, text: &str) -> String {
        self.paint(|palette| palette.warning, text)
    }
    pub(super) fn added(self, text: &str) -> String {
        self.paint(|palette| palette.added, text)
    }
    pub(super) fn removed(self, text: &str) -> String {
        self.paint(|palette| palette.removed, text)
    }
    pub(super) fn place(self, text: &str) -> String {
        self.paint(|palette| palette.place, text)
    }
    pub(super) fn bold(self, text: &str) -> String {
        match self.0 {
            Some(_) => format!("\x1b[1m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }
}
