use super::*;
use crate::model::{
    Color, Compose, ComposeRun, Guard, NginxSetup, Project, Pull, PutFile, Run, StateDir, Swap,
    SwitchCommands,
};
use crate::plan::Open;
use crate::plan::{Certainty, Goal, Lane, Phase, Step, Undo, Wave};

fn key(byte: u8) -> Key {
    Key::new(zeroize::Zeroizing::new([byte; 32]))
}

fn run(word: &str) -> Run {
    let env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    Run { argv: vec!["sh".to_owned(), word.to_owned()], chdir: None, stdin: Some("hunter2".to_owned()), env }
}

fn step(action: Action, undo: Undo) -> Step {
    Step {
        name: "a task".to_owned(),
        action,
        undo,
        certainty: Certainty::Computed,
        escalate: None,
        timeout: None,
        ignore_errors: false,
        no_log: true,
        before: Some("hunter1".to_owned()),
    }
}

fn plan() -> Plan {
    let file = PutFile {
        path: "/srv/x".to_owned(),
        content: b"hunter2".to_vec(),
        mode: None,
        owner: None,
        group: None,
        validate: Some("check hunter2 %s".to_owned()),
        keep: Some("/srv/.x.run.bgctl".to_owned()),
    };
    let restore = Action::RestoreFile { path: file.path.clone(), kept: "/srv/.x.run.bgctl".to_owned() };
    let project = Project {
        name: "a-blue".to_owned(),
        dir: "/srv".to_owned(),
        compose: Compose::V2,
        env: vec![("PASSWORD".to_owned(), "hunter2".to_owned())],
    };
    let inside = |word: &str| ComposeRun {
        project: project.clone(),
        service: "web".to_owned(),
        run: run(word),
        pull: Pull::Missing,
        build: false,
        env_file: None,
        mark: None,
        takes_back: false,
    };
    let steps = vec![
        step(Action::PutFile(file), Undo::Reverse(restore)),
        step(Action::Run(run("migrate")), Undo::Reverse(Action::Run(run("back")))),
        step(Action::ComposeRun(inside("migrate")), Undo::Reverse(Action::ComposeRun(inside("back")))),
        step(Action::ComposeStop(project.clone()), Undo::Reverse(Action::ComposeStart(project))),
    ];
    let lane = Lane { host: "app1".parse().unwrap(), steps, skipped: Vec::new() };
    let wave =
        Wave { phase: Phase::Stage, name: "w".to_owned(), max_fail_percentage: 0.0, lanes: vec![lane] };
    Plan {
        app: "a".parse().unwrap(),
        goal: Goal::Apply,
        live: None,
        target: Color::Blue,
        release: "0123456789ab".parse().unwrap(),
        waves: vec![wave],
        load_balancers: Vec::new(),
        standings: Vec::new(),
        app_servers: Vec::new(),
        notes: Vec::new(),
    }
}

fn contents(of: &Plan) -> Contents {
    let mut contents = Contents::new(&key(1));
    for (host, step) in of.steps() {
        contents.add(host, &step.action);
        if let Undo::Reverse(action) = &step.undo {
            contents.add(host, action);
        }
    }
    contents
}

fn opened(text: &str, contents: &Contents, open: Open) -> Result<Plan, Unsealed> {
    let value = serde_json::from_str(text).map_err(|error| Unsealed::Unreadable(error.to_string()))?;
    super::open(value, contents, open)
}

fn as_sealed(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.waves.iter_mut().flat_map(|w| &mut w.lanes).flat_map(|l| &mut l.steps).for_each(|s| s.before = None);
    plan
}

#[test]
fn a_sealed_plan_holds_no_content_and_opens_to_what_it_was() {
    let sealed = seal(&plan(), &key(1));
    let encoded = data_encoding::BASE64.encode(b"hunter2");
    for secret in ["hunter", &encoded, "migrate"] {
        assert!(!sealed.contains(secret), "{secret} in {sealed}");
    }
    assert!(!sealed.contains('\n'));
    let opened = opened(&sealed, &contents(&plan()), Open::Whole).unwrap();
    assert_eq!(opened, as_sealed(&plan()));
}

/// Who knows all else cannot try out a secret: what stands for it is made with a key, and with no other opened.
#[test]
fn a_seal_is_of_its_key() {
    let (one, two) = (seal(&plan(), &key(1)), seal(&plan(), &key(2)));
    let hashes = |text: &str| {
        let mut found = BTreeSet::new();
        let mut sealed: Value = serde_json::from_str(text).unwrap();
        each_step(&mut sealed, &mut |_, step| {
            each_content(step, &mut |_, content| found.extend([content[SEALED].to_string()]));
        });
        found
    };
    assert!(hashes(&one).len() > 5 && hashes(&one).is_disjoint(&hashes(&two)), "{one}\n{two}");
    assert_eq!(one, seal(&plan(), &key(1)));
    assert!(opened(&two, &contents(&plan()), Open::Whole).is_err());
    assert!(!one.contains(&*key(1).expose()));
}

/// What one host holds is nothing for another: a hash that stands in another's step opens nothing.
#[test]
fn contents_are_their_hosts_own() {
    let sealed = seal(&plan(), &key(1)).replace("\"app1\"", "\"app2\"");
    let error = opened(&sealed, &contents(&plan()), Open::Whole).unwrap_err();
    assert!(matches!(error, Unsealed::OtherInputs(_)), "{error:?}");
}

/// A seal leaves nothing of it: whoever wrote that down was not bgctl.
#[test]
fn a_content_in_the_clear_is_refused_wherever_it_stands() {
    let sealed: Value = serde_json::from_str(&seal(&plan(), &key(1))).unwrap();
    let known = contents(&plan());
    let mut tried = 0;
    for part in ["action", "undo"] {
        for (index, key) in [(0, "content"), (0, "validate"), (1, "argv"), (1, "env"), (1, "stdin")] {
            let mut forged = sealed.clone();
            let step = &mut forged["waves"][0]["lanes"][0]["steps"][index][part];
            let inner = if part == "undo" { &mut step["reverse"] } else { step };
            if inner.get(key).is_none() {
                continue;
            }
            inner[key] = json!(if matches!(key, "argv" | "env") { json!(["id"]) } else { json!("id") });
            for open in [Open::Whole, Open::Undos] {
                let error = super::open(forged.clone(), &known, open).unwrap_err();
                assert_eq!(error, Unsealed::InTheClear(vec!["app1: a task".to_owned()]), "{part} {key}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 7, "{tried}");
}

#[test]
fn other_inputs_do_not_open_it_and_the_steps_are_named() {
    let sealed = seal(&plan(), &key(1));
    let error = opened(&sealed, &Contents::new(&key(1)), Open::Whole).unwrap_err();
    assert_eq!(error, Unsealed::OtherInputs(vec!["app1: a task".to_owned()]));
    let Err(Unsealed::OtherInputs(_)) = opened(&sealed, &Contents::new(&key(1)), Open::Undos) else {
        panic!("the undo's command cannot be known")
    };
}

#[test]
fn for_the_undo_alone_what_leads_forward_may_be_unknown() {
    let mut plan = plan();
    plan.waves[0].lanes[0].steps.truncate(1);
    let opened = opened(&seal(&plan, &key(1)), &Contents::new(&key(1)), Open::Undos).unwrap();
    let (was, is) = (plan.steps().next().unwrap().1, opened.steps().next().unwrap().1);
    assert_eq!(was.undo, is.undo);
    let Action::PutFile(file) = &is.action else { panic!("{is:?}") };
    assert!(file.content.is_empty());
}

#[test]
fn what_is_no_plan_is_refused() {
    for text in ["", "{", "{}", r#"{"waves":[{"lanes":[{"host":"a","steps":[{}]}]}]}"#] {
        let error = opened(text, &Contents::new(&key(1)), Open::Whole).unwrap_err();
        assert!(matches!(error, Unsealed::Unreadable(_)), "{text:?}: {error:?}");
    }
}

#[test]
fn a_way_back_calls_nginx_as_the_playbook_says_now() {
    let by = |word: &str| {
        let nginx = NginxSetup { reload: Some(run(word)), ..NginxSetup::default() };
        Pointer::Link { link: "/l".to_owned(), nginx: Box::new(nginx) }
    };
    let guard =
        Guard { state: StateDir::of_one("/var/lib/bgctl/a"), run: "r".to_owned(), confirm_timeout: None };
    let swap = Swap { pointer: by("broken"), from: None, to: None, guard };
    let mut plan = plan();
    plan.waves[0].lanes[0].steps = vec![step(Action::Swap(swap.clone()), Undo::Reverse(Action::Swap(swap)))];
    let sealed = seal(&plan, &key(1));
    assert!(opened(&sealed, &Contents::new(&key(1)), Open::Whole).is_err());

    let mut opened = opened(&sealed, &Contents::new(&key(1)), Open::Undos).unwrap();
    let host = opened.waves[0].lanes[0].host.clone();
    // By commands nothing of nginx can be taken back, and the other way round.
    let commands = Pointer::Commands(Box::new(SwitchCommands {
        detect: run("detect"),
        set: Color::BOTH.map(|color| (color, run("set"))).into(),
    }));
    assert_eq!(opened.switch_as(&BTreeMap::from([(host.clone(), commands)])), std::slice::from_ref(&host));
    assert_eq!(opened.switch_as(&BTreeMap::from([(host, by("mended"))])), []);
    let Undo::Reverse(Action::Swap(back)) = &opened.steps().next().unwrap().1.undo else { panic!() };
    assert_eq!(back.pointer, by("mended"));
}
