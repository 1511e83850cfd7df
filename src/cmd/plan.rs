//! `bgctl plan`: what `apply` would do, without being able to do it.

use crate::cli::PlanArgs;
use crate::facts::Observed;
use crate::model::HostName;
use crate::plan::{self, Blocked, Goal, Plan, Request, Show, Standing};
use crate::remote::readonly::ReadOnly;

use super::failure::{Failure, FailureKind};
use super::load::{self, Loaded, wrong};
use super::observe::{self, Round};
use super::session::Session;

pub(super) async fn run(session: &Session, args: &PlanArgs) -> Result<u8, Failure> {
    let loaded = load::load_checked(session)?;
    let request = Request { goal: Goal::Apply, force: args.force };
    let plan = read_only(session, &loaded, request).await?;
    print(session, &plan, args.diff)?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { 2 } else { 0 })
}

/// Observes through a transport that cannot change anything, and plans.
pub(super) async fn read_only(session: &Session, loaded: &Loaded, request: Request) -> Result<Plan, Failure> {
    let round = Round::prepare(loaded)?;
    let fleet = observe::connect_all(session, loaded, &round).await?;
    let remote = ReadOnly::new(fleet);
    let observed = observe::all(round.ask(&remote, loaded).await);
    remote.into_inner().close().await;
    build(request, loaded, &observed?, &[])
}

/// A plan as a result on stdout.
pub(super) fn print(session: &Session, plan: &Plan, diff: bool) -> Result<(), Failure> {
    if session.json() {
        return session.result(&format!("{:#}\n", plan::to_json(plan)));
    }
    let color = session.ui.out_paint().is_on();
    session.result(&plan::show(plan, Show { color, diff, width: session.ui.width() }))
}

pub(super) fn build(
    request: Request,
    loaded: &Loaded,
    observed: &Observed,
    left_out: &[HostName],
) -> Result<Plan, Failure> {
    plan::build(request, &loaded.model, observed, left_out).map_err(blocked)
}

/// Why there is no plan, for a person.
pub(super) fn blocked(blocked: Blocked) -> Failure {
    match blocked {
        Blocked::Wrong(problems) => wrong(problems),
        Blocked::NotReady { what, details, hint } => {
            Failure::new(FailureKind::Failed, what).detail(&details.join("\n")).hint(hint)
        }
        Blocked::Disagree(standings) => disagreement(&standings),
    }
}

fn disagreement(standings: &[Standing]) -> Failure {
    let lines: Vec<String> = standings.iter().map(standing).collect();
    Failure::new(FailureKind::NeedsPerson, "the load balancers disagree; nothing was changed")
        .detail(&lines.join("\n"))
        .hint("decide which color shall serve, point the other load balancer's link to its site file, and reload nginx there; then run this again")
}

fn standing(standing: &Standing) -> String {
    let color =
        |color: Option<crate::model::Color>| color.map_or("neither color", crate::model::Color::as_str);
    let why = standing.why_not.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{}: configured for {}, serves {}{why}",
        standing.host,
        color(standing.configured),
        color(standing.served)
    )
}
