//! `resume` and `abort`: a run that its process left is finished, or taken back, from any machine.

use crate::cli::TakeoverArgs;
use crate::event::Outcome;
use crate::facts::Observed;
use crate::journal;
use crate::model::{HostName, host_list};
use crate::plan::{self, Blocked, Goal, KeptPlan, Open, Phase, Plan, Reopening, Show, Unopened};
use crate::remote::ssh::SshFleet;
use crate::run::{LastRun, Left, Record};
use crate::ui::NoAnswer;

use super::conduct::{Conductor, Course, never_anew};
use super::deploy::{command, exit_code};
use super::failure::{Failure, FailureKind};
use super::kept;
use super::load::{self, Loaded, wrong, wrong_once_asked};
use super::observe::{self, Round};
use super::session::{Session, now};
use super::unfinished;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Resume,
    Abort,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Abort => "abort",
        }
    }

    /// What shows what it would do.
    const fn check(self) -> &'static str {
        match self {
            Self::Resume => "bgctl resume --check",
            Self::Abort => "bgctl abort --check",
        }
    }
}

pub(super) async fn run(session: &Session, verb: Verb, args: &TakeoverArgs) -> Result<u8, Failure> {
    if !args.yes && !args.check && !session.ui.can_ask() {
        return Err(Failure::unanswered(&NoAnswer::NobodyThere, verb.check()));
    }
    let mut loaded = load::load(session)?;
    load::read_archives(&mut loaded)?;
    let outside = outside(&mut loaded, verb)?;
    let round = Round::prepare(&loaded)?.with_plan().without(&outside);
    let fleet = observe::connect_all(session, &loaded, &round).await.map_err(|failure| match verb {
        Verb::Abort => {
            failure.hint("an app server that is gone for good can be left alone: bgctl abort -l 'all:!HOST'")
        }
        Verb::Resume => failure,
    })?;
    let code = takeover(session, verb, args, &mut loaded, &outside, &round, &fleet).await;
    fleet.close().await;
    code
}

async fn takeover(
    session: &Session,
    verb: Verb,
    args: &TakeoverArgs,
    loaded: &mut Loaded,
    outside: &[HostName],
    round: &Round,
    fleet: &SshFleet,
) -> Result<u8, Failure> {
    let mut observed = observe::all(round.ask(fleet, loaded).await)?;
    let Some(last) = wanted(&observed)? else {
        session.ui.say(&format!("Nothing to {}: no run was left unfinished.\n", verb.as_str()));
        return Ok(0);
    };
    let record = &last.record;
    // Templates that show the run's id, and what is kept on hosts under it, are those of the run that was left.
    loaded.model.run = record.run.to_string();
    let restages = record.goal == Goal::Restage && verb == Verb::Resume;
    if restages {
        kept::load(fleet, loaded, &mut observed, record.release.as_str()).await?;
    }
    let task = Task { session, verb, loaded, outside };
    let (plan, left) = task.open(&last, &observed)?;
    task.show(record, &plan, &left);
    if args.check || !task.ask(args.yes)? {
        return Ok(if args.check { 0 } else { FailureKind::Failed.exit_code() });
    }
    let conductor = Conductor {
        session,
        loaded,
        fleet,
        run: record.run.clone(),
        command: command(session, verb.as_str()),
    };
    let lock = conductor.lock_of_the_dead().await?;
    // Somebody else may have taken it over while the question was asked.
    let mut observed = observe::all(round.ask(fleet, loaded).await)?;
    if restages {
        kept::load(fleet, task.loaded, &mut observed, record.release.as_str()).await?;
    }
    let Some(now_last) = wanted(&observed)?.filter(|now_last| now_last.record.run == record.run) else {
        session.ui.say("Somebody else ended it meanwhile; nothing was done.\n");
        return Ok(0);
    };
    let (now_planned, mut left) = task.open(&now_last, &observed)?;
    if !args.yes && now_planned.waves != plan.waves {
        let failure =
            Failure::new(FailureKind::Failed, "the hosts changed while you were asked; nothing was done");
        return Err(failure.hint("run it again and look at what it would do now"));
    }
    let kept = now_last.plan.as_deref().unwrap_or_default();
    let next = now_last.record.taken_over(session.by(), conductor.command.clone(), now());
    left.attempt = next.attempt;
    let old = match verb {
        Verb::Resume => Vec::new(),
        Verb::Abort => task.old_answers(&now_planned, &observed)?,
    };
    let course = match verb {
        Verb::Resume => Course::Resume(&left, kept),
        Verb::Abort => Course::Abort(&left, &old, kept),
    };
    let ending = conductor.carry_out(&now_planned, &observed.key, &lock, next, course, &never_anew).await?;
    Ok(code(verb, ending))
}

/// The run that is to be taken over, if there is one.
fn wanted(observed: &Observed) -> Result<Option<LastRun>, Failure> {
    Ok(unfinished::last(observed)?.filter(|last| last.record.is_unfinished()))
}

/// Hosts that an abort leaves alone, by `-l`: one that is gone for good must not keep the others waiting.
fn outside(loaded: &mut Loaded, verb: Verb) -> Result<Vec<HostName>, Failure> {
    let Some(limit) = loaded.model.limit.take() else { return Ok(Vec::new()) };
    let usage = |text: &str| Failure::new(FailureKind::Usage, text);
    if verb == Verb::Resume {
        return Err(usage("--limit makes no sense for resume: the run knows its hosts"));
    }
    let inside = loaded.model.inventory.select(&limit).map_err(|error| usage(&error.to_string()))?.hosts;
    let balancers = plan::lock_places(&loaded.model).map_err(wrong)?;
    if balancers.iter().any(|(host, ..)| !inside.contains(host)) {
        return Err(usage("--limit leaves out a load balancer: traffic goes back on all of them or on none"));
    }
    Ok(loaded.model.inventory.hosts().iter().filter(|host| !inside.contains(host)).cloned().collect())
}

/// A load balancer that was switched goes back by the driver that it was switched by.
fn refuse_other_drivers(others: &[HostName], switched: &[HostName]) -> Result<(), Failure> {
    let Some(host) = switched.iter().find(|host| others.contains(host)) else { return Ok(()) };
    let what = format!("{host}: the playbook switches by another driver than that run did; nothing was done");
    Err(Failure::new(FailureKind::NeedsPerson, what)
        .hint("give the playbook the `switch:` that it had then, abort, and change it after that"))
}

struct Task<'a> {
    session: &'a Session,
    verb: Verb,
    loaded: &'a Loaded,
    outside: &'a [HostName],
}

impl Task<'_> {
    /// The plan that the load balancers kept, as far as this playbook makes it; and what was left.
    fn open(&self, last: &LastRun, observed: &Observed) -> Result<(Plan, Left), Failure> {
        if last.record.plans.is_empty() {
            let failure =
                Failure::new(FailureKind::NeedsPerson, "an earlier version of bgctl began that run");
            return Err(failure.hint("finish it, or take it back, with that version; nothing was done"));
        }
        let LastRun { record, plan: Some(text), by } = last else {
            let failure = Failure::new(
                FailureKind::NeedsPerson,
                "the load balancers have no plan of the run that was left",
            );
            return Err(failure.hint("look at `bgctl status`; mend by hand what it names, then move the file last-run in bgctl_state_dir away"));
        };
        let open = match self.verb {
            Verb::Resume => Open::Whole,
            // What takes a run back rarely needs the inputs.
            Verb::Abort => Open::Undos,
        };
        let kept = KeptPlan { text, by };
        let opened = Reopening::new(record.began(), &self.loaded.model, observed)
            .map_err(Unopened::from)
            .and_then(|reopening| reopening.open(kept, open));
        let mut plan = opened.map_err(|error| self.unopened(error, record))?;
        if self.verb == Verb::Resume && !record.can_resume() {
            let failure = Failure::new(
                FailureKind::NeedsPerson,
                format!("{} was being taken back already", unfinished::words(record)),
            );
            return Err(failure
                .hint("only its undo can be finished")
                .run(format!("bgctl abort {}", self.session.cli.selection())));
        }
        let mut left = Left::of(record, &plan, self.known(record)?);
        left.outside = self.outside.to_vec();
        // Who took a host out of the inventory does not want to hear of it again.
        let inventory = self.loaded.model.inventory.hosts();
        left.outside.extend(plan.hosts().into_iter().filter(|host| !inventory.contains(host)).cloned());
        if self.verb == Verb::Resume && left.settles(&plan) {
            self.refuse_what_went_back(&plan, observed)?;
        }
        if self.verb == Verb::Abort {
            self.refuse_what_cannot_be_taken_back(&plan, &left)?;
            self.refuse_what_is_served(&plan, &left, observed)?;
            let pointers =
                plan::pointers(record.target, &self.loaded.model, observed).map_err(wrong_once_asked)?;
            refuse_other_drivers(&plan.switch_as(&pointers), &left.switched(&plan))?;
        }
        Ok((plan, left))
    }

    fn unopened(&self, error: Unopened, record: &Record) -> Failure {
        let abort = format!("bgctl abort {}", self.session.cli.selection());
        match error {
            Unopened::Blocked(blocked @ Blocked::Wrong(_)) => {
                super::plan::blocked(blocked, &self.loaded.selection)
                    .hint("give the same -e, and check out the same files, as when the run was started")
            }
            Unopened::Blocked(blocked) => super::plan::blocked(blocked, &self.loaded.selection),
            Unopened::Unreadable(_) => Failure::of(FailureKind::NeedsPerson, &error).hint(
                "nothing was done. Use the version of bgctl that wrote it; if that is this one, somebody else did: find \
                 out who can write in bgctl_state_dir on the load balancers",
            ),
            // Who gives another version must not believe that it was deployed.
            Unopened::OtherRelease(made) => {
                let error = format!("these inputs make release {made}, the run is of release {}", record.release);
                Failure::new(FailureKind::Failed, error)
                    .hint("give the same -e, and check out the same files; or take the run back; nothing was done")
                    .run(abort)
            }
            Unopened::OtherInputs(ref steps) => Failure::of(FailureKind::Failed, &error)
                .lines(steps)
                .hint("give the same -e, and check out the same files; nothing was done"),
            Unopened::NotOurs(ref steps) => Failure::of(FailureKind::NeedsPerson, &error)
                .lines(steps)
                .hint(
                    "nothing was done. Check out the files that the run was started with, and give the same -e; if you \
                     do, somebody else wrote that plan: find out who can write in bgctl_state_dir on the load balancers",
                ),
        }
    }

    /// What settles a run takes the other color away, or keeps the target as one that went live: traffic must be there.
    fn refuse_what_went_back(&self, plan: &Plan, observed: &Observed) -> Result<(), Failure> {
        let standings = plan::standings(&self.loaded.model, observed).map_err(wrong_once_asked)?;
        let (target, other) = (plan.target, plan.target.other());
        let is_back =
            |standing: &&plan::Standing| standing.served == Some(other) || standing.configured == Some(other);
        let Some(on) = standings.iter().find(is_back) else { return Ok(()) };
        let error = format!(
            "{}: {other} is live, and the run had moved traffic to {target}, as its record says; nothing was done",
            on.host
        );
        Err(Failure::new(FailureKind::NeedsPerson, error)
            .hint("traffic has gone back since, or the record is false: take the run back")
            .run(format!("bgctl abort {}", self.session.cli.selection())))
    }

    /// What would be taken away must not be what is served: a plan that never came to its switch cannot know of that.
    fn refuse_what_is_served(&self, plan: &Plan, left: &Left, observed: &Observed) -> Result<(), Failure> {
        if !left.switched(plan).is_empty() || !left.takes_away(plan) {
            return Ok(());
        }
        let standings = plan::standings(&self.loaded.model, observed).map_err(wrong_once_asked)?;
        let target = plan.target;
        let Some(on) = standings.iter().find(|standing| standing.served == Some(target)) else {
            return Ok(());
        };
        let error = format!(
            "{}: {target} is served, and taking the run back would take it away; nothing was done",
            on.host
        );
        Err(Failure::new(FailureKind::NeedsPerson, error).hint(format!(
            "the run had not moved traffic by then: somebody else has. Move it back, then abort: bgctl switch is refused \
             while a run is left, so that is to be done on the load balancer; or finish the run with `bgctl resume`, \
             which asks {target} how it is"
        )))
    }

    /// Where the settle may have done what nothing brings back, the way is forward: half an undo would close it.
    fn refuse_what_cannot_be_taken_back(&self, plan: &Plan, left: &Left) -> Result<(), Failure> {
        let lost = left.lost(plan);
        if lost.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::NeedsPerson,
            "this run cannot be taken back any more; nothing was done",
        )
        .lines(lost)
        .hint("finish it, with the same files and -e, and deploy what you want instead after that")
        .run(format!("bgctl resume {}", self.session.cli.selection())))
    }

    /// The steps that may have left something behind, where this machine's journal of the run is the latest.
    fn known(&self, record: &Record) -> Result<Option<Vec<crate::event::StepId>>, Failure> {
        let folder = self.session.journals(&self.loaded.model.playbook.name)?;
        let state = journal::read(&folder, &record.run, record.attempt);
        let state = state.map_err(|error| {
            Failure::of(FailureKind::Failed, &error)
                .hint("move that file away to go by what the load balancers know; nothing was done")
        })?;
        Ok(state.map(|state| state.to_undo()))
    }

    fn show(&self, record: &Record, plan: &Plan, left: &Left) {
        let ui = self.session.ui;
        if self.session.json() || self.session.cli.globals.quiet {
            return;
        }
        ui.say(&format!("{}\n", unfinished::words(record)));
        if self.verb == Verb::Abort {
            if !left.outside.is_empty() {
                let hosts: Vec<&HostName> = left.outside.iter().collect();
                let why = "left alone, as --limit and the inventory say";
                ui.say(&format!("{why}: {}\n", host_list(&hosts)));
            }
            let live = plan.live.map_or("nothing".to_owned(), |live| format!("{live}"));
            let options = Show { color: ui.err_paint().is_on(), diff: false, width: ui.width() };
            ui.say(&plan::show_undo(&left.ways_back(plan), options));
            ui.say(&format!("{live} is served after that\n"));
            return;
        }
        let mut rest = plan.clone();
        for (_, wave) in rest.waves.iter_mut().enumerate().filter(|(index, _)| *index < left.wave) {
            wave.lanes.clear();
        }
        rest.waves.retain(|wave| !wave.lanes.is_empty());
        let options = Show { color: ui.err_paint().is_on(), diff: false, width: ui.width() };
        ui.say(&(plan::show(&rest, options) + "\n"));
    }

    fn ask(&self, yes: bool) -> Result<bool, Failure> {
        if yes {
            return Ok(true);
        }
        let question = match self.verb {
            Verb::Resume => "Go on with it?",
            Verb::Abort => "Take it back?",
        };
        let ui = self.session.ui;
        let answer = ui.confirm(question).map_err(|error| Failure::unanswered(&error, self.verb.check()))?;
        if !answer {
            ui.say("Nothing was done.\n");
        }
        Ok(answer)
    }

    /// How the color that was live answers for itself, where traffic may have to go back to it after its settle.
    fn old_answers(&self, plan: &Plan, observed: &Observed) -> Result<Vec<plan::Lane>, Failure> {
        let settles = plan.waves.iter().any(|wave| wave.phase == Phase::Settle);
        match plan.live {
            Some(live) if settles && plan.goal != Goal::Retire => {
                plan::answers(live, &self.loaded.model, observed)
                    .map_err(|error| super::plan::blocked(error, &self.loaded.selection))
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// An abort that took all back has done what was asked for.
fn code(verb: Verb, ending: crate::run::Ending) -> u8 {
    match (verb, ending.outcome) {
        (Verb::Abort, Outcome::Undone) => 0,
        (_, outcome) => exit_code(outcome),
    }
}
