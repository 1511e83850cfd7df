//! `bgctl plan`: what `apply` would do, without being able to do it.

use crate::cli::PlanArgs;
use crate::facts::Observed;
use crate::model::{Color, HostName};
use crate::plan::{self, Blocked, Certainty, Goal, Note, Plan, Request, Show, Standing};
use crate::remote::readonly::ReadOnly;

use super::failure::{Failure, FailureKind};
use super::kept;
use super::load::{self, Loaded, wrong_once_asked};
use super::observe::{self, Round};
use super::session::Session;

pub(super) async fn run(session: &Session, args: &PlanArgs) -> Result<u8, Failure> {
    let loaded = load::load_checked(session)?;
    let request = Request { goal: Goal::Apply, force: args.force };
    let plan = read_only(session, &loaded, request, None).await?;
    print(session, &plan, args.diff)?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { 2 } else { 0 })
}

/// Observes through a transport that cannot change anything, and plans; `to` is a kept release.
pub(super) async fn read_only(
    session: &Session,
    loaded: &Loaded,
    request: Request,
    to: Option<&str>,
) -> Result<Plan, Failure> {
    let round = Round::prepare(loaded)?;
    let fleet = observe::connect_all(session, loaded, &round).await?;
    let remote = ReadOnly::new(fleet);
    let mut observed = observe::all(round.ask(&remote, loaded).await);
    if let (Ok(asked), Some(to)) = (&mut observed, to)
        && let Err(failure) = kept::load(&remote, loaded, asked, to).await
    {
        observed = Err(failure);
    }
    remote.into_inner().close().await;
    let observed = observed?;
    let mut plan = build(request, loaded, &observed, &[])?;
    note_missing_key(&mut plan, &observed);
    Ok(plan)
}

/// A release that nobody deploys now gets another id then, where no load balancer has the app's key yet.
pub(super) fn note_missing_key(plan: &mut Plan, observed: &Observed) {
    let is_new = plan.goal != Goal::Restage && plan.release.known().is_some();
    if !is_new || observed.hosts.values().any(|facts| facts.records.key.is_some()) {
        return;
    }
    let text = "the release's id is of this plan alone: ids are made with the app's key, and the first run makes that";
    plan.notes.push(Note { certainty: Certainty::Unknowable, host: None, text: text.to_owned() });
}

/// A plan as a result on stdout.
pub(super) fn print(session: &Session, plan: &Plan, diff: bool) -> Result<(), Failure> {
    if session.json() {
        return session.document(&format!("{:#}\n", plan::to_json(plan)));
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
    plan::build(request, &loaded.model, observed, left_out).map_err(|error| blocked(error, &loaded.selection))
}

/// Why there is no plan, for a person.
pub(super) fn blocked(blocked: Blocked, selection: &str) -> Failure {
    match blocked {
        Blocked::Wrong(problems) => wrong_once_asked(problems),
        Blocked::NotReady { what, details, hint } => {
            Failure::new(FailureKind::Failed, what).lines(details).hint(hint)
        }
        Blocked::Disagree(standings) => disagreement(&standings, selection),
    }
}

/// The same in one line.
pub(super) fn in_short(blocked: &Blocked) -> String {
    match blocked {
        Blocked::NotReady { what, details, .. } if !details.is_empty() => {
            format!("{what} ({})", details.join("; "))
        }
        other => other.to_string(),
    }
}

fn disagreement(standings: &[Standing], selection: &str) -> Failure {
    let lines: Vec<String> = standings.iter().map(standing).collect();
    let failure = Failure::new(FailureKind::NeedsPerson, "the load balancers disagree; nothing was changed")
        .lines(lines)
        .hint("decide which color shall serve, and move all of them to it:");
    failure.run(switch_to(Color::Blue, selection)).run(switch_to(Color::Green, selection))
}

/// The command that makes all load balancers serve a color.
pub(super) fn switch_to(color: Color, selection: &str) -> String {
    format!("bgctl switch --to {color} {selection}")
}

fn standing(standing: &Standing) -> String {
    let color = |color: Option<Color>| color.map_or("neither color", Color::as_str);
    let why = standing.why_not.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{}: configured for {}, serves {}{why}",
        standing.host,
        color(standing.configured),
        color(standing.served)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, Records};
    use crate::model::{Problem, Problems, ReleaseId};

    /// How many notes a plan of this goal and release gets.
    fn notes(goal: Goal, release: ReleaseId, key: Option<&str>) -> usize {
        let mut plan = Plan {
            app: "a".parse().unwrap(),
            goal,
            live: Some(Color::Blue),
            target: Color::Green,
            release,
            waves: Vec::new(),
            load_balancers: Vec::new(),
            standings: Vec::new(),
            app_servers: Vec::new(),
            notes: Vec::new(),
        };
        let records = Records { key: key.map(|byte| byte.repeat(32).parse().unwrap()), ..Records::default() };
        let facts = Facts { records, ..Facts::default() };
        let observed = Observed { hosts: [("lb1".parse().unwrap(), facts)].into(), ..Observed::default() };
        note_missing_key(&mut plan, &observed);
        plan.notes.len()
    }

    /// There is a plan only where hosts were asked.
    #[test]
    fn what_is_wrong_after_hosts_were_asked_does_not_say_that_none_was() {
        let problems = Problems::from(Problem::anywhere("`version` is not defined"));
        let failure = blocked(Blocked::Wrong(problems), "-i a.yml");
        assert_eq!(failure.error, "1 problem in what was given; nothing was changed");
        assert_eq!(failure.kind, FailureKind::Usage);
    }

    #[test]
    fn an_id_that_is_of_this_plan_alone_is_told() {
        let release: ReleaseId = "0123456789ab".parse().unwrap();
        assert_eq!(notes(Goal::Apply, release.clone(), None), 1);
        assert_eq!(notes(Goal::Apply, release.clone(), Some("ab")), 0);
        // One that is kept has its id, and what is there has none.
        assert_eq!(notes(Goal::Restage, release, None), 0);
        assert_eq!(notes(Goal::Rollback, ReleaseId::as_it_was(), None), 0);
    }
}
