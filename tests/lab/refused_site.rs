//! Sites that nginx refuses, at once or later: the old color serves, and the reason is named.

use crate::harness::{Lab, Said, Served};
use crate::ways::ids;

const SITE: &str = "templates/site.conf.hbs";

/// A lab where 0.0.1 is live on blue, and nothing of a verify takes long.
fn with_blue() -> Lab {
    let lab = Lab::fresh();
    lab.edit(
        "playbook.yml",
        "X-Color: \"{{ color }}\" }",
        "X-Color: \"{{ color }}\" }, retries: 5, delay: 200ms",
    );
    lab.deploy("0.0.1").exits(0);
    lab
}

/// Everything below /etc/nginx: names, kinds, times, links, contents.
fn etc(lab: &Lab) -> String {
    lab.on("lb1", "cd /etc/nginx && find . -printf '%p %y %m %U %T@ %l\\n' | sort; find . -type f | sort | xargs sha256sum")
}

/// The same, without times: what is put back is as it was, but newer.
fn texts(lab: &Lab) -> String {
    lab.on(
        "lb1",
        "cd /etc/nginx && find . -printf '%p %y %m %U %l\\n' | sort; find . -type f | sort | xargs sha256sum",
    )
}

/// The release that was asked for never got traffic, and is down.
#[track_caller]
fn blue_serves(lab: &Lab) {
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.link(), "/etc/nginx/sites-available/my-server-blue.conf");
    assert_eq!(ids(lab, "green"), Vec::<String>::new());
}

/// Deploys what must be refused while nothing on the load balancer changes.
#[track_caller]
fn refused(lab: &Lab) -> Said {
    let before = etc(lab);
    let said = lab.deploy("0.0.2").exits(1).says("nginx refuses its configuration");
    assert_eq!(etc(lab), before);
    blue_serves(lab);
    said
}

/// The line of a text in the site's template, which renders line by line down to there.
fn line_of(lab: &Lab, text: &str) -> usize {
    let site = lab.content("lb1", "/etc/nginx/sites-available/my-server-blue.conf");
    1 + site.lines().position(|line| line.contains(text)).unwrap()
}

#[test]
fn a_site_with_a_mistake_never_lands() {
    let lab = with_blue();
    let line = line_of(&lab, "proxy_http_version");
    lab.edit(SITE, "proxy_http_version", "proxy_htp_version");
    refused(&lab).says(&format!(
        "unknown directive \"proxy_htp_version\" in /etc/nginx/sites-enabled/my-server.conf:{line}"
    ));
}

#[test]
fn an_address_that_nginx_cannot_resolve_never_lands() {
    let lab = with_blue();
    // Else nobody would answer there, and the stage would be told so before nginx is asked.
    lab.edit("playbook.yml", "from: load_balancers, ", "");
    lab.edit("playbook.yml", "http://{{ address }}:{{ port }}/health", "http://127.0.0.1:{{ port }}/health");
    lab.edit("inventory.yml", "bgctl_address: app2", "bgctl_address: nowhere.invalid");
    refused(&lab).says(
        "host not found in upstream \"nowhere.invalid:18081\" in /etc/nginx/sites-enabled/my-server.conf:",
    );
}

/// Another program of the load balancer, which holds a port.
pub(crate) struct Squatter<'a>(&'a Lab, &'a str);

impl<'a> Squatter<'a> {
    pub(crate) fn on_8181(lab: &'a Lab, host: &'a str) -> Self {
        lab.on(
            host,
            "setsid perl -MIO::Socket::INET -e '
               my $s = IO::Socket::INET->new(LocalPort => 8181, Listen => 5, ReuseAddr => 1) or exit 1;
               open(my $ready, \">\", \"/run/squatter\"); print $ready $$; close $ready; sleep 600' \
               >/dev/null 2>&1 </dev/null &
             i=0; until [ -s /run/squatter ] || [ $i -gt 100 ]; do sleep 0.05; i=$((i + 1)); done; test -s /run/squatter",
        );
        lab.edit(SITE, "listen 80 default_server;", "listen 80 default_server;\n    listen 8181;");
        Self(lab, host)
    }
}

impl Drop for Squatter<'_> {
    fn drop(&mut self) {
        self.0.on(self.1, "kill $(cat /run/squatter); rm /run/squatter");
    }
}

#[test]
fn a_port_that_is_taken_is_named_from_the_error_log_and_the_link_goes_back() {
    let lab = with_blue();
    let before = texts(&lab);
    let squatter = Squatter::on_8181(&lab, "lb1");
    lab.deploy("0.0.2")
        .exits(1)
        .says("bind() to 0.0.0.0:8181 failed (98: Address already in use)")
        .says("the link is back on");
    assert_eq!(texts(&lab), before);
    blue_serves(&lab);
    drop(squatter);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
}

/// nginx with its error log elsewhere, until this value ends.
pub(crate) struct LogElsewhere<'a>(&'a Lab);

impl<'a> LogElsewhere<'a> {
    pub(crate) fn new(lab: &'a Lab, directive: &str) -> Self {
        lab.on(
            "lb1",
            &format!(
                "cp -p /etc/nginx/nginx.conf /root/nginx.conf.kept
                 sed -i 's|^error_log .*|{directive}|' /etc/nginx/nginx.conf
                 mkdir -p /srv/logs"
            ),
        );
        lab.reload_nginx("lb1");
        Self(lab)
    }
}

impl Drop for LogElsewhere<'_> {
    fn drop(&mut self) {
        self.0.on("lb1", "mv /root/nginx.conf.kept /etc/nginx/nginx.conf");
    }
}

#[test]
fn the_error_log_is_found_wherever_nginx_writes_it() {
    let lab = with_blue();
    let _squatter = Squatter::on_8181(&lab, "lb1");
    for directive in [
        "error_log /srv/logs/nginx-errors.log notice;",
        "error_log \"/srv/logs/quoted.log\";",
        "error_log ../../../srv/logs/relative.log;",
        "include /srv/logs/*.inc;",
    ] {
        lab.on("lb1", "mkdir -p /srv/logs; echo 'error_log /srv/logs/included.log;' >/srv/logs/log.inc");
        let _log = LogElsewhere::new(&lab, directive);
        lab.deploy("0.0.2").exits(1).says("bind() to 0.0.0.0:8181 failed (98: Address already in use)");
        blue_serves(&lab);
    }
}

#[test]
fn a_color_that_is_not_what_is_served_gets_no_traffic() {
    let lab = with_blue();
    let before = texts(&lab);
    lab.edit(SITE, "add_header X-Color {{ color }}", "add_header X-Color purple");
    lab.deploy("0.0.2").exits(1).says("X-Color").says("purple");
    assert_eq!(texts(&lab), before);
    blue_serves(&lab);

    // The same where green's site was there before.
    lab.edit(SITE, "add_header X-Color purple", "add_header X-Color {{ color }}");
    lab.deploy("0.0.2").exits(0);
    lab.bgctl(&["rollback", "-y"]).exits(0);
    let before = texts(&lab);
    lab.edit(SITE, "add_header X-Color {{ color }}", "add_header X-Color purple");
    lab.deploy("0.0.4").exits(1).says("purple");
    assert_eq!(texts(&lab), before);
    blue_serves(&lab);
}
