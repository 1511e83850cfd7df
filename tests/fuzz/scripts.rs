//! What scripts print and apps answer while a plan is carried out: step by step, before a host that says anything.

use std::sync::Mutex;

use bgctl::model::{Action, HostName};
use bgctl::plan::{Certainty, Lane, Plan, Step, Undo, Wave};
use bgctl::remote::{Answer, Exec, Hold, HttpResponse, Output, Probe, Remote, RemoteError};
use bgctl::run::{self, Engine, Recorder};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

use crate::drive::Target;
use crate::fleet;
use crate::kept::told;
use crate::mutate::{Corpus, Rng};

/// A host that answers all with the same.
struct Liar {
    output: Output,
    answer: Answer,
    /// How often it may be asked.
    left: Mutex<u32>,
}

impl Liar {
    fn asked(&self) {
        let mut left = self.left.lock().unwrap();
        assert!(*left > 0, "it is asked for ever");
        *left -= 1;
    }
}

impl Remote for Liar {
    fn exec<'a>(&'a self, _: &'a HostName, _: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        self.asked();
        async { Ok(self.output.clone()) }.boxed()
    }

    fn probe<'a>(&'a self, _: &'a HostName, _: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        self.asked();
        async { Ok(self.answer.clone()) }.boxed()
    }

    fn hold<'a>(&'a self, _: &'a HostName, _: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async { Err(RemoteError::Refused("nothing is held".to_owned())) }.boxed()
    }
}

/// Steps of all kinds, each by itself.
pub(crate) struct Answers {
    plans: Vec<Plan>,
    corpus: Corpus,
}

/// What scripts print where all goes well, and less well.
const SAID: [&str; 14] = [
    "log /var/log/nginx/access.log\nbefore 1000 2\nafter 100 0\ncursor 12 3456\n",
    "log /l\nbefore 0 0\nafter 18446744073709551615 18446744073709551615\ncursor 1 1\n",
    "unread access_log is off\n",
    "left 2\nclient 10.0.0.5:4711\nupstream 10.0.0.9:18080\nclient [fd00:0:0:0:0:0:0:1]:1\n",
    "left 18446744073709551615\nunseen\n",
    "took 12\n",
    "image web sha256:0123456789abcdef r/app:3 r/app@sha256:fedcba9876543210\nfile f00\nend\n",
    "file missing\nfile unreadable\nend\n",
    "image sha256:0123456789abcdef r/a@sha256:fedcba9876543210\nnew\n",
    "project my-server-green has no containers\n",
    "web has ended with exit code 137\n",
    "note nginx was slow\ntook 18446744073709551615\n",
    "HTTP/1.1 200 OK\nX-Color: green\n\nok\n",
    "unauthorized: authentication required\n",
];

pub(crate) fn answers() -> Answers {
    let left = fleet::left();
    let mut plans: BTreeMap<String, Plan> = BTreeMap::new();
    let pull = Action::PullImage { name: "r/app:3".to_owned() };
    let pull = Step {
        name: "Pull".to_owned(),
        undo: Undo::NotNeeded,
        certainty: Certainty::Computed,
        escalate: None,
        timeout: None,
        ignore_errors: false,
        no_log: false,
        before: None,
        action: pull,
    };
    let wave = |wave: &Wave, host: &HostName, step: &Step| Wave {
        lanes: vec![Lane { host: host.clone(), steps: vec![step.clone()], skipped: Vec::new() }],
        ..wave.clone()
    };
    for plan in &left.plans {
        for of in &plan.waves {
            for lane in &of.lanes {
                for step in lane.steps.iter().chain([&pull]) {
                    let kind = format!("{:?}", step.action);
                    let kind = kind.split([' ', '(', '{']).next().unwrap().to_owned();
                    let alone = Plan { waves: vec![wave(of, &lane.host, step)], ..plan.clone() };
                    plans.entry(format!("{kind} {:?}", of.phase)).or_insert(alone);
                }
            }
        }
    }
    assert!(plans.len() > 12, "{:?}", plans.keys());
    let words = [
        "before ", "after ", "cursor ", "unread ", "left ", "client ", "took ", "image ", "file ", "end",
        "new", "note ",
    ];
    Answers { plans: plans.into_values().collect(), corpus: Corpus::new(SAID, &words) }
}

impl Target for Answers {
    /// A step and an exit status, then what is printed.
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let step = rng.next().to_le_bytes()[0];
        let status = if rng.one_in(4) { rng.next().to_le_bytes()[0] } else { 0 };
        let mut input = vec![step, status];
        input.extend(self.corpus.changed(rng));
        input
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        let [step, status, said @ ..] = input else { return 1 };
        let plan = &self.plans[usize::from(*step) % self.plans.len()];
        let (stdout, stderr) = (said.to_vec(), said.iter().rev().take(300).copied().collect());
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = String::from_utf8_lossy(said).lines().filter_map(header).collect();
        let answer = match status {
            0 => Answer::Http(HttpResponse { status: 200, headers, body: said.to_vec() }),
            1 => Answer::Failed(String::from_utf8_lossy(said).into_owned()),
            other => {
                Answer::Http(HttpResponse { status: u16::from(*other) * 3, headers, body: said.to_vec() })
            }
        };
        let output = Output { status: i32::from(*status), stdout, stderr, cut: false };
        let liar = Liar { output, answer, left: Mutex::new(5000) };
        fleet::alone(carried_out(plan, &liar));
        1
    }
}

async fn carried_out(plan: &Plan, liar: &Liar) {
    let mut report = told();
    let run = bgctl::model::RunId::new(Timestamp::UNIX_EPOCH, 1);
    let recorder = Recorder::new(run, || Timestamp::UNIX_EPOCH, None, vec![&mut report]);
    let engine = Engine {
        remote: liar,
        recorder: &recorder,
        forks: 1,
        passwords: &BTreeMap::new(),
        stop: &CancellationToken::new(),
        halt: &CancellationToken::new(),
        lock: None,
        key: &bgctl::model::Key::default(),
        revise: &|_| Err("nothing is planned anew".to_owned()),
    };
    let start = run::start(plan, "apply".to_owned(), "me@here".to_owned());
    engine.apply(plan.clone(), start).await.unwrap();
}
