//! The usual life of an app: first deploy, second, rollback, redeploy.

use crate::harness::{Lab, Served};

const APPS: [&str; 2] = ["app1", "app2"];

/// What both app servers run of each color: blue's image, green's image.
fn running(lab: &Lab) -> [(Option<String>, Option<String>); 2] {
    APPS.map(|host| (lab.running(host, "blue"), lab.running(host, "green")))
}

fn both(blue: Option<&str>, green: Option<&str>) -> [(Option<String>, Option<String>); 2] {
    let image = |version: Option<&str>| version.map(|version| format!("my-server:{version}"));
    [(); 2].map(|()| (image(blue), image(green)))
}

fn site(color: &str) -> String {
    format!("/etc/nginx/sites-available/my-server-{color}.conf")
}

/// The first three steps, on whatever kind of hosts.
pub(crate) fn deploys_and_rolls_back(lab: &Lab) {
    lab.deploy("0.0.1").exits(0).says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(running(lab), both(Some("0.0.1"), None));
    assert_eq!(lab.link(), site("blue"));

    lab.deploy("0.0.2").exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert_eq!(running(lab), both(Some("0.0.1"), Some("0.0.2")));
    assert_eq!(lab.link(), site("green"));

    lab.bgctl(&["rollback", "-y"]).exits(0).says("blue is live");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(running(lab), both(Some("0.0.1"), Some("0.0.2")));
    assert_eq!(lab.link(), site("blue"));
}

#[test]
fn deploys_rolls_back_and_deploys_again() {
    let lab = Lab::fresh();
    deploys_and_rolls_back(&lab);

    lab.deploy("0.0.4").exits(0).says("green is live");
    assert_eq!(lab.served(), Served::new("0.0.4", "green"));
    assert_eq!(lab.serving_hosts(), APPS);
    assert_eq!(running(&lab), both(Some("0.0.1"), Some("0.0.4")));
    for host in APPS {
        let compose = lab.content(host, "/srv/my-server/green/compose.yml");
        assert!(
            compose.contains("image: \"my-server:0.0.4\"") && compose.contains("\"18081:8080\""),
            "{compose}"
        );
        assert_eq!(lab.on(host, "stat -c %a /srv/my-server/green/compose.yml"), "640\n");
    }
    for (color, port) in [("blue", 18080), ("green", 18081)] {
        let text = lab.content("lb1", &site(color));
        for host in APPS {
            assert!(text.contains(&format!("server {host}:{port};")), "{text}");
        }
    }
}
