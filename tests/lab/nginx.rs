//! nginx that is not as Debian's package has it: elsewhere, in a container, with commands of its own.

use crate::harness::{Lab, Served, until};
use crate::refused_site::{LogElsewhere, Squatter};

const LINK_KEY: &str = "    link: \"/etc/nginx/sites-enabled/{{ app }}.conf\"";

/// Adds keys to `nginx:` of the playbook.
pub(crate) fn with(lab: &Lab, keys: &[&str]) {
    let keys = [&[LINK_KEY], keys].concat().join("\n    ");
    lab.edit("playbook.yml", LINK_KEY, &keys);
}

/// A site that nginx refuses at once never lands; one whose port is taken goes back, and the reason is told.
#[track_caller]
fn refuses(lab: &Lab, host: &str, live: &str) {
    lab.edit("templates/site.conf.hbs", "proxy_http_version", "proxy_htp_version");
    lab.deploy("0.0.7").exits(1).says("unknown directive \"proxy_htp_version\"").says(live);
    lab.edit("templates/site.conf.hbs", "proxy_htp_version", "proxy_http_version");
    {
        let _squatter = Squatter::on_8181(lab, host);
        let said = lab.deploy("0.0.7").exits(1).says("the link is back on").says(live);
        said.says("bind() to 0.0.0.0:8181 failed (98: Address already in use)");
    }
    lab.edit("templates/site.conf.hbs", "\n    listen 8181;", "");
}

/// nginx of lb1 under another name and with another configuration, until this value ends.
struct Elsewhere<'a>(&'a Lab);

impl<'a> Elsewhere<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.on(
            "lb1",
            r#"nginx -s stop; mkdir -p /opt/edge/logs
               cp /usr/sbin/nginx /opt/edge/edge-nginx
               sed -e 's|^pid .*|include /opt/edge/*.inc;|' -e '/^error_log/d' /etc/nginx/nginx.conf >/opt/edge/edge.conf
               printf '# pid /run/wrong.pid;\nerror_log "/opt/edge/logs/errors.log" notice; pid "/run/edge.pid"; # pid x;\n' >/opt/edge/paths.inc
               cp -r /etc/nginx/mime.types /etc/nginx/modules-enabled /opt/edge/
               while pgrep nginx >/dev/null; do sleep 0.05; done
               /opt/edge/edge-nginx -c /opt/edge/edge.conf"#,
        );
        Self(lab)
    }
}

impl Drop for Elsewhere<'_> {
    fn drop(&mut self) {
        self.0.on(
            "lb1",
            "/opt/edge/edge-nginx -c /opt/edge/edge.conf -s stop; while pgrep edge-nginx >/dev/null; do sleep 0.05; done
             rm -r /opt/edge; nginx",
        );
    }
}

#[test]
fn another_program_with_another_configuration() {
    let lab = Lab::fresh();
    let _elsewhere = Elsewhere::new(&lab);
    lab.deploy("0.0.1").exits(1).says("lb1: nginx does not run");
    with(&lab, &["binary: /opt/edge/edge-nginx", "config: /opt/edge/edge.conf"]);
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    refuses(&lab, "lb1", "green is live");
    lab.edit("playbook.yml", "/opt/edge/edge-nginx", "/opt/edge/nowhere");
    lab.deploy("0.0.4").exits(1).says("/opt/edge/nowhere is not there");
}

#[test]
fn commands_of_the_playbook_take_the_place_of_nginx_s_own() {
    let lab = Lab::fresh();
    with(
        &lab,
        &[
            "test: 'nginx -t -q -c %s && echo %s >>/srv/tested'",
            "reload: 'nginx -s reload && echo {{ color }} >>/srv/reloaded'",
        ],
    );
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!(lab.content("lb1", "/srv/reloaded"), "blue\ngreen\n");
    let tested = lab.content("lb1", "/srv/tested");
    let copies = tested.lines().filter(|line| *line != "/etc/nginx/nginx.conf").count();
    assert_eq!((copies, tested.lines().count()), (2, 4), "{tested}");
    refuses(&lab, "lb1", "green is live");

    // Without the path, the test sees the new site in a mount namespace of its own.
    lab.edit(
        "playbook.yml",
        "nginx -t -q -c %s && echo %s >>/srv/tested",
        "nginx -t && grep -R 0.0.9 /etc/nginx/sites-enabled/",
    );
    lab.edit("templates/site.conf.hbs", "listen 80", "# 0.0.9\n    listen 80");
    lab.deploy("0.0.4").exits(0);
    // A reload that does nothing is no reload, whatever it says.
    lab.edit("playbook.yml", "nginx -s reload && echo {{ color }} >>/srv/reloaded", "true");
    lab.deploy("0.0.5").exits(3).says("kept its old configuration").says("says:\n").says("nothing of it");
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));
    lab.bgctl(&["abort", "-y"]).exits(3).says("kept its old configuration");
    // The way back is the playbook's of now: who mends it is not stuck.
    lab.edit("playbook.yml", "reload: 'true'", "reload: 'nginx -s reload'");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    lab.edit("playbook.yml", "reload: 'nginx -s reload'", "reload: 'echo no such service >&2; exit 5'");
    lab.deploy("0.0.5").exits(3).says("no such service").says("the reload failed");
    assert_eq!(lab.served(), Served::new("0.0.4", "blue"));
    // The load balancer itself has tried it once more by then.
    lab.until_nobody_watches("lb1");
    lab.bgctl(&["status"]).says("put its link back by itself").says("no such service");
    // A restart is a reload too: of another master.
    lab.edit(
        "playbook.yml",
        "echo no such service >&2; exit 5",
        "nginx -s quit; while [ -e /run/nginx.pid ]; do sleep 0.05; done; nginx",
    );
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    lab.deploy("0.0.5").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.5", "green"));
}

/// A stand-in for systemd, which these hosts do not run: it says that nginx is its unit, and reloads it.
struct Systemd<'a>(&'a Lab);

impl<'a> Systemd<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.on(
            "lb1",
            r#"mkdir -p /run/systemd/system
               cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >>/srv/asked
case $1 in
  show) echo "MainPID=$(cat /run/nginx.pid)"; echo CanReload=yes ;;
  *) /usr/sbin/nginx -s reload ;;
esac
END
               chmod +x /usr/local/bin/systemctl"#,
        );
        Self(lab)
    }
}

impl Drop for Systemd<'_> {
    fn drop(&mut self) {
        self.0.on("lb1", "rm -r /run/systemd/system /usr/local/bin/systemctl");
    }
}

#[test]
fn a_unit_of_systemd_is_reloaded_by_systemd() {
    let lab = Lab::fresh();
    let _systemd = Systemd::new(&lab);
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    let asked = lab.content("lb1", "/srv/asked");
    assert_eq!(asked.matches("--no-ask-password reload nginx").count(), 2, "{asked}");
}

#[test]
fn a_log_that_nobody_can_read_is_named() {
    let lab = Lab::fresh();
    lab.deploy("0.0.1").exits(0);
    let _squatter = Squatter::on_8181(&lab, "lb1");
    for (directive, place) in [
        ("error_log stderr;", "nginx's stderr (stderr): under systemd that is `journalctl -u nginx`"),
        ("error_log syslog:server=127.0.0.1,tag=edge;", "the system log (syslog:server=127.0.0.1,tag=edge)"),
    ] {
        let _log = LogElsewhere::new(&lab, directive);
        lab.deploy("0.0.2").exits(1).says("why cannot be read here").says(place).says("blue is live");
    }
}

/// nginx in a container on app1, which is the load balancer, until this value ends.
pub(crate) struct Contained<'a>(&'a Lab);

impl<'a> Contained<'a> {
    pub(crate) fn new(lab: &'a Lab, command: &str) -> Self {
        lab.lend_image("bgctl-lab-lb:trixie", "app1");
        let line = |host: &str| {
            let inventory = std::fs::read_to_string(lab.path("inventory.yml")).unwrap();
            let all = inventory.lines().find(|line| line.trim_start().starts_with(&format!("{host}:")));
            all.unwrap().to_owned()
        };
        if std::fs::read_to_string(lab.path("inventory.yml")).unwrap().contains("lb1:") {
            lab.edit("inventory.yml", &line("lb1"), &line("app1"));
        }
        lab.on(
            "app1",
            &format!(
                "mkdir -p /etc/nginx/sites-available /etc/nginx/sites-enabled
                 docker run -d --name edge --network host --entrypoint sh \
                   -v /etc/nginx/sites-available:/etc/nginx/sites-available:ro \
                   -v /etc/nginx/sites-enabled:/etc/nginx/sites-enabled:ro bgctl-lab-lb:trixie -c {} >/dev/null
                 i=0; until docker exec edge pgrep -f 'nginx: worke[r]' >/dev/null || [ $i -gt 100 ]; do sleep 0.1; i=$((i + 1)); done",
                shlex::try_quote(command).unwrap()
            ),
        );
        Self(lab)
    }

    /// What it serves to another host.
    pub(crate) fn serves(&self) -> String {
        let ask = "exec 3<>/dev/tcp/app1/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3";
        self.0.on("lb1", &format!("bash -c {}", shlex::try_quote(ask).unwrap()))
    }
}

impl Drop for Contained<'_> {
    fn drop(&mut self) {
        self.0.on("app1", "docker rm -f edge >/dev/null; rm -rf /etc/nginx");
    }
}

/// As the official images do it: nginx is the container's main process, and its logs are the container's.
const AS_OFFICIAL: &str = "ln -sf /dev/stderr /var/log/nginx/error.log; exec nginx -g 'daemon off;'";
/// Under another process, which does not pass signals on.
pub(crate) const UNDER_A_SHELL: &str = "nginx -g 'daemon off;'; echo ended";

fn in_a_container(command: &str) {
    let lab = Lab::fresh();
    with(&lab, &["container: edge"]);
    let contained = Contained::new(&lab, command);
    lab.deploy("0.0.1").exits(0);
    assert_eq!(contained.serves(), "version=0.0.1 color=blue\n");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(contained.serves(), "version=0.0.2 color=green\n");
    refuses(&lab, "app1", "green is live");
    assert_eq!(contained.serves(), "version=0.0.2 color=green\n");
    lab.bgctl(&["rollback", "-y"]).exits(0);
    assert_eq!(contained.serves(), "version=0.0.1 color=blue\n");
    // Nobody confirms this one.
    let mut run = lab.verifying("0.0.4");
    assert_eq!(contained.serves(), "version=0.0.4 color=green\n");
    run.kill();
    until("blue is served", || contained.serves() == "version=0.0.1 color=blue\n");
    lab.until_nobody_watches("app1");
    lab.bgctl(&["status"]).says("the load balancer swapped back by itself at 20");
    lab.bgctl(&["abort", "-y"]).exits(0).says("blue is live");
    lab.on("app1", "docker stop -t 1 edge");
    lab.deploy("0.0.4").exits(1).says("nginx in container edge cannot be called");
}

#[test]
fn in_a_container_as_the_official_images_run_it() {
    in_a_container(AS_OFFICIAL);
}

#[test]
fn in_a_container_under_another_process() {
    in_a_container(UNDER_A_SHELL);
}
