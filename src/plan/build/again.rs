//! For a run that another process began: what its sealed plan holds, and how the color before answers for itself.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::model::{Action, Color, HostName, NginxSetup, Problems, ReleaseId};
use crate::plan::{Contents, Goal, Lane, Undo, Wave};

use crate::plan::{project, site};

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
/// error; a host that is not ready is none.
pub fn contents(
    began: Began,
    left_out: &[HostName],
    model: &Model,
    observed: &Observed,
) -> Result<(Contents, ReleaseId), Blocked> {
    let mut contents = Contents::default();
    contents.add_files(observed);
    add_what_is_there(&mut contents, &builder(began, model, observed)?, began.target)?;
    if matches!(began.goal, Goal::Rollback | Goal::Switch(_)) {
        return Ok((contents, ReleaseId::as_it_was()));
    }
    // As if nothing were there: so nothing is left out because it is as it should be.
    let mut blank = observed.clone();
    for facts in blank.hosts.values_mut() {
        facts.files.clear();
        facts.existing.clear();
    }
    let builder = builder(began, model, &blank)?;
    let release = builder.release_for(began.goal)?;
    if began.goal == Goal::Restage {
        contents.add_kept(builder.kept_release()?);
        return Ok((contents, release));
    }
    let without = builder_without(began, left_out, model, &blank)?;
    let parts = [
        builder.stage(began.target, &release),
        without.switch(began.target, &release),
        without.settle(began.target, &release),
    ];
    for part in parts {
        match part {
            Ok(waves) => add(&mut contents, &waves),
            Err(Blocked::Wrong(problems)) => return Err(problems.into()),
            Err(_) => {}
        }
    }
    Ok((contents, release))
}

/// How nginx is called on the way back from a color, as the playbook says it now.
pub fn nginx_setups(
    target: Color,
    model: &Model,
    observed: &Observed,
) -> Result<BTreeMap<HostName, Box<NginxSetup>>, Problems> {
    let scope = Scope::new(model, observed, &[]);
    let side = scope.side(target, None, "")?;
    let hosts = scope.load_balancers()?.into_iter();
    hosts.map(|host| site::setup(&scope, &host, &side).map(|setup| (host, setup))).collect()
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
    for step in lanes.flat_map(|lane| &lane.steps) {
        contents.add_action(&step.action);
        if let Undo::Reverse(action) = &step.undo {
            contents.add_action(action);
        }
    }
}
