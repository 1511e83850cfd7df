//! For a run that another process began: what these inputs make for it, and how the color before answers for itself.

use std::collections::BTreeMap;

use crate::facts::Observed;
use crate::model::{Color, HostName, Pointer, Problems, ReleaseId};
use crate::plan::{Began, Goal, Lane, Standing, Wave, site};

use super::{Blocked, Builder, Model, Request, Scope};

/// Everything that these inputs make for such a run.
pub(in crate::plan) struct Made {
    /// In order, whatever is there already. Where a host may have one of several steps, it has all of them.
    pub(in crate::plan) waves: Vec<Wave>,
    /// The release that they make.
    pub(in crate::plan) release: Result<ReleaseId, Blocked>,
    /// What kept a part of it from being made.
    pub(in crate::plan) blocked: Option<Blocked>,
}

/// Everything that these inputs make for a run. Sites are those without hosts that failed and get no traffic.
pub(in crate::plan) fn made(began: &Began<'_>, model: &Model, observed: &Observed) -> Result<Made, Problems> {
    let builder = builder(began, &[], model, observed)?;
    let without = self::builder(began, began.left_out, model, observed)?;
    let target = began.target;
    let release = builder.release_for(began.goal);
    // Where the inputs are wrong, whatever does not need them is made all the same.
    let id = release.as_ref().map_or_else(|_| ReleaseId::as_it_was(), Clone::clone);
    let parts = match began.goal {
        Goal::Stage => vec![builder.stage(target, &id), builder.staged(target, &id)],
        Goal::Apply => {
            // Hosts outside of --limit get traffic, too.
            let answers = model.limit.as_ref().map(|_| builder.answers(target));
            let stage = [builder.stage(target, &id)].into_iter().chain(answers);
            stage.chain([without.switch(target, &id), without.settle(target, &id)]).collect()
        }
        Goal::Promote => {
            vec![builder.answers(target), without.switch(target, &id), without.settle(target, &id)]
        }
        Goal::Rollback => {
            vec![builder.ways_up(target), builder.answers(target), builder.switch_back(target)]
        }
        Goal::Restage => vec![builder.restage(target, &id)],
        Goal::Retire => vec![builder.settle(target, &id)],
        Goal::Switch(color) => vec![builder.answers(color), builder.switch_back(color)],
    };
    let mut made = Made { waves: Vec::new(), release, blocked: None };
    for part in parts {
        match part {
            Ok(waves) => made.waves.extend(waves),
            Err(blocked) => made.blocked = made.blocked.or(Some(blocked)),
        }
    }
    Ok(made)
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
    let release = ReleaseId::as_it_was();
    let began = Began {
        goal: Goal::Rollback,
        live: Some(color.other()),
        target: color,
        release: &release,
        left_out: &[],
    };
    let waves = builder(&began, &[], model, observed)?.answers(color)?;
    Ok(waves.into_iter().flat_map(|wave| wave.lanes).collect())
}

/// A builder for whom every load balancer is as the run found it: on the color that was live, or not on the target.
fn builder<'a>(
    began: &Began<'_>,
    left_out: &'a [HostName],
    model: &'a Model,
    observed: &'a Observed,
) -> Result<Builder<'a>, Problems> {
    let request = Request { goal: began.goal, force: true };
    let scope = Scope::new(model, observed, left_out);
    let before = Some(began.live.unwrap_or(began.target.other()));
    let standing =
        |host| Standing { host, configured: before, odd: None, edited: false, served: before, why_not: None };
    let standings = scope.load_balancers()?.into_iter().map(standing).collect();
    Ok(Builder { request, whole: true, scope, notes: Vec::new(), live: began.live, standings })
}
