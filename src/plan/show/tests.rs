use std::time::Duration;

use super::*;
use crate::model::{
    Ask, Check, Color, Compose, ComposeRun, ComposeUp, Confirm, Draining, Guard, HttpAsk, Pointer, Project,
    Pull, PutFile, ReleaseId, Run, StateDir, Swap,
};
use crate::paint::hostile::{assert_tame, forgeries};
use crate::plan::{Goal, Note, Skipped, Standing, Undo, to_json};

const WIDE: Show = Show { color: false, diff: false, width: 120 };
const WITH_DIFF: Show = Show { diff: true, ..WIDE };

fn step(name: &str, action: Action, undo: Undo) -> Step {
    Step {
        name: name.to_owned(),
        action,
        undo,
        certainty: Certainty::Computed,
        escalate: None,
        timeout: None,
        ignore_errors: false,
        no_log: false,
        before: None,
    }
}

fn file(path: &str, content: &[u8]) -> PutFile {
    let mode = Some("0640".to_owned());
    PutFile {
        path: path.to_owned(),
        content: content.to_vec(),
        mode,
        owner: None,
        group: None,
        validate: None,
        keep: None,
    }
}

fn compose_file(before: Option<&str>, after: &str) -> Step {
    let path = "/srv/my-server/green/compose.yml";
    let undo = match before {
        Some(_) => Action::RestoreFile { path: path.to_owned(), kept: format!("{path}.kept") },
        None => Action::RemoveFile { path: path.to_owned(), folders: Vec::new() },
    };
    let action = Action::PutFile(file(path, after.as_bytes()));
    let before = before.map(str::to_owned);
    Step { before, ..step("Compose file", action, Undo::Reverse(undo)) }
}

fn project() -> Project {
    let env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    Project {
        name: "my-server-green".to_owned(),
        dir: "/srv/my-server/green".to_owned(),
        compose: Compose::V2,
        env,
    }
}

fn recreate() -> Step {
    let (services, env_file) = (Vec::new(), None);
    let up = ComposeUp {
        project: project(),
        services,
        recreate: true,
        pull: Pull::Always,
        build: false,
        env_file,
    };
    let undo = Undo::Reverse(Action::ComposeDown(project()));
    Step { certainty: Certainty::Unknowable, ..step("Recreate green", Action::ComposeUp(up), undo) }
}

fn health() -> Step {
    let ask = Ask::Http(HttpAsk {
        url: "http://127.0.0.1:18081/health".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 18081,
        path: "/health".to_owned(),
        host_header: None,
        tls: None,
        status: Vec::new(),
        body: None,
        headers: Vec::new(),
    });
    let (delay, timeout) = (Duration::from_secs(1), Duration::from_secs(5));
    let check = Check { ask, retries: 30, delay, timeout, successes: 1, rest: delay, of: None };
    step("Answers for itself", Action::Check(check), Undo::NotNeeded)
}

fn migrate(no_log: bool) -> Step {
    let argv = ["sh", "-c", "bin/migrate --token hunter2\necho done"].map(str::to_owned).to_vec();
    let env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    let run = Run { argv, chdir: None, stdin: Some("hunter2".to_owned()), env };
    Step { no_log, ..step("Migrate", Action::Run(run), Undo::Impossible("it has no undo".to_owned())) }
}

fn switch() -> Vec<Step> {
    let site = |color: &str| format!("/etc/nginx/sites-available/my-server-{color}.conf");
    let link = "/etc/nginx/sites-enabled/my-server.conf".to_owned();
    let content = "server {}\n".to_owned();
    let confirm = Confirm {
        state: StateDir::of_one("/var/lib/bgctl/my-server"),
        run: "run".to_owned(),
        confirm_timeout: Duration::from_secs(30),
    };
    let guard = Guard {
        state: StateDir::of_one("/var/lib/bgctl/my-server"),
        run: "run".to_owned(),
        confirm_timeout: Some(Duration::from_secs(30)),
    };
    let swap = Swap {
        pointer: Pointer::Link { link: link.clone(), nginx: Box::default() },
        from: Some(site("blue")),
        to: Some(site("green")),
        guard,
    };
    let undo = Undo::Reverse(Action::Swap(swap.reversed()));
    vec![
        step("Test", Action::TestSite { path: link, content, nginx: Box::default() }, Undo::NotNeeded),
        step("Swap", Action::Swap(swap), undo),
        step("Confirm", Action::Confirm(confirm), Undo::NotNeeded),
        step(
            "Drain",
            Action::Drain { timeout: Duration::from_mins(1), of: Draining::Nginx(Box::default()) },
            Undo::NotNeeded,
        ),
    ]
}

fn wave(phase: Phase, name: &str, hosts: &[HostName], steps: &[Step]) -> Wave {
    let lane = |host: &HostName| Lane { host: host.clone(), steps: steps.to_vec(), skipped: Vec::new() };
    let lanes = hosts.iter().map(lane).collect();
    Wave { phase, name: name.to_owned(), max_fail_percentage: 0.0, lanes }
}

fn plan(servers: usize, stage: &[Step]) -> Plan {
    let app_servers: Vec<HostName> = (1..=servers).map(|n| format!("app{n}").parse().unwrap()).collect();
    let load_balancers: Vec<HostName> = vec!["lb1".parse().unwrap()];
    let waves = vec![
        wave(Phase::Stage, "Recreate the idle color", &app_servers, stage),
        wave(Phase::Switch, "Test the new site", &load_balancers, &switch()[..1]),
        wave(Phase::Switch, "Switch traffic", &load_balancers, &switch()[1..]),
    ];
    Plan {
        app: "my-server".parse().unwrap(),
        goal: Goal::Apply,
        live: Some(Color::Blue),
        target: Color::Green,
        release: "0123456789ab".parse().unwrap(),
        waves,
        load_balancers,
        standings: Vec::new(),
        app_servers,
        notes: Vec::new(),
    }
}

fn usual() -> Plan {
    let mut plan = plan(2, &[compose_file(None, "services: {}\n"), recreate(), health()]);
    let why = "when is false: (eq color \"blue\")".to_owned();
    plan.waves[0].lanes[1].skipped.push(Skipped { name: "Warm up".to_owned(), why });
    let text = "compose.yml of blue was changed by hand".to_owned();
    plan.notes.push(Note { certainty: Certainty::Observed, host: Some("app2".parse().unwrap()), text });
    plan
}

#[test]
fn a_plan_with_changes() {
    insta::assert_snapshot!(show(&usual(), WIDE));
}

#[test]
fn a_plan_on_a_narrow_screen() {
    insta::assert_snapshot!(show(&usual(), Show { width: 60, ..WIDE }));
}

#[test]
fn a_plan_without_changes() {
    let mut plan = plan(2, &[]);
    plan.waves.clear();
    let text = show(&plan, WIDE);
    insta::assert_snapshot!(text);
    assert!(text.ends_with("\nNo changes. The live release matches.\n"));
}

#[test]
fn load_balancers_that_differ_each_have_a_line() {
    let standing = |host: &str, configured, served| Standing {
        odd: None,
        edited: false,
        host: host.parse().unwrap(),
        configured: Some(configured),
        served,
        why_not: None,
    };
    let mut plan = Plan { goal: Goal::Switch(Color::Green), live: None, ..plan(1, &[health()]) };
    plan.load_balancers = ["lb1", "lb2", "lb3"].map(|host| host.parse().unwrap()).to_vec();
    plan.standings = vec![
        standing("lb1", Color::Blue, Some(Color::Blue)),
        standing("lb2", Color::Green, Some(Color::Blue)),
        standing("lb3", Color::Green, None),
    ];
    plan.waves = vec![wave(Phase::Switch, "Switch traffic", &plan.load_balancers, &switch()[1..2])];
    insta::assert_snapshot!(show(&plan, WIDE));
    plan.load_balancers.truncate(2);
    let text = show(&plan, WIDE);
    assert!(text.contains("traffic: all → green on lb1, lb2, lb3"), "{text}");
    plan.waves[0].lanes.truncate(2);
    assert!(show(&plan, WIDE).contains("traffic: blue → green on lb1, lb2"));
    plan.target = Color::Blue;
    assert!(show(&plan, WIDE).contains("traffic: stays blue on lb1, lb2"));
}

#[test]
fn a_retirement_of_nothing_says_so() {
    let mut plan = Plan { goal: Goal::Retire, release: ReleaseId::as_it_was(), ..plan(2, &[]) };
    plan.waves.clear();
    let text = show(&plan, WIDE);
    assert!(text.starts_with("my-server retire\n"), "{text}");
    assert!(text.ends_with("\nNo changes. Nothing of the old color is there to settle.\n"), "{text}");
}

#[test]
fn two_hundred_hosts_that_do_the_same_are_one_block() {
    let stage = [compose_file(None, "services: {}\n"), recreate(), health()];
    let mut plan = plan(200, &stage);
    plan.waves[0].lanes[7].steps.remove(0);
    let text = show(&plan, WIDE);
    insta::assert_snapshot!(text);
    assert!(text.ends_with("\nPlan: 200 to recreate, 199 files to write, 1 to switch, 0 to retire.\n"));
}

#[test]
fn differences_of_files() {
    let before = "services:\n  web:\n    image: my-server:0.0.1\n    init: true\n";
    let after = before.replace("0.0.1", "0.0.2\x1b[2J");
    let secret = Step { no_log: true, ..compose_file(Some("token: hunter1\n"), "token: hunter2\n") };
    let binary = step("Logo", Action::PutFile(file("/srv/logo.png", b"\x89PNG\0")), Undo::NotNeeded);
    let gone = Action::RemoveFile { path: "/srv/old.yml".to_owned(), folders: Vec::new() };
    let gone = Step { before: Some("old\n".to_owned()), ..step("Old file", gone, Undo::NotNeeded) };
    let new = compose_file(None, "services: {}\n");
    let text = show(&plan(1, &[compose_file(Some(before), &after), new, gone, binary, secret]), WITH_DIFF);
    insta::assert_snapshot!(text);
    assert!(!text.contains("hunter") && !text.contains('\x1b'), "{text}");
}

#[test]
fn no_text_in_a_plan_steers_or_passes_for_a_line_of_it() {
    let mut steps = vec![compose_file(Some("old: 1\n"), "new: 1\n"), recreate(), health(), migrate(false)];
    steps.extend(migrate_inside(false));
    steps.extend(switch());
    let mut honest = Plan { notes: usual().notes, ..plan(1, &steps) };
    honest.waves[0].lanes[0].skipped.push(Skipped { name: "Warm up".to_owned(), why: "no".to_owned() });
    let forged = forgeries(&honest);
    assert!(forged.len() > 100, "{}", forged.len());
    for plan in forged {
        for (color, width) in [(true, 120), (false, 40)] {
            assert_tame(&show(&plan, Show { color, width, diff: true }));
        }
    }
}

#[test]
fn what_a_no_log_check_asks_is_not_shown() {
    let secret = |no_log| {
        let token = "hunter2".to_owned();
        let ask = HttpAsk {
            url: format!("http://{token}/{token}?{token}"),
            host: token.clone(),
            port: 80,
            path: format!("/{token}?{token}"),
            host_header: Some(token.clone()),
            tls: None,
            status: Vec::new(),
            body: Some(token.clone()),
            headers: vec![("X".to_owned(), token.clone())],
        };
        let command = Run::of_shell(token.clone());
        let asks = [Ask::Http(ask), Ask::Tcp { host: token.clone(), port: 7 }, Ask::Command(command.clone())];
        let (delay, timeout) = (Duration::ZERO, Duration::ZERO);
        let check = |ask| Check { ask, retries: 3, delay, timeout, successes: 1, rest: delay, of: None };
        let checks = asks.into_iter().map(|ask| Action::Check(check(ask)));
        let put = PutFile { validate: Some(token), ..file("/f", b"x") };
        let drain = Action::Drain { timeout, of: Draining::Command(command) };
        let actions = checks.chain([drain, Action::PutFile(put)]);
        let step = |action| Step { no_log, ..step("Secret", action, Undo::NotNeeded) };
        plan(1, &actions.map(step).collect::<Vec<_>>())
    };
    for text in [show(&secret(true), WITH_DIFF), to_json(&secret(true)).to_string()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(show(&secret(true), WIDE).contains("an address answers (not shown) (4 tries)"));
    assert!(show(&secret(false), WIDE).contains("http://hunter2/hunter2?hunter2 answers"));
}

#[test]
fn a_command_shows_its_first_line_or_nothing() {
    let open = show(&plan(1, &[migrate(false)]), WIDE);
    assert!(open.contains("$ Migrate: run bin/migrate --token hunter2 …"), "{open}");
    assert!(open.contains("cannot be undone: it has no undo"), "{open}");
    let closed = show(&plan(1, &[migrate(true)]), WITH_DIFF);
    assert!(closed.contains("run a command (not shown)") && !closed.contains("hunter2"), "{closed}");
}

fn migrate_inside(no_log: bool) -> [Step; 2] {
    let env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    let run = |word: &str| Run {
        argv: ["./migrate", word].map(str::to_owned).to_vec(),
        chdir: None,
        stdin: Some("hunter2".to_owned()),
        env: env.clone(),
    };
    let inside = |word: &str| {
        Action::ComposeRun(ComposeRun {
            project: project(),
            service: "web".to_owned(),
            run: run(word),
            pull: Pull::Missing,
            build: false,
            env_file: None,
            mark: None,
            takes_back: false,
        })
    };
    let clear = Action::ComposeClear(project());
    [
        step("Migrate", clear, Undo::Reverse(Action::ComposeDown(project()))),
        Step { no_log, ..step("Migrate", inside("up"), Undo::Reverse(inside("down"))) },
    ]
}

#[test]
fn a_command_in_a_container_says_where() {
    let open = show(&plan(1, &migrate_inside(false)), WIDE);
    assert!(open.contains("$ Migrate: run ./migrate up in web of my-server-green"), "{open}");
    assert!(open.contains("undo: run ./migrate down in web of my-server-green"), "{open}");
    assert!(open.contains("undo: take my-server-green down"), "{open}");
    let closed = show(&plan(1, &migrate_inside(true)), WIDE);
    assert!(closed.contains("run a command (not shown) in web") && !closed.contains("./migrate"), "{closed}");
    for no_log in [false, true] {
        let text = to_json(&plan(1, &migrate_inside(no_log))).to_string();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(text.contains("./migrate"), !no_log, "{text}");
    }
}

#[test]
fn color_changes_nothing_but_color() {
    let colored = show(&usual(), Show { color: true, ..WITH_DIFF });
    assert!(colored.contains("\x1b["));
    assert_eq!(console::strip_ansi_codes(&colored), show(&usual(), WITH_DIFF));
}

#[test]
fn the_document_names_contents_without_showing_them() {
    insta::assert_json_snapshot!(to_json(&usual()));
}

#[test]
fn the_document_shows_no_secret() {
    let secret = Step { no_log: true, ..compose_file(Some("token: hunter1\n"), "token: hunter2\n") };
    let text = to_json(&plan(1, &[secret, migrate(true), recreate()])).to_string();
    assert!(!text.contains("hunter") && text.contains("TOKEN"), "{text}");
    // The only content that is named is the site's, which is no secret.
    assert_eq!(text.matches("sha256").count(), 1, "{text}");
}
