//! `apply`, `promote`, `rollback` and `retire`: plan, ask, lock, carry out.

use std::io::{stderr, stdout};

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use crate::cli::MoveArgs;
use crate::event::{Kind, Outcome};
use crate::facts::Observed;
use crate::journal::Journal;
use crate::model::{Color, Escalation, HostName};
use crate::plan::{self, Goal, Phase, Plan, Request, Show, Wave};
use crate::remote::ssh::SshFleet;
use crate::report::{Human, Json, Options, Report};
use crate::run::{self, About, Ending, Engine, Holder, LastRun, Lock, NotLocked, Recorder, Unrecorded};

use crate::ui::NoAnswer;

use super::failure::{Failure, FailureKind};
use super::load::{self, Loaded, wrong};
use super::observe::{self, Round};
use super::session::{Session, clock, now};

pub(super) async fn run(session: &Session, goal: Goal, args: &MoveArgs, force: bool) -> Result<u8, Failure> {
    let renders = matches!(goal, Goal::Apply | Goal::Stage | Goal::Promote);
    let loaded = if renders { load::load_checked(session)? } else { load::load(session)? };
    let request = Request { goal, force };
    if args.check {
        let plan = super::plan::read_only(session, &loaded, request).await?;
        super::plan::print(session, &plan, args.diff)?;
        return Ok(0);
    }
    if !args.yes && !session.ui.can_ask() {
        return Err(Failure::unanswered(&NoAnswer::NobodyThere));
    }
    let round = Round::prepare(&loaded)?;
    let fleet = observe::connect_all(session, &loaded, &round).await?;
    let deployment = Deployment { session, loaded: &loaded, round: &round, fleet: &fleet, request, args };
    let code = deployment.run().await;
    fleet.close().await;
    code
}

struct Deployment<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    round: &'a Round,
    fleet: &'a SshFleet,
    request: Request,
    args: &'a MoveArgs,
}

impl Deployment<'_> {
    async fn run(&self) -> Result<u8, Failure> {
        let (plan, _) = self.plan().await?;
        if plan.is_empty() {
            return self.nothing_to_do(&plan);
        }
        let asked = self.ask(&plan)?;
        let Some(asked) = asked else { return Ok(FailureKind::Failed.exit_code()) };
        let lock = self.lock(&plan).await?;
        // What was seen before the lock was taken may have changed since.
        let (now_planned, observed) = self.plan().await?;
        if now_planned.is_empty() {
            return self.nothing_to_do(&now_planned);
        }
        if asked && now_planned.waves != plan.waves {
            let failure =
                Failure::new(FailureKind::Failed, "the hosts changed while you were asked; nothing was done");
            return Err(failure.hint("run it again and look at the new plan"));
        }
        let ending = self.carry_out(&now_planned, &observed, &lock).await?;
        Ok(exit_code(ending.outcome))
    }

    async fn plan(&self) -> Result<(Plan, Observed), Failure> {
        let observed = observe::all(self.round.ask(self.fleet, self.loaded).await)?;
        let plan = super::plan::build(self.request, self.loaded, &observed, &[])?;
        Ok((plan, observed))
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
            _ => format!("Do this, and move traffic to {}?", plan.target),
        };
        let yes = ui.confirm(&question).map_err(|error| Failure::unanswered(&error))?;
        if !yes {
            ui.say("Nothing was done.\n");
        }
        Ok(yes.then_some(true))
    }

    async fn lock(&self, plan: &Plan) -> Result<Lock, Failure> {
        let places = plan::lock_places(&self.loaded.model).map_err(wrong)?;
        let places: Vec<(HostName, String, Option<Escalation>)> = places
            .into_iter()
            .map(|(host, folder, user)| {
                let password = self.loaded.passwords.get(&host).cloned();
                (host, folder, user.map(|user| Escalation { user, password }))
            })
            .collect();
        let holder = Holder {
            by: self.session.by(),
            since: now(),
            run: self.session.run.clone(),
            command: self.command(plan),
            phase: None,
        };
        Lock::take(self.fleet, &places, holder).await.map_err(|error| not_locked(&error))
    }

    async fn carry_out(&self, plan: &Plan, observed: &Observed, lock: &Lock) -> Result<Ending, Failure> {
        let folder = self.session.journals(plan.app.as_str())?;
        let (journal, path) = Journal::create(&folder, &self.session.run).map_err(|error| {
            let failure =
                Failure::new(FailureKind::Failed, "the journal cannot be written; nothing was done");
            failure.because(Some(&error))
        })?;
        let mut report = self.report();
        let recorder = Recorder::new(self.session.run.clone(), now, Some(journal), vec![report.as_mut()]);
        let stop = CancellationToken::new();
        let revise = |left_out: &[HostName]| self.revise(observed, left_out);
        let engine = Engine {
            remote: self.fleet,
            recorder: &recorder,
            forks: usize::from(self.session.cli.globals.forks),
            passwords: &self.loaded.passwords,
            stop: &stop,
            lock: Some(lock),
            revise: &revise,
        };
        let start = run::start(plan, self.command(plan), self.session.by());
        lock.keep(&self.record(plan, observed, None)).await;
        let running = engine.apply(plan.clone(), start);
        let ending = tokio::select! {
            ending = running => ending,
            never = beat(lock) => never,
            never = interrupts(&stop, &recorder) => never,
        };
        let ending = ending.map_err(|error| unrecorded(&error, &path))?;
        lock.keep(&self.record(plan, observed, Some(ending))).await;
        Ok(ending)
    }

    /// The command for the record: without `-e`, whose values may be secrets.
    fn command(&self, plan: &Plan) -> String {
        let inventories = self.session.cli.globals.inventory.iter().map(|name| format!(" -i {name}"));
        format!("{}{}", plan.goal.as_str(), inventories.collect::<String>())
    }

    /// The run's record: when it begins, so that one which is killed is known; and when it ended.
    fn record(&self, plan: &Plan, observed: &Observed, ending: Option<Ending>) -> LastRun {
        let outcome = ending.map(|ending| ending.outcome);
        LastRun {
            run: self.session.run.clone(),
            by: self.session.by(),
            at: now(),
            command: self.command(plan),
            outcome,
            staged: staged(plan, outcome, plan::never_live(observed)),
            live: ending.map_or(plan.live, |ending| ending.live),
            release: plan.release.clone(),
        }
    }

    /// The waves from the switch on, without hosts that failed.
    fn revise(&self, observed: &Observed, left_out: &[HostName]) -> Result<Vec<Wave>, String> {
        let plan = plan::build(self.request, &self.loaded.model, observed, left_out);
        let plan = plan.map_err(|blocked| blocked.to_string())?;
        Ok(plan.waves.into_iter().filter(|wave| wave.phase != Phase::Stage).collect())
    }

    fn report(&self) -> Box<dyn Report> {
        let session = self.session;
        if session.json() {
            return Box::new(Json::new(Box::new(stdout())));
        }
        let quiet = session.cli.globals.quiet;
        let options = Options {
            quiet,
            selection: session.cli.selection(),
            zone: TimeZone::system(),
            progress: session.ui.err_paint(),
            result: session.ui.out_paint(),
        };
        if session.ui.is_lively() && !quiet {
            return Box::new(Human::terminal(options, Box::new(stdout())));
        }
        Box::new(Human::plain(options, Box::new(stderr()), Box::new(stdout())))
    }
}

/// Keeps the lock alive. Never ends by itself.
async fn beat<T>(lock: &Lock) -> T {
    lock.beat().await;
    std::future::pending().await
}

/// Ctrl-C and TERM ask for an end; the engine comes to it between steps. Never ends by itself.
async fn interrupts<T>(stop: &CancellationToken, recorder: &Recorder<'_>) -> T {
    use tokio::signal::unix::{SignalKind, signal};
    if let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let text = if stop.is_cancelled() {
                "still undoing: please wait"
            } else {
                "interrupted: ending the steps under way, then undoing"
            };
            stop.cancel();
            // A journal that fails is met by the engine itself.
            let _ = recorder.record(About::default(), Kind::Noticed { text: text.to_owned() });
        }
    }
    std::future::pending().await
}

/// The color that holds a release which never was live, after this outcome, or while there is none yet.
fn staged(plan: &Plan, outcome: Option<Outcome>, before: Option<Color>) -> Option<Color> {
    let moved = matches!(outcome, Some(Outcome::Done | Outcome::Unsettled));
    let undone = matches!(outcome, Some(Outcome::Undone | Outcome::Interrupted));
    match plan.goal {
        Goal::Rollback | Goal::Retire => before,
        Goal::Apply | Goal::Stage if undone => before,
        Goal::Apply | Goal::Promote if moved => None,
        Goal::Apply | Goal::Promote | Goal::Stage => Some(plan.target),
    }
}

fn exit_code(outcome: Outcome) -> u8 {
    let kind = match outcome {
        Outcome::Done => return 0,
        Outcome::Undone => FailureKind::Failed,
        Outcome::Interrupted => FailureKind::Interrupted,
        Outcome::Stuck | Outcome::Unsettled => FailureKind::NeedsPerson,
    };
    kind.exit_code()
}

fn not_locked(error: &NotLocked) -> Failure {
    let NotLocked::Held { host, holder } = error else {
        let failure = Failure::of(FailureKind::Unreachable, error);
        return failure.hint(
            "the lock needs flock and a folder that can be written: bgctl_state_dir, default /var/lib/bgctl",
        );
    };
    let Some(holder) = holder else {
        let failure = Failure::new(FailureKind::Locked, format!("locked on {host} by another run"));
        return failure.hint("who it is cannot be read; try again when it has ended");
    };
    let phase = holder.phase.map(|phase| format!(", in {}", phase.as_str())).unwrap_or_default();
    let by = format!(
        "locked on {host} by {}: `{}` since {}{phase} (run {})",
        holder.by,
        holder.command,
        clock(holder.since),
        holder.run
    );
    Failure::new(FailureKind::Locked, by).hint("nothing was done; try again when it has ended")
}

fn unrecorded(error: &Unrecorded, path: &std::path::Path) -> Failure {
    Failure::of(FailureKind::NeedsPerson, error)
        .hint(format!("the run stopped where it was; what it did stands in {}", path.display()))
        .hint("look at `bgctl status` before anything else")
}
