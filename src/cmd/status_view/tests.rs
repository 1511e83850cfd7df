use super::*;
use crate::facts::{Container, Facts, Link, Nginx, Served};
use crate::paint::Paint;
use crate::paint::hostile::{assert_tame, forgeries, hostile};

fn container(color: Color, state: &str, health: Option<&str>, version: &str) -> Container {
    Container {
        project: format!("my-server-{color}"),
        service: "web".to_owned(),
        image: format!("my-server:{version}"),
        image_id: format!("sha256:{version}"),
        tag_id: None,
        state: state.to_owned(),
        health: health.map(str::to_owned),
    }
}

fn server(containers: Vec<Container>) -> Facts {
    Facts { docker: Some("26.1".to_owned()), containers, ..Facts::default() }
}

fn balancer() -> Facts {
    let nginx = Nginx { version: "1.26".to_owned(), master: Some(7), link: Link::Missing };
    Facts { nginx: Some(nginx), ..Facts::default() }
}

struct Fleet {
    observed: Observed,
    balancers: Vec<Standing>,
    servers: Vec<HostName>,
    kept: Vec<(HostName, Color)>,
    never_live: Option<Color>,
}

impl Fleet {
    fn new() -> Self {
        Self {
            observed: Observed::default(),
            balancers: Vec::new(),
            servers: Vec::new(),
            kept: Vec::new(),
            never_live: None,
        }
    }

    fn balancer(mut self, name: &str, configured: Option<Color>, served: Served) -> Self {
        let host: HostName = name.parse().unwrap();
        self.observed.hosts.insert(host.clone(), balancer());
        self.observed.served.insert(host.clone(), served);
        let odd = configured.is_none().then(|| "there is no symlink yet".to_owned());
        self.balancers.push(Standing { host, configured, odd, edited: false, served: None, why_not: None });
        self
    }

    fn server(mut self, name: &str, containers: Vec<Container>) -> Self {
        let host: HostName = name.parse().unwrap();
        self.observed.hosts.insert(host.clone(), server(containers));
        self.servers.push(host);
        self
    }

    fn view(&self) -> StatusView {
        self.view_with(None, None)
    }

    fn view_with(&self, lock: Option<LockInfo>, last_run: Option<LastRun>) -> StatusView {
        let app = "my-server".parse().unwrap();
        let (load_balancers, app_servers) = (self.balancers.as_slice(), self.servers.as_slice());
        let known = Known {
            app: &app,
            load_balancers,
            app_servers,
            lock,
            last_run,
            unreadable: false,
            kept: self.kept.clone(),
            never_live: self.never_live,
        };
        StatusView::new(known, &self.observed, |color| format!("my-server-{color}"))
    }
}

fn both(idle: &str) -> Vec<Container> {
    vec![
        container(Color::Blue, "running", Some("healthy"), "0.0.1"),
        container(Color::Green, idle, None, "0.0.2"),
    ]
}

fn usual(idle: [&str; 2]) -> Fleet {
    Fleet::new()
        .balancer("lb1", Some(Color::Blue), Served::Color(Color::Blue))
        .server("app1", both(idle[0]))
        .server("app2", both(idle[1]))
}

fn last_run() -> LastRun {
    LastRun {
        unfinished: false,
        reached: None,
        can_resume: false,
        run: "20261121T032500Z-00000007".to_owned(),
        by: "anna@laptop".to_owned(),
        at: "2026-11-21 03:25:00Z".to_owned(),
        command: "apply -i prod.yml".to_owned(),
        outcome: Some("done".to_owned()),
        release: Some("0123456789ab".to_owned()),
    }
}

#[test]
fn a_healthy_fleet() {
    let view = usual(["running", "running"]).view_with(None, Some(last_run()));
    insta::assert_snapshot!(view.text("-i prod.yml", Paint::PLAIN));
    insta::assert_json_snapshot!(view);
}

#[test]
fn nothing_that_hosts_said_steers_or_passes_for_a_line_of_it() {
    let mut fleet = Fleet::new()
        .balancer("lb1", Some(Color::Blue), Served::Color(Color::Blue))
        .balancer("lb2", None, Served::Neither(hostile()))
        .server("app1", vec![Container { image: hostile(), ..container(Color::Blue, "running", None, "1") }]);
    fleet.balancers[1].odd = Some(hostile());
    for facts in fleet.observed.hosts.values_mut() {
        facts.trouble.push(hostile());
    }
    let [by, since, run, at] = std::array::from_fn(|_| hostile());
    let lock = LockInfo { by, since, phase: Some(hostile()), run };
    let last = LastRun { unfinished: true, can_resume: true, ..forgeries(&last_run()).remove(2) };
    let mut held = fleet.view_with(Some(lock), Some(last));
    held.releases = vec![KeptInfo { release: hostile(), at }];
    for (place, last) in forgeries(&last_run()).into_iter().enumerate() {
        let last = LastRun { unfinished: true, reached: Some(hostile()), ..last };
        let mut view = fleet.view_with(None, Some(last));
        view.rollback.reason = hostile();
        view.rollback.how = [Some(How::Flip), Some(How::Start), None][place % 3];
        view.rollback.release = Some(hostile());
        for paint in [Paint::PLAIN, Paint::new(true)] {
            assert_tame(&view.text("-i prod.yml", paint));
            assert_tame(&held.text("-i prod.yml", paint));
        }
    }
}

#[test]
fn a_fleet_in_trouble() {
    let fleet = Fleet::new()
        .balancer("lb1", Some(Color::Blue), Served::Color(Color::Blue))
        .balancer("lb2", Some(Color::Blue), Served::Color(Color::Green))
        .balancer("lb3", None, Served::Neither("502 Bad Gateway".to_owned()))
        .server("app1", vec![container(Color::Blue, "running", Some("unhealthy"), "0.0.1")]);
    let lock = LockInfo {
        by: "ben@ci".to_owned(),
        since: "2026-11-21 03:20:00Z".to_owned(),
        phase: Some("switch".to_owned()),
        run: "20261121T032000Z-00000001".to_owned(),
    };
    let view = fleet.view_with(Some(lock), None);
    assert!(view.disagrees() && view.live.is_none());
    insta::assert_snapshot!(view.text("-i prod.yml", Paint::PLAIN));
}

#[test]
fn a_link_that_says_something_else_is_told_with_what_puts_it_right() {
    let blue = |fleet: Fleet, host| fleet.balancer(host, Some(Color::Blue), Served::Color(Color::Blue));
    let fleet = blue(Fleet::new(), "lb1").server("app1", both("running"));
    assert!(!fleet.view().text("-i prod.yml", Paint::PLAIN).contains("switch --to"));
    let fleet = fleet.balancer("lb2", Some(Color::Green), Served::Color(Color::Blue));
    let view = fleet.view();
    assert!(!view.disagrees() && view.live == Some(Color::Blue));
    let text = view.text("-i prod.yml", Paint::PLAIN);
    assert!(text.contains("(differs)"), "{text}");
    assert!(text.ends_with("Back to blue:\n  bgctl switch --to blue -i prod.yml\n"), "{text}");
}

#[test]
fn the_way_back_depends_on_what_the_other_color_does() {
    let back = |idle| {
        let rollback = usual(idle).view().rollback;
        (rollback.ready, rollback.how, rollback.reason)
    };
    assert_eq!(back(["running"; 2]), (true, Some(How::Flip), "green runs on all app servers".to_owned()));
    for idle in [["running", "exited"], ["exited", "exited"]] {
        assert_eq!(back(idle), (true, Some(How::Start), "green is stopped and can be started".to_owned()));
    }
    let absent = usual(["running"; 2]).server("app3", Vec::new()).view().rollback;
    assert_eq!((absent.ready, absent.reason.as_str()), (false, "green has no containers on app3"));
    let mut put_back = usual(["running"; 2]).server("app3", Vec::new());
    put_back.kept.push(("app3".parse().unwrap(), Color::Green));
    let back = put_back.view().rollback;
    assert_eq!((back.how, back.reason.as_str()), (Some(How::Start), "green is down and can be brought up"));
    let first = Fleet::new().balancer("lb1", None, Served::Neither("404".to_owned())).view().rollback;
    assert_eq!((first.ready, first.reason.as_str()), (false, "no color is live"));
    let ill = vec![container(Color::Green, "running", Some("unhealthy"), "0.0.2")];
    let ill = usual(["running"; 2]).server("app3", ill).view().rollback;
    assert_eq!((ill.ready, ill.reason.as_str()), (false, "green is unhealthy on app3"));
}

#[test]
fn a_host_that_was_not_asked_is_unknown() {
    let mut fleet = usual(["running", "running"]);
    fleet.servers.push("app3".parse().unwrap());
    let view = fleet.view();
    assert_eq!(view.app_servers[2].blue.state, State::Unknown);
    assert!(!view.rollback.ready);
}

#[test]
fn without_a_load_balancer_nothing_is_known_of_locks_and_runs() {
    let mut fleet = usual(["running", "running"]);
    for balancer in &fleet.balancers {
        fleet.observed.hosts.remove(&balancer.host);
        fleet.observed.served.remove(&balancer.host);
    }
    let text = fleet.view().text("-i prod.yml", Paint::PLAIN);
    assert!(text.contains("lock      unknown\nlast run  unknown\n"), "{text}");
}

#[test]
fn two_hundred_servers_that_run_the_same_are_two_lines() {
    let fleet = usual(["running", "running"]);
    let fleet = (3..=200).fold(fleet, |fleet, n| fleet.server(&format!("app{n}"), both("running")));
    let text = fleet.view().text("-i prod.yml", Paint::PLAIN);
    assert!(text.contains("app1 … app200 (200 hosts)"), "{text}");
    assert!(text.lines().count() < 15, "{text}");
}
