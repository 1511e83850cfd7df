//! Plans that load balancers keep: what is opened of a changed one does on other hosts what the run does there.

use std::collections::BTreeSet;

use bgctl::plan::{KeptPlan, Open, Plan, Reopening, Undo};
use serde_json::{Value, json};

use crate::drive::Target;
use crate::fleet::{self, Left};
use crate::kept::balancers;
use crate::mutate::{Corpus, Rng};
use crate::tree::Trees;

/// A run that was left, opened again with whatever is kept of its plan.
pub(crate) struct Plans<'l> {
    reopening: Reopening<'l>,
    corpus: Corpus,
    trees: Trees,
    /// What the run does, each way of opening it.
    whole: BTreeSet<String>,
    undos: BTreeSet<String>,
}

const WORDS: [&str; 16] = [
    "/etc/cron.d/x",
    "root",
    "app2",
    "lb1",
    "lb2",
    "../../x",
    "my-server-blue",
    "blue",
    "green",
    "sh -c id",
    "put_file",
    "run",
    "swap",
    "reverse",
    "not_needed",
    "stage",
];

impl<'l> Plans<'l> {
    pub(crate) fn new(left: &'l Left) -> Self {
        let record = &left.record;
        let reopening = Reopening::new(record.began(), &left.model, &left.observed).unwrap();
        let effects = |open| effects(&opened(&reopening, &left.plan, open).unwrap(), open);
        let (whole, undos) = (effects(Open::Whole), effects(Open::Undos));
        let (corpus, trees) = (Corpus::new([left.plan.clone()], &WORDS), Trees::new(&[&left.plan], &WORDS));
        Self { reopening, corpus, trees, whole, undos }
    }
}

impl Target for Plans<'_> {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        if rng.one_in(3) { self.corpus.changed(rng) } else { self.trees.changed(rng) }
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let text = String::from_utf8_lossy(input);
        for (open, ours) in [(Open::Whole, &self.whole), (Open::Undos, &self.undos)] {
            let Some(plan) = opened(&self.reopening, &text, open) else { continue };
            for effect in effects(&plan, open) {
                assert!(ours.contains(&effect), "{open:?}: {effect} is no effect of the run");
            }
        }
        1
    }
}

fn opened(reopening: &Reopening<'_>, text: &str, open: Open) -> Option<Plan> {
    reopening.open(KeptPlan { text, by: &balancers() }, open).ok()
}

/// What is done on the app servers, and as whom. What a load balancer says of itself, it may say; a host that is not in
/// the inventory is none that anybody is connected to.
fn effects(plan: &Plan, open: Open) -> BTreeSet<String> {
    let steps = plan.steps().filter(|(host, _)| matches!(host.as_str(), "app1" | "app2"));
    let of = |value: Value| {
        // Whether a file was there before is the run's own word.
        let text = value.to_string();
        let kept = ["\"remove_file\"", "\"restore_file\""].iter().any(|undo| text.contains(undo));
        if kept { "a file as it was".to_owned() } else { text }
    };
    let mut effects = BTreeSet::new();
    for (host, step) in steps {
        let mut action = json!(step.action);
        if let Some(action) = action.as_object_mut() {
            action.remove("keep");
        }
        if open == Open::Whole {
            effects.insert(format!("{host} {:?} {action}", step.escalate));
        }
        if let Undo::Reverse(undo) = &step.undo {
            effects.insert(format!("{host} {:?} undo {}", step.escalate, of(json!(undo))));
        }
    }
    effects
}

pub(crate) fn left() -> Left {
    fleet::left()
}
