//! `bgctl status`: which color is live, what runs where, and whether a rollback is ready.

use crate::facts::Observed;
use crate::model::Color;
use crate::plan;
use crate::remote::readonly::ReadOnly;
use crate::run::{Holder, Record};

use super::failure::{Failure, FailureKind, unreachable_table};
use super::kept;
use super::load::{self, Loaded, wrong_once_asked};
use super::observe::{self, Round};
use super::readiness;
use super::session::{Session, clock};
use super::status_view::{self, KeptInfo, Known, LockInfo, StatusView};
use super::unfinished;

pub(super) async fn run(session: &Session) -> Result<u8, Failure> {
    let loaded = load::load(session)?;
    let round = Round::prepare(&loaded)?;
    let (fleet, failed) = observe::connect(session, &loaded, &round).await;
    // A host that is down is what people look at `status` for: show the others all the same.
    let remote = ReadOnly::new(fleet);
    let answers = round.ask(&remote, &loaded).await;
    let view = view(&loaded, &answers.0);
    let view = match view {
        Ok(mut view) => {
            readiness::refine(session, &loaded, &remote, &answers.0, &mut view.rollback).await;
            Ok(view)
        }
        failed => failed,
    };
    remote.into_inner().close().await;
    let view = view?;
    if session.json() {
        let json =
            serde_json::to_string_pretty(&view).map_err(|error| Failure::of(FailureKind::Failed, &error))?;
        session.document(&(json + "\n"))?;
    } else {
        session.result(&view.text(&session.cli.selection(), session.ui.out_paint()))?;
    }
    if !failed.is_empty() {
        return Err(unreachable_table(&failed));
    }
    let observed = observe::all(answers)?;
    // Told after what is known all the same.
    unfinished::newest(&observed)?;
    Ok(if view.disagrees() { FailureKind::NeedsPerson.exit_code() } else { 0 })
}

/// What was observed, as `status` says it.
pub(super) fn view(loaded: &Loaded, observed: &Observed) -> Result<StatusView, Failure> {
    let model = &loaded.model;
    let standings = plan::standings(model, observed).map_err(wrong_once_asked)?;
    let app_servers = plan::app_servers(model).map_err(wrong_once_asked)?;
    let records =
        || standings.iter().filter_map(|standing| Some(&observed.hosts.get(&standing.host)?.records));
    let holder =
        records().find_map(|records| serde_json::from_str::<Holder>(records.holder.as_deref()?).ok());
    // Where records cannot be used, what is served matters the more.
    let newest = unfinished::newest(observed);
    let unreadable = newest.is_err()
        || records()
            .any(|records| records.closed.is_some() || (records.holder.is_some() && holder.is_none()));
    let last = newest.ok().flatten();
    let known = Known {
        app: &model.playbook.name,
        load_balancers: &standings,
        app_servers: &app_servers,
        lock: holder.map(lock_info),
        last_run: last.clone().map(last_run),
        unreadable,
        kept: plan::kept(model, observed).map_err(wrong_once_asked)?,
        never_live: plan::never_live(observed),
    };
    let release_of = |color: Color| {
        let went_live = last.as_ref()?.went_live.get(&color)?;
        went_live.release.known().map(ToString::to_string)
    };
    let mut view =
        StatusView::new(known, observed, |color: Color| format!("{}-{color}", model.playbook.name));
    let info = |kept: kept::Listed| KeptInfo { release: kept.release.to_string(), at: clock(kept.at) };
    view.releases = kept::listed(observed).into_iter().map(info).collect();
    if let Some(live) = view.live {
        view.rollback.to_release(release_of(live.other()), release_of(live).as_ref());
    }
    Ok(view)
}

fn lock_info(holder: Holder) -> LockInfo {
    LockInfo {
        by: holder.by,
        since: clock(holder.since),
        phase: holder.phase.map(|phase| phase.as_str().to_owned()),
        run: holder.run.to_string(),
    }
}

fn last_run(run: Record) -> status_view::LastRun {
    let reached = run.reached.as_ref().filter(|_| run.is_unfinished());
    status_view::LastRun {
        unfinished: run.is_unfinished(),
        reached: reached.map(|reached| reached.phase.as_str().to_owned()),
        can_resume: run.is_unfinished() && run.can_resume(),
        run: run.run.to_string(),
        by: run.by,
        at: clock(run.at),
        command: run.command,
        outcome: serde_json::to_value(run.outcome).ok().and_then(|value| value.as_str().map(str::to_owned)),
        release: run.release.known().map(ToString::to_string),
    }
}
