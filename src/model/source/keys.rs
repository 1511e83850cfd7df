//! A mapping whose keys are known beforehand.

use super::{Node, Problem, Problems};

/// The entries of a mapping, looked up by name.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'n> {
    node: &'n Node,
    entries: &'n [(Node, Node)],
}

impl<'n> Keys<'n> {
    /// The node as a mapping. `what` names it in the message: "a task".
    pub fn of(node: &'n Node, what: &str) -> Result<Self, Problem> {
        let entries = node.as_map().ok_or_else(|| {
            Problem::at(&node.location, format!("{what} is a mapping of keys, and this is {}", node.kind()))
        })?;
        Ok(Self { node, entries })
    }

    /// The mapping itself.
    #[must_use]
    pub fn node(&self) -> &'n Node {
        self.node
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key and its value, for messages about the key itself.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&'n Node, &'n Node)> {
        self.iter().find(|(name, _)| name.raw() == Some(key))
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &str) -> Result<&'n Node, Problem> {
        self.get(key).ok_or_else(|| Problem::at(&self.node.location, format!("`{key}` is missing here")))
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'n Node, &'n Node)> + use<'n> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Reports every key that is none of the known ones, with the nearest of them.
    pub fn refuse_unknown(&self, known: &[&str], problems: &mut Problems) {
        self.refuse_unknown_but(known, known, problems);
    }

    /// The same, passing over keys that are spared because something else was said of them.
    pub fn refuse_unknown_but(&self, known: &[&str], spared: &[&str], problems: &mut Problems) {
        for (key, _) in self.iter() {
            let name = key.raw().unwrap_or_default();
            if !known.contains(&name) && !spared.contains(&name) {
                problems.0.push(unknown(key, name, known));
            }
        }
    }
}

fn unknown(key: &Node, name: &str, known: &[&str]) -> Problem {
    match suggestion(name, known.iter().copied()) {
        Some(near) => Problem::at(&key.location, format!("unknown key `{name}`; did you mean `{near}`?")),
        None => Problem::at(&key.location, format!("unknown key `{name}`"))
            .help(format!("known here: {}", known.join(", "))),
    }
}

/// The known name that was probably meant.
pub fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let worst = name.chars().count().max(3) / 3;
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= worst)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
