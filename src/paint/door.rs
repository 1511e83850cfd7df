//! The one door to a screen: text of others is for reading, and nothing in it steers, hides or reorders what is shown.
//!
//! What would is shown in its place as programmers write it: `\x1b`, `\u{202e}`. Letters of any script and emoji stay as
//! they are; joiners between emoji are shown, as they also hide between the letters of a name. Mere colors of others
//! are left out: they hold no text, and logs are full of them.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::{OWN, Paint};

/// What begins a sequence that steers a terminal, and one that colors.
const BEGINS: &str = "\x1b[";
/// In front of every further line of what somebody else said.
const BAR: &str = "    | ";

/// What is not seen, or turns the direction in which others are.
const UNSEEN: [RangeInclusive<char>; 17] = [
    // Soft hyphen, joiners and fillers of several scripts.
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{3164}'..='\u{3164}',
    '\u{ffa0}'..='\u{ffa0}',
    // Direction: marks, embeddings, overrides, isolates; among them what has no width, and separators of lines.
    '\u{61c}'..='\u{61c}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    // Variants, but for the two that choose how an emoji looks; the byte order mark; annotations.
    '\u{fe00}'..='\u{fe0d}',
    '\u{feff}'..='\u{feff}',
    '\u{fff0}'..='\u{fffb}',
    // Formats of shorthand and music; tags, and more variants.
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Text of others over several lines: newlines and tabs are layout, anything else that is no letter is shown.
#[must_use]
pub fn harmless(text: &str) -> String {
    shown(text, |rest| color(rest).map(|(_, after)| (None, after)))
}

/// Text of others in a place that has one line: newlines and tabs are shown, too.
#[must_use]
pub fn one_line(text: &str) -> String {
    flat(&harmless(text.trim_end_matches(['\r', '\n']))).replace('\t', "\\t")
}

/// What somebody else said after a head of ours: its first line beside the head, the others marked, so that none of
/// them looks like a line of ours.
#[must_use]
pub fn quoted(head: &str, text: &str) -> Vec<String> {
    let text = harmless(text.trim_end());
    let mut lines = text.lines();
    let first = format!("{head}{}", lines.next().unwrap_or_default());
    std::iter::once(first).chain(lines.map(|line| format!("{BAR}{line}"))).collect()
}

/// JSON that a terminal can be shown: what would steer it is written as JSON escapes it, which reads back as it was.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) {
            let mut units = [0; 2];
            out.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(letter);
        }
    }
    out
}

impl Paint {
    /// A text with our own colors in it, where it paints; anything else that would steer is shown.
    #[must_use]
    pub fn through(self, text: &str) -> String {
        shown(text, |rest| {
            let (code, after) = color(rest).filter(|(code, _)| self.color && OWN.contains(code))?;
            Some((Some(code), after))
        })
    }

    /// One line with our own colors in it: no text in it begins another line.
    #[must_use]
    pub fn line(self, text: &str) -> String {
        flat(&self.through(text))
    }

    /// Lines as one text, each ended.
    #[must_use]
    pub fn page<S: AsRef<str>>(self, lines: impl IntoIterator<Item = S>) -> String {
        lines.into_iter().map(|line| self.line(line.as_ref()) + "\n").collect()
    }
}

fn flat(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// The text with everything shown that steers; `known` takes a color off its beginning, and tells which code of it is
/// kept.
fn shown(text: &str, known: impl Fn(&str) -> Option<(Option<&str>, &str)>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        if let Some((code, after)) = known(rest) {
            out.extend(code.map(|code| format!("{BEGINS}{code}m")));
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("\r\n") {
            out.push('\n');
            rest = after;
            continue;
        }
        let mut letters = rest.chars();
        match letters.next() {
            None => return out,
            Some('\r') => out.push_str("\\r"),
            Some(letter) if letter.is_ascii() && steers(letter) => {
                let _ = write!(out, "\\x{:02x}", u32::from(letter));
            }
            Some(letter) if steers(letter) => out.extend(letter.escape_unicode()),
            Some(letter) => out.push(letter),
        }
        rest = letters.as_str();
    }
}

/// A color's code at the beginning of a text, and what follows it.
fn color(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(BEGINS)?;
    let end = rest.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, ';' | ':')))?;
    let (code, after) = rest.split_at_checked(end)?;
    Some((code, after.strip_prefix('m')?))
}

/// Whether a character moves the cursor, begins a sequence, turns the direction of writing, or is there and not seen.
fn steers(letter: char) -> bool {
    let is_layout = matches!(letter, '\n' | '\t');
    (letter.is_control() && !is_layout) || UNSEEN.iter().any(|range| range.contains(&letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hostile::{assert_tame, hostile};
    use super::*;
    use crate::model::Color;

    #[test]
    fn what_steers_a_terminal_is_shown_and_letters_stay() {
        assert_eq!(harmless("a\x1b[31mred\x1b[0m\r\n\tb\x07"), "ared\n\tb\\x07");
        assert_eq!(harmless("\x1b]0;title\x07x\x1b"), "\\x1b]0;title\\x07x\\x1b");
        assert_eq!(harmless("10%\r20%\u{9b}2J"), "10%\\r20%\\u{9b}2J");
        assert_eq!(harmless("nimda\u{202e}.sh\u{200b}"), "nimda\\u{202e}.sh\\u{200b}");
        for letters in ["grün, größer", "日本語", "ä\u{308}", "مرحبا", "✔\u{fe0f} 👍🏽 🇩🇪", "a\\x1b"]
        {
            assert_eq!(harmless(letters), letters);
        }
    }

    #[test]
    fn one_line_stays_one() {
        assert_eq!(one_line("me\nerror: no\tb\n"), "me\\nerror: no\\tb");
        let lines = quoted("app1: ", "no\nhint: go\x1b[2J\n");
        assert_eq!(lines, ["app1: no", "    | hint: go\\x1b[2J"]);
        assert_eq!(quoted("app1: ", ""), ["app1: "]);
        assert_eq!(Paint::PLAIN.page(["a\nb", "c"]), "a\\nb\nc\n");
    }

    #[test]
    fn only_our_own_colors_pass_and_only_where_there_are_any() {
        let paint = Paint::new(true);
        let ours = [
            paint.bold("x"),
            paint.dim("x"),
            paint.red(paint.bold("x")),
            paint.green("x"),
            paint.yellow("x"),
            paint.cyan("x"),
            paint.switch(Some(Color::Blue), Color::Green),
            paint.color_or_none(None),
        ];
        for text in ours {
            assert_eq!(paint.through(&text), text);
            assert!(!Paint::PLAIN.through(&text).contains('\x1b'), "{text:?}");
        }
        assert_eq!(paint.through("\x1b[8mx\x1b[2J"), "\\x1b[8mx\\x1b[2J");
        assert_tame(&paint.line(&one_line(&hostile())));
    }

    proptest! {
        #[test]
        fn nothing_steers_after_the_door_and_nothing_changes_behind_it(
            text in "(\\PC|[\0-\x1f\x7f-\u{9f}]|[\u{200b}-\u{202e}]|\x1b\\[[0-9;]{0,4}[mJ]|\\r\n){0,12}",
        ) {
            for out in [harmless(&text), one_line(&text), Paint::PLAIN.through(&text), json(&text)] {
                prop_assert!(!out.chars().any(steers), "{:?}", out);
            }
            prop_assert!(!one_line(&text).contains(['\n', '\t']));
            let once = harmless(&text);
            prop_assert_eq!(Paint::new(true).through(&once), once);
        }

        #[test]
        fn json_reads_back(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&json(&written)).unwrap(), text);
        }
    }
}
