//! `apply`, `promote`, `rollback` and `retire`: plan, ask, lock, carry out.

use crate::cli::MoveArgs;
use crate::event::Outcome;
use crate::facts::Observed;
use crate::model::HostName;
use crate::plan::{self, Goal, Phase, Plan, Request, Show, Wave};
use crate::remote::ssh::SshFleet;
use crate::run::{Beginning, Ending, Lock, Record};
use crate::ui::NoAnswer;

use super::conduct::{Conductor, Course};
use super::failure::{Failure, FailureKind};
use super::kept;
use super::load::{self, Loaded};
use super::observe::{self, Round};
use super::readiness;
use super::session::{Session, now};
use super::unfinished::{self, Locked};

/// What is wanted beside the goal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// Deploy even where the live release matches.
    pub(super) force: bool,
    /// The kept release to go back to, by the beginning of its id.
    pub(super) to: Option<&'a str>,
}

pub(super) async fn run(
    session: &Session,
    goal: Goal,
    args: &MoveArgs,
    wanted: Wanted<'_>,
) -> Result<u8, Failure> {
    let mut loaded = load::load(session)?;
    let renders = match goal {
        Goal::Apply | Goal::Stage | Goal::Promote => true,
        Goal::Retire => loaded.model.playbook.refreshes(),
        Goal::Rollback | Goal::Restage | Goal::Switch(_) => false,
    };
    if renders {
        load::check(&mut loaded)?;
    } else if goal == Goal::Retire {
        // A settle may have tasks that load something.
        load::read_archives(&mut loaded)?;
    }
    let request = Request { goal, force: wanted.force };
    if args.check && goal == Goal::Rollback {
        return readiness::rehearse(session, &loaded, args.diff).await;
    }
    if args.check {
        let plan = super::plan::read_only(session, &loaded, request, wanted.to).await?;
        super::plan::print(session, &plan, args.diff)?;
        return Ok(0);
    }
    if !args.yes && !session.ui.can_ask() {
        return Err(Failure::unanswered(&NoAnswer::NobodyThere, &shows(goal)));
    }
    let round = Round::prepare(&loaded)?;
    let fleet = observe::connect_all(session, &loaded, &round).await?;
    let to = wanted.to;
    let deployment = Deployment { session, loaded: &loaded, round: &round, fleet: &fleet, request, args, to };
    let code = deployment.run().await;
    fleet.close().await;
    code
}

/// The command that shows what this one would do.
fn shows(goal: Goal) -> String {
    match goal {
        Goal::Apply | Goal::Stage => "bgctl plan".to_owned(),
        Goal::Promote => "bgctl promote --check".to_owned(),
        Goal::Rollback | Goal::Restage => "bgctl rollback --check".to_owned(),
        Goal::Retire => "bgctl retire --check".to_owned(),
        Goal::Switch(color) => format!("bgctl switch --to {color} --check"),
    }
}

struct Deployment<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    round: &'a Round,
    fleet: &'a SshFleet,
    request: Request,
    args: &'a MoveArgs,
    to: Option<&'a str>,
}

impl Deployment<'_> {
    async fn run(&self) -> Result<u8, Failure> {
        let (plan, _) = self.plan(Locked::NotByUs).await?;
        if plan.is_empty() {
            return self.nothing_to_do(&plan);
        }
        let asked = self.ask(&plan)?;
        let Some(asked) = asked else { return Ok(FailureKind::Failed.exit_code()) };
        let conductor = Conductor {
            session: self.session,
            loaded: self.loaded,
            fleet: self.fleet,
            run: self.session.run.clone(),
            command: command(self.session, &verb(&plan)),
        };
        let lock = conductor.lock().await?;
        // What was seen before the lock was taken may have changed since.
        let (now_planned, observed) = self.plan(Locked::ByUs).await?;
        if now_planned.is_empty() {
            return self.nothing_to_do(&now_planned);
        }
        if asked && now_planned.waves != plan.waves {
            let failure =
                Failure::new(FailureKind::Failed, "the hosts changed while you were asked; nothing was done");
            return Err(failure.hint("run it again and look at the new plan"));
        }
        let ending = self.carry_out(&conductor, &now_planned, &observed, &lock).await?;
        drop(lock);
        if ending.outcome == Outcome::Done && now_planned.counts().switch > 0 {
            readiness::tell(self.session, self.loaded, self.round, self.fleet).await;
        }
        Ok(exit_code(ending.outcome))
    }

    async fn plan(&self, locked: Locked) -> Result<(Plan, Observed), Failure> {
        let mut observed = observe::all(self.round.ask(self.fleet, self.loaded).await)?;
        unfinished::refuse(self.session, &observed, locked)?;
        if let Some(to) = self.to {
            kept::load(self.fleet, self.loaded, &mut observed, to).await?;
        }
        let mut plan = super::plan::build(self.request, self.loaded, &observed, &[])?;
        if plan.is_empty() {
            super::plan::note_missing_key(&mut plan, &observed);
        }
        self.refuse_adrift(&plan)?;
        Ok((plan, observed))
    }

    /// A link that says the idle color, while the other one is served: any reload, a log rotation's too, would move
    /// traffic to containers that are being recreated or stopped.
    fn refuse_adrift(&self, plan: &Plan) -> Result<(), Failure> {
        if matches!(self.request.goal, Goal::Switch(_) | Goal::Rollback) {
            return Ok(());
        }
        let adrift = plan.standings.iter().find_map(|standing| Some((&standing.host, standing.adrift()?)));
        let Some((host, served)) = adrift else { return Ok(()) };
        let idle = served.other();
        let error = format!("{host}: it is configured for {idle}, but serves {served}; nothing was done");
        Err(Failure::new(FailureKind::NeedsPerson, error)
            .hint(format!("any reload there would move traffic to {idle} while it is worked on; put it right, then run it again:"))
            .run(super::plan::switch_to(served, &self.loaded.selection)))
    }

    fn nothing_to_do(&self, plan: &Plan) -> Result<u8, Failure> {
        if !self.session.cli.globals.quiet {
            super::plan::print(self.session, plan, false)?;
        }
        Ok(0)
    }

    /// Shows the plan and asks, where there is somebody to ask. `Some(true)`: a person said yes;
    /// `Some(false)`: nobody had to be asked; `None`: the answer was no.
    fn ask(&self, plan: &Plan) -> Result<Option<bool>, Failure> {
        let ui = self.session.ui;
        let quiet = self.session.cli.globals.quiet && self.args.yes;
        if !quiet && !self.session.json() {
            let options = Show { color: ui.err_paint().is_on(), diff: self.args.diff, width: ui.width() };
            ui.say(&(plan::show(plan, options) + "\n"));
        }
        if self.args.yes {
            return Ok(Some(false));
        }
        let question = match self.request.goal {
            Goal::Stage => format!("Stage release {} on {}?", plan.release, plan.target),
            Goal::Retire => "Settle the old color?".to_owned(),
            Goal::Restage => {
                format!("Stage release {} again on {}, and move traffic to it?", plan.release, plan.target)
            }
            _ => format!("Do this, and move traffic to {}?", plan.target),
        };
        let yes =
            ui.confirm(&question).map_err(|error| Failure::unanswered(&error, &shows(self.request.goal)))?;
        if !yes {
            ui.say("Nothing was done.\n");
        }
        Ok(yes.then_some(true))
    }

    async fn carry_out(
        &self,
        conductor: &Conductor<'_>,
        plan: &Plan,
        observed: &Observed,
        lock: &Lock,
    ) -> Result<Ending, Failure> {
        let last = unfinished::newest(observed)?;
        let record = Record::begin(Beginning {
            plan,
            run: conductor.run.clone(),
            by: self.session.by(),
            command: conductor.command.clone(),
            at: now(),
            staged: plan::never_live(observed),
            last: last.as_ref(),
        });
        let revise = |left_out: &[HostName]| self.revise(observed, left_out);
        conductor.carry_out(plan, &observed.key, lock, record, Course::Apply, &revise).await
    }

    /// The waves from the switch on, without hosts that failed.
    fn revise(&self, observed: &Observed, left_out: &[HostName]) -> Result<Vec<Wave>, String> {
        let plan = plan::build(self.request, &self.loaded.model, observed, left_out);
        let plan = plan.map_err(|blocked| blocked.to_string())?;
        Ok(plan.waves.into_iter().filter(|wave| wave.phase != Phase::Stage).collect())
    }
}

/// What was asked for, as it is typed after `bgctl`.
fn verb(plan: &Plan) -> String {
    match plan.goal {
        Goal::Restage => format!("{} {}", plan.goal.as_str(), plan.release),
        goal => goal.as_str().to_owned(),
    }
}

/// The command for records: without `-e`, whose values may be secrets.
pub(super) fn command(session: &Session, verb: &str) -> String {
    let inventories = session.cli.globals.inventory.iter().map(|name| format!(" -i {name}"));
    format!("{verb}{}", inventories.collect::<String>())
}

pub(super) fn exit_code(outcome: Outcome) -> u8 {
    let kind = match outcome {
        Outcome::Done => return 0,
        Outcome::Undone => FailureKind::Failed,
        Outcome::Interrupted => FailureKind::Interrupted,
        Outcome::Stuck | Outcome::Unsettled => FailureKind::NeedsPerson,
    };
    kind.exit_code()
}
