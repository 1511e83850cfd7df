//! The truth about a run: its events as JSON lines, and the state that they add up to.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::event::{Event, Kind, Outcome, StepId};
use crate::model::RunId;

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// An open journal file. Every event is on disk before its effect begins.
#[derive(Debug)]
pub struct Journal {
    file: fs::File,
}

impl Journal {
    /// Opens a new journal, readable by its owner only: `FOLDER/RUN.jsonl`, or `FOLDER/RUN.N.jsonl` for the Nth
    /// process that works on the run.
    pub fn create(folder: &Path, run: &RunId, attempt: u32) -> std::io::Result<(Self, PathBuf)> {
        fs::create_dir_all(folder)?;
        let path = place(folder, run, attempt);
        let file = std::fs::OpenOptions::new().create_new(true).append(true).mode_owner_only().open(&path)?;
        Ok((Self { file: fs::File::from_parts(file, &path) }, path))
    }

    /// Appends one event and waits until it is on disk.
    pub fn append(&mut self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

fn place(folder: &Path, run: &RunId, attempt: u32) -> PathBuf {
    let number = if attempt > 1 { format!(".{attempt}") } else { String::new() };
    folder.join(format!("{run}{number}.jsonl"))
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The file cannot be read.
    #[error("the journal cannot be read")]
    File(#[from] std::io::Error),
    /// A line that is not the last makes no sense, or an event cannot follow those before it.
    #[error("line {line} of {path} makes no sense: {why}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

/// What a process's journal of a run adds up to; `None` where there is none on this machine. A last line that is
/// torn was never acted upon, since an event is whole on disk before its effect begins: it is left out.
pub fn read(folder: &Path, run: &RunId, attempt: u32) -> Result<Option<RunState>, Unread> {
    let path = place(folder, run, attempt);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut state = RunState::default();
    // As bytes: a line may be torn inside of a letter.
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let bad = |why: String| Unread::Line { path: path.clone(), line: index + 1, why };
        let event: Event = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
        state.fold(&event).map_err(|illegal| bad(illegal.to_string()))?;
    }
    Ok(Some(state))
}

/// `mode(0600)` where the system knows modes.
trait OwnerOnly {
    fn mode_owner_only(&mut self) -> &mut Self;
}

impl OwnerOnly for std::fs::OpenOptions {
    #[cfg(unix)]
    fn mode_owner_only(&mut self) -> &mut Self {
        std::os::unix::fs::OpenOptionsExt::mode(self, 0o600)
    }

    #[cfg(not(unix))]
    fn mode_owner_only(&mut self) -> &mut Self {
        self
    }
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It may have been done by the process that began the run.
    Left,
    /// It began: its effect may or may not be there.
    Started,
    /// Its effect is there.
    Done,
    /// It failed: its effect may or may not be there.
    Failed,
    /// It was taken back.
    Undone,
    /// It could not be taken back.
    Stuck,
}

/// What a run's events add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    began: bool,
    undoing: bool,
    steps: BTreeMap<StepId, Progress>,
    outcome: Option<Outcome>,
}

/// An event that cannot follow what came before it: a bug in the engine, or a journal that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event:?} cannot follow: {why}")]
pub struct Illegal {
    event: String,
    why: &'static str,
}

impl RunState {
    /// Takes one more event into account, or refuses it and stays as it was.
    pub fn fold(&mut self, event: &Event) -> Result<(), Illegal> {
        let illegal = |why| Err(Illegal { event: format!("{:?}", event.kind), why });
        let starts = matches!(event.kind, Kind::RunStarted { .. });
        if self.outcome.is_some() {
            return illegal("the run has ended");
        }
        if starts == self.began {
            return illegal(if starts { "the run began already" } else { "the run has not begun" });
        }
        match &event.kind {
            Kind::RunStarted { format, .. } if *format > FORMAT => {
                return illegal("a newer version wrote it");
            }
            Kind::RunStarted { .. } => self.began = true,
            Kind::TookOver { left, .. } if self.steps.is_empty() && !self.undoing => {
                self.steps = left.iter().map(|at| (*at, Progress::Left)).collect();
            }
            Kind::TookOver { .. } => return illegal("the run is under way"),
            Kind::UndoStarted { .. } => self.undoing = true,
            Kind::RunEnded { outcome, .. } => self.outcome = Some(*outcome),
            Kind::Started { at }
            | Kind::Ended { at, .. }
            | Kind::Failed { at, .. }
            | Kind::Undone { at, .. }
            | Kind::UndoFailed { at, .. } => return self.step(*at, &event.kind).or_else(illegal),
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, at: StepId, kind: &Kind) -> Result<(), &'static str> {
        let next = match (self.steps.get(&at), kind) {
            (None | Some(Progress::Left), Kind::Started { .. }) if self.undoing => {
                return Err("the undo began: nothing new may start");
            }
            (None | Some(Progress::Left), Kind::Started { .. }) => Progress::Started,
            (Some(_), Kind::Started { .. }) => return Err("the step began already"),
            (Some(Progress::Started), Kind::Ended { .. }) => Progress::Done,
            (Some(Progress::Started), Kind::Failed { .. }) => Progress::Failed,
            (_, Kind::Ended { .. } | Kind::Failed { .. }) => return Err("the step is not under way"),
            (None, _) => return Err("the step never began"),
            (Some(Progress::Undone), _) => return Err("the step is undone already"),
            (Some(_), Kind::Undone { .. }) => Progress::Undone,
            (Some(_), _) => Progress::Stuck,
        };
        self.steps.insert(at, next);
        Ok(())
    }

    /// The steps that may have left something behind, in the plan's order.
    #[must_use]
    pub fn to_undo(&self) -> Vec<StepId> {
        let left = self.steps.iter().filter(|(_, progress)| !matches!(progress, Progress::Undone));
        left.map(|(at, _)| *at).collect()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn event(kind: Kind) -> Event {
        Event {
            time: Timestamp::UNIX_EPOCH,
            run: RunId::new(jiff::Timestamp::UNIX_EPOCH, 1),
            host: None,
            phase: None,
            task: None,
            kind,
        }
    }

    fn began() -> Event {
        let line = r#"{"time":"2026-01-01T00:00:00Z","run":"20261121T030405Z-00000001","event":"run_started","format":1,"app":"a","command":"apply","by":"me@here","live":null,"target":"blue","release":"0123456789ab","hosts":[],"steps":1}"#;
        serde_json::from_str(line).unwrap()
    }

    const AT: StepId = StepId { wave: 0, lane: 0, step: 0 };

    fn ended() -> Kind {
        Kind::Ended { at: AT, changed: true, detail: None, took_ms: 1 }
    }

    #[test]
    fn what_started_is_to_be_undone_even_if_it_never_ended() {
        let mut state = RunState::default();
        state.fold(&began()).unwrap();
        state.fold(&event(Kind::Started { at: AT })).unwrap();
        assert_eq!(state.to_undo(), [AT]);
        state.fold(&event(Kind::UndoStarted { why: "stop".into() })).unwrap();
        state.fold(&event(Kind::Undone { at: AT, took_ms: 1 })).unwrap();
        assert_eq!(state.to_undo(), []);
    }

    #[test]
    fn illegal_orders_are_refused_and_change_nothing() {
        let mut state = RunState::default();
        assert!(state.fold(&event(Kind::Started { at: AT })).is_err(), "before the run began");
        state.fold(&began()).unwrap();
        assert!(state.fold(&began()).is_err(), "twice");
        assert!(state.fold(&event(ended())).is_err(), "ended before it started");
        state.fold(&event(Kind::Started { at: AT })).unwrap();
        assert!(state.fold(&event(Kind::Started { at: AT })).is_err(), "started twice");
        state.fold(&event(ended())).unwrap();
        assert!(state.fold(&event(ended())).is_err(), "ended twice");
        let before = state.clone();
        assert!(state.fold(&event(ended())).is_err());
        assert_eq!(state, before);
    }

    #[test]
    fn nothing_starts_once_the_undo_began() {
        let mut state = RunState::default();
        state.fold(&began()).unwrap();
        state.fold(&event(Kind::UndoStarted { why: "stop".into() })).unwrap();
        assert!(state.fold(&event(Kind::Started { at: AT })).is_err());
    }

    #[test]
    fn a_newer_format_is_refused() {
        let mut newer = began();
        if let Kind::RunStarted { format, .. } = &mut newer.kind {
            *format = FORMAT + 1;
        }
        assert!(RunState::default().fold(&newer).is_err());
    }

    #[test]
    fn each_process_that_works_on_a_run_has_a_journal_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let names = [1, 2, 3].map(|attempt| {
            let (_, path) =
                Journal::create(folder.path(), &RunId::new(jiff::Timestamp::UNIX_EPOCH, 1), attempt).unwrap();
            path.file_name().unwrap().to_string_lossy().into_owned()
        });
        assert_eq!(names, ["", ".2", ".3"].map(|number| format!("19700101T000000Z-00000001{number}.jsonl")));
        assert!(
            Journal::create(folder.path(), &RunId::new(jiff::Timestamp::UNIX_EPOCH, 1), 2).is_err(),
            "never written over"
        );
    }

    #[test]
    fn who_takes_a_run_over_may_begin_its_steps_again_or_take_them_back() {
        let mut state = RunState::default();
        state.fold(&began()).unwrap();
        state.fold(&event(Kind::TookOver { attempt: 2, wave: 0, left: vec![AT] })).unwrap();
        assert_eq!(state.to_undo(), [AT]);
        let mut back = state.clone();
        back.fold(&event(Kind::UndoStarted { why: "abort".into() })).unwrap();
        assert!(back.fold(&event(Kind::Started { at: AT })).is_err());
        back.fold(&event(Kind::Undone { at: AT, took_ms: 1 })).unwrap();
        assert_eq!(back.to_undo(), []);
        state.fold(&event(Kind::Started { at: AT })).unwrap();
        state.fold(&event(ended())).unwrap();
        let again = event(Kind::TookOver { attempt: 3, wave: 0, left: vec![] });
        assert!(state.fold(&again).is_err(), "under way");
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_any_other_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunId::new(jiff::Timestamp::UNIX_EPOCH, 1);
        assert_eq!(read(folder.path(), &run, 1).unwrap(), None);
        let (mut journal, path) = Journal::create(folder.path(), &run, 1).unwrap();
        journal.append(&began()).unwrap();
        journal
            .append(&Event { task: Some("Überall → €".into()), ..event(Kind::Started { at: AT }) })
            .unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        for torn in 0..whole.len() - whole.find('\n').unwrap() - 1 {
            std::fs::write(&path, &whole.as_bytes()[..whole.len() - 1 - torn]).unwrap();
            assert_eq!(read(folder.path(), &run, 1).unwrap().unwrap().to_undo(), []);
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(read(folder.path(), &run, 1).unwrap().unwrap().to_undo(), [AT]);
        std::fs::write(&path, whole.replacen("run_started", "run_st", 1)).unwrap();
        assert!(matches!(read(folder.path(), &run, 1), Err(Unread::Line { line: 1, .. })));
        std::fs::write(&path, whole.replacen(r#""format":1"#, r#""format":2"#, 1)).unwrap();
        let newer = read(folder.path(), &run, 1).unwrap_err().to_string();
        assert!(newer.contains("newer"), "{newer}");
        // One that is there and cannot be read is none that is missing.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(read(folder.path(), &run, 1), Err(Unread::File(_))));
    }

    #[test]
    fn a_journal_is_written_line_by_line_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, path) =
            Journal::create(folder.path(), &RunId::new(jiff::Timestamp::UNIX_EPOCH, 1), 1).unwrap();
        journal.append(&began()).unwrap();
        journal.append(&event(Kind::Locked)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events, [began(), event(Kind::Locked)]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
