//! `single-host`: nginx and both colors on one machine, and an include file that says which is asked.

use super::{deploys, example, failed, script_deploys_twice, slow_ones, takes_over};
use crate::harness::{Lab, PLAYBOOK, Served, TOKEN, get, until};
use crate::images::nothing_is_left;

const SHAPE: &str = "single-host";
const HOST: &str = "solo1";
const INCLUDE: &str = "/etc/nginx/conf.d/service-url.inc";
const SITE: &str = "/etc/nginx/sites-enabled/my-server.conf";
const SECRET: &str = "hunter2-is-it";

/// A host with the site of the shape, and whoever deploys knows the app's secret.
fn solo() -> Lab {
    let lab = Lab::brought_up("solo15", &["--solos", "1"]);
    lab.init(SHAPE, &[HOST]);
    lab.knows("SECRET_KEY", SECRET);
    lab.put(HOST, SITE, &example(&lab, "single-host.conf"));
    lab
}

/// The include: its text, mode and owner.
fn include(lab: &Lab) -> String {
    lab.on(HOST, &format!("cat {INCLUDE}; stat -c '%a %U %G' {INCLUDE}"))
}

fn mode_of_environment(lab: &Lab, color: &str) -> String {
    lab.on(HOST, &format!("stat -c %a /srv/my-server/{color}/.env"))
}

#[test]
fn it_takes_over_from_the_script_under_load() {
    let lab = solo();
    let before = script_deploys_twice(&lab, SHAPE);
    assert_eq!(mode_of_environment(&lab, "blue"), "644\n");
    takes_over(&lab, SHAPE, &before, || {
        assert!(lab.containers(HOST, "green").is_empty(), "the old color is taken down");
    });
    for color in ["blue", "green"] {
        assert_eq!(mode_of_environment(&lab, color), "600\n");
    }
    assert_eq!(lab.get("/env?name=SECRET_KEY"), SECRET);
    assert_eq!(lab.content(HOST, INCLUDE), "set $service_url http://127.0.0.1:18080;\n");
    lab.bgctl(&["plan", "--diff", "-e", "version=0.0.7"]).exits(0).hides(SECRET);
    assert!(!lab.journals().contains(SECRET));
    // What the app's files held before is kept for the way back, for root alone; nothing else there knows it.
    assert_eq!(lab.on(HOST, &format!("grep -rl --exclude-dir=undo {SECRET} /var/lib/bgctl || true")), "");
    assert_eq!(lab.on(HOST, "stat -c '%a %U' /var/lib/bgctl/my-server/undo"), "700 root\n");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
}

#[test]
fn everything_is_put_back_when_nginx_refuses() {
    let lab = solo();
    lab.put(HOST, INCLUDE, "set $service_url http://127.0.0.1:18080;\n");
    lab.reload_nginx(HOST);
    let color = if deploy_first(&lab) == "blue" { ("blue", "green") } else { ("green", "blue") };
    let (live, idle) = color;
    let (before, service) = (include(&lab), "templates/service-url.conf.hbs");
    let refused = |why: &str| {
        lab.deploy("0.0.2").exits(1).says(why);
        assert_eq!(include(&lab), before);
        assert_eq!(lab.served(), Served::new("0.0.1", live));
        assert!(lab.containers(HOST, idle).is_empty());
    };
    // What bgctl would write.
    lab.edit(service, "set $service_url", "sett $service_url");
    refused("unknown directive \"sett\"");
    lab.edit(service, "sett $service_url", "set $service_url");
    // What somebody else has written since.
    lab.on(HOST, &format!("sed -i 's/proxy_http_version/proxy_htp_version/' {SITE}"));
    refused("unknown directive \"proxy_htp_version\"");
    lab.on(HOST, &format!("sed -i 's/proxy_htp_version/proxy_http_version/' {SITE}"));
    // What nginx's test lets pass, and its reload does not.
    lab.on(
        HOST,
        "setsid perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8181, Listen => 5); sleep 600' \
         >/dev/null 2>&1 </dev/null &",
    );
    lab.until_on(HOST, "ss -Hltn 'sport = :8181' | grep -q .");
    lab.edit(service, "{{ port }};", "{{ port }};\nlisten 8181;");
    refused("bind() to 0.0.0.0:8181 failed");
    lab.edit(service, "\nlisten 8181;", "");
    lab.on(HOST, "pkill -x perl");
    deploys(&lab, "0.0.2", idle);
}

/// The app is somebody's who is not root, and traffic is root's: each sees what is theirs, and nothing is forgotten.
#[test]
fn the_app_is_another_users_than_the_switch() {
    let lab = solo();
    lab.on(HOST, "usermod -aG docker deploy && mkdir -p /srv/my-server && chown deploy /srv/my-server");
    lab.put(HOST, INCLUDE, "set $service_url http://127.0.0.1:18080;\n");
    lab.reload_nginx(HOST);
    lab.edit(
        PLAYBOOK,
        "    hosts: web\n    tasks:\n      - name: Log in",
        "    hosts: web\n    become: true\n    become_user: deploy\n    tasks:\n      - name: Log in",
    );
    let first = deploy_first(&lab);
    let second = if first == "blue" { "green" } else { "blue" };
    assert_eq!(lab.on(HOST, &format!("stat -c '%a %U' /srv/my-server/{first}/.env")), "600 deploy\n");
    deploys(&lab, "0.0.2", second);
    lab.bgctl(&["apply", "-y", "-e", "version=0.0.2"]).exits(0).says("No changes");
    let runs = lab.bgctl(&["history", "--output", "json"]).exits(0).json();
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "{runs}");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", &first));
    // What root keeps and the inventory's user may not read is not as if there were nothing.
    lab.edit(
        PLAYBOOK,
        "switch: # the one moment traffic moves",
        "switch:\n  become: true\n  become_user: deploy",
    );
    let said = lab.bgctl(&["plan", "-e", "version=0.0.4"]).exits(3);
    said.says("what earlier runs left on load balancers cannot be read").says("closed to deploy");
}

#[test]
fn the_image_is_pulled_where_a_registry_is_named() {
    let lab = solo();
    lab.registry();
    lab.put(HOST, INCLUDE, "set $service_url http://127.0.0.1:18080;\n");
    lab.reload_nginx(HOST);
    lab.edit(PLAYBOOK, "image: \"my-server:", "image: \"registry.lab/my-server:");
    lab.edit(PLAYBOOK, "registry: \"\"", "registry: \"registry.lab\"");
    lab.deploy("0.0.1").exits(2).says("REGISTRY_USER");
    lab.knows("REGISTRY_USER", "deploy");
    lab.knows("REGISTRY_PASSWORD", TOKEN);
    lab.deploy("0.0.1").exits(0).hides(TOKEN);
    nothing_is_left(&lab);
    let live = lab.served();
    assert_eq!(lab.running(HOST, live.color()).as_deref(), Some("registry.lab/my-server:0.0.1"));
    lab.knows("REGISTRY_PASSWORD", "wrong");
    lab.deploy("0.0.2").exits(1).says("registry.lab refused the login of deploy");
    assert_eq!(lab.served(), live);
}

/// Its retries end, and nothing of it stays: not even its environment, which holds the secret.
#[test]
fn a_release_that_is_never_well_is_put_down_where_the_script_goes_on() {
    let lab = solo();
    lab.put(HOST, INCLUDE, "set $service_url http://127.0.0.1:18080;\n");
    lab.reload_nginx(HOST);
    let live = deploy_first(&lab);
    let before = include(&lab);
    lab.edit(PLAYBOOK, "retries: 10, delay: 3s", "retries: 2, delay: 1s");
    lab.deploy("0.0.3").exits(1).says("Answers for itself");
    assert_eq!((include(&lab), lab.served()), (before, Served::new("0.0.1", &live)));
    assert_eq!(lab.on(HOST, "find /srv/my-server -name .env"), format!("/srv/my-server/{live}/.env\n"));
    lab.script(SHAPE, "0.0.3").exits(0).says("is live");
    until("its users have it", || get(lab.front(), "/health").is_ok_and(|answer| answer.status == 503));
}

/// The color that a first deploy takes.
#[track_caller]
fn deploy_first(lab: &Lab) -> String {
    lab.edit(PLAYBOOK, "X-Color: \"{{ color }}\" }", "X-Color: \"{{ color }}\" }, retries: 5, delay: 200ms");
    lab.deploy("0.0.1").exits(0);
    lab.served().color().to_owned()
}

#[test]
fn the_script_cuts_requests_that_bgctl_lets_finish_under_load() {
    let lab = solo();
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.until_release("0.0.1");
    let (script, said) = slow_ones(&lab, || lab.script(SHAPE, "0.0.2"));
    said.exits(0).says("is live");
    lab.until_release("0.0.2");
    let (bgctl, said) = slow_ones(&lab, || lab.deploy("0.0.4"));
    said.exits(0);
    println!(
        "{SHAPE}, requests of 3 s: the script {} sent, {} failed; bgctl {} sent, {} failed",
        script.len(),
        failed(&script),
        bgctl.len(),
        failed(&bgctl)
    );
    assert!(failed(&script) > 0, "{script:?}");
    assert_eq!(failed(&bgctl), 0, "{bgctl:?}");
    assert!(bgctl.len() > 6, "{bgctl:?}");
}
