//! `upstream-block`: the servers of one block of a file that bgctl has never written.

use super::{deploys, example, script_deploys_twice, takes_over};
use crate::harness::{Lab, PLAYBOOK, Served};

const SHAPE: &str = "upstream-block";
const APPS: [&str; 2] = ["app1", "app2"];
const CONF: &str = "/etc/nginx/nginx.conf";

/// A load balancer with the big nginx.conf, whose block says blue.
fn with_big_file() -> Lab {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    lab.put("lb1", CONF, &example(&lab, "nginx.conf"));
    lab.reload_nginx("lb1");
    lab
}

/// The file without the servers of the block that the site uses; and these servers.
fn parted(text: &str) -> (String, Vec<String>) {
    let (mut rest, mut servers, mut inside) = (String::new(), Vec::new(), false);
    for line in text.split_inclusive('\n') {
        inside = (inside || line.contains("upstream api_backend {")) && !line.contains('}');
        if inside && line.trim_start().starts_with("server ") {
            servers.push(line.trim().to_owned());
        } else {
            rest.push_str(line);
        }
    }
    (rest, servers)
}

fn of_port(port: u16) -> Vec<String> {
    APPS.iter().map(|host| format!("server {host}:{port};")).collect()
}

#[test]
fn it_takes_over_from_the_script_under_load() {
    let lab = with_big_file();
    let before = script_deploys_twice(&lab, SHAPE);
    let found = lab.content("lb1", CONF);
    takes_over(&lab, SHAPE, &before, || {
        // The containers that the script made hold the ports of their color.
        lab.bgctl(&["exec", "app_servers", "--", "docker", "rm", "-f", "my-server-blue"]).exits(0);
    });
    let now = lab.content("lb1", CONF);
    let ((rest, _), (rest_now, servers)) = (parted(&found), parted(&now));
    assert_eq!(rest_now, rest, "every byte outside of the servers is as it was");
    assert!(rest.contains("keepalive 32;   # saves a handshake a request\n"), "{rest}");
    assert_eq!(servers, of_port(18081));
    for host in APPS {
        assert!(lab.containers(host, "blue").is_empty(), "the old container is removed");
    }
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "blue"));
    assert_eq!(parted(&lab.content("lb1", CONF)).1, of_port(18080));
}

#[test]
fn a_file_that_was_edited_in_between_keeps_its_edit() {
    let lab = with_big_file();
    lab.deploy("0.0.1").exits(0);
    let live = lab.served().color().to_owned();
    let idle = if live == "blue" { "green" } else { "blue" };
    let sed = |script: &str| drop(lab.on("lb1", &format!("sed -i '{script}' {CONF}")));
    let plan = || lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0);
    // Elsewhere in the file.
    sed("s/gzip on;/gzip off;\\t# asked for by sales/");
    plan().says("/etc/nginx/nginx.conf was changed since bgctl wrote it");
    deploys(&lab, "0.0.2", idle);
    let edited = lab.content("lb1", CONF);
    assert!(edited.contains("    gzip off;\t# asked for by sales\n"), "{edited}");
    plan().hides("was changed since");

    // While a run is under way: it finds out when it is about to replace the file.
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.4"]);
    lab.until_journal_says(&format!("\"task\":\"Recreate {live}\""));
    sed("s/tcp_nopush on;/tcp_nopush off;/");
    let by_hand = lab.content("lb1", CONF);
    run.said().exits(1).says("/etc/nginx/nginx.conf was changed meanwhile");
    assert_eq!(lab.content("lb1", CONF), by_hand);
    assert_eq!(lab.served(), Served::new("0.0.2", idle));

    // In the block itself, so that it is neither color's.
    sed("/upstream api_backend {/,/}/ s/server app2:[0-9]*;/server app2:9;/");
    plan().says("the servers of `upstream api_backend` are neither color's");
}

/// What answers over HTTP as it should is no release for Docker, and so for nobody.
#[test]
fn a_container_that_docker_calls_unhealthy_gets_no_traffic() {
    let lab = with_big_file();
    lab.deploy("0.0.1").exits(0);
    let (live, conf) = (lab.served(), lab.content("lb1", CONF));
    lab.edit(
        "templates/compose.yml.hbs",
        "    logging:",
        "    healthcheck: { test: [CMD, /nothing], interval: 1s, retries: 1 }\n    logging:",
    );
    lab.edit(PLAYBOOK, "retries: 30, delay: 1s", "retries: 6, delay: 1s");
    lab.deploy("0.0.2").exits(1).says("web is unhealthy");
    assert_eq!((lab.served(), lab.content("lb1", CONF)), (live, conf));
}

/// Its `sed` comes before nginx's test, and nothing takes it back.
#[test]
fn the_script_leaves_a_refused_file_behind() {
    let lab = with_big_file();
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.script(SHAPE, "0.0.2").exits(0);
    lab.until_served(&Served::new("0.0.2", "blue"));
    lab.on("lb1", &format!("sed -i 's/tcp_nopush on/tcp_npush on/' {CONF}"));
    let before = lab.content("lb1", CONF);
    lab.deploy("0.0.4").exits(1).says("tcp_npush");
    assert_eq!(lab.content("lb1", CONF), before, "bgctl leaves it alone");
    let said = lab.script(SHAPE, "0.0.4");
    assert_eq!(said.code, Some(1), "{}", said.in_full());
    assert_eq!(parted(&lab.content("lb1", CONF)).1, of_port(18081), "the file says what is not served");
    assert_eq!(lab.served(), Served::new("0.0.2", "blue"));
    // Whoever mends the other mistake deploys, too.
    lab.on("lb1", &format!("sed -i 's/tcp_npush on/tcp_nopush on/' {CONF}"));
    lab.reload_nginx("lb1");
    lab.until_served(&Served::new("0.0.4", "green"));
}
