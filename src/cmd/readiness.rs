//! Is a rollback ready? In `status`, at the end of a run, and in full for `rollback --check`.

use serde_json::{Value, json};

use crate::event::{Event, Kind};
use crate::facts::Observed;
use crate::model::Action;
use crate::plan::{self, Goal, Model, Plan, Request, Show, Step};
use crate::remote::Remote;
use crate::remote::readonly::ReadOnly;
use crate::report::{Json, Report};
use crate::run::{Rehearsed, Stage, Would};

use super::failure::{Failure, FailureKind};
use super::load::Loaded;
use super::observe::{self, Round};
use super::session::{Session, now};
use super::status;
use super::status_view::{Rollback, Seen};
use super::unfinished::{self, Locked};

const BACK: Request = Request { goal: Goal::Rollback, force: false };

/// What facts tell of the way back, refined by what the load balancers see.
pub(super) async fn refine(
    session: &Session,
    loaded: &Loaded,
    remote: &dyn Remote,
    observed: &Observed,
    rollback: &mut Rollback,
) {
    if !rollback.ready {
        return;
    }
    // The way back is of the whole app, whatever `-l` shows.
    let model = Model { limit: None, ..loaded.model.clone() };
    match plan::build(BACK, &model, observed, &[]) {
        Ok(plan) => {
            let seen = stage(session, loaded, remote).rehearse(&plan, asks_from_elsewhere).await;
            rollback.seen(judge(&seen));
        }
        Err(blocked) => rollback.not_ready(super::plan::in_short(&blocked)),
    }
}

fn stage<'a>(session: &Session, loaded: &'a Loaded, remote: &'a dyn Remote) -> Stage<'a> {
    let forks = usize::from(session.cli.globals.forks);
    Stage { remote, forks, passwords: &loaded.passwords }
}

fn asks_from_elsewhere(step: &Step) -> bool {
    matches!(&step.action, Action::Check(check) if check.of.is_some())
}

/// All answers of the load balancers as one, and the first that is not good.
fn judge(seen: &[Rehearsed]) -> (Seen, Option<String>) {
    let failed = seen.iter().find_map(|step| match &step.would {
        Would::Fail(error) => Some(format!("{}, from {}: {}", step.task, step.host, error.message)),
        _ => None,
    });
    if failed.is_some() {
        return (Seen::Unhealthy, failed);
    }
    let all_pass = !seen.is_empty() && seen.iter().all(|step| step.would == Would::Pass);
    (if all_pass { Seen::Healthy } else { Seen::Unknown }, None)
}

/// After a run that moved traffic: says whether there is a way back. Nothing of it changes how the run ended.
pub(super) async fn tell(session: &Session, loaded: &Loaded, round: &Round, remote: &dyn Remote) {
    let (observed, failures) = round.ask(remote, loaded).await;
    let mut rollback = match status::view(loaded, &observed) {
        Ok(view) if failures.is_empty() => view.rollback,
        _ => Rollback::unknown(),
    };
    refine(session, loaded, remote, &observed, &mut rollback).await;
    if session.json() {
        let Rollback { ready, reason, .. } = rollback;
        let how = rollback.how.map(|how| how.as_str().to_owned());
        let kind = Kind::Rollback { ready, how, reason };
        let event =
            Event { time: now(), run: session.run.clone(), host: None, phase: None, task: None, kind };
        Json::new(session.ui.out_stream()).event(&event);
    } else if !session.cli.globals.quiet {
        let line = rollback.text(&session.cli.selection(), session.ui.out_paint());
        // The run's own ending has been said: a closed pipe takes nothing from it.
        let _ = session.result(&session.ui.out_paint().page([format!("rollback: {line}")]));
    }
}

/// `rollback --check`: the plan, and every step of it that only reads.
pub(super) async fn rehearse(session: &Session, loaded: &Loaded, diff: bool) -> Result<u8, Failure> {
    let round = Round::prepare(loaded)?;
    let fleet = observe::connect_all(session, loaded, &round).await?;
    let remote = ReadOnly::new(fleet);
    let rehearsal = rehearsal(session, loaded, &round, &remote).await;
    remote.into_inner().close().await;
    let (plan, steps, held) = rehearsal?;
    let reasons = reasons(&steps, held);
    if session.json() {
        let mut document = plan::to_json(&plan);
        if let Value::Object(document) = &mut document {
            document.insert("rehearsal".to_owned(), to_json(&steps, &reasons));
        }
        session.document(&format!("{document:#}\n"))?;
    } else {
        let color = session.ui.out_paint().is_on();
        let shown = plan::show(&plan, Show { color, diff, width: session.ui.width() });
        session.result(&(shown + &super::rehearsal::text(&steps, &reasons, session.ui.out_paint())))?;
    }
    Ok(if reasons.is_empty() { 0 } else { FailureKind::Failed.exit_code() })
}

async fn rehearsal(
    session: &Session,
    loaded: &Loaded,
    round: &Round,
    remote: &dyn Remote,
) -> Result<(Plan, Vec<Rehearsed>, bool), Failure> {
    let observed = observe::all(round.ask(remote, loaded).await)?;
    unfinished::refuse(session, &observed, Locked::NotByUs)?;
    let plan = super::plan::build(BACK, loaded, &observed, &[])?;
    let steps = stage(session, loaded, remote).rehearse(&plan, |_| true).await;
    Ok((plan, steps, unfinished::is_held(&observed)))
}

/// Why a rollback would not succeed now.
fn reasons(steps: &[Rehearsed], held: bool) -> Vec<String> {
    let failed = steps.iter().filter_map(|step| match &step.would {
        Would::Fail(error) => Some(format!("{}: {}: {}", step.host, step.task, error.message)),
        _ => None,
    });
    let held = held.then(|| "another run holds the lock; `bgctl status` tells which".to_owned());
    failed.chain(held).collect()
}

fn to_json(steps: &[Rehearsed], reasons: &[String]) -> Value {
    let step = |step: &Rehearsed| {
        let (would, why) = match &step.would {
            Would::Pass => ("pass", None),
            Would::Fail(error) => ("fail", Some(&error.message)),
            Would::Unknown(why) => ("unknown", Some(why)),
        };
        json!({ "host": step.host, "task": step.task, "would": would, "why": why })
    };
    let steps: Vec<Value> = steps.iter().map(step).collect();
    json!({ "succeeds": reasons.is_empty(), "reasons": reasons, "steps": steps })
}
