//! What hosts keep of runs and releases, and journals on this machine.

use bgctl::event::{Event, Kind};
use bgctl::facts::Observed;
use bgctl::journal;
use bgctl::model::{HostName, Kept};
use bgctl::paint::Paint;
use bgctl::plan::Plan;
use bgctl::report::{Human, Options, Report};
use bgctl::run::{self, LastRun, Record};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::drive::{self, Target};
use crate::fleet;
use crate::house::host;
use crate::mutate::{Corpus, Rng};
use crate::tree::Trees;

/// Texts that are JSON, changed as text or as values.
struct Json {
    corpus: Corpus,
    trees: Trees,
}

impl Json {
    fn new(texts: &[String], words: &[&str]) -> Self {
        Self { corpus: Corpus::new(texts.iter().cloned(), words), trees: Trees::new(texts, words) }
    }

    fn changed(&self, rng: &mut Rng) -> Vec<u8> {
        if rng.one_in(2) { self.corpus.changed(rng) } else { self.trees.changed(rng) }
    }
}

/// Words of records, plans and kept releases.
const WORDS: [&str; 12] = [
    "blue",
    "green",
    "apply",
    "stage",
    "settle",
    "stuck",
    "undone",
    "app1",
    "lb2",
    "19700101T000000Z-00000001",
    "0123456789ab",
    "-262143-01-01T00:00:00Z",
];

/// Ends one text and begins the next in an input.
const END: u8 = 0x1e;

/// `Record::read`, and what two load balancers come to, one of which says anything at all.
pub(crate) struct Records {
    json: Json,
    observed: Observed,
    plan: Plan,
}

pub(crate) fn records() -> Records {
    let left = fleet::left();
    let mut texts = vec![serde_json::to_string(&left.record).unwrap()];
    for facts in left.observed.hosts.values() {
        texts.extend(facts.records.last_run.clone());
    }
    let worlds = left.house.fleet.worlds();
    texts.extend(worlds.values().flat_map(|world| world.histories.values()).flatten().cloned());
    assert!(texts.len() > 3);
    Records { json: Json::new(&texts, &WORDS), observed: left.observed, plan: left.plans[2].clone() }
}

impl Target for Records {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let mut input = self.json.changed(rng);
        if rng.one_in(8) {
            input.push(END);
            input.extend(self.json.changed(rng));
        }
        input
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let mut parts = input.splitn(2, |byte| *byte == END).map(String::from_utf8_lossy);
        let (record, kept) = (parts.next().unwrap_or_default(), parts.next());
        if let Ok(record) = Record::read(&record) {
            goes_on(&record, &self.plan);
        }
        let mine = &mut self.observed.hosts.get_mut(&host("lb1")).unwrap().records;
        let (before, plan) = (mine.last_run.replace(record.into_owned()), mine.plan.clone());
        if let Some(kept) = &kept {
            mine.plan = Some(kept.clone().into_owned());
        }
        let last = LastRun::of(&self.observed);
        // What one of them alone says of a plan is nothing that a run goes on with.
        if let (Ok(Some(last)), Some(_)) = (last, kept) {
            let mine = self.observed.hosts[&host("lb1")].records.plan.as_ref();
            assert!(last.plan.as_ref() != mine || last.by.contains(&host("lb1")), "{last:?}");
        }
        let mine = &mut self.observed.hosts.get_mut(&host("lb1")).unwrap().records;
        (mine.last_run, mine.plan) = (before, plan);
        1
    }
}

/// Whatever is done with a record that was read.
fn goes_on(record: &Record, plan: &Plan) {
    let text = serde_json::to_string(record).unwrap();
    assert_eq!(Record::read(&text).as_ref(), Ok(record), "it does not read back");
    let left = run::Left::of(record, plan, None);
    let _ = (left.ways_back(plan), left.lost(plan), left.takes_away(plan), left.settles(plan));
    let _ = left.switched(plan);
    let now = Timestamp::UNIX_EPOCH;
    let over = record.taken_over("me@here".to_owned(), "resume".to_owned(), now);
    let _ = over.planned("plan").ended(bgctl::event::Outcome::Done, record.live, now);
    if let Some(reached) = record.reached.clone() {
        let _ = over.further(reached);
    }
    let kind = Kind::TookOver { attempt: left.attempt, wave: left.wave, left: left.steps };
    told().event(&Event {
        time: record.at,
        run: record.run.clone(),
        host: None,
        phase: None,
        task: None,
        kind,
    });
}

/// A report that nobody reads.
pub(crate) fn told() -> Human {
    let options = Options {
        quiet: false,
        selection: String::new(),
        zone: jiff::tz::TimeZone::UTC,
        progress: Paint::new(false),
        result: Paint::new(false),
    };
    Human::plain(options, Box::new(std::io::sink()), Box::new(std::io::sink()))
}

/// `Kept::read`.
pub(crate) struct Releases(Json);

pub(crate) fn releases() -> Releases {
    let worlds = fleet::left().house.fleet.worlds();
    let texts: Vec<String> =
        worlds.values().flat_map(|world| world.kept.values()).map(|(_, text)| text.clone()).collect();
    Releases(Json::new(&texts, &WORDS))
}

impl Target for Releases {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        self.0.changed(rng)
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        if let Ok(kept) = Kept::read(&String::from_utf8_lossy(input)) {
            assert_eq!(Kept::read(&serde_json::to_string(&kept).unwrap()), Ok(kept), "it does not read back");
        }
        1
    }
}

/// `journal::read`.
pub(crate) struct Journals {
    corpus: Corpus,
    folder: TempDir,
    run: bgctl::model::RunId,
}

pub(crate) fn journals() -> Journals {
    let left = fleet::left();
    let line = |event: &Event| serde_json::to_string(event).unwrap() + "\n";
    let texts = left.journals.iter().map(|events| events.iter().map(line).collect::<String>());
    let folder = drive::scratch();
    Journals { corpus: Corpus::new(texts, &WORDS), folder, run: left.record.run }
}

impl Target for Journals {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        self.corpus.changed(rng)
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let path = self.folder.path().join(format!("{}.jsonl", self.run));
        std::fs::write(path, input).unwrap();
        if let Ok(Some(state)) = journal::read(self.folder.path(), &self.run, 1) {
            let _ = (state.to_undo(), state.outcome());
        }
        1
    }
}

/// The load balancers of the runs.
pub(crate) fn balancers() -> std::collections::BTreeSet<HostName> {
    ["lb1", "lb2"].map(host).into()
}
