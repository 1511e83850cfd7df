//! `multi-host`: two site files and one symlink.

use super::{script_deploys_twice, takes_over};
use crate::harness::{Lab, Served};

const SHAPE: &str = "multi-host";
const APPS: [&str; 2] = ["app1", "app2"];

#[test]
fn it_takes_over_from_the_script_under_load() {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    let before = script_deploys_twice(&lab, SHAPE);
    takes_over(&lab, SHAPE, &before, || ());
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
}

/// Another program holds the port of a new `listen`: nginx's test passes, its reload exits with 0, and nothing changes.
#[test]
fn the_script_says_done_where_nginx_kept_its_old_configuration() {
    let lab = Lab::fresh();
    lab.init(SHAPE, &APPS);
    lab.script(SHAPE, "0.0.1").exits(0);
    lab.on("lb1", "setsid socat TCP-LISTEN:8181,fork,reuseaddr - >/dev/null 2>&1 </dev/null &");
    lab.until_on("lb1", "ss -Hltn 'sport = :8181' | grep -q .");
    lab.knows("EXTRA_LISTEN", "listen 8181;");
    lab.script(SHAPE, "0.0.2").exits(0).says("done, green is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"), "the script's word is not what is served");
    // nginx tries for two and a half seconds; what it says of that is not to be taken for bgctl's reload.
    lab.until_on("lb1", "grep -q 'still could not bind' /var/log/nginx/error.log");
    // bgctl meets a link that says another color than what is served, and asks before it does anything.
    lab.deploy("0.0.4").exits(3).says("switch --to");
    lab.bgctl(&["switch", "-y", "--to", "blue"]).exits(0);
    lab.edit(
        "templates/site.conf.hbs",
        "listen 80 default_server;",
        "listen 80 default_server;\n    listen 8181;",
    );
    lab.deploy("0.0.4").exits(1).says("bind() to 0.0.0.0:8181 failed");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.on("lb1", "pkill -x socat");
}
