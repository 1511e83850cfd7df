//! A load balancer that keeps another plan than it was given, with a record that fits it: every value of it replaced,
//! every part of it added, moved, doubled. What is opened does nothing that the run would not have done.

use std::collections::BTreeMap;

use bgctl::facts::Observed;
use bgctl::plan::{self, Goal, KeptPlan, Open, Plan, Reopening, Undo};
use bgctl::remote::fake::{Call, Fault};
use bgctl::run::Record;
use serde_json::{Value, json};

use super::house::{House, host};
use super::kinds;

/// The run that was left, as its record and plan stand on the load balancers.
struct Left {
    house: House,
    model: plan::Model,
    observed: Observed,
    record: Record,
    plan: Value,
}

async fn left(at: &'static str, balancers: usize, goal: Goal) -> Left {
    let house = kinds::of_every_kind(balancers).playbook("old: keep", "old: remove");
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    let crash = move |call: &Call, _: &_| (call.what == at).then_some(Fault::Crash { done: true });
    assert!(house.run(goal, "3", crash).await.ending.is_none());
    let mut model = house.model("3");
    let record = house.record().unwrap();
    model.run = record.run.to_string();
    let observed = house.observe(&model).await;
    let plan = observed.hosts[&host("lb1")].records.plan.as_deref().unwrap();
    let plan = serde_json::from_str(plan).unwrap();
    Left { house, model, observed, record, plan }
}

impl Left {
    fn reopening(&self) -> Reopening<'_> {
        Reopening::new(self.record.began(), &self.model, &self.observed).unwrap()
    }

    /// The effects of an opened plan, by host and user.
    fn effects(plan: &Plan, open: Open) -> BTreeMap<String, usize> {
        let mut effects = BTreeMap::new();
        for wave in &plan.waves {
            for lane in &wave.lanes {
                for step in &lane.steps {
                    let undo = match &step.undo {
                        Undo::Reverse(action) => json!(action),
                        _ => Value::Null,
                    };
                    let action = if open == Open::Whole { json!(step.action) } else { Value::Null };
                    // What is hidden stays hidden.
                    let effect =
                        json!([lane.host, step.escalate, action, undo, step.no_log || open == Open::Undos]);
                    *effects.entry(effect.to_string()).or_default() += 1;
                }
            }
        }
        effects
    }

    /// Every effect of a forged plan is one of the run's own.
    fn stays_within(plan: &Plan, honest: &BTreeMap<String, usize>, open: Open, what: &str) {
        for (effect, times) in Self::effects(plan, open) {
            // What a load balancer says of itself, it may say.
            // A host that left the inventory is left alone.
            let is_left_alone = open == Open::Undos && effect.starts_with("[\"stranger\"");
            if is_left_alone || effect.starts_with("[\"lb1\"") || effect.contains(",null,null,") {
                continue;
            }
            // Whether the file was there is the run's own word.
            let ours =
                honest.get(&effect).or_else(|| honest.get(&was_there(&effect, honest))).copied().unwrap_or(0);
            assert!(ours > 0, "{what}: {effect} is no effect of the run");
            assert!(times <= ours || open == Open::Undos, "{what}: {effect} happens {times} times");
        }
    }
}

/// What would be done with this plan, kept by all load balancers; `None`: it is refused.
fn opened(reopening: &Reopening<'_>, plan: &Value, open: Open) -> Option<Plan> {
    let by = ["lb1", "lb2"].map(host).into();
    reopening.open(KeptPlan { text: &plan.to_string(), by: &by }, open).ok()
}

/// The same effect on a file that was there before.
fn was_there(effect: &str, honest: &BTreeMap<String, usize>) -> String {
    let mut effect: Value = serde_json::from_str(effect).unwrap();
    let undo = effect[3].clone();
    if let (Some("remove_file"), Some(path)) = (undo["do"].as_str(), undo["path"].as_str()) {
        let kept = honest.keys().find_map(|honest| {
            let undo: Value = serde_json::from_str::<Value>(honest).unwrap()[3].clone();
            (undo["path"] == path).then(|| undo["kept"].as_str().map(str::to_owned))?
        });
        let Some(kept) = kept else { return effect.to_string() };
        effect[3] = json!({ "do": "restore_file", "path": path, "kept": kept });
        if effect[2]["keep"].is_null() && effect[2].is_object() {
            effect[2]["keep"] = json!(kept);
        }
    }
    effect.to_string()
}

/// Calls for every value beneath this one, with its path.
pub(crate) fn each_place(value: &Value, path: &str, call: &mut dyn FnMut(&str, &Value)) {
    call(path, value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| each_place(inner, &format!("{path}/{key}"), call));
        }
        Value::Array(list) => {
            let mut inner = list.iter().enumerate();
            inner.all(|(index, value)| {
                each_place(value, &format!("{path}/{index}"), call);
                true
            });
        }
        _ => {}
    }
}

/// What a liar puts in a value's place: some of these, others in each place.
fn lies(value: &Value, place: usize) -> Vec<Value> {
    let texts = ["/etc/cron.d/x", "root", "app2", "lb1", "../../x", "my-server-blue", "blue", "sh -c id", ""];
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(4_000_000_000_u64),
        json!([]),
        json!(["sh", "-c", "id"]),
        json!({}),
        json!({ "sealed": "00" }),
    ];
    let text = |skip: usize| json!(texts[(place * 2 + skip) % texts.len()]);
    let mut lies = vec![text(0), text(1), others[place % others.len()].clone()];
    lies.retain(|lie| lie != value);
    lies
}

/// A third of all values: the three tests together try each of them.
async fn forged_values(third: usize, at: &'static str, balancers: usize, goal: Goal) {
    let left = left(at, balancers, goal).await;
    let reopening = left.reopening();
    for open in [Open::Whole, Open::Undos] {
        let honest = opened(&reopening, &left.plan, open).unwrap();
        let honest = Left::effects(&honest, open);
        let mut places = Vec::new();
        each_place(&left.plan, "", &mut |path, value| places.push((path.to_owned(), value.clone())));
        let (mut passed, mut tried) = (0, 0);
        // Hashes come from the plan itself, too: one step's content in another's place.
        let hashes: Vec<Value> = places
            .iter()
            .filter(|(path, _)| path.ends_with("/sealed"))
            .map(|(_, hash)| hash.clone())
            .collect();
        let in_steps = places.iter().filter(|(path, _)| path.contains("/lanes/0"));
        for (place, (path, value)) in in_steps.enumerate().skip(third).step_by(3) {
            let others =
                hashes.iter().skip(place % 7).step_by(7).filter(|_| path.ends_with("/sealed")).cloned();
            for lie in lies(value, place).into_iter().chain(others) {
                let mut forged = left.plan.clone();
                *forged.pointer_mut(path).unwrap() = lie.clone();
                tried += 1;
                if let Some(plan) = opened(&reopening, &forged, open) {
                    Left::stays_within(&plan, &honest, open, &format!("{path}: {lie}"));
                    passed += 1;
                }
            }
        }
        assert!(tried > 150, "{tried}");
        // Names and the like may differ; hardly anything else.
        assert!(passed * 4 < tried || open == Open::Undos, "{open:?}: {passed} of {tried} passed");
    }
}

/// Of all the lies about what is done, none is done.
#[tokio::test(start_paused = true)]
async fn no_value_of_a_kept_plan_can_be_forged() {
    forged_values(0, "confirm", 1, Goal::Apply).await;
}

#[tokio::test(start_paused = true)]
async fn nor_any_other_one() {
    forged_values(1, "confirm", 1, Goal::Apply).await;
}

#[tokio::test(start_paused = true)]
async fn nor_of_a_rollback_on_two_load_balancers() {
    forged_values(2, "confirm", 2, Goal::Rollback).await;
}

/// Steps that are added, doubled, moved to another host, phase or user, or put in another order.
#[tokio::test(start_paused = true)]
async fn no_step_can_be_added_to_a_kept_plan() {
    let left = left("confirm", 1, Goal::Apply).await;
    let reopening = left.reopening();
    let evil = |action: Value, undo: Value, escalate: Value| {
        json!({
            "name": "evil", "action": action, "undo": undo, "certainty": "computed", "escalate": escalate,
            "timeout": null, "ignore_errors": false, "no_log": true, "before": null,
        })
    };
    let sealed = left.plan.pointer("/waves/0/lanes/0/steps").unwrap().as_array().unwrap().clone();
    let check = json!({ "do": "wait", "duration": { "secs": 0, "nanos": 0 }, "once": false });
    let run = json!({ "do": "run", "argv": ["sh", "-c", "id"], "chdir": null, "stdin": null, "env": [] });
    let restore = json!({ "do": "restore_file", "path": "/etc/ld.so.preload", "kept": "/tmp/x" });
    let down =
        json!({ "do": "compose_down", "name": "other-blue", "dir": "/srv", "compose": "v2", "env": [] });
    let mut steps = vec![
        evil(run.clone(), json!("not_needed"), json!("root")),
        evil(check.clone(), json!({ "reverse": run }), json!("root")),
        evil(check.clone(), json!({ "reverse": restore }), json!("root")),
        evil(check.clone(), json!({ "reverse": down }), json!(null)),
    ];
    // The run's own steps, as root, or on others.
    for step in &sealed {
        let mut as_root = step.clone();
        as_root["escalate"] = json!("root");
        steps.push(as_root);
        steps.push(step.clone());
    }
    let waves = left.plan["waves"].as_array().unwrap().len();
    for open in [Open::Whole, Open::Undos] {
        let honest = Left::effects(&opened(&reopening, &left.plan, open).unwrap(), open);
        for (index, step) in steps.iter().enumerate() {
            for name in ["app1", "lb1", "stranger"] {
                for wave in (index % 3..waves).step_by(3) {
                    let mut forged = left.plan.clone();
                    let lane = json!({ "host": name, "steps": [step], "skipped": [] });
                    forged["waves"][wave]["lanes"].as_array_mut().unwrap().push(lane);
                    let what = format!("{open:?}: step {index} on {name} in wave {wave}");
                    if let Some(plan) = opened(&reopening, &forged, open) {
                        Left::stays_within(&plan, &honest, open, &what);
                        assert!(open == Open::Undos || name != "lb1", "{what}");
                    }
                }
            }
        }
    }
}

/// What the playbook hides stays hidden, on the way back, too.
#[tokio::test(start_paused = true)]
async fn no_kept_plan_shows_what_the_playbook_hides() {
    let left = left("confirm", 1, Goal::Apply).await;
    let reopening = left.reopening();
    let mut shown = left.plan.clone();
    let steps = shown.pointer_mut("/waves/0/lanes/0/steps").unwrap().as_array_mut().unwrap();
    let hidden = steps.iter_mut().find(|step| step["undo"]["reverse"]["do"] == "run").unwrap();
    assert_eq!(hidden["no_log"], true);
    hidden["no_log"] = json!(false);
    for open in [Open::Whole, Open::Undos] {
        assert!(opened(&reopening, &left.plan, open).is_some());
        assert!(opened(&reopening, &shown, open).is_none(), "{open:?}");
    }
}

/// Where the settle writes nothing of the color that was live, no way back of it touches that color's files.
#[tokio::test(start_paused = true)]
async fn no_kept_plan_takes_files_of_the_other_color() {
    let left = left("confirm", 1, Goal::Apply).await;
    let reopening = left.reopening();
    let mut taken = 0;
    each_place(&left.plan, "", &mut |path, value| {
        let [target, old] =
            [&left.plan["target"], &left.plan["live"]].map(|color| format!("/{}/", color.as_str().unwrap()));
        let at = path.trim_end_matches("/action/path");
        if at == path || left.plan.pointer(&format!("{at}/action/do")) != Some(&json!("put_file")) {
            return;
        }
        let Some(theirs) =
            value.as_str().filter(|path| path.contains(&target)).map(|path| path.replace(&target, &old))
        else {
            return;
        };
        let host = at.split("/steps/").next().map(|lane| left.plan.pointer(&format!("{lane}/host")).unwrap());
        for (name, wave) in left.plan["waves"].as_array().unwrap().iter().enumerate() {
            let mut step = left.plan.pointer(at).unwrap().clone();
            step["undo"] = json!({ "reverse": { "do": "remove_file", "path": theirs, "folders": [] } });
            let mut forged = left.plan.clone();
            let lane = json!({ "host": host, "steps": [step], "skipped": [] });
            forged["waves"][name]["lanes"].as_array_mut().unwrap().push(lane);
            assert!(opened(&reopening, &forged, Open::Undos).is_none(), "{theirs} in {}", wave["phase"]);
            taken += 1;
        }
    });
    assert!(taken > 0);
}

/// A resumed run makes every check that the run had to pass before traffic moves, in its order.
#[tokio::test(start_paused = true)]
async fn no_check_can_be_taken_out_of_a_kept_plan() {
    let left = left("swap", 1, Goal::Apply).await;
    let reopening = left.reopening();
    let mut checks = 0;
    let waves = left.plan["waves"].as_array().unwrap().clone();
    for (w, wave) in waves.iter().enumerate() {
        for (l, lane) in wave["lanes"].as_array().unwrap().iter().enumerate() {
            for (s, step) in lane["steps"].as_array().unwrap().iter().enumerate() {
                let kind = step["action"]["do"].as_str().unwrap();
                if !matches!(kind, "check" | "fingerprint" | "test_site" | "watch") {
                    continue;
                }
                let mut forged = left.plan.clone();
                forged["waves"][w]["lanes"][l]["steps"].as_array_mut().unwrap().remove(s);
                assert!(opened(&reopening, &forged, Open::Whole).is_none(), "{kind} of wave {w}, lane {l}");
                checks += 1;
            }
        }
        let mut forged = left.plan.clone();
        forged["waves"].as_array_mut().unwrap().swap(0, w);
        assert!(w == 0 || opened(&reopening, &forged, Open::Whole).is_none(), "wave {w} came first");
        let mut forged = left.plan.clone();
        forged["waves"].as_array_mut().unwrap().truncate(w);
        let is_whole = opened(&reopening, &forged, Open::Whole).is_some();
        assert!(!is_whole || wave["phase"] == "settle", "cut at wave {w}");
    }
    assert!(checks >= 6, "{checks}");
}

/// An app, a color or a host that is not the run's.
#[tokio::test(start_paused = true)]
async fn a_kept_plan_is_of_this_run_of_this_app() {
    let left = left("confirm", 2, Goal::Apply).await;
    let reopening = left.reopening();
    let forgeries = [
        ("app", json!("other")),
        ("app", json!("../../../.bashrc.d")),
        ("goal", json!("stage")),
        ("goal", json!({ "switch": "blue" })),
        ("live", json!("green")),
        ("live", json!(null)),
        ("target", json!("blue")),
        ("release", json!("0123456789ab")),
        ("release", json!("../x")),
        ("load_balancers", json!(["app1"])),
        ("app_servers", json!(["lb2"])),
    ];
    for (key, lie) in forgeries {
        if left.plan[key] == lie {
            continue;
        }
        let mut forged = left.plan.clone();
        forged[key] = lie.clone();
        for open in [Open::Whole, Open::Undos] {
            assert!(opened(&reopening, &forged, open).is_none(), "{key}: {lie}");
        }
    }
    assert!(left.house.record().unwrap().is_unfinished());
}

/// What a load balancer says of another one's link counts only where that one says it, too.
#[tokio::test(start_paused = true)]
async fn no_load_balancer_says_where_another_ones_link_goes_back_to() {
    let left = left("confirm", 2, Goal::Apply).await;
    let reopening = left.reopening();
    let mut forged = left.plan.clone();
    let mut links = 0;
    let mut change = |path: &str| {
        *forged.pointer_mut(path).unwrap() = json!("/home/deploy/evil.conf");
        links += 1;
    };
    each_place(&left.plan, "", &mut |path, value| {
        let goes_back = path.ends_with("/undo/reverse/to") || path.ends_with("/action/from");
        if goes_back && value.as_str().is_some_and(|text| text.starts_with("/etc/nginx")) {
            change(path);
        }
    });
    assert_eq!(links, 4);
    let text = forged.to_string();
    for (keeps, expected) in [(vec!["lb1", "lb2"], true), (vec!["lb1"], false)] {
        let by = keeps.iter().map(|name| host(name)).collect();
        let opened = reopening.open(KeptPlan { text: &text, by: &by }, Open::Undos);
        assert_eq!(opened.is_ok(), expected, "{keeps:?}: {opened:?}");
    }
}

/// With what a host runs its containers, it says itself: another program would find none of them, and say that all is well.
#[tokio::test(start_paused = true)]
async fn no_load_balancer_says_with_what_an_app_server_runs_its_containers() {
    let left = left("confirm", 1, Goal::Apply).await;
    let reopening = left.reopening();
    let forged = left.plan.to_string().replace(r#""compose":"v2""#, r#""compose":"podman""#);
    let forged: Value = serde_json::from_str(&forged).unwrap();
    assert_ne!(forged, left.plan);
    for open in [Open::Whole, Open::Undos] {
        assert_eq!(opened(&reopening, &forged, open), opened(&reopening, &left.plan, open), "{open:?}");
    }
}
