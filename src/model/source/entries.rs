//! What a mapping and an alias are made of while a document is read.

use std::collections::HashMap;

use super::{Node, Yaml};

/// A mapping being put together; a later value for a key takes the earlier one's place.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) list: Vec<(Node, Node)>,
    index: HashMap<String, usize>,
}

impl Entries {
    pub(super) fn find(&self, key: &Node) -> Option<&Node> {
        self.index.get(&key.key_text()).and_then(|at| self.list.get(*at)).map(|(key, _)| key)
    }

    pub(super) fn put(&mut self, key: Node, value: Node) {
        let at = *self.index.entry(key.key_text()).or_insert(self.list.len());
        match self.list.get_mut(at) {
            Some(entry) => *entry = (key, value),
            None => self.list.push((key, value)),
        }
    }
}

/// How much an alias to a node costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) weight: usize,
    pub(super) depth: usize,
}

impl Size {
    pub(super) fn of(node: &Node) -> Self {
        let children: Vec<Self> = match &node.value {
            Yaml::Seq(items) => items.iter().map(Self::of).collect(),
            Yaml::Map(entries) => {
                entries.iter().flat_map(|(key, value)| [Self::of(key), Self::of(value)]).collect()
            }
            _ => Vec::new(),
        };
        Self {
            weight: 1
                + node.raw().map_or(0, str::len) / 16
                + children.iter().map(|c| c.weight).sum::<usize>(),
            depth: 1 + children.iter().map(|c| c.depth).max().unwrap_or(0),
        }
    }
}
