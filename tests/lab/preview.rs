//! Looking at a color before traffic moves to it.

use crate::harness::{Answer, Client, Lab, Served, get};

/// A lab whose site has a preview for whoever asks through the published port.
fn with_preview() -> Lab {
    let lab = Lab::fresh();
    // Docker passes them on from the address of its network's gateway.
    let tester = lab.on("lb1", "ip route show default | cut -d ' ' -f 3");
    lab.edit(
        "playbook.yml",
        "  hosts: load_balancers\n  nginx:",
        &format!(
            "  hosts: load_balancers\n  preview: {{ allow: [{}, 2001:db8::/32] }}\n  nginx:",
            tester.trim()
        ),
    );
    lab
}

fn ask(lab: &Lab, path: &str) -> Answer {
    get(lab.front(), path).unwrap()
}

#[track_caller]
fn shows(lab: &Lab, path: &str, version: &str, color: &str) {
    let answer = ask(lab, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(Served::read(&answer.text()), Some(Served::new(version, color)), "{path}");
    assert_eq!(answer.header("x-color").as_deref(), Some(color), "{path}");
}

/// The status that a host of the lab's network is answered with, which is nobody's tester.
fn status_for_others(lab: &Lab, path: &str) -> String {
    let ask = format!(
        "exec 3<>/dev/tcp/lb1/80; printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3 | cut -d ' ' -f 2"
    );
    lab.on("app1", &format!("bash -c {}", shlex::try_quote(&ask).unwrap())).trim().to_owned()
}

#[test]
fn a_tester_sees_green_on_its_real_hosts_before_the_switch() {
    let lab = with_preview();
    lab.deploy("0.0.1").exits(0);
    shows(&lab, "/blue/", "0.0.1", "blue");
    assert_eq!(ask(&lab, "/green/").status, 502, "nothing of it runs");

    let said = lab.bgctl(&["apply", "-y", "--stage-only", "-e", "version=0.0.2"]).exits(0);
    let runs = said.stdout.lines().find(|line| line.contains("green runs")).unwrap_or_default();
    assert!(
        runs.contains("web  my-server:0.0.2  sha256:") && runs.ends_with("on app1, app2 (2 hosts)"),
        "{runs:?}"
    );
    shows(&lab, "/green/", "0.0.2", "green");
    shows(&lab, "/green/slow?ms=1", "0.0.2", "green");
    shows(&lab, "/blue/", "0.0.1", "blue");
    shows(&lab, "/", "0.0.1", "blue");
    let bare = ask(&lab, "/green?a=b");
    assert_eq!((bare.status, bare.header("location").as_deref()), (302, Some("/green/?a=b")));
    for path in ["/green/", "/blue/", "/green/health", "/green", "/blue"] {
        assert_eq!(status_for_others(&lab, path), "403", "{path}");
    }
    assert_eq!(status_for_others(&lab, "/"), "200");

    let load = lab.load(Client::New, 2);
    lab.bgctl(&["promote", "-y", "-e", "version=0.0.2"]).exits(0).says("green runs  web  my-server:0.0.2");
    let tally = load.end();
    assert_eq!(tally.failures(), Vec::<&String>::new());
    assert!(tally.samples.len() > 50, "{}", tally.samples.len());
    shows(&lab, "/", "0.0.2", "green");
    shows(&lab, "/blue/", "0.0.1", "blue");
    shows(&lab, "/green/", "0.0.2", "green");
    assert_eq!(
        (status_for_others(&lab, "/blue/"), status_for_others(&lab, "/")),
        ("403".into(), "200".into())
    );
    // Nothing changed, so there is nothing to do.
    lab.deploy("0.0.2").exits(0).says("No changes");
}

#[test]
fn what_is_staged_is_told_to_programs_host_by_host() {
    let lab = Lab::fresh();
    let said =
        lab.bgctl(&["apply", "-y", "--stage-only", "-e", "version=0.0.1", "--output", "json"]).exits(0);
    let seen = said.events("fingerprinted");
    let hosts: Vec<&str> = seen.iter().filter_map(|event| event["host"].as_str()).collect();
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    for event in seen {
        assert_eq!((&event["color"], &event["phase"]), (&"blue".into(), &"stage".into()));
        let web = &event["images"]["web"];
        assert_eq!(web["names"], serde_json::json!(["my-server:0.0.1"]));
        let id = lab
            .on(event["host"].as_str().unwrap(), "docker inspect --format '{{.Image}}' my-server-blue-web-1");
        assert_eq!(web["ids"], serde_json::json!([id.trim_end()]));
    }
}

#[test]
fn what_the_app_leads_on_to_stays_in_the_preview() {
    let lab = with_preview();
    lab.deploy("0.0.1").exits(0);
    // In the place of green stands something that redirects, and says which prefix it was told of.
    lab.on(
        "lb1",
        "cat >/etc/nginx/conf.d/green.conf <<'END'
server {
    listen 18090;
    add_header X-Seen-Prefix $http_x_forwarded_prefix always;
    add_header Set-Cookie \"a=b; Path=/\" always;
    absolute_redirect off;
    location = /out { return 302 https://login.example/a; }
    location = /whole { return 302 http://$host/next; }
    location = /known { return 302 $http_x_forwarded_prefix/next; }
    location / { return 302 /next; }
}
END
         sed -i 's/server app[12]:18081 .*;/server 127.0.0.1:18090;/' /etc/nginx/sites-available/my-server-blue.conf",
    );
    lab.reload_nginx("lb1");
    for (path, leads) in [
        ("/green/", "/green/next"),
        ("/green/known", "/green/next"),
        ("/green/whole", "/green/next"),
        ("/green/out", "https://login.example/a"),
    ] {
        let answer = ask(&lab, path);
        let location = answer.header("location").unwrap_or_default();
        // nginx makes a whole URL of a path, with the port that it listens on.
        assert_eq!(location.strip_prefix("http://lab").unwrap_or(&location), leads, "{path}");
        assert_eq!(answer.header("x-seen-prefix").as_deref(), Some("/green"));
        assert_eq!(answer.header("set-cookie").as_deref(), Some("a=b; Path=/green/"));
    }
}

#[test]
fn a_preview_for_nobody_known_is_refused_before_any_host_is_contacted() {
    let lab = with_preview();
    lab.edit("playbook.yml", "2001:db8::/32", "'{{ office }}'");
    lab.bgctl(&["plan", "-e", "version=0.0.1", "-e", "office=our-office"])
        .exits(2)
        .says("\"our-office\" is no address")
        .says("no host was contacted");
}
