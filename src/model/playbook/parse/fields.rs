//! A mapping being read, key by key.

use std::time::Duration;

use super::{Reader, foreign};
use crate::model::source::{Keys, Node, Problem};
use crate::model::{Condition, Text, Vars};

/// A mapping whose keys are known, and who remembers its problems. Every method gives `None` only after
/// remembering a problem, or where its doc says that the key may be absent.
pub(super) struct Fields<'r, 'f, 'n> {
    pub(super) reader: &'r Reader<'f>,
    pub(super) keys: Keys<'n>,
}

/// The value of a key that may be absent: `Some(None)` where it is; `None` where it is wrong.
pub(super) type Maybe<T> = Option<Option<T>>;

impl<'r, 'f, 'n> Fields<'r, 'f, 'n> {
    /// The mapping, its keys checked. `later` are keys of the contract that this version does not have.
    pub(super) fn open(
        reader: &'r Reader<'f>,
        node: &'n Node,
        what: &str,
        known: &[&str],
        later: &[&str],
    ) -> Option<Self> {
        let keys = reader.keep(Keys::of(node, what))?;
        let mut spared = Vec::new();
        for (key, _) in keys.iter() {
            let name = key.raw().unwrap_or_default();
            if known.contains(&name) {
                continue;
            }
            let problem = if later.contains(&name) {
                let message = format!("`{name}` is not available in this version");
                Problem::at(&key.location, message).help("remove it")
            } else if let Some(help) = foreign::instead(name) {
                Problem::at(&key.location, format!("`{name}` is Ansible's, and not known here")).help(help)
            } else {
                continue;
            };
            reader.refuse(problem);
            spared.push(name);
        }
        keys.refuse_unknown_but(known, &spared, &mut reader.problems.borrow_mut());
        Some(Self { reader, keys })
    }

    /// A key's value; absent is no problem.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.keys.get(key)
    }

    /// A key's value; absent is a problem.
    pub(super) fn need(&self, key: &str) -> Option<&'n Node> {
        self.reader.keep(self.keys.need(key))
    }

    fn maybe<T>(&self, key: &str, read: impl FnOnce(&Reader<'f>, &'n Node) -> Option<T>) -> Maybe<T> {
        self.get(key).map_or(Some(None), |node| read(self.reader, node).map(Some))
    }

    pub(super) fn text(&self, key: &str) -> Maybe<Text> {
        self.maybe(key, |reader, node| reader.text(node, key))
    }

    pub(super) fn texts(&self, key: &str) -> Option<Vec<Text>> {
        self.get(key).map_or(Some(Vec::new()), |node| self.reader.texts(node, key))
    }

    /// A path that must be there, absolute.
    pub(super) fn need_path(&self, key: &str) -> Option<Text> {
        self.need(key).and_then(|node| self.reader.path(node, key))
    }

    /// A path that may be absent, absolute.
    pub(super) fn path(&self, key: &str) -> Maybe<Text> {
        self.maybe(key, |reader, node| reader.path(node, key))
    }

    pub(super) fn flag(&self, key: &str) -> Maybe<bool> {
        self.maybe(key, |reader, node| reader.flag(node, key))
    }

    pub(super) fn duration(&self, key: &str) -> Maybe<Duration> {
        self.maybe(key, |reader, node| reader.duration(node, key))
    }

    pub(super) fn number(&self, key: &str, least: u32) -> Maybe<u32> {
        self.maybe(key, |reader, node| reader.number(node, key, least))
    }

    /// One of some words, by its position.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Maybe<T> {
        self.maybe(key, |reader, node| reader.word(node, key, words))
    }

    pub(super) fn vars(&self, key: &str) -> Option<Vars> {
        self.get(key).map_or(Some(Vars::new()), |node| self.reader.vars(node))
    }

    pub(super) fn conditions(&self) -> Option<Vec<Condition>> {
        self.get("when").map_or(Some(Vec::new()), |node| self.reader.conditions(node))
    }

    /// A mapping of names to texts, in order.
    pub(super) fn pairs(&self, key: &str) -> Option<Vec<(String, Text)>> {
        let Some(node) = self.get(key) else { return Some(Vec::new()) };
        let keys = self.reader.keep(Keys::of(node, &format!("`{key}`")))?;
        let pairs: Vec<_> = keys
            .iter()
            .map(|(name, value)| Some((name.raw()?.to_owned(), self.reader.text(value, key)?)))
            .collect();
        pairs.into_iter().collect()
    }

    /// Which one of some keys stands here; none or two are a problem.
    pub(super) fn one_of(
        &self,
        what: &str,
        names: &[&'static str],
    ) -> Result<(&'static str, &'n Node), Problem> {
        let found: Vec<_> = names.iter().filter_map(|name| Some((*name, self.keys.entry(name)?))).collect();
        match found.as_slice() {
            [(name, (_, value))] => Ok((*name, *value)),
            [] => {
                let message = format!("{what} is missing one of: {}", names.join(", "));
                Err(Problem::at(&self.keys.node().location, message))
            }
            [(first, _), (second, (key, _)), ..] => {
                let message = format!("{what} has one of `{first}` and `{second}`, not both");
                Err(Problem::at(&key.location, message).help("remove one of the two"))
            }
        }
    }

    /// The same, its problem remembered.
    pub(super) fn need_one(&self, what: &str, names: &[&'static str]) -> Option<(&'static str, &'n Node)> {
        self.reader.keep(self.one_of(what, names))
    }
}
