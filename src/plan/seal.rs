//! A plan as it may be kept away from its author: whole, but for contents that may be secret. In their place
//! stand their hashes; who has the same inputs makes the same contents, and can open it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::facts::{File, Observed};
use crate::model::{Action, HostName, KeptRelease, Pointer};

use super::fill::Own;
use super::{Plan, Undo};

/// Keys of an action whose values are never kept: what files hold, what programs are given. Certificates are no
/// secret, but long.
const CONTENTS: [&str; 5] = ["content", "argv", "stdin", "env", "ca"];
/// The key of a hash that stands for a content.
const SEALED: &str = "sealed";

/// What people's inputs and the hosts' files hold, by hash.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    by_hash: BTreeMap<String, Value>,
    own: Own,
}

/// How much of a sealed plan must be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// All of it, to go on.
    Whole,
    /// What takes it back. How load balancers are switched is left open: [`Plan::switch_as`] says it.
    Undos,
}

/// Why a sealed plan could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is no plan, or another version's.
    #[error("the plan on the load balancer cannot be read: {0}")]
    Unreadable(String),
    /// These inputs do not make what it was made of: steps as `host: task`.
    #[error("these inputs are not those that the run was started with")]
    OtherInputs(Vec<String>),
}

/// The plan on one line, without contents.
#[must_use]
pub fn seal(plan: &Plan) -> String {
    let mut value = json!(plan);
    each_step(&mut value, &mut |_, step| {
        step.insert("before".to_owned(), Value::Null);
        each_content(step, &mut |content| *content = json!({ SEALED: hash(content) }));
    });
    value.to_string()
}

impl Plan {
    /// A sealed plan with its contents in place again. With [`Open::Undos`], contents that only its way forward
    /// needs are left empty.
    pub fn open(text: &str, contents: &Contents, open: Open) -> Result<Self, Unopened> {
        let unreadable = |error: serde_json::Error| Unopened::Unreadable(error.to_string());
        let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
        let mut lacking = BTreeSet::new();
        each_step(&mut value, &mut |host, step| {
            let name = step.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (part, needed) in [("action", open == Open::Whole), ("undo", true)] {
                let Some(Value::Object(part)) = step.get_mut(part) else { continue };
                if open == Open::Undos {
                    leave_switch_open(part);
                }
                each_sealed(part, &mut |key, content| {
                    let known = content
                        .get(SEALED)
                        .and_then(Value::as_str)
                        .and_then(|hash| contents.by_hash.get(hash));
                    if known.is_none() && needed {
                        lacking.insert(format!("{host}: {name}"));
                    }
                    *content = known.cloned().unwrap_or_else(|| empty(key));
                });
            }
        });
        let other = |lacking: BTreeSet<String>| Unopened::OtherInputs(lacking.into_iter().collect());
        if !lacking.is_empty() {
            return Err(other(lacking));
        }
        let mut plan: Self = serde_json::from_value(value).map_err(unreadable)?;
        let lacking = plan.fill_in(&contents.own);
        // No way back needs any of that.
        if open == Open::Whole && !lacking.is_empty() { Err(other(lacking)) } else { Ok(plan) }
    }

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
    /// Adds what a plan's actions hold.
    pub(super) fn add_action(&mut self, action: &Action) {
        if let Value::Object(mut action) = json!(action) {
            each_content(&mut action, &mut |content| {
                self.by_hash.insert(hash(content), content.take());
            });
        }
    }

    /// Adds what an action has that no plan holds.
    pub(super) fn add_own(&mut self, host: &HostName, action: &Action) {
        self.own.add(host, action);
    }

    /// Adds what the hosts' files hold, as a file's bytes and as a site's text.
    pub(super) fn add_files(&mut self, observed: &Observed) {
        for file in observed.hosts.values().flat_map(|facts| facts.files.values()) {
            let File::Present { content, .. } = file else { continue };
            self.add_bytes(content);
        }
    }

    /// Adds what hosts keep of a release.
    pub(super) fn add_kept(&mut self, kept: &KeptRelease) {
        for side in kept.hosts.values().flat_map(|kept| kept.sides.values()) {
            side.steps.iter().for_each(|step| self.add_action(&step.action));
            side.site.iter().for_each(|site| self.add_bytes(site.as_bytes()));
        }
    }

    fn add_bytes(&mut self, content: &[u8]) {
        let bytes = json!(data_encoding::BASE64.encode(content));
        let text = json!(String::from_utf8_lossy(content));
        self.by_hash.extend([bytes, text].map(|value| (hash(&value), value)));
    }
}

fn hash(value: &Value) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(value.to_string()))
}

/// What stands for a content that nobody will look at.
fn empty(key: &str) -> Value {
    if matches!(key, "argv" | "env") { json!([]) } else { json!("") }
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

/// Calls for every content that holds something.
fn each_content(map: &mut Map<String, Value>, call: &mut dyn FnMut(&mut Value)) {
    for (key, value) in map {
        let holds = match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => false,
        };
        if CONTENTS.contains(&key.as_str()) && holds {
            call(value);
        } else {
            each_object(value, &mut |map| each_content(map, call));
        }
    }
}

/// Empties the commands by which load balancers are switched.
fn leave_switch_open(map: &mut Map<String, Value>) {
    for (key, value) in map {
        each_object(value, &mut |map| {
            if matches!(key.as_str(), "nginx" | "commands") {
                each_sealed(map, &mut |key, content| *content = empty(key));
            }
            leave_switch_open(map);
        });
    }
}

/// Calls for every hash that stands for a content, with the content's key.
fn each_sealed(map: &mut Map<String, Value>, call: &mut dyn FnMut(&str, &mut Value)) {
    for (key, value) in map {
        if CONTENTS.contains(&key.as_str()) && value.get(SEALED).is_some() {
            call(key, value);
        } else {
            each_object(value, &mut |map| each_sealed(map, call));
        }
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
