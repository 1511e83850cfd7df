//! What a `no_log` task holds is told by nothing that a run says, whatever fails in it.

use std::collections::BTreeMap;

use bgctl::event::{Event, Kind, Outcome};
use bgctl::paint::Paint;
use bgctl::plan::{self, Goal, Show};
use bgctl::remote::fake::{Call, Fault};
use bgctl::report::{Human, Json, Options, Report};
use bgctl::run::Stage;

use super::house::{House, Told, Verb};

const SECRET: &str = "hunter2";
/// A file, commands with ways back, and every check, all of which know the secret and say it when they fail: hosts in
/// memory answer a failure with what they were told.
const TASKS: &str = r#"      - name: File
        copy: { content: "hunter2", dest: "/srv/{{ app }}/{{ color }}/secret", validate: "check hunter2 %s" }
        no_log: true
      - name: Command
        command: { shell: "speak hunter2", stdin: hunter2, undo: "unsay hunter2" }
        environment: { TOKEN: hunter2 }
        no_log: true
      - name: Without a way back
        command: { argv: [speak, hunter2] }
        no_log: true
      - name: In a container
        command: { in: container, service: web, argv: [speak, hunter2], undo: { argv: [unsay, hunter2] } }
        no_log: true
      - name: Recreate {{ color }}
        compose: { dir: "/srv/{{ app }}/{{ color }}" }
      - name: Asks over http
        health: { http: "http://127.0.0.1:{{ port }}/hunter2?hunter2", host: hunter2.example, retries: 2 }
        no_log: true
      - name: Asks a command
        health: { command: "ask hunter2", retries: 2 }
        no_log: true
      - name: Answers to the load balancers
        health: { http: "http://{{ address }}:{{ port }}/hunter2?hunter2", from: load_balancers, retries: 2 }
        no_log: true
"#;

fn house() -> House {
    let mut house = House::with_app_servers(1, 1);
    let (before, rest) = house.playbook.split_once("      - name: Recreate {{ color }}\n").unwrap();
    let (_, after) = rest.split_once("switch: #").unwrap();
    house.playbook = format!("{before}{TASKS}\nswitch: #{after}");
    house
}

/// Everything in which people and programs could read of these events.
fn told(events: &[Event]) -> String {
    let shown = tempfile::NamedTempFile::new().unwrap();
    let stream = || Box::new(shown.reopen().map(Appending).unwrap());
    let paint = Paint::PLAIN;
    let zone = jiff::tz::TimeZone::UTC;
    let options = Options { quiet: false, selection: String::new(), zone, progress: paint, result: paint };
    let mut reports: [Box<dyn Report>; 2] =
        [Box::new(Human::plain(options, stream(), stream())), Box::new(Json::new(stream()))];
    for event in events {
        for report in &mut reports {
            report.event(event);
        }
    }
    // The journal has the same lines as JSON.
    std::fs::read_to_string(shown.path()).unwrap()
}

/// Several writers of one file.
struct Appending(std::fs::File);

impl std::io::Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Seek::seek(&mut self.0, std::io::SeekFrom::End(0))?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[track_caller]
fn tells_nothing(run: &Told, replay: &str) {
    let events: Vec<Event> = run.events().cloned().collect();
    let text = told(&events);
    assert!(text.contains("Asks over http") || text.contains("run_started"), "{replay}: {text}");
    assert!(!text.contains(SECRET), "{replay}: {text}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_it_and_its_run_tell_nothing() {
    let house = house();
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    for text in
        [plan::show(&plan, Show { color: false, diff: true, width: 200 }), plan::to_json(&plan).to_string()]
    {
        assert!(text.contains("Asks over http") && !text.contains(SECRET), "{text}");
    }
    tells_nothing(&house.does(Goal::Apply, "1").await, "nothing failed");
}

/// The nth call fails and everything after it that takes back, or asks: undos and their endings, too.
#[tokio::test(start_paused = true)]
async fn whatever_fails_and_cannot_be_undone_tells_nothing() {
    let (mut stuck, mut failed) = (0, 0);
    for (lasting, fault) in
        [(false, Fault::Before), (true, Fault::Before), (true, Fault::Lost { done: true })]
    {
        let mut index = 0;
        loop {
            let house = house();
            let fails = move |call: &Call| call.index == index || (lasting && call.index > index);
            let run = house.run(Goal::Apply, "1", move |call, _| fails(call).then_some(fault)).await;
            tells_nothing(&run, &format!("{fault:?} at call {index}, lasting: {lasting}"));
            stuck += run.events().filter(|event| matches!(event.kind, Kind::UndoFailed { .. })).count();
            failed += run.events().filter(|event| matches!(event.kind, Kind::Failed { .. })).count();
            if run.calls().count() <= index {
                break;
            }
            index += 1;
        }
    }
    assert!(stuck > 20 && failed > 40, "{stuck} {failed}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_taken_back_by_others_tells_nothing() {
    let mut refused = 0;
    let mut index = 0;
    loop {
        let house = house();
        house.does(Goal::Apply, "1").await;
        let dies = move |call: &Call| (call.index == index).then_some(Fault::Crash { done: true });
        let run = house.run(Goal::Apply, "2", move |call, _| dies(call)).await;
        if run.ending.is_some() {
            break;
        }
        // What was live does not answer any more, nor does anything else that is asked.
        let asks = |call: &Call| call.what == "probe" || call.what == "run";
        let taken =
            house.take_over(Verb::Abort, "2", move |call, _| asks(call).then_some(Fault::Before)).await;
        tells_nothing(&taken, &format!("died at call {index}"));
        let says_why =
            |event: &&Event| matches!(&event.kind, Kind::Noticed { text } if text.contains("no_log"));
        refused += taken.events().filter(says_why).count();
        index += 1;
    }
    assert!(refused > 0, "no old color was asked");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_tells_nothing() {
    let house = house();
    house.does(Goal::Apply, "1").await;
    let done = house.does(Goal::Apply, "2").await;
    assert_eq!(done.ending().outcome, Outcome::Done);
    let plan = house.plan(Goal::Rollback, "2").await.unwrap();
    house.fleet.set_fate(Box::new(|_| Some(Fault::Before)));
    let stage = Stage { remote: house.remote(), forks: 5, passwords: &BTreeMap::new() };
    let rehearsed = format!("{:?}", stage.rehearse(&plan, |_| true).await);
    assert!(rehearsed.contains("Asks over http") && rehearsed.contains("Fail"), "{rehearsed}");
    assert!(!rehearsed.contains(SECRET), "{rehearsed}");
}
