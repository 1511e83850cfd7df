//! Users of hosts who may do nothing there, and folders that are theirs.

use std::time::{Duration, Instant};

use crate::harness::{Lab, Served, until};
use crate::lock::{staging, undone, with_blue};

/// Those of the load balancer that a run locks.
const LOCKS: &str =
    "/var/lib/bgctl/switch.lock /var/lib/bgctl/my-server/switch.lock /var/lib/bgctl/my-server/lock";

/// Nobody, who holds every lock that he can open, for himself and as long as he can, until this value ends.
struct Stranger<'a>(&'a Lab);

impl<'a> Stranger<'a> {
    fn on_lb1(lab: &'a Lab) -> Self {
        let hold = r#"while :; do flock -n "$1" sh -c 'echo "$1" >>/tmp/held; exec sleep 300' sh "$1"; sleep 0.02; done"#;
        let hold = shlex::try_quote(hold).unwrap();
        lab.on(
            "lb1",
            &format!(
                "for file in {LOCKS}; do
                   setpriv --reuid 65534 --regid 65534 --clear-groups setsid -f sh -c {hold} sh $file >/dev/null 2>&1 </dev/null
                 done"
            ),
        );
        Self(lab)
    }

    /// What he holds, or has held.
    fn held(&self) -> usize {
        self.0.on("lb1", "sort -u /tmp/held 2>/dev/null | wc -l").trim().parse().unwrap()
    }
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        self.0.on("lb1", "pkill -KILL -u 65534; rm -f /tmp/held; true");
    }
}

/// The state as versions before left it: everybody could read it.
fn open(lab: &Lab) {
    lab.on(
        "lb1",
        "cd /var/lib/bgctl && chmod 755 . my-server && chmod 644 switch.lock my-server/*lock my-server/last-run",
    );
}

#[test]
fn nobody_holds_up_who_deploys() {
    let lab = with_blue();
    let nobody = Stranger::on_lb1(&lab);
    lab.deploy("0.0.2").exits(0).hides("as private");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!((lab.served(), nobody.held()), (Served::new("0.0.1", "blue"), 0));

    open(&lab);
    until("nobody holds all locks", || nobody.held() == 3);
    lab.bgctl(&["status"]).exits(0).says("blue");
    let said = lab.deploy("0.0.2").exits(0);
    said.says("lb1: /var/lib/bgctl was not as private").says("another file is in its place");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!(lab.on("lb1", "find /var/lib/bgctl ! -perm 700 ! -perm 600"), "");
}

#[test]
fn a_load_balancer_swaps_back_whatever_nobody_holds() {
    let lab = with_blue();
    open(&lab);
    let nobody = Stranger::on_lb1(&lab);
    until("nobody holds all locks", || nobody.held() == 3);
    let mut run = lab.verifying("0.0.2");
    let switched = Instant::now();
    run.kill();
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    lab.until_served(&Served::new("0.0.1", "blue"));
    // Three times what the switch has until it is confirmed.
    assert!(switched.elapsed() < Duration::from_secs(24), "{:?}", switched.elapsed());
    lab.until_nobody_watches("lb1");
    lab.bgctl(&["status"]).exits(0).says("the load balancer swapped back by itself at 20");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
}

const SECRET: &str = "/etc/secret-of-root";

/// Runs shell text as a user of the first app server.
fn as_user(lab: &Lab, user: &str, shell: &str) {
    lab.on("app1", &format!("runuser -u {user} -- sh -c {}", shlex::try_quote(shell).unwrap()));
}

/// A file of root's on the first app server that nobody else may read, until this value ends.
struct Secret<'a>(&'a Lab);

impl<'a> Secret<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.on("app1", &format!("umask 077; echo root:hunter2 >{SECRET}"));
        Self(lab)
    }

    #[track_caller]
    fn is_whole(&self) {
        let like = self.0.on("app1", &format!("stat -c '%U %a' {SECRET}; cat {SECRET}"));
        assert_eq!(like, "root 600\nroot:hunter2\n");
    }
}

impl Drop for Secret<'_> {
    fn drop(&mut self) {
        self.0.on("app1", &format!("rm -f {SECRET}"));
    }
}

/// `www-data` lays links in a folder of its own, in which root keeps a file.
#[test]
fn no_link_in_a_folder_of_another_user_is_read_written_or_restored_through() {
    const LINK: &str = "is a link that www-data made";
    let lab = Lab::fresh();
    let secret = Secret::new(&lab);
    lab.on("app1", "install -d -o www-data -g www-data /srv/www");
    let settings = "{ name: Settings, copy: { content: \"v={{ version }}\\n\", dest: /srv/www/settings, mode: '0644' } }";
    crate::images::add_tasks(&lab, &[settings]);
    lab.deploy("0.0.1").exits(0);
    assert_eq!(lab.content("app1", "/srv/www/settings"), "v=0.0.1\n");

    let link = format!("rm -f /srv/www/settings && ln -s {SECRET} /srv/www/settings");
    as_user(&lab, "www-data", &link);
    for args in
        [&["plan", "--diff", "-e", "version=0.0.2"][..], &["apply", "-y", "-D", "-e", "version=0.0.2"]]
    {
        lab.bgctl(args).exits(1).says(LINK).hides("hunter2");
    }
    // A second name of root's file is none of its own, either.
    lab.on("app1", &format!("ln -f {SECRET} /srv/www/settings"));
    lab.bgctl(&["plan", "--diff", "-e", "version=0.0.2"])
        .exits(1)
        .says("has other names elsewhere")
        .hides("hunter2");
    secret.is_whole();

    as_user(&lab, "www-data", "rm -f /srv/www/settings; echo mine >/srv/www/settings");
    let run = staging(&lab);
    assert_eq!(lab.content("app1", "/srv/www/settings"), "v=0.0.3\n");
    as_user(&lab, "www-data", &link);
    run.interrupt();
    run.said().exits(3).says(LINK).says("bgctl abort").hides("hunter2");
    secret.is_whole();
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    as_user(&lab, "www-data", "rm /srv/www/settings");
    lab.bgctl(&["abort", "-y"]).exits(0);
    assert_eq!(lab.content("app1", "/srv/www/settings"), "mine\n");
    secret.is_whole();
    lab.on("app1", "rm -r /srv/www");
    lab.on("app2", "rm -r /srv/www");
    undone(&lab);
}

/// The deploy user exchanges a color's folder, which is its own, after the hosts were looked at.
#[test]
fn a_folder_that_becomes_a_link_is_not_written_through() {
    let lab = with_blue();
    lab.on("app1", "chown deploy: /srv/my-server; install -d -o deploy -g deploy /srv/my-server/green");
    crate::images::add_tasks(&lab, &["{ name: Pause, command: sleep 4 }"]);
    // What is in it: the system itself comes and goes there.
    let etc = || lab.on("app1", "find /etc -mindepth 1 -printf '%p %y %m %U %s %T@ %l\\n' | sort");
    let before = etc();
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.2"]);
    run.until("the pause", |event| {
        event["event"] == "started" && event["task"] == "Pause" && event["host"] == "app1"
    });
    as_user(&lab, "deploy", "cd /srv/my-server && mv green was-green && ln -s /etc green");
    // Nor removed through: its undo waits until the folder is one again.
    run.end().exits(3).says("/srv/my-server/green is a link that deploy made");
    assert_eq!(etc(), before);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    as_user(&lab, "deploy", "cd /srv/my-server && rm green && mv was-green green");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    as_user(&lab, "deploy", "cd /srv/my-server && rm -rf green && ln -s /etc green");
    lab.deploy("0.0.2").exits(1).says("/srv/my-server/green is a link that deploy made");
    assert_eq!(etc(), before);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
}
