//! What somebody hostile puts into every field that they can fill, for the tests of every place that shows it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{OWN, Paint, harmless};

/// Everything that steers a terminal, hides or reorders text, or begins a line.
pub(crate) fn hostile() -> String {
    let controls: String = ('\0'..='\x1f').chain('\x7f'..='\u{9f}').collect();
    let hidden =
        "\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}";
    let titles = "\x1b]0;title\x07 \x1b]8;;http://evil/\x1b\\link \x1b]52;c;ZXZpbA==\x1b\\ \u{9d}0;x\u{9c}";
    let moves = "\x1b[2J \x1b[1A\x1b[2K \x1bP$q\x1b\\ \u{9b}2J over\rwritten \x08\x08 \x1b[31mred\x1b[0m";
    let lines = "\nerror: forged\r\nhint: forged\n  bgctl forged\nnext: forged\n forged\n";
    format!("first{controls}{hidden}{titles}{moves}{lines}")
}

/// Whether nothing in a text steers but our own colors, and none of its lines begins as others wrote it.
#[track_caller]
pub(crate) fn assert_tame(text: &str) {
    assert!(!text.contains("\x1b[31mred"), "others paint in {text:?}");
    let plain = OWN.iter().fold(text.to_owned(), |text, code| text.replace(&format!("\x1b[{code}m"), ""));
    assert_eq!(Paint::PLAIN.through(&harmless(&plain)), plain, "something steers in {text:?}");
    let forged = ["error: forged", "hint: forged", "bgctl forged", "next: forged", "forged"];
    for line in plain.lines().map(str::trim_start) {
        assert!(!forged.iter().any(|forged| line.starts_with(forged)), "{line:?} looks like ours in {text}");
    }
}

/// Where names stand: their types judge those.
const NAMES: [&str; 7] = ["app", "run", "release", "host", "hosts", "load_balancers", "app_servers"];

/// A value with each of its texts in turn as somebody hostile would have it, as far as it can still be read.
pub(crate) fn forgeries<T: Serialize + DeserializeOwned>(honest: &T) -> Vec<T> {
    let honest = serde_json::to_value(honest).unwrap();
    let mut forged = Vec::new();
    let mut place = 0;
    while let Some(value) = forge(&honest, &mut place.clone()) {
        forged.extend(serde_json::from_value(value));
        place += 1;
    }
    assert!(!forged.is_empty());
    forged
}

/// The value with its nth text replaced, keys counted, too.
fn forge(value: &Value, left: &mut usize) -> Option<Value> {
    let mut is_next = || std::mem::replace(left, left.wrapping_sub(1)) == 0;
    match value {
        Value::String(_) => is_next().then(|| Value::String(hostile())),
        Value::Array(list) => list.iter().enumerate().find_map(|(at, item)| {
            let mut list = list.clone();
            list[at] = forge(item, left)?;
            Some(Value::Array(list))
        }),
        Value::Object(fields) => fields.iter().find_map(|(key, item)| {
            let is_key = std::mem::replace(left, left.wrapping_sub(1)) == 0;
            let holds_names = NAMES.contains(&key.as_str()) && (item.is_string() || item.is_array());
            let (other, item) = match (is_key, holds_names) {
                (true, _) => (hostile(), item.clone()),
                (false, true) => return None,
                (false, false) => (key.clone(), forge(item, left)?),
            };
            let renamed = |(name, value): (&String, &Value)| {
                if name == key { (other.clone(), item.clone()) } else { (name.clone(), value.clone()) }
            };
            Some(Value::Object(fields.iter().map(renamed).collect::<Map<_, _>>()))
        }),
        _ => None,
    }
}
