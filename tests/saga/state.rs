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
