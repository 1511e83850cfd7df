//! For a run that another process began: what its sealed plan holds, and how the color before answers for itself.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::model::{Action, Color, HostName, Pointer, Problems, ReleaseId};
use crate::plan::{Contents, Goal, Lane, Undo, Wave};

use crate::plan::{deed, project, site};

use super::{Blocked, Builder, Model, Request, Scope, observe};

/// What a run was asked for, as its record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began {
    /// The goal.
    pub goal: Goal,
    /// The color that was served.
    pub live: Option<Color>,
    /// The color that it works on.
    pub target: Color,
}

/// Everything that these inputs make for such a run, whatever has been done of it already, and the release that
/// they make. Sites are those without `left_out`, hosts that failed and get no traffic. Inputs that are wrong are an
/// error in the place of the release, and what they make all the same is there; a host that is not ready is none.
pub fn contents(
    began: Began,
    left_out: &[HostName],
    model: &Model,
    observed: &Observed,
) -> (Contents, Result<ReleaseId, Blocked>) {
    let mut contents = Contents::default();
    contents.add_files(observed);
    let release = fill(&mut contents, began, left_out, model, observed);
    (contents, release)
}

fn fill(
    contents: &mut Contents,
    began: Began,
    left_out: &[HostName],
    model: &Model,
    observed: &Observed,
) -> Result<ReleaseId, Blocked> {
    add_what_is_there(contents, &builder(began, model, observed)?, began.target)?;
    if matches!(began.goal, Goal::Rollback | Goal::Switch(_)) {
        return Ok(ReleaseId::as_it_was());
    }
    // As if nothing were there: so nothing is left out because it is as it should be.
    let mut blank = observed.clone();
    for facts in blank.hosts.values_mut() {
        facts.files.clear();
        facts.existing.clear();
        facts.images.clear();
    }
    let builder = builder(began, model, &blank)?;
    let release = builder.release_for(began.goal)?;
    if began.goal == Goal::Restage {
        contents.add_kept(builder.kept_release()?);
        return Ok(release);
    }
    let without = builder_without(began, left_out, model, &blank)?;
    let parts = [
        builder.stage(began.target, &release),
        without.switch(began.target, &release),
        without.settle(began.target, &release),
    ];
    let mut wrong = None;
    for part in parts {
        match part {
            Ok(waves) => add(contents, &waves),
            Err(error @ Blocked::Wrong(_)) => wrong = wrong.or(Some(error)),
            Err(_) => {}
        }
    }
    wrong.map_or(Ok(release), Err)
}

/// What is switched back from a color, and how, as the playbook says it now.
pub fn pointers(
    target: Color,
    model: &Model,
    observed: &Observed,
) -> Result<BTreeMap<HostName, Pointer>, Problems> {
    let scope = Scope::new(model, observed, &[]);
    let side = scope.side(target, None, "")?;
    let hosts = scope.load_balancers()?.into_iter();
    hosts.map(|host| site::pointer(&scope, &host, &side).map(|pointer| (host, pointer))).collect()
}

/// The checks by which a color answers for itself on every host.
pub fn answers(color: Color, model: &Model, observed: &Observed) -> Result<Vec<Lane>, Blocked> {
    let began = Began { goal: Goal::Rollback, live: Some(color.other()), target: color };
    let waves = builder(began, model, observed)?.answers(color)?;
    Ok(waves.into_iter().flat_map(|wave| wave.lanes).collect())
}

/// What a way back to a color that is there holds, and what brings either color up: programs and their environment.
fn add_what_is_there(contents: &mut Contents, builder: &Builder<'_>, target: Color) -> Result<(), Blocked> {
    for host in builder.scope.app_servers()? {
        for color in Color::BOTH {
            if let Some(up) = project::of(&builder.scope, &host, color)? {
                contents.add_action(&Action::ComposeUp(up));
            }
        }
    }
    let side = builder.scope.side(target, builder.live, "")?;
    for host in builder.scope.load_balancers()? {
        contents.add_action(&Action::Check(deed::verify(&builder.scope, &host, &side)?));
    }
    for waves in [builder.answers(target), builder.switch_back(target)] {
        match waves {
            Ok(waves) => add(contents, &waves),
            Err(Blocked::Wrong(problems)) => return Err(problems.into()),
            Err(_) => {}
        }
    }
    Ok(())
}

fn builder<'a>(began: Began, model: &'a Model, observed: &'a Observed) -> Result<Builder<'a>, Problems> {
    builder_without(began, &[], model, observed)
}

fn builder_without<'a>(
    began: Began,
    left_out: &'a [HostName],
    model: &'a Model,
    observed: &'a Observed,
) -> Result<Builder<'a>, Problems> {
    let request = Request { goal: began.goal, force: true };
    let scope = Scope::new(model, observed, left_out);
    let standings = observe::standings(model, observed)?;
    Ok(Builder { request, scope, notes: Vec::new(), live: began.live, standings })
}

fn add(contents: &mut Contents, waves: &[Wave]) {
    let lanes = waves.iter().flat_map(|wave| &wave.lanes);
    for (host, step) in lanes.flat_map(|lane| lane.steps.iter().map(|step| (&lane.host, step))) {
        contents.add_own(host, &step.action);
        contents.add_action(&step.action);
        if let Undo::Reverse(action) = &step.undo {
            contents.add_action(action);
        }
    }
}
