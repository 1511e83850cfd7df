//! Commands, as steps; and those that one host runs for all of a play: the others wait for it, and if it cannot be
//! done, or cannot stay, nobody goes on.

use crate::model::playbook::Command;
use crate::model::{Action, ComposeRun, HostName, Module, Play};
use crate::plan::deed::Deed;
use crate::plan::{Certainty, Lane, Phase, Step, Undo, Wave};

use super::stage::step;

/// The waves of a batch: cut before and after each command that one host runs for all.
pub(super) struct InTurn<'p> {
    play: &'p Play,
    /// The batch's name.
    name: String,
    /// Whether anybody has to wait.
    cuts: bool,
    /// Of each part, its lanes, and the name of the command where it is one.
    parts: Vec<(Option<String>, Vec<Lane>)>,
}

impl<'p> InTurn<'p> {
    pub(super) fn new(play: &'p Play, batch: &[&HostName], name: String) -> Self {
        Self { play, name, cuts: batch.len() > 1 && play.runs_once(), parts: Vec::new() }
    }

    /// A host's deeds, one for each task of the play, part by part.
    pub(super) fn cut(&mut self, deeds: Vec<Deed>) -> Vec<Vec<Deed>> {
        let mut cut: Vec<(Option<String>, Vec<Deed>)> = vec![(None, Vec::new())];
        for (task, deed) in self.play.tasks.iter().zip(deeds) {
            if self.cuts && task.runs_once() {
                cut.push((Some(deed.name.clone()), vec![deed]));
                cut.push((None, Vec::new()));
            } else if let Some((_, part)) = cut.last_mut() {
                part.push(deed);
            }
        }
        if self.parts.is_empty() {
            self.parts = cut.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        }
        cut.into_iter().map(|(_, part)| part).collect()
    }

    pub(super) fn add(&mut self, part: usize, lane: Lane) {
        if let Some((_, lanes)) = self.parts.get_mut(part) {
            lanes.push(lane);
        }
    }

    /// Until the last such command has run, a host that fails is too many: it may be the one that was to run it.
    pub(super) fn waves(self, phase: Phase) -> Vec<Wave> {
        let last = self.parts.len().saturating_sub(1);
        let (mut waves, mut after) = (Vec::new(), None);
        for (index, (command, lanes)) in self.parts.into_iter().enumerate() {
            let name = match (&command, &after) {
                (Some(command), _) => format!("{}: {command}", self.name),
                (None, Some(before)) => format!("{}, after {before}", self.name),
                (None, None) => self.name.clone(),
            };
            after = command.or(after);
            let says_nothing = |lane: &Lane| lane.steps.is_empty() && lane.skipped.is_empty();
            if last > 0 && lanes.iter().all(says_nothing) {
                continue;
            }
            let max_fail_percentage = if index < last { 0.0 } else { self.play.max_fail_percentage };
            waves.push(Wave { phase, name, max_fail_percentage, lanes });
        }
        waves
    }
}

/// Has waves that come before such a command fail with any host.
pub(super) fn tolerate_nothing(waves: &mut [Wave]) {
    for wave in waves {
        wave.max_fail_percentage = 0.0;
    }
}

/// Whether a play has such a command with an `undo:`. A host that fails alone would take it back for all.
pub(super) fn is_taken_back(play: &Play) -> bool {
    let mut once = play.tasks.iter().filter(|task| task.runs_once());
    once.any(|task| matches!(&task.module, Module::Command(Command { undo: Some(_), .. })))
}

/// How a command is taken back.
pub(super) fn way_back(undo: Option<Action>, phase: Phase) -> Undo {
    match undo {
        Some(undo) => Undo::Reverse(undo),
        None if phase == Phase::Settle => Undo::NotNeeded,
        None => Undo::Impossible("the task has no undo: command; it stays as it is".to_owned()),
    }
}

/// A command in a container. The step before it waits for others, and takes down what compose makes for it: networks,
/// and services that it needs, which compose brings up as the new file has them, also where the color still ran.
pub(super) fn run_inside(
    lane: &mut Lane,
    deed: &Deed,
    (run, undo): (&ComposeRun, Option<&ComposeRun>),
    phase: Phase,
) {
    let project = &run.project;
    let raises =
        |step: &Step| matches!(&step.action, Action::ComposeUp(up) if up.project.name == project.name);
    let down = match phase {
        Phase::Settle => Undo::NotNeeded,
        // That step's own undo takes all of it down.
        _ if lane.steps.iter().any(raises) => Undo::NotNeeded,
        _ => Undo::Reverse(Action::ComposeDown(project.clone())),
    };
    lane.steps.push(step(deed, Action::ComposeClear(project.clone()), down, Certainty::Computed));
    let undo = way_back(undo.cloned().map(Action::ComposeRun), phase);
    lane.steps.push(step(deed, Action::ComposeRun(run.clone()), undo, Certainty::Computed));
}
