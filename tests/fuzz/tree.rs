//! Changes to JSON that leave it JSON: any value in any other one's place.

use serde_json::{Value, json};

use crate::mutate::{NUMBERS, Rng};

/// JSON texts of one kind, and values that matter in them.
pub(crate) struct Trees {
    trees: Vec<Value>,
    words: Vec<Value>,
}

impl Trees {
    pub(crate) fn new<T: AsRef<str>>(texts: &[T], words: &[&str]) -> Self {
        let trees = texts.iter().map(|text| serde_json::from_str(text.as_ref()).unwrap()).collect();
        Self { trees, words: words.iter().map(|word| json!(word)).collect() }
    }

    /// One of them, with other values in a few places.
    pub(crate) fn changed(&self, rng: &mut Rng) -> Vec<u8> {
        let which = rng.below(self.trees.len());
        let mut tree = self.trees[which].clone();
        loop {
            let value = self.value(rng, &tree);
            let place = rng.below(size(&tree));
            change(rng, nth(&mut tree, &mut { place }).unwrap(), value);
            if rng.one_in(2) {
                return tree.to_string().into_bytes();
            }
        }
    }

    fn value(&self, rng: &mut Rng, tree: &Value) -> Value {
        match rng.below(8) {
            0 => json!(null),
            1 => json!(rng.one_in(2)),
            2 => serde_json::from_str(NUMBERS[rng.below(NUMBERS.len())]).unwrap(),
            3 => json!(u64::MAX - rng.next() % 3),
            4 if !self.words.is_empty() => self.words[rng.below(self.words.len())].clone(),
            5 => [json!([]), json!({}), json!(""), json!({ "sealed": "00" })][rng.below(4)].clone(),
            _ => {
                let place = rng.below(size(tree));
                nth(&mut tree.clone(), &mut { place }).unwrap().clone()
            }
        }
    }
}

fn change(rng: &mut Rng, place: &mut Value, value: Value) {
    match (rng.below(6), place) {
        (0, Value::Array(list)) if !list.is_empty() => drop(list.remove(rng.below(list.len()))),
        (1, Value::Array(list)) => list.insert(rng.below(list.len() + 1), value),
        (2, Value::Array(list)) if !list.is_empty() => {
            let (one, two) = (rng.below(list.len()), rng.below(list.len()));
            list.swap(one, two);
        }
        (3, Value::Array(list)) if !list.is_empty() => {
            let one = list[rng.below(list.len())].clone();
            list.insert(rng.below(list.len() + 1), one);
        }
        (0 | 1, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(rng.below(map.len())).unwrap().clone();
            map.remove(&key);
        }
        (2, Value::Object(map)) => drop(map.insert("more".to_owned(), value)),
        (_, place) => *place = value,
    }
}

/// How many values there are, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// The value at a place, in the order of the text.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|inner| nth(inner, left)),
        Value::Object(map) => map.values_mut().find_map(|inner| nth(inner, left)),
        _ => None,
    }
}
