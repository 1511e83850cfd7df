//! Other kinds of hosts: a login that is not root, Debian bookworm with docker-compose v1, a load balancer on
//! which nothing can be mounted.

use crate::deploy::deploys_and_rolls_back;
use crate::harness::{Lab, Served};

#[test]
fn as_deploy_with_sudo() {
    let lab = Lab::fresh();
    lab.edit("inventory.yml", "ansible_user: root", "ansible_user: deploy");
    lab.deploy("0.0.1").exits(1).says("set ansible_become");
    assert_eq!(lab.on("app1", "ls /srv"), "");

    lab.edit("inventory.yml", "ansible_user: deploy", "ansible_user: deploy\n    ansible_become: true");
    deploys_and_rolls_back(&lab);
    assert_eq!(lab.on("app1", "stat -c %U:%G /srv/my-server/blue/compose.yml"), "root:root\n");
    assert_eq!(lab.bgctl(&["exec", "app1", "--", "id", "-un"]).exits(0).stdout, "app1 | ok\nroot\n");
}

#[test]
fn on_bookworm_with_compose_v1() {
    let lab = Lab::brought_up("bookworm3", &["--app-image", "bookworm"]);
    lab.on("app1", "docker-compose version && ! docker compose version");
    deploys_and_rolls_back(&lab);

    // A broken release is taken down again, on both hosts, and its logs are shown.
    lab.deploy("0.0.3").exits(1).says("database migration missing");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    for host in ["app1", "app2"] {
        assert_eq!(lab.containers(host, "green"), []);
        assert_eq!(lab.running(host, "blue").as_deref(), Some("my-server:0.0.1"));
        let compose = lab.content(host, "/srv/my-server/green/compose.yml");
        assert!(compose.contains("my-server:0.0.2"), "the file was not put back: {compose}");
    }
}

#[test]
fn where_nothing_can_be_mounted_a_refused_site_never_lands_either() {
    let lab = Lab::brought_up("nomount4", &["--no-mount", "--apps", "1"]);
    lab.on("lb1", "! unshare -m true");
    lab.deploy("0.0.1").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));

    let nginx = "find /etc/nginx ! -type d -exec stat -c '%n %a %i %y' {} + | sort
                 cat /etc/nginx/sites-available/*; pgrep nginx";
    let before = lab.on("lb1", nginx);
    lab.edit("templates/site.conf.hbs", "proxy_http_version", "proxy_htp_version");
    // nginx names the file by where it would stand, not by where it was tried.
    lab.deploy("0.0.2")
        .exits(1)
        .says("unknown directive \"proxy_htp_version\" in /etc/nginx/sites-enabled/my-server.conf");
    assert_eq!(lab.on("lb1", nginx), before);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.containers("app1", "green"), []);

    lab.edit("templates/site.conf.hbs", "proxy_htp_version", "proxy_http_version");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}
