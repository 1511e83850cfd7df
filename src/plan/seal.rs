//! A plan as it may be kept away from its author: whole, but for contents that may be secret. In their place
//! stand their hashes; who has the same inputs makes the same contents, and can open it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::facts::{File, Observed};
use crate::model::{Action, HostName, Key, Pointer};

use super::fill::Own;
use super::{Open, Plan, Undo};

/// Keys of an action whose values are never kept: what files hold, what programs are given, what a shell reads.
const CONTENTS: [&str; 5] = ["content", "argv", "stdin", "env", "validate"];
/// Those of a request: each of them may be how its sender proves who it is. Certificates are no secret, but long.
const REQUEST: [&str; 6] = ["url", "path", "host_header", "headers", "body", "ca"];
/// The key of a hash that stands for a content.
const SEALED: &str = "sealed";

/// What people's inputs and the hosts' files hold, by hash.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    key: Key,
    /// By host: what one holds is nothing for another.
    by_hash: BTreeMap<String, BTreeMap<String, Value>>,
    own: Own,
}

/// Why a sealed plan could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsealed {
    /// It is no plan, or another version's.
    Unreadable(String),
    /// Contents stand in it as they are, which no seal leaves: steps as `host: task`.
    InTheClear(Vec<String>),
    /// These inputs do not make what it was made of: steps as `host: task`.
    OtherInputs(Vec<String>),
}

/// The plan on one line, without contents: their hashes are made with the key.
#[must_use]
pub fn seal(plan: &Plan, key: &Key) -> String {
    let mut value = json!(plan);
    each_step(&mut value, &mut |_, step| {
        step.insert("before".to_owned(), Value::Null);
        each_content(step, &mut |_, content| close(content, key));
    });
    value.to_string()
}

/// A sealed plan with its contents in place again. With [`Open::Undos`], contents that only its way forward
/// needs are left empty.
pub(super) fn open(mut value: Value, contents: &Contents, open: Open) -> Result<Plan, Unsealed> {
    let unreadable = |error: serde_json::Error| Unsealed::Unreadable(error.to_string());
    let (mut lacking, mut clear) = (BTreeSet::new(), BTreeSet::new());
    each_step(&mut value, &mut |host, step| {
        let name = step.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        step.insert("before".to_owned(), Value::Null);
        for (part, needed) in [("action", open == Open::Whole), ("undo", true)] {
            let Some(Value::Object(part)) = step.get_mut(part) else { continue };
            if open == Open::Undos {
                leave_switch_open(part);
            }
            each_content(part, &mut |key, content| {
                let Some(hash) = content.get(SEALED).and_then(Value::as_str) else {
                    clear.insert(format!("{host}: {name}"));
                    return;
                };
                let known = contents.by_hash.get(host).and_then(|theirs| theirs.get(hash));
                if known.is_none() && needed {
                    lacking.insert(format!("{host}: {name}"));
                }
                *content = known.cloned().unwrap_or_else(|| empty(key));
            });
        }
    });
    let list = |found: BTreeSet<String>| found.into_iter().collect::<Vec<_>>();
    if !clear.is_empty() {
        return Err(Unsealed::InTheClear(list(clear)));
    }
    if !lacking.is_empty() {
        return Err(Unsealed::OtherInputs(list(lacking)));
    }
    let mut plan: Plan = serde_json::from_value(value).map_err(unreadable)?;
    let lacking = plan.fill_in(&contents.own);
    // No way back needs any of that.
    if open == Open::Whole && !lacking.is_empty() {
        return Err(Unsealed::OtherInputs(list(lacking)));
    }
    Ok(plan)
}

impl Plan {
    /// Has the ways back switch like this. A run that is stuck because its reload command is wrong is taken back by the
    /// one that was mended since. Returns the load balancers that have another driver now: nothing says how they go back.
    pub fn switch_as(&mut self, pointers: &BTreeMap<HostName, Pointer>) -> Vec<HostName> {
        let mut others = Vec::new();
        for lane in self.waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
            let Some(now) = pointers.get(&lane.host) else { continue };
            for step in &mut lane.steps {
                if let Undo::Reverse(Action::Swap(swap)) = &mut step.undo
                    && !swap.pointer.switch_as(now)
                {
                    others.push(lane.host.clone());
                }
            }
        }
        others
    }
}

impl Contents {
    /// None yet, of what was sealed with this key.
    pub(super) fn new(key: &Key) -> Self {
        Self { key: key.clone(), by_hash: BTreeMap::new(), own: Own::default() }
    }

    /// Adds what an action on a host holds, and what it has that no plan holds.
    pub(super) fn add(&mut self, host: &HostName, action: &Action) {
        self.own.add(host, action);
        let theirs = self.by_hash.entry(host.to_string()).or_default();
        if let Value::Object(mut action) = json!(action) {
            each_content(&mut action, &mut |_, content| {
                theirs.insert(hash(content, &self.key), content.take());
            });
        }
    }

    /// Puts a host's content in its hash's place; whether it is there. What never was sealed stays.
    pub(super) fn fill(&self, host: &HostName, content: &mut Value) -> bool {
        let Some(hash) = content.get(SEALED).and_then(Value::as_str) else { return true };
        let Some(known) = self.by_hash.get(host.as_str()).and_then(|theirs| theirs.get(hash)) else {
            return false;
        };
        *content = known.clone();
        true
    }

    /// Adds what the hosts' files hold, as a file's bytes and as a site's text, and which compose they have: of each host,
    /// for itself.
    pub(super) fn add_facts(&mut self, observed: &Observed) {
        for (host, facts) in &observed.hosts {
            if let Some(compose) = facts.compose {
                self.own.add_compose(host, compose);
            }
            let theirs = self.by_hash.entry(host.to_string()).or_default();
            for file in facts.files.values() {
                let File::Present { content, .. } = file else { continue };
                let bytes = json!(data_encoding::BASE64.encode(content));
                let text = json!(String::from_utf8_lossy(content));
                theirs.extend([bytes, text].map(|value| (hash(&value, &self.key), value)));
            }
        }
    }
}

/// Calls for every environment in a value that is not empty.
pub(super) fn each_environment(value: &mut Value, call: &mut dyn FnMut(&mut Value)) {
    each_object(value, &mut |map| each_environment_of(map, call));
}

fn each_environment_of(map: &mut Map<String, Value>, call: &mut dyn FnMut(&mut Value)) {
    each_of(map, &["env"], &mut |_, content| call(content));
}

/// Puts a hash in a content's place.
pub(super) fn close(content: &mut Value, key: &Key) {
    *content = json!({ SEALED: hash(content, key) });
}

fn hash(value: &Value, key: &Key) -> String {
    let mut hash = key.hash("content");
    hash.add(value.to_string());
    data_encoding::HEXLOWER.encode(&hash.end())
}

/// What stands for a content that nobody will look at.
fn empty(key: &str) -> Value {
    if matches!(key, "argv" | "env" | "headers") { json!([]) } else { json!("") }
}

/// Calls for every step of a plan, with its host.
fn each_step(plan: &mut Value, call: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
    let lanes = |wave: &'_ mut Value| wave.get_mut("lanes").and_then(Value::as_array_mut).map(std::mem::take);
    let Some(waves) = plan.get_mut("waves").and_then(Value::as_array_mut) else { return };
    for wave in waves {
        let Some(mut found) = lanes(wave) else { continue };
        for lane in &mut found {
            let host = lane.get("host").and_then(Value::as_str).unwrap_or_default().to_owned();
            let steps = lane.get_mut("steps").and_then(Value::as_array_mut);
            for step in steps.into_iter().flatten().filter_map(Value::as_object_mut) {
                call(&host, step);
            }
        }
        if let Some(wave) = wave.as_object_mut() {
            wave.insert("lanes".to_owned(), Value::Array(found));
        }
    }
}

/// Calls for every content that holds something, with its key.
fn each_content(map: &mut Map<String, Value>, call: &mut dyn FnMut(&str, &mut Value)) {
    each_of(map, &CONTENTS, call);
}

fn each_of(map: &mut Map<String, Value>, contents: &[&str], call: &mut dyn FnMut(&str, &mut Value)) {
    for (key, value) in map {
        let holds = match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => map.contains_key(SEALED),
            _ => false,
        };
        if contents.contains(&key.as_str()) {
            if holds {
                call(key, value);
            }
        } else {
            let inside = if key == "http" { &REQUEST[..] } else { contents };
            each_object(value, &mut |map| each_of(map, inside, call));
        }
    }
}

/// Empties the commands by which load balancers are switched.
fn leave_switch_open(map: &mut Map<String, Value>) {
    for (key, value) in map {
        each_object(value, &mut |map| {
            if matches!(key.as_str(), "nginx" | "commands") {
                each_content(map, &mut |key, content| *content = empty(key));
            }
            leave_switch_open(map);
        });
    }
}

fn each_object(value: &mut Value, call: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => call(map),
        Value::Array(list) => list.iter_mut().for_each(|value| each_object(value, call)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
