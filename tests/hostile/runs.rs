//! A host that lies while a run goes: in its facts, in what its scripts say, in its lock, over HTTP. Others are asked
//! what honest runs ask of them, no success is claimed that is none, and the run comes to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgctl::event::Outcome;
use bgctl::model::HostName;
use bgctl::plan::Goal;
use bgctl::remote::fake::{Call, Fault, Fleet, World};
use bgctl::remote::{Answer, HttpResponse, Output, Remote};
use serde_json::Value;

use super::answers;
use super::house::{House, LINK, host};
use super::liar::Liar;

/// A fleet before a deploy, and all that honest deploys ask of its hosts.
struct Scene {
    house: House,
    worlds: BTreeMap<HostName, World>,
    allowed: BTreeMap<HostName, BTreeSet<String>>,
    target: String,
}

impl Scene {
    async fn new(balancers: usize) -> Self {
        let house = answers::house(balancers).await;
        let worlds = house.fleet.worlds();
        let mut scene = Self { house, worlds, allowed: BTreeMap::new(), target: String::new() };
        // One that ends well, and two that are taken back whole. Where there is one load balancer, it may well say
        // that the other color is live.
        let others = if balancers == 1 { ["confirm", "nothing"].as_slice() } else { &[] };
        let before = others.iter().map(|at| (*at, scene.with_other_live()));
        let here = ["watch", "confirm", "nothing"].map(|at| (at, scene.worlds.clone()));
        for (at, worlds) in before.chain(here).collect::<Vec<_>>() {
            let mut house = scene.house.again(&worlds);
            let nobody = Arc::new(Liar::nobody(&house.fleet));
            house.through = Some(Arc::clone(&nobody) as Arc<dyn Remote>);
            let fate = move |call: &Call, _: &_| (call.what == at).then_some(Fault::Before);
            house.run(Goal::Apply, "3", fate).await.ending();
            for (host, asked) in nobody.asked() {
                scene.allowed.entry(host).or_default().extend(asked);
            }
            scene.target = color(&house, &host("lb1"));
        }
        scene
    }

    /// The same fleet, if the only load balancer served the other color.
    fn with_other_live(&self) -> BTreeMap<HostName, World> {
        let mut worlds = self.worlds.clone();
        let balancer = worlds.get_mut(&host("lb1")).unwrap();
        let site = "/etc/nginx/sites-available/my-server-blue.conf";
        let text = String::from_utf8(balancer.files[site].content.clone()).unwrap();
        balancer.links.insert(LINK.to_owned(), site.to_owned());
        balancer.nginx.as_mut().unwrap().loaded = Some(text);
        worlds
    }

    /// A deploy with a liar; how it ended, if it began.
    async fn run(&self, what: &str, who: &HostName, lie: impl FnOnce(Liar) -> Liar) -> Option<Outcome> {
        let mut house = self.house.again(&self.worlds);
        let liar = Arc::new(lie(Liar::new(&house.fleet, who)));
        house.through = Some(Arc::clone(&liar) as Arc<dyn Remote>);
        let told = match house.try_ready(Goal::Apply, "3").await {
            Ok(ready) if ready.plan.is_empty() => panic!("{what}: nothing is said to be left to do"),
            Ok(ready) => house.try_to(&ready, |_, _| None).await,
            Err(_) => None,
        };
        for (host, asked) in liar.asked().iter().filter(|(host, _)| *host != who) {
            let honest = &self.allowed[host];
            let strange: Vec<&String> = asked.iter().filter(|asked| !honest.contains(*asked)).collect();
            assert!(strange.is_empty(), "{what}: {host} is asked {strange:#?}");
        }
        let outcome = told.map(|told| told.ending().outcome);
        for balancer in house.load_balancers().iter().filter(|host| *host != who) {
            harmless(&house, balancer, what);
            let is_on = color(&house, balancer) == self.target;
            let is_claimed = matches!(outcome, Some(Outcome::Done | Outcome::Unsettled));
            assert!(
                is_on == is_claimed || outcome == Some(Outcome::Stuck),
                "{what}: {balancer}: {outcome:?}"
            );
        }
        outcome
    }
}

/// The color that a load balancer serves in truth.
fn color(house: &House, balancer: &HostName) -> String {
    match house.fleet.visit(balancer, 80) {
        Answer::Http(response) => response.header("X-Color").unwrap_or_default().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// What honest load balancers keep of a run holds nothing that steers whoever reads it, and is not long.
fn harmless(house: &House, balancer: &HostName, what: &str) {
    for text in house.fleet.worlds()[balancer].last_runs.values() {
        assert!(text.len() < 200_000, "{what}: {balancer} keeps {} bytes", text.len());
        let record: Value = serde_json::from_str(text).unwrap();
        for key in ["passed", "went_live"] {
            each_text(&record[key], &mut |text| {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@+[]".contains(&byte);
                assert!(text.len() <= 512 && text.bytes().all(is_plain), "{what}: {balancer} keeps {text:?}");
            });
        }
    }
}

fn each_text(value: &Value, call: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => call(text),
        Value::Array(list) => list.iter().for_each(|value| each_text(value, call)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            call(key);
            each_text(value, call);
        }),
        _ => {}
    }
}

/// What a script may say in place of what it should.
fn sayings() -> Vec<String> {
    let most = u64::MAX;
    let texts = [
        "",
        "h0st1le",
        "\u{1b}]0;h0st1le\u{7}\n\0\u{202e}",
        "took -5\nleft -1\nbefore -1 -1\nafter -1 -1\ncursor -1\n",
        "took 99999999999999999999\nnote \u{1b}[2Jh0st1le\nnote `h0st1le`",
        "image web $(h0st1le) x\nend",
        "image h0st1le sha256:1 x\nend",
        "image \u{1b}[2J 1 -\nend",
        "image web 1 - `h0st1le`\nfile f00\nend",
        "image h0st1le;id\nnew",
        "image sha256:my-tool:1 x@sha256:h0st1le\nnew",
        "file h0st1le\nend",
        "end",
        "unread \u{1b}[2Jh0st1le",
        "locked {}\nkept\nheld {}\nfailed",
        "{\"h0st1le\":1}",
    ];
    let all = texts.iter().map(|text| (*text).to_owned());
    all.chain([
        format!("took {most}\nbefore {most} {most}\nafter {most} {most}\ncursor $(h0st1le)\nleft {most}\n"),
        format!("left {most}\n{}", "client \u{1b}]h0st1le:1\nupstream h0st1le\n".repeat(1000)),
        format!("after {most} {most}\nbefore 1 0\ncursor {}\n", "1".repeat(1 << 20)),
        "h0st1le".repeat(1 << 17),
        "image web sha256:1 -\n".repeat(1 << 16) + "end\n",
        format!("image {} sha256:1 -\nend\n", "w".repeat(1 << 20)),
        format!("unread {}\nnote {}\n", "u".repeat(1 << 20), "n".repeat(1 << 20)),
    ])
    .collect()
}

/// Each script of a host says each of these; every third alone, with each exit status in turn.
async fn scripts(balancers: usize, who: &str, scripts: &[&'static str]) {
    let (scene, who) = (Scene::new(balancers).await, host(who));
    let (mut ran, mut done) = (0, 0);
    for (number, script) in scripts.iter().copied().enumerate() {
        for (index, text) in sayings().into_iter().enumerate().skip(number % 3).step_by(3) {
            let status = [0, 0, 1, -1, 300][(index + number) % 5];
            let what =
                format!("{who}: {script} says {:?} with {status}", text.chars().take(60).collect::<String>());
            let says = move |what: &'static str, output: Output| {
                let said = || text.clone().into_bytes();
                if what == script {
                    Output { status, stdout: said(), stderr: said(), ..output }
                } else {
                    output
                }
            };
            let outcome = scene.run(&what, &who, |liar| liar.says(says)).await;
            ran += 1;
            done += usize::from(outcome == Some(Outcome::Done));
            // What says what there is must say it.
            let decides = matches!(script, "fingerprint" | "pull");
            assert!(!decides || outcome != Some(Outcome::Done) || status == 0, "{what}: {outcome:?}");
        }
    }
    assert!(ran > 20 && done < ran, "{done} of {ran}");
}

#[tokio::test(start_paused = true)]
async fn whatever_scripts_of_an_app_server_say_others_are_asked_the_same() {
    scripts(1, "app2", &["fingerprint", "pull", "put", "compose_up", "keep", "compose_state"]).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_scripts_of_a_load_balancer_say_others_are_asked_the_same() {
    scripts(2, "lb2", &["swap", "watch", "drain", "test_site", "confirm", "put", "keep"]).await;
}

/// Facts that are lies, and a run with them: those of every so-many-th lie.
#[tokio::test(start_paused = true)]
async fn a_run_over_false_facts_asks_nothing_else_of_others() {
    for (who, balancers) in [("app1", 1), ("lb2", 2), ("lb1", 1)] {
        let (scene, who) = (Scene::new(balancers).await, host(who));
        let honest = answer(&scene.house.fleet, &scene, &who).await;
        let record = scene.worlds[&host("lb1")].last_runs.values().next().unwrap().clone();
        let mut ran = 0;
        for (what, text) in answers::lies(&honest, &record).into_iter().step_by(61) {
            let says = move |what: &'static str, output: Output| match what {
                "facts" => Output { stdout: text.clone().into_bytes(), ..output },
                _ => output,
            };
            ran += usize::from(scene.run(&what, &who, |liar| liar.says(says)).await.is_some());
        }
        assert!(ran > 1, "{who}: {ran}");
    }
}

/// What a host answers when it is honest.
async fn answer(fleet: &Arc<Fleet>, scene: &Scene, who: &HostName) -> String {
    let questions = bgctl::plan::questions(&scene.house.model("3")).unwrap().remove(who).unwrap();
    let exec = bgctl::remote::Exec::reads(bgctl::facts::SCRIPT).args(questions.args());
    fleet.exec(who, exec).await.unwrap().text()
}

/// One that does nothing, and says that all went well.
#[tokio::test(start_paused = true)]
async fn a_host_that_does_nothing_is_found_out_by_others() {
    for (who, balancers) in [("app1", 1), ("app2", 2), ("lb1", 1), ("lb2", 2)] {
        let scene = Scene::new(balancers).await;
        let outcome = scene.run(who, &host(who), |liar| Liar { idle: true, ..liar }).await;
        assert_ne!(outcome, Some(Outcome::Done), "{who}");
    }
}

/// What nobody can find out: an app server that answers for itself as it should, also to the load balancers. Others
/// are as they should be all the same.
#[tokio::test(start_paused = true)]
async fn an_app_server_that_plays_along_in_everything_is_believed_of_itself_alone() {
    let scene = Scene::new(1).await;
    let said = |what: &'static str, honest: Output| match what {
        // As its neighbour says it: what it should run, and that its files are as they were rendered.
        "compose_up" | "put" => Output { status: 0, ..honest },
        _ => honest,
    };
    let who = host("app2");
    let outcome = scene.run("plays along", &who, |liar| {
        let well = |_: &_, _| Answer::Http(HttpResponse { status: 200, ..HttpResponse::default() });
        Liar { answers: Box::new(well), ..liar.says(said) }
    });
    assert_eq!(outcome.await, Some(Outcome::Done));
}

/// What an HTTP server may answer in place of what it should.
fn http() -> Vec<Answer> {
    let answer = |status, headers: &[(&str, &str)], body: Vec<u8>| {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Answer::Http(HttpResponse { status, headers, body })
    };
    let bomb: Vec<(&str, &str)> = vec![("x-color", "h0st1le"); 100_000];
    vec![
        Answer::Connected,
        Answer::Failed("h0st1le\u{1b}[2J".repeat(1 << 16)),
        answer(200, &[], Vec::new()),
        answer(200, &[("x-color", "blue"), ("x-color", "green")], Vec::new()),
        answer(200, &[("x-color", "green"), ("x-color", "blue")], Vec::new()),
        answer(200, &[("x-color", "blue, green")], Vec::new()),
        answer(301, &[("location", "http://h0st1le:22/")], Vec::new()),
        answer(302, &[("location", "http://app1:18080/h0st1le"), ("x-color", "green")], Vec::new()),
        answer(0, &[("x-color", "\u{1b}[2J")], vec![0xff; 1 << 16]),
        answer(65535, &bomb, b"h0st1le".repeat(9000)),
        answer(200, &bomb, vec![b'{'; 1 << 16]),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_answer_over_http_leads_anywhere_else() {
    for (who, balancers) in [("app2", 1), ("lb2", 2), ("lb1", 1)] {
        let (scene, who) = (Scene::new(balancers).await, host(who));
        for (index, answer) in http().into_iter().enumerate().step_by(balancers) {
            let what = format!("{who}: answer {index}");
            scene
                .run(&what, &who, |liar| Liar { answers: Box::new(move |_, _| answer.clone()), ..liar })
                .await;
        }
    }
}

/// A lock's script that says something else, once or always; and one that says nothing.
#[tokio::test(start_paused = true)]
async fn no_lock_of_a_load_balancer_makes_others_do_anything_or_wait_for_good() {
    let run = "20260101T000000Z-00000001";
    let holder = |run: &str| {
        format!(
            r#"held {{"by":"h0st1le","since":"2026-01-01T00:00:00Z","run":"{run}","command":"x","phase":null}}"#
        )
    };
    let sayings: Vec<Vec<String>> = vec![
        vec![],
        vec![String::new()],
        vec!["locked".to_owned()],
        vec!["locked {\"format\":1,\"number\":99}".to_owned()],
        vec!["held".to_owned()],
        vec![holder(run)],
        vec![holder("19700101T000000Z-00000001")],
        vec!["failed h0st1le\u{1b}[2J".to_owned()],
        vec!["h0st1le".to_owned()],
        vec!["kept".to_owned(); 3000],
        vec!["x".repeat(1 << 20)],
    ];
    for (who, balancers) in [("lb2", 2), ("lb1", 1)] {
        let (scene, who) = (Scene::new(balancers).await, host(who));
        for (index, saying) in sayings.iter().enumerate() {
            for from in [0, 1 + 3 * (index % 2)] {
                let (what, saying) = (format!("{who}: saying {index} from line {from}"), saying.clone());
                let holds = move |count, line| if count < from { vec![line] } else { saying.clone() };
                let outcome = scene.run(&what, &who, |liar| Liar { holds: Arc::new(holds), ..liar }).await;
                let goes_along = saying_goes_along(index);
                assert!(goes_along || outcome != Some(Outcome::Done), "{what}: {outcome:?}");
            }
        }
    }
}

/// Whoever says `kept` to everything, or `locked` at first, has lied about itself alone.
const fn saying_goes_along(index: usize) -> bool {
    matches!(index, 9)
}
