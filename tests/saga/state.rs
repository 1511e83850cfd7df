//! Where hosts keep what deploys need to know of each other: whose it is reaches every script, and what scripts say of
//! it reaches the reader.

use bgctl::model::{Action, HostName, StateGroup};
use bgctl::plan::{self, Goal, Undo};
use bgctl::remote::{Answer, Exec, Hold, Output, Probe, Remote, RemoteError};
use bgctl::run::{self, Lock};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::house::{House, holder, host, places};

const WATCHED: &str = "  # watch: { for: 30s, max_error_percentage: 1 }";

/// A house whose hosts' folders of state are a group's.
fn shared() -> House {
    let house = House::new(2)
        .playbook("vars:\n", "vars:\n  bgctl_state_group: web\n")
        .playbook(WATCHED, "  watch: { for: 3s, max_error_percentage: 1 }");
    let hosts: Vec<HostName> = house.fleet.worlds().into_keys().collect();
    for host in hosts {
        house.fleet.change(&host, |world| world.state_group = Some("web".to_owned()));
    }
    house
}

#[tokio::test(start_paused = true)]
async fn every_script_that_works_there_knows_the_group() {
    let house = shared();
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house.does(Goal::Rollback, "2").await;
    let kept = plan::kept_places(&house.model("2")).unwrap();
    let ids: Vec<String> = house.fleet.worlds()[&host("lb1")].kept.keys().cloned().collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    for (at, state, _) in kept.iter().filter(|(at, ..)| *at == host("lb1")) {
        let release = ids[0].rsplit('/').next().unwrap();
        assert_eq!(
            house.fleet.exec(at, run::kept(state, &release.parse().unwrap())).await.unwrap().status,
            0
        );
    }
    // One who is not told of it is refused, as hosts do.
    let mut places = places(&house.model("2"));
    assert!(Lock::take(&*house.fleet, &places, holder()).await.is_ok());
    places[0].1.group = None;
    assert!(Lock::take(&*house.fleet, &places, holder()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_written_for_a_switch_by_a_file_is_the_groups() {
    let house = shared().driven_by("nginx: { template: site.conf.hbs, file: /etc/nginx/conf.d/site.conf }");
    let plan = house.plan(Goal::Apply, "1").await.unwrap();
    let file = plan.steps().find_map(|(_, step)| match &step.action {
        Action::PutFile(file) if file.path.contains("/var/lib/bgctl") => Some(file),
        _ => None,
    });
    let file = file.unwrap();
    assert_eq!((file.mode.as_deref(), file.group.as_deref()), (Some("0660"), Some("web")));
    // A plan that is read back is the same, and one of a version without groups is read.
    let swap = plan.steps().find(|(_, step)| matches!(step.undo, Undo::Reverse(Action::Swap(_)))).unwrap().1;
    let text = serde_json::to_string(&swap.action).unwrap();
    assert!(text.contains(r#""folder":"/var/lib/bgctl/my-server","state_group":"web""#), "{text}");
    assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), swap.action);
    let before = serde_json::from_str::<Action>(&text.replace(r#","state_group":"web""#, "")).unwrap();
    let Action::Swap(before) = before else { panic!("{before:?}") };
    assert_eq!(before.guard.state.group, None);
    assert!(serde_json::from_str::<Action>(&text.replace(r#":"web""#, r#":"-R""#)).is_err());
}

#[test]
fn a_group_that_is_none_is_refused_before_a_host_is_asked() {
    for (group, is_good) in
        [("web", true), ("~", true), ("1000", false), ("\"a b\"", false), ("\"{{ nope }}\"", false)]
    {
        let house = House::new(1).playbook("vars:\n", &format!("vars:\n  bgctl_state_group: {group}\n"));
        let (questions, places) = (plan::questions(&house.model("1")), plan::lock_places(&house.model("1")));
        assert_eq!((questions.is_ok(), places.is_ok()), (is_good, is_good), "{group}");
        if let Err(problems) = questions {
            assert!(problems.to_string().contains(if group.contains("nope") {
                "nope"
            } else {
                "bgctl_state_group"
            }));
        }
    }
    assert!("web".parse::<StateGroup>().is_ok());
}

/// What root keeps is not asked of somebody else, and what is somebody else's not of root.
#[tokio::test(start_paused = true)]
async fn a_host_whose_tasks_become_another_user_than_its_switch_is_asked_as_both() {
    let task = "  - name: A page\n    hosts: load_balancers\n    become: true\n    become_user: deploy\n    tasks:\n      \
                - template: { src: compose.yml.hbs, dest: /srv/page }\n\nswitch:";
    let house = House::new(1).playbook("switch:", task);
    let asked = plan::questions(&house.model("1")).unwrap().remove(&host("lb1")).unwrap();
    let of_switch = asked.of_state();
    assert_eq!((asked.escalate.as_deref(), of_switch.escalate.as_deref()), (Some("deploy"), None));
    assert!(
        asked.files.contains(&"/srv/page".to_owned()) && !of_switch.files.contains(&"/srv/page".to_owned())
    );
    assert!([&asked.records, &asked.site, &asked.kept].iter().all(|of_switch| of_switch.is_none()));
    assert!([&of_switch.records, &of_switch.site, &of_switch.kept].iter().all(|asked| asked.is_some()));
    let places = plan::kept_places(&house.model("1")).unwrap();
    assert!(places.iter().any(|(at, _, user)| *at == host("lb1") && user.is_none()));
    house.does(Goal::Apply, "1").await;
    house.does(Goal::Apply, "2").await;
    house.does(Goal::Rollback, "2").await;
    // Where both become the same user, or only the switch becomes one, that one is asked.
    for (task, user) in [("become_user: root", None), ("become_user: deploy", Some("deploy"))] {
        let house = House::new(1).playbook(
            "  hosts: load_balancers\n  nginx",
            &format!("  hosts: load_balancers\n  become: true\n  {task}\n  nginx"),
        );
        let asked = plan::questions(&house.model("1")).unwrap().remove(&host("lb1")).unwrap();
        assert!(asked.of_switch.is_none() && asked.records.is_some());
        assert_eq!(asked.escalate.as_deref(), user.or(Some("root")));
    }
}

/// A fleet whose locks have something to say first.
struct Talking<'a>(&'a House, usize);

impl Remote for Talking<'_> {
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        self.0.fleet.exec(host, exec)
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        self.0.fleet.probe(host, probe)
    }

    fn hold<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        async move {
            let Hold { lines: mut heard, input } = self.0.fleet.hold(host, exec).await?;
            let (said, lines) = tokio::sync::mpsc::channel(1000);
            for note in 0..self.1 {
                said.try_send(format!("note {note}")).unwrap();
            }
            said.try_send(heard.recv().await.unwrap()).unwrap();
            Ok(Hold { lines: lines.into(), input })
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lock_says_of_its_folder_is_heard_and_no_flood_of_it() {
    let house = House::new(2);
    let places = places(&house.model("1"));
    let lock = Lock::take(&Talking(&house, 2), &places, holder()).await.unwrap();
    let heard: Vec<String> = lock.notes().iter().map(|(host, note)| format!("{host}: {note}")).collect();
    assert_eq!(heard, ["lb1: 0", "lb1: 1", "lb2: 0", "lb2: 1"]);
    drop(lock);
    assert!(Lock::take(&Talking(&house, 500), &places, holder()).await.is_err());
}
