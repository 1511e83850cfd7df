//! A host that answers something else than what it is asked: every line of its facts replaced, cut, doubled, made huge.
//! What is asked of any other host is what an honest fleet would have been asked, or nothing.

use bgctl::facts::{self, Observed, Questions};
use bgctl::model::{Action, HostName};
use bgctl::plan::{self, Goal, Model, Plan, Request, Step};
use bgctl::remote::{Exec, Remote};
use bgctl::run::LastRun;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::house::{House, host};

/// Tasks that show what a host says of itself, in files, names and conditions; and one that gets an image.
const TASKS: &str = r#"      - name: About {{ facts.hostname }}
        copy: { content: "{{ facts.hostname }} {{ facts.docker }}", dest: /srv/about }
        when: facts.hostname
      - name: Tool
        image: { pull: "my-tool:1" }
      - name: Once
        command: { argv: [prepare, "{{ version }}"], creates: /srv/prepared }
        run_once: true
"#;

/// A fleet that has been deployed to twice, and asked for a third version.
pub(crate) async fn house(balancers: usize) -> House {
    let at = "      - name: Compose file";
    let house = House::new(balancers)
        .playbook(at, &format!("{TASKS}{at}"))
        .playbook("old: keep", "old: stop")
        .playbook("  # watch: {", "  watch: {");
    for balancer in house.load_balancers() {
        house.fleet.change(&balancer, |world| world.nginx.as_mut().unwrap().before = Some((1000, 0)));
    }
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house
}

fn encoded(text: &str) -> String {
    format!(".{}", BASE64.encode(text.as_bytes()))
}

/// What stands in a field's place.
fn fields() -> Vec<String> {
    let plain = [
        "/etc/cron.d/h0st1le",
        "root",
        "app2",
        "lb1",
        "lb2",
        "-",
        "none",
        "other",
        ".",
        "blue",
        "green",
        "-1",
        "0",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775808",
        "running",
        "exited",
        "h0st1le",
        "",
        "my-server-blue",
        "watched",
        "v1",
        "podman",
        "777",
        ".bm90IGJhc2U2NA",
        "sha256:my-server:3",
    ];
    let texts = [
        "../../h0st1le",
        "$(touch h0st1le)",
        "`h0st1le`\n; rm -rf /",
        "\u{1b}]0;h0st1le\u{7}",
        "\u{202e}h0st1le",
        "\0",
        "{{ facts.hostname }}",
        "nobody",
        "services:\n  h0st1le: {image: x}\n",
        "null",
        "{\"format\":1}",
    ];
    let long = format!("h0st1le {}", "é".repeat(1 << 16));
    plain.iter().map(|text| (*text).to_owned()).chain(texts.map(encoded)).chain([encoded(&long)]).collect()
}

/// Lines that nobody asked for, and some that somebody may have asked for.
fn more(record: &str) -> Vec<String> {
    let record = encoded(&record.replace("me@here", "h0st1le").replace("\"number\":", "\"number\":9"));
    let path = encoded("/etc/h0st1le");
    vec![
        format!("last-run {record}"),
        format!("plan {record}"),
        format!("history {record}"),
        format!("holder {}", encoded("{\"by\":\"h0st1le\"}")),
        "armed watched 9223372036854775807 h0st1le h0st1le /a /b".to_owned(),
        "armed lost -9223372036854775808 h0st1le h0st1le . .".replace(" . .", " .IA== .IA=="),
        format!("dead-man {}", encoded("h0st1le\nr\n/l\n/a\n/b\n18446744073709551615\nback\nh0st1le")),
        "kept 0123456789ab 9223372036854775807".to_owned(),
        "kept ..%2f 1".to_owned(),
        "nginx 9 7 /etc/h0st1le".to_owned(),
        "detected 0 blue".to_owned(),
        format!("file {path} 4755 root 0 root 0 {path}"),
        format!("missing {path} /etc"),
        format!("exists {path}"),
        "exists /srv/prepared".to_owned(),
        format!("odd {path} h0st1le"),
        "container other-app web i 1 - running -".to_owned(),
        "container my-server-blue h0st1le i 1 - running -".to_owned(),
        "container my-server-green web i 1 2 exited unhealthy".to_owned(),
        "image h0st1le 1".to_owned(),
        "system h0st1le h0st1le".to_owned(),
        "compose v1".to_owned(),
        "docker h0st1le".to_owned(),
        format!("trouble {}", encoded("h0st1le\u{1b}[2J")),
        "facts 2".to_owned(),
        "\u{1b}[2Jh0st1le".to_owned(),
        String::new(),
    ]
}

/// Every lie about an answer. Of a product that is too large every so-many-th.
pub(crate) fn lies(honest: &str, record: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = honest.lines().filter(|line| *line != "end").collect();
    let (fields, more) = (fields(), more(record));
    let mut all = Vec::new();
    let mut lie = |what: String, lines: Vec<String>, end: &str| {
        all.push((what, lines.join("\n") + end));
    };
    let with = |at: usize, new: Vec<String>| -> Vec<String> {
        let mut all: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        all.splice(at..=at, new);
        all
    };
    for (at, line) in lines.iter().enumerate() {
        let before = |count: usize| lines[..count].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let half: String = line.chars().take(line.chars().count() / 2).collect();
        lie(format!("{at} cut before"), before(at), "\n");
        lie(format!("{at} ended before"), before(at), "\nend\n");
        lie(format!("{at} cut within"), [before(at), vec![half.clone()]].concat(), "");
        lie(format!("{at} shortened"), with(at, vec![half]), "\nend\n");
        lie(format!("{at} doubled"), with(at, vec![(*line).to_owned(); 2]), "\nend\n");
        lie(format!("{at} gone"), with(at, vec![]), "\nend\n");
        lie(format!("{at} longer"), with(at, vec![format!("{line} h0st1le")]), "\nend\n");
        lie(format!("{at} huge"), with(at, vec![format!("{line}{}", "A".repeat(1 << 20))]), "\nend\n");
        let words: Vec<&str> = line.split(' ').collect();
        for (place, _) in words.iter().enumerate() {
            let skip = (at * 5 + place * 3) % 7;
            for (number, field) in fields.iter().enumerate().skip(skip).step_by(7) {
                let mut words = words.clone();
                words[place] = field;
                let what = format!("{at} field {place} lie {number}");
                lie(what, with(at, vec![words.join(" ")]), "\nend\n");
            }
        }
    }
    for (at, line) in more.iter().enumerate() {
        lie(
            format!("more {at}"),
            with(lines.len() - 1, vec![lines[lines.len() - 1].to_owned(), line.clone()]),
            "\nend\n",
        );
        lie(format!("more {at} alone"), vec![line.clone()], "\nend\n");
    }
    lie("nothing".to_owned(), vec![], "");
    lie("20 MiB".to_owned(), vec!["A".repeat(20 << 20)], "\nend\n");
    lie("20 MiB of lines".to_owned(), vec!["trouble A\n".repeat(2 << 20)], "\nend\n");
    lie("20 MiB of fields".to_owned(), vec!["a ".repeat(10 << 20)], "\nend\n");
    all
}

/// What a plan does on all hosts but one. Load balancers may have to wait until a color is drained because of it, which
/// only reads; and what hosts are told to spare may be less.
fn others(plan: &Plan, liar: &HostName) -> Value {
    let waits = |step: &Step| matches!(step.action, Action::Drain { .. });
    let waves = plan.waves.iter().filter_map(|wave| {
        let lanes: Vec<Value> = wave
            .lanes
            .iter()
            .filter(|lane| lane.host != *liar && !lane.steps.iter().all(waits))
            .map(|lane| json!([lane.host, lane.steps.iter().map(plain).collect::<Vec<_>>()]))
            .collect();
        (!lanes.is_empty()).then(|| json!([wave.phase, wave.name, lanes]))
    });
    let mut value = json!([plan.target, plan.release, waves.collect::<Vec<_>>()]);
    without(&mut value, "spare");
    // What was live with what is known by the only load balancer alone.
    if plan.load_balancers == [liar.clone()] {
        without(&mut value, "was");
    }
    value
}

/// A step as it is compared: of what others keep, load balancers know the hash.
fn plain(step: &Step) -> Value {
    let mut value = json!(step);
    if let bgctl::model::Action::Keep(keep) = &step.action {
        let mut kept: Value = serde_json::from_str(&keep.content).unwrap();
        without(&mut kept, "others");
        value["action"]["content"] = kept;
    }
    value
}

fn without(value: &mut Value, key: &str) {
    match value {
        Value::Object(map) => {
            map.remove(key);
            map.values_mut().for_each(|value| without(value, key));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| without(value, key)),
        _ => {}
    }
}

/// A fleet as it is, and what an honest plan does on others than the liar.
struct Honest {
    model: Model,
    observed: Observed,
    questions: Questions,
    answer: String,
    liar: HostName,
    record: String,
}

impl Honest {
    async fn new(balancers: usize, liar: &str) -> Self {
        let (house, liar) = (house(balancers).await, host(liar));
        let mut model = house.model("3");
        "20260101T000000Z-00000003".clone_into(&mut model.run);
        let observed = house.observe(&model).await;
        let mut questions = plan::questions(&model).unwrap().remove(&liar).unwrap();
        questions.plan = true;
        let exec = Exec::reads(facts::SCRIPT).args(questions.args());
        let answer = house.fleet.exec(&liar, exec).await.unwrap().text();
        let record = house.fleet.worlds()[&host("lb1")].last_runs.values().next().unwrap().clone();
        Self { model, observed, questions, answer, liar, record }
    }

    /// What this goal may come to on other hosts.
    fn allowed(&self, goal: Goal) -> Vec<Value> {
        let build = |force| plan::build(Request { goal, force }, &self.model, &self.observed, &[]).unwrap();
        [false, true].map(|force| others(&build(force), &self.liar)).to_vec()
    }

    /// The fleet as it would be seen with this answer; `None`: it is refused.
    fn seen(&self, answer: &str) -> Option<Observed> {
        let facts = facts::read(answer, &self.questions).ok()?.facts;
        let mut observed = self.observed.clone();
        observed.hosts.insert(self.liar.clone(), facts);
        Some(observed)
    }

    /// Plans after every lie; how many lies there were, were read, and came to a plan.
    fn plans(&self, goals: &[Goal]) -> (usize, usize, usize) {
        let allowed: Vec<Vec<Value>> = goals.iter().map(|goal| self.allowed(*goal)).collect();
        let is_server = self.liar.as_str().starts_with("app");
        let honest = LastRun::of(&self.observed).unwrap();
        let (mut tried, mut read, mut planned) = (0, 0, 0);
        for (index, (what, answer)) in lies(&self.answer, &self.record).into_iter().enumerate() {
            tried += 1;
            let Some(observed) = self.seen(&answer) else { continue };
            read += 1;
            let last = LastRun::of(&observed);
            assert!(!is_server || last.unwrap() == honest, "{what}: an app server tells of runs");
            plan::standings(&self.model, &observed).unwrap();
            plan::kept(&self.model, &observed).unwrap();
            // Of those that are read, a third; each goal has its turn.
            if index % 3 != 0 {
                continue;
            }
            let goal = (index / 3) % goals.len();
            let request = Request { goal: goals[goal], force: false };
            let Ok(plan) = plan::build(request, &self.model, &observed, &[]) else { continue };
            planned += 1;
            let theirs = others(&plan, &self.liar);
            // The name of a release is a hash of what is rendered, also of what a host shows of itself.
            let same = |honest: &Value| alike(honest, &theirs);
            assert!(allowed[goal].iter().any(same), "{:?} after {what}: {theirs:#}", goals[goal]);
        }
        (tried, read, planned)
    }
}

/// Whether both are the same, but for the release's id.
fn alike(one: &Value, other: &Value) -> bool {
    let plain = |value: &Value| {
        let release = value[1].as_str().unwrap();
        value.to_string().replace(release, "RELEASE")
    };
    plain(one) == plain(other)
}

const GOALS: [Goal; 4] = [Goal::Apply, Goal::Rollback, Goal::Stage, Goal::Retire];

#[tokio::test(start_paused = true)]
async fn an_app_server_that_lies_changes_nothing_for_others() {
    let (tried, read, planned) = Honest::new(1, "app1").await.plans(&GOALS);
    assert!(tried > 400 && read > 200 && planned > 30, "{tried} {read} {planned}");
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_of_two_that_lies_changes_nothing_for_others() {
    let (tried, read, planned) = Honest::new(2, "lb2").await.plans(&GOALS);
    assert!(tried > 300 && read > 100 && planned > 20, "{tried} {read} {planned}");
}

/// What it serves is seen by a probe: what it says beside that decides nothing.
#[tokio::test(start_paused = true)]
async fn the_only_load_balancer_that_lies_changes_nothing_for_app_servers() {
    let (tried, read, planned) = Honest::new(1, "lb1").await.plans(&GOALS);
    assert!(tried > 300 && read > 100 && planned > 20, "{tried} {read} {planned}");
}
