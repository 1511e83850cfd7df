//! Load balancers that speak TLS, to several names.
#![expect(clippy::disallowed_macros, reason = "the numbers are worth a look; nextest shows them")]

use crate::harness::{Lab, Load, Served, Upgraded, get};

const VERIFY: &str = "verify: { http: \"http://127.0.0.1/\",";

/// A lab whose playbook deploys the shipped TLS site under two names, and stops the old color.
fn with_tls() -> Lab {
    let lab = Lab::fresh();
    lab.certify("site", "DNS:app.example,DNS:www.example", "");
    lab.write("ca.pem", &lab.ca());
    lab.edit("playbook.yml", "template: site.conf.hbs", "template: site-tls.conf.hbs");
    let vars = "vars:\n  server_names: [app.example, www.example]\n  tls_certificate: /srv/tls/site.pem\n  \
                tls_certificate_key: /srv/tls/site.key\n";
    lab.edit("playbook.yml", "vars:\n", vars);
    let verify = "verify: { http: \"https://127.0.0.1/\", host: app.example, ca: ca.pem, retries: 6,";
    lab.edit("playbook.yml", VERIFY, verify);
    lab.edit("playbook.yml", "retire: { old: keep }", "retire: { old: stop }");
    lab
}

/// Gives the site another certificate, and has nginx load it.
fn replace_certificate(lab: &Lab, name: &str) {
    lab.on(
        "lb1",
        &format!("cp /srv/tls/{name}.pem /srv/tls/site.pem && cp /srv/tls/{name}.key /srv/tls/site.key"),
    );
    lab.reload_nginx("lb1");
}

#[test]
fn a_tls_site_with_two_names_switches_under_load() {
    let lab = with_tls();
    lab.edit("playbook.yml", "drain_timeout: 60s", "drain_timeout: 7s");
    lab.bgctl(&["plan", "-e", "version=0.0.1"]).exits(0).says("https://127.0.0.1/ answers as app.example");
    lab.deploy("0.0.1").exits(0);
    let front = lab.tls_front();
    for name in ["app.example", "www.example"] {
        let answer = front.get(name, "/").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "version=0.0.1 color=blue\n"));
        assert_eq!(answer.header("x-color").as_deref(), Some("blue"));
    }
    let plain = get(lab.front(), "/a?b=c").unwrap();
    assert_eq!((plain.status, plain.header("location").as_deref()), (301, Some("https://lab/a?b=c")));
    let http2 = "curl -sS --http2 --cacert /srv/tls/ca.pem --connect-to ::127.0.0.1: -o /dev/null \
                 -w '%{http_version} %{http_code}' https://www.example/";
    assert_eq!(lab.on("lb1", http2), "2 200");

    let mut socket = Upgraded::over(front.connect("app.example").unwrap(), "app.example");
    let load = {
        let front = front.clone();
        Load::of(2, move || front.get("www.example", "/"))
    };
    let run = lab.start(&["apply", "-y", "-e", "version=0.0.2"]);
    lab.until_journal_says("\"task\":\"Drain old workers\"");
    assert!(socket.is_alive(), "it was cut before the drain ended");
    assert_eq!(front.get("app.example", "/").unwrap().text(), "version=0.0.2 color=green\n");
    run.said().exits(0).says("which will be cut");
    assert!(!socket.is_alive(), "its color is stopped");
    lab.deploy("0.0.4").exits(0);
    let tally = load.end();
    println!(
        "{} requests over TLS, {} failed: {:?}",
        tally.samples.len(),
        tally.failures().len(),
        tally.answers()
    );
    assert_eq!(tally.failures(), Vec::<&String>::new());
    assert!(tally.samples.len() > 100, "too little load to prove anything");
    assert_eq!(tally.answers().len(), 3);
    assert_eq!(front.get("app.example", "/").unwrap().text(), "version=0.0.4 color=blue\n");
}

#[test]
fn a_certificate_that_is_no_good_is_told_of_and_traffic_goes_back() {
    let lab = with_tls();
    lab.deploy("0.0.1").exits(0);
    let front = lab.tls_front();
    lab.certify("old", "DNS:app.example", "expired");
    lab.certify("elsewhere", "DNS:elsewhere.example,DNS:www.example", "");
    for (certificate, why) in [
        ("old", "expired on 2020-02-01 at 00:00 UTC: renew it"),
        ("elsewhere", "is for elsewhere.example, www.example, and app.example was asked for"),
    ] {
        replace_certificate(&lab, certificate);
        lab.bgctl(&["status"]).says(why);
        lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0).says("does not prove it").says(why);
        lab.deploy("0.0.2").exits(1).says(why).says("traffic is where it was, blue is live");
        assert_eq!(lab.link(), "/etc/nginx/sites-available/my-server-blue.conf");
    }
    assert_eq!(front.get("www.example", "/").unwrap().text(), "version=0.0.1 color=blue\n");
    // Who knows better says so, and it is said back.
    lab.edit("playbook.yml", "ca: ca.pem,", "validate_certs: false,");
    lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0).says("certificate not checked");
    lab.deploy("0.0.2").exits(0);
    // A CA that nobody knows here.
    lab.edit("playbook.yml", "validate_certs: false,", "");
    lab.edit("playbook.yml", "host: app.example", "host: www.example");
    lab.deploy("0.0.4").exits(1).says("is signed by no CA that this machine knows").says("green is live");
}

#[test]
fn another_site_of_the_load_balancer_is_not_mistaken() {
    let lab = with_tls();
    lab.deploy("0.0.1").exits(0);
    lab.certify("other", "DNS:other.example", "");
    lab.on(
        "lb1",
        "printf '%s\\n' 'server { listen 443 ssl default_server; server_name other.example; ssl_certificate \
         /srv/tls/other.pem; ssl_certificate_key /srv/tls/other.key; return 200 other; }' >/etc/nginx/conf.d/other.conf",
    );
    lab.reload_nginx("lb1");
    // By its name our site is found, though the other one answers to all that nginx does not know.
    lab.deploy("0.0.2").exits(0);
    lab.edit("playbook.yml", "host: app.example", "host: other.example");
    lab.deploy("0.0.4").exits(1).says("X-Color").says("traffic is where it was, green is live");
    let front = lab.tls_front();
    assert_eq!(front.get("app.example", "/").unwrap().text(), "version=0.0.2 color=green\n");
}

/// No forwarding on the first load balancer, until this value ends.
struct NoForwarding<'a>(&'a Lab);

impl<'a> NoForwarding<'a> {
    fn new(lab: &'a Lab) -> Self {
        lab.on(
            "lb1",
            "echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/a.conf; pkill -HUP -o sshd; sleep 0.5",
        );
        Self(lab)
    }
}

impl Drop for NoForwarding<'_> {
    fn drop(&mut self) {
        self.0.on("lb1", "rm /etc/ssh/sshd_config.d/a.conf; pkill -HUP -o sshd; sleep 0.5");
    }
}

#[test]
fn where_forwarding_is_forbidden_the_load_balancer_asks_itself() {
    let lab = with_tls();
    let _forbidden = NoForwarding::new(&lab);
    lab.deploy("0.0.1").exits(0);
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.tls_front().get("app.example", "/").unwrap().text(), "version=0.0.2 color=green\n");
    assert_eq!(
        Served::read(&lab.tls_front().get("www.example", "/").unwrap().text()).unwrap().color(),
        "green"
    );
    lab.edit("playbook.yml", "host: app.example", "host: elsewhere.example");
    lab.deploy("0.0.4").exits(1).says("is refused on the host: curl: (60)").says("green is live");
    assert_eq!(lab.on("lb1", "find /tmp -name ca.pem"), "", "nothing of the CA stays");
}
