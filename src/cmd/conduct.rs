//! A run from the lock to its end: recorded, shown, interrupted by Ctrl-C.

use std::time::Duration;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use crate::event::Kind;
use crate::journal::Journal;
use crate::model::{Escalation, HostName, Key, RunId, StateDir};
use crate::paint::one_line;
use crate::plan::{self, Plan, Wave};
use crate::remote::ssh::SshFleet;
use crate::report::{Human, Json, Options, Report};
use crate::run::{About, Ending, Engine, Holder, Lock, LockPlace, NotLocked, Record, Recorder, Unrecorded};

use super::failure::{Failure, FailureKind};
use super::load::{Loaded, wrong_once_asked};
use super::session::{Session, clock, now};

/// How long the lock of a process that is gone is waited for: its load balancer notices after 30 s at the latest.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a run needs beside its plan.
pub(super) struct Conductor<'a> {
    pub(super) session: &'a Session,
    pub(super) loaded: &'a Loaded,
    pub(super) fleet: &'a SshFleet,
    /// The run: this process's own, or one that another process began.
    pub(super) run: RunId,
    /// The command for the record: without `-e`, whose values may be secrets.
    pub(super) command: String,
}

/// What is carried out.
pub(super) enum Course<'a> {
    /// A plan from its beginning.
    Apply,
    /// A plan from where another process left it, and that plan as the load balancers keep it.
    Resume(&'a crate::run::Left, &'a str),
    /// What another process did is taken back; the checks of the color that was live before, and the kept plan.
    Abort(&'a crate::run::Left, &'a [plan::Lane], &'a str),
}

/// Plans anew without some hosts.
type Revise<'a> = &'a crate::run::Revise<'a>;

impl Conductor<'_> {
    /// Takes the lock on every load balancer.
    pub(super) async fn lock(&self) -> Result<Lock, Failure> {
        let taken = Lock::take(self.fleet, &self.places()?, self.holder()).await;
        taken.inspect(|lock| self.tell_notes(lock)).map_err(|error| not_locked(&error))
    }

    fn tell_notes(&self, lock: &Lock) {
        for (host, note) in lock.notes() {
            self.session.ui.say(&format!("{host}: {}\n", one_line(note)));
        }
    }

    /// As [`lock`](Self::lock), for a run whose former process may still seem to hold it.
    pub(super) async fn lock_of_the_dead(&self) -> Result<Lock, Failure> {
        let (places, mut told) = (self.places()?, false);
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            match Lock::take(self.fleet, &places, self.holder()).await {
                Err(NotLocked::Held { holder: Some(holder), host })
                    if holder.run == self.run && tokio::time::Instant::now() < until =>
                {
                    if !told {
                        self.session.ui.say(&format!(
                            "{host} still holds the lock of that run: waiting until it notices that {} is gone\n",
                            one_line(&holder.by)
                        ));
                    }
                    told = true;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                taken => {
                    return taken.inspect(|lock| self.tell_notes(lock)).map_err(|error| not_locked(&error));
                }
            }
        }
    }

    fn places(&self) -> Result<Vec<LockPlace>, Failure> {
        let places = plan::lock_places(&self.loaded.model).map_err(wrong_once_asked)?;
        let place = |(host, state, user): (HostName, StateDir, Option<String>)| {
            let password = self.loaded.passwords.get(&host).cloned();
            (host, state, user.map(|user| Escalation { user, password }))
        };
        Ok(places.into_iter().map(place).collect())
    }

    fn holder(&self) -> Holder {
        let (by, run, command) = (self.session.by(), self.run.clone(), self.command.clone());
        Holder { by, since: now(), run, command, phase: None }
    }

    /// Carries a plan out, with journal, screen and record.
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        key: &Key,
        lock: &Lock,
        record: Record,
        course: Course<'_>,
        revise: Revise<'_>,
    ) -> Result<Ending, Failure> {
        let folder = self.session.journals(&self.loaded.model.playbook.name)?;
        let (journal, path) = Journal::create(&folder, &self.run, record.attempt).map_err(|error| {
            let failure =
                Failure::new(FailureKind::Failed, "the journal cannot be written; nothing was done");
            failure.because(Some(&error)).hint(format!("is there room in {}?", folder.display()))
        })?;
        let mut report = self.report();
        let recorder = Recorder::new(self.run.clone(), now, Some(journal), vec![report.as_mut()]);
        let (stop, halt) = (CancellationToken::new(), CancellationToken::new());
        let engine = Engine {
            remote: self.fleet,
            recorder: &recorder,
            forks: usize::from(self.session.cli.globals.forks),
            passwords: &self.loaded.passwords,
            stop: &stop,
            halt: &halt,
            lock: Some(lock),
            key,
            revise,
        };
        // Whoever takes it over after this must find what this one found.
        let kept = match course {
            Course::Apply => plan::seal(plan, key),
            Course::Resume(_, kept) | Course::Abort(.., kept) => kept.to_owned(),
        };
        lock.begin(key, record, &kept).await;
        let start = crate::run::start(plan, self.command.clone(), self.session.by());
        let running = async {
            match course {
                Course::Apply => engine.apply(plan.clone(), start).await,
                Course::Resume(left, _) => engine.resume(plan.clone(), start, left).await,
                Course::Abort(left, old, _) => engine.abort(plan, start, left, old).await,
            }
        };
        let ending = tokio::select! {
            ending = running => ending,
            never = beat(lock) => never,
            never = interrupts(&stop, &halt, &recorder) => never,
        };
        let ending = ending.map_err(|error| unrecorded(&error, &path, self.session))?;
        if let Some(record) = lock.record() {
            lock.end(record.ended(ending.outcome, ending.live, now())).await;
        }
        Ok(ending)
    }

    fn report(&self) -> Box<dyn Report> {
        let session = self.session;
        if session.json() {
            return Box::new(Json::new(session.ui.out_stream()));
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
            return Box::new(Human::terminal(options, session.ui.out_stream()));
        }
        Box::new(Human::plain(options, session.ui.err_stream(), session.ui.out_stream()))
    }
}

/// A run that is gone on with is never planned anew: what it was seen to leave is not what it found.
pub(super) fn never_anew(hosts: &[HostName]) -> Result<Vec<Wave>, String> {
    let hosts: Vec<&HostName> = hosts.iter().collect();
    Err(format!("{} failed, which the interrupted run counted on", crate::model::host_list(&hosts)))
}

/// Keeps the lock alive. Never ends by itself.
async fn beat<T>(lock: &Lock) -> T {
    lock.beat().await;
    std::future::pending().await
}

/// Ctrl-C, TERM, and a terminal that closes ask for an end: once, and the engine stops between steps and undoes; twice,
/// and it stops the undo between steps. Never ends by itself.
async fn interrupts<T>(stop: &CancellationToken, halt: &CancellationToken, recorder: &Recorder<'_>) -> T {
    use tokio::signal::unix::{SignalKind, signal};
    // Under nohup a terminal that closes ends nothing.
    let mut hang_up = if ignores_hang_up() { None } else { signal(SignalKind::hangup()).ok() };
    let mut hung_up = async || match &mut hang_up {
        Some(hang_up) => hang_up.recv().await,
        None => std::future::pending().await,
    };
    if let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hung_up() => {}
            }
            let text = if stop.is_cancelled() {
                halt.cancel();
                "interrupted again: ending the step under way, then stopping the undo"
            } else {
                stop.cancel();
                "interrupted: ending the steps under way, then undoing, unless the settle had begun; again, to stop \
                 the undo, too"
            };
            // A journal that fails is met by the engine itself.
            let _ = recorder.record(About::default(), Kind::Noticed { text: text.to_owned() });
        }
    }
    std::future::pending().await
}

/// Whether this process was started to ignore HUP; also where the system does not tell.
fn ignores_hang_up() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 != 0)
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
        return failure.hint(
            "who it is cannot be read; try again when it has ended. If nobody deploys, another user of that host holds \
             the file lock in bgctl_state_dir: `fuser -v`, as root there, tells who. Do not remove it: under a run that lives, two would run",
        );
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

fn unrecorded(error: &Unrecorded, path: &std::path::Path, session: &Session) -> Failure {
    Failure::of(FailureKind::NeedsPerson, error)
        .hint(format!("the run stopped before its next effect; what it did stands in {}", path.display()))
        .hint("make room, then take it back or go on with it")
        .run(format!("bgctl abort {}", session.cli.selection()))
        .run(format!("bgctl resume {}", session.cli.selection()))
}
