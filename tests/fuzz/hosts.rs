//! What hosts say of themselves, and the plans that are made of it.

use bgctl::facts::{self, DeadMan, Facts, Questions, Records};
use bgctl::plan::{self, Goal, Request, Show};
use bgctl::run::LastRun;

use crate::drive::Target;
use crate::fleet::{self, Left};
use crate::mutate::{Corpus, Rng};

/// Words that the answers are made of.
const WORDS: [&str; 25] = [
    "facts 1",
    "system",
    "missing",
    "odd",
    "file",
    "exists",
    "docker",
    "compose",
    "image",
    "container",
    "nginx",
    "detected",
    "kept",
    "holder",
    "last-run",
    "plan",
    "history",
    "armed",
    "dead-man",
    "closed",
    "trouble",
    "end",
    "none",
    "other",
    "watched",
];

/// Answers of the real script, on a machine with a Docker that was played.
const REAL: &str = include_str!("corpus/facts.txt");

fn corpus(left: &Left) -> Corpus {
    let answers = left.answers.iter().map(|(_, _, text)| text.clone());
    Corpus::new(answers.chain([REAL.to_owned()]), &WORDS)
}

/// `facts::read`: a host tells of nothing that it was not asked.
pub(crate) struct Answers {
    corpus: Corpus,
    asked: Vec<Questions>,
}

pub(crate) fn answers() -> Answers {
    let left = fleet::left();
    let mut asked: Vec<Questions> = left.answers.iter().map(|(_, questions, _)| questions.clone()).collect();
    asked.push(Questions::default());
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    // What `corpus/facts.txt` answers.
    asked.push(Questions {
        files: list(&["/tmp/played/a b/f.txt", "/tmp/played/no/such/file", "/tmp/played"]),
        exists: list(&["/tmp/played"]),
        projects: list(&["app-blue"]),
        images: list(&["r/app:1"]),
        site: Some("/tmp/played/site".to_owned()),
        detect: Some("echo blue".to_owned()),
        records: Some("/tmp/played/state".to_owned()),
        plan: true,
        history: true,
        kept: Some("/tmp/played/kept".to_owned()),
        ..Questions::default()
    });
    Answers { corpus: corpus(&left), asked }
}

impl Target for Answers {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        self.corpus.changed(rng)
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        // As the transport hands it on.
        let text = String::from_utf8_lossy(input);
        let asked = &self.asked[input.len() % self.asked.len()];
        if let Ok(answered) = facts::read(&text, asked) {
            holds_what_was_asked(&answered.facts, asked);
        }
        1
    }
}

fn holds_what_was_asked(facts: &Facts, asked: &Questions) {
    let system = ["hostname", "kernel", "arch", "os", "os_version"];
    assert!(facts.system.keys().all(|key| system.contains(&key.as_str())), "{:?}", facts.system);
    assert!(facts.files.keys().all(|path| asked.files.contains(path)), "{:?}", facts.files.keys());
    assert!(facts.existing.iter().all(|path| asked.exists.contains(path)), "{:?}", facts.existing);
    assert!(facts.images.keys().all(|name| asked.images.contains(name)), "{:?}", facts.images);
    assert!(
        facts.containers.iter().all(|one| asked.projects.contains(&one.project)),
        "{:?}",
        facts.containers
    );
    let asks_engine = !asked.projects.is_empty() || !asked.images.is_empty();
    assert!(asks_engine || (facts.docker.is_none() && facts.compose.is_none()), "{:?}", facts.docker);
    assert!(asked.site.is_some() || facts.nginx.is_none(), "{:?}", facts.nginx);
    assert!(asked.detect.is_some() || facts.detected.is_none(), "{:?}", facts.detected);
    assert!(asked.kept.is_some() || facts.kept.is_empty(), "{:?}", facts.kept);
    assert!(asked.records.is_some() || facts.records == Records::default(), "{:?}", facts.records);
    assert!(asked.plan || facts.records.plan.is_none());
    assert!(asked.history || facts.records.history.is_empty());
}

/// Everything that is decided from facts, where one host says anything at all.
pub(crate) struct Observed {
    corpus: Corpus,
    left: Left,
}

pub(crate) fn observed() -> Observed {
    let left = fleet::left();
    Observed { corpus: corpus(&left), left }
}

const GOALS: [Goal; 6] = [
    Goal::Apply,
    Goal::Stage,
    Goal::Promote,
    Goal::Rollback,
    Goal::Retire,
    Goal::Switch(bgctl::model::Color::Blue),
];

impl Target for Observed {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        if rng.one_in(4) {
            return self.corpus.changed(rng);
        }
        // Values alone: what is read as an answer.
        let mut text = String::from_utf8(self.corpus.text(rng)).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let line = rng.below(lines.len());
        let mut changed = lines[line].as_bytes().to_vec();
        self.corpus.change(rng, &mut changed);
        changed.retain(|byte| *byte != b'\n');
        let changed = String::from_utf8_lossy(&changed).into_owned();
        lines[line] = &changed;
        text = lines.join("\n") + "\n";
        text.into_bytes()
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let Left { model, observed, answers, .. } = &self.left;
        let text = String::from_utf8_lossy(input);
        let first = text.lines().nth(1).unwrap_or_default();
        // Of the host that it is about, where that can be told.
        let theirs = |(_, _, answer): &&(_, _, String)| answer.lines().nth(1) == Some(first);
        let (host, questions, _) =
            answers.iter().find(theirs).unwrap_or(&answers[input.len() % answers.len()]);
        let Ok(answered) = facts::read(&text, questions) else { return 1 };
        let mut observed = observed.clone();
        observed.hosts.insert(host.clone(), answered.facts);
        let request =
            Request { goal: GOALS[input.len() % GOALS.len()], force: input.len().is_multiple_of(5) };
        if let Ok(plan) = plan::build(request, model, &observed, &[]) {
            let shown = plan::show(&plan, Show { color: false, diff: true, width: 80 });
            assert!(!shown.contains('\u{1b}'), "{shown}");
            let _ = (plan::to_json(&plan), plan::seal(&plan, &observed.key));
        }
        let _ = LastRun::of(&observed);
        let _ = plan::never_live(&observed);
        plan::standings(model, &observed).unwrap();
        plan::kept(model, &observed).unwrap();
        for facts in observed.hosts.values() {
            let Records { armed, dead_man, .. } = &facts.records;
            let _ = armed.as_ref().map(|armed| (armed.is_watched(), armed.sentence()));
            let _ = dead_man.as_ref().map(DeadMan::sentence);
        }
        1
    }
}
