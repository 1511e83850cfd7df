//! Color and plainness of text: what makes a line stand out, and the door for what others wrote.

mod door;

#[cfg(test)]
pub(crate) mod hostile;

use std::fmt::Display;

use crate::model::Color;

pub use door::{harmless, json, one_line, quoted};

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";
const BLUE_SIDE: &str = "1;94";
const GREEN_SIDE: &str = "1;92";
/// Every code that a text of ours may hold, the end of all of them first.
const OWN: [&str; 9] = ["0", BOLD, DIM, RED, GREEN, YELLOW, CYAN, BLUE_SIDE, GREEN_SIDE];

/// Paints text for a terminal, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// Leaves everything as it is.
    pub const PLAIN: Self = Self { color: false };

    /// Paints when `color` says so.
    #[must_use]
    pub const fn new(color: bool) -> Self {
        Self { color }
    }

    /// Whether it paints.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.color
    }

    /// For headings and what matters most.
    #[must_use]
    pub fn bold(self, text: impl Display) -> String {
        self.with(BOLD, text)
    }

    /// For what can be skipped in reading.
    #[must_use]
    pub fn dim(self, text: impl Display) -> String {
        self.with(DIM, text)
    }

    /// For failure and removal.
    #[must_use]
    pub fn red(self, text: impl Display) -> String {
        self.with(RED, text)
    }

    /// For success and addition.
    #[must_use]
    pub fn green(self, text: impl Display) -> String {
        self.with(GREEN, text)
    }

    /// For change and for what needs a look.
    #[must_use]
    pub fn yellow(self, text: impl Display) -> String {
        self.with(YELLOW, text)
    }

    /// For what to do next.
    #[must_use]
    pub fn cyan(self, text: impl Display) -> String {
        self.with(CYAN, text)
    }

    /// A color's name in that color.
    #[must_use]
    pub fn color(self, color: Color) -> String {
        match color {
            Color::Blue => self.with(BLUE_SIDE, color),
            Color::Green => self.with(GREEN_SIDE, color),
        }
    }

    /// A color's name in that color, or `none`.
    #[must_use]
    pub fn color_or_none(self, color: Option<Color>) -> String {
        color.map_or_else(|| self.dim("none"), |color| self.color(color))
    }

    /// `blue → green`, the one line of a run that must not be overlooked.
    #[must_use]
    pub fn switch(self, from: Option<Color>, to: Color) -> String {
        if from == Some(to) {
            return format!("stays {}", self.color(to));
        }
        format!("{} {} {}", self.color_or_none(from), self.bold("→"), self.color(to))
    }

    fn with(self, code: &str, text: impl Display) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A number of bytes as people say it: `812 kB`, `1.4 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let (unit, word) = match bytes {
        0..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let tenths = bytes.saturating_mul(10).div_ceil(unit);
    if tenths < 100 {
        format!("{}.{} {word}", tenths / 10, tenths % 10)
    } else {
        format!("{} {word}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [1, 1_500, 812_000, 2_340_000, 240_000_000, 1_440_000_000].map(size);
        assert_eq!(sizes, ["0.1 kB", "1.5 kB", "812 kB", "2.4 MB", "240 MB", "1.5 GB"]);
    }

    #[test]
    fn plain_paint_leaves_text_alone() {
        assert_eq!(Paint::PLAIN.switch(Some(Color::Blue), Color::Green), "blue → green");
        assert_eq!(Paint::PLAIN.switch(None, Color::Blue), "none → blue");
        assert_eq!(Paint::new(true).red("x"), "\x1b[31mx\x1b[0m");
    }
}
