//! Images from a real registry, from an archive and from a folder: they arrive, and a login leaves nothing behind.
#![expect(clippy::disallowed_macros, reason = "the numbers are worth a look; nextest shows them")]

use std::time::Instant;

use crate::harness::{ECR_TOKEN, Lab, Said, Served, TOKEN, until};
use crate::ways::ids;

const APPS: [&str; 2] = ["app1", "app2"];
pub(crate) const LOGIN: &str = "{ name: Login, registry_login: { registry: registry.lab, username: deploy, password: \"{{ env 'REGISTRY_TOKEN' }}\" } }";
pub(crate) const PULL: &str = "{ name: Pull, image: { pull: \"{{ image }}\" } }";

/// Adds tasks before the compose file's, in this order.
pub(crate) fn add_tasks(lab: &Lab, tasks: &[&str]) {
    let at = "      - name: Compose file";
    let tasks: Vec<String> = tasks.iter().map(|task| format!("      - {task}\n")).collect();
    lab.edit("playbook.yml", at, &format!("{}{at}", tasks.concat()));
}

/// A lab whose app comes from the registry, with these tasks before the compose file's.
pub(crate) fn with_registry(tasks: &[&str]) -> Lab {
    let lab = Lab::fresh();
    lab.registry();
    lab.knows("REGISTRY_TOKEN", TOKEN);
    lab.edit("playbook.yml", "image: \"my-server:", "image: \"registry.lab/my-server:");
    add_tasks(&lab, tasks);
    lab
}

/// A token in every form in which somebody could read it: as it is, in base64 however it is aligned, and with its user.
fn forms(token: &str) -> Vec<String> {
    let encode = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    let inner = |shift: usize| {
        let text = encode(&format!("{}{token}", "x".repeat(shift)));
        text[4..text.len() - 4].to_owned()
    };
    let mut forms = vec![token.to_owned(), encode(&format!("deploy:{token}"))];
    forms.extend((0..3).map(inner));
    forms
}

/// Files of a host in which it stands, in places where something could have left it.
fn traces(lab: &Lab, host: &str, token: &str) -> String {
    let patterns: Vec<String> = forms(token).iter().map(|form| format!("-e {form}")).collect();
    let places = "/root /home /tmp /var/tmp /run /dev/shm /etc /srv /var/lib/bgctl /var/log";
    let control = "/var/tmp/control";
    let search = format!(
        "printf %s {token} >{control}; grep -rslF -D skip {} {places}; rm {control}",
        patterns.join(" ")
    );
    let found = lab.on(host, &search);
    let (controls, others): (Vec<&str>, Vec<&str>) = found.lines().partition(|line| *line == control);
    assert_eq!(controls.len(), 1, "the search does not find what is there: {found}");
    others.join("\n")
}

/// Nothing of the login is on any host, nor of what was made for it, nor in what the operator's machine keeps.
#[track_caller]
pub(crate) fn nothing_is_left(lab: &Lab) {
    for host in lab.hosts() {
        assert_eq!(traces(lab, host, TOKEN), "", "{host}");
        assert_eq!(lab.on(host, "ls -d /tmp/.bgctl-login.* /root/.docker 2>/dev/null; true"), "", "{host}");
        assert_eq!(
            lab.on(
                host,
                &format!("grep -lF {TOKEN} /proc/[0-9]*/environ 2>/dev/null | grep -v /self/; true")
            ),
            ""
        );
    }
    for form in forms(TOKEN) {
        assert!(!lab.journals().contains(&form), "{form} in {}", lab.journals());
    }
}

/// What was live before serves as before, in the same containers, and nothing of the other color runs.
#[track_caller]
pub(crate) fn untouched(lab: &Lab, blue: &[String]) {
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!((ids(lab, "blue"), ids(lab, "green")), (blue.to_vec(), vec![]));
}

#[test]
fn a_private_image_is_pulled_with_a_login_that_leaves_nothing() {
    let lab = with_registry(&[LOGIN, PULL]);
    lab.deploy("0.0.1").exits(0).says("Pull … changed").says("(registry.lab/my-server@sha256:");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.running("app1", "blue").as_deref(), Some("registry.lab/my-server:0.0.1"));
    nothing_is_left(&lab);

    // What the host has logged in to by itself stays, and is used no less than before.
    lab.on("app2", "mkdir -p /root/.docker && printf '{\n  \"auths\": { \"other.lab\": { \"auth\": \"bWU6eA==\" } }\n}' >/root/.docker/config.json");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    assert!(lab.content("app2", "/root/.docker/config.json").contains("other.lab"));
    assert_eq!(lab.on("app2", "ls -A /root/.docker; rm -r /root/.docker"), "config.json\n");
    nothing_is_left(&lab);
    assert!(lab.bgctl(&["plan", "-e", "version=0.0.2"]).exits(0).stdout.contains("No changes."));
}

#[test]
fn compose_pulls_with_the_login_before_it_whether_it_must_or_always() {
    let lab = with_registry(&[LOGIN]);
    lab.deploy("0.0.1").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.edit("playbook.yml", "compose: { dir:", "compose: { pull: always, dir:");
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    nothing_is_left(&lab);
}

/// A user of sudo has the login in its own environment alone, and AWS is let in as ECR does.
#[test]
fn another_user_and_a_token_as_ecr_gives_them() {
    let lab = with_registry(&[LOGIN, PULL]);
    lab.edit("inventory.yml", "ansible_user: root", "ansible_user: deploy\n    ansible_become: true");
    lab.edit("playbook.yml", "username: deploy", "username: AWS");
    lab.knows("REGISTRY_TOKEN", &format!("{ECR_TOKEN}\n"));
    lab.deploy("0.0.1").exits(0);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    for host in APPS {
        assert_eq!(traces(&lab, host, ECR_TOKEN), "", "{host}");
    }
}

#[test]
fn a_wrong_password_a_missing_tag_and_a_registry_that_is_down_leave_live_traffic_alone() {
    let lab = with_registry(&[LOGIN, PULL]);
    lab.deploy("0.0.1").exits(0);
    let blue = ids(&lab, "blue");

    lab.knows("REGISTRY_TOKEN", "wrong");
    lab.deploy("0.0.2")
        .exits(1)
        .says("registry.lab refused the login of deploy")
        .says("401 Unauthorized")
        .says("is the password or token the right one")
        .says("traffic is where it was, blue is live");
    untouched(&lab, &blue);
    lab.knows("REGISTRY_TOKEN", "");
    lab.deploy("0.0.2").exits(2).says("`REGISTRY_TOKEN` is empty");
    lab.knows("REGISTRY_TOKEN", TOKEN);

    lab.deploy("0.0.7")
        .exits(1)
        .says("there is no registry.lab/my-server:0.0.7 in registry.lab")
        .says("was it pushed?");
    untouched(&lab, &blue);
    nothing_is_left(&lab);

    lab.registry().stop();
    lab.deploy("0.0.2").exits(1).says("registry.lab does not answer").says("is the registry up");
    untouched(&lab, &blue);
    // The same without a login before it, by an image task and by compose.
    lab.edit("playbook.yml", LOGIN, "{ name: Nothing, command: 'true' }");
    lab.deploy("0.0.2").exits(1).says("registry.lab does not answer");
    lab.edit("playbook.yml", PULL, "{ name: Nothing, command: 'true' }");
    lab.deploy("0.0.2")
        .exits(1)
        .says("image registry.lab/my-server:0.0.2 is not on this host")
        .says("is the registry up");
    lab.registry();
    lab.deploy("0.0.2").exits(1).says("log in before it, with `registry_login`");
    untouched(&lab, &blue);
    nothing_is_left(&lab);
}

/// In the middle of a pull, when bgctl dies, and when the pull goes on without it: the login never is in a file.
#[test]
fn a_login_is_in_no_file_even_while_it_is_used_and_bgctl_dies() {
    let lab = with_registry(&[LOGIN, "{ name: Pause, command: sleep 4 }", PULL]);
    let registry = lab.registry();
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.1"]);
    run.until("the pause", |event| {
        event["event"] == "started" && event["task"] == "Pause" && event["host"] == "app2"
    });
    let paused = registry.pause();
    until("a pull with a login is under way", || {
        let both = "ls -d /tmp/.bgctl-login.*/bin 2>/dev/null; pgrep -f 'docker pull' || true";
        lab.on("app2", both).lines().count() >= 2
    });
    assert_eq!(traces(&lab, "app2", TOKEN), "", "while the pull waits");
    // Only the processes that need it know it.
    let knowing = format!("grep -lF {TOKEN} /proc/[0-9]*/environ 2>/dev/null | wc -l");
    assert_ne!(lab.on("app2", &knowing).trim(), "0");
    run.kill();
    assert_eq!(traces(&lab, "app2", TOKEN), "", "when bgctl has died");
    drop(paused);
    let folders = |host| lab.on(host, "ls -d /tmp/.bgctl-login.* 2>/dev/null; true");
    until("no folder of a login is left", || APPS.map(folders).concat().is_empty());
    nothing_is_left(&lab);
    lab.bgctl(&["resume", "-y", "-e", "version=0.0.1"]).exits(0).hides(TOKEN);
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    nothing_is_left(&lab);
}

#[test]
fn a_token_stands_in_no_output_plan_or_record() {
    let lab = with_registry(&[LOGIN, PULL]);
    let hides = |said: Said| forms(TOKEN).iter().fold(said, |said, form| said.hides(form));
    for more in [&[][..], &["--diff"], &["--output", "json"], &["-vvv"]] {
        let args = [&["plan", "-e", "version=0.0.1"], more].concat();
        hides(lab.bgctl(&args).exits(0).says("registry.lab").says("deploy"));
    }
    lab.bgctl(&["plan", "-e", "version=0.0.1"]).says("Login: log in to registry.lab as deploy");
    hides(lab.bgctl(&["apply", "-y", "-D", "-vvv", "-e", "version=0.0.1"]).exits(0));
    hides(lab.bgctl(&["apply", "-y", "--output", "json", "-e", "version=0.0.2"]).exits(0));
    hides(lab.bgctl(&["status"]).exits(0));
    hides(lab.bgctl(&["history"]).exits(0));
    nothing_is_left(&lab);
}

/// Saves an image of this lab's app1 as a file beside the playbook.
fn save(lab: &Lab, image: &str, file: &str) {
    let bytes = lab.on("app1", &format!("docker save {image} | base64 -w0"));
    std::fs::write(lab.path(file), data_encoding::BASE64.decode(bytes.as_bytes()).unwrap()).unwrap();
}

const LOAD: &str = "{ name: Load, image: { load: \"app-{{ version }}.tar\", name: \"{{ image }}\" } }";

#[test]
fn an_archive_is_loaded_where_its_image_lacks_and_nowhere_else() {
    let lab = Lab::fresh();
    lab.registry();
    lab.edit("playbook.yml", "image: \"my-server:", "image: \"loaded:");
    add_tasks(&lab, &[LOAD]);
    for version in ["0.0.1", "0.0.2"] {
        lab.on("app1", &format!("docker tag my-server:{version} loaded:{version}"));
        save(&lab, &format!("loaded:{version}"), &format!("app-{version}.tar"));
    }
    let drop_images = |host: &str| {
        lab.on(host, "docker rmi -f loaded:0.0.1 loaded:0.0.2 2>/dev/null; true");
    };
    for host in APPS {
        drop_images(host);
    }

    lab.deploy("0.0.1").exits(0).says("app1  Load … changed").says("app2  Load … changed");
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(lab.running("app2", "blue").as_deref(), Some("loaded:0.0.1"));
    assert!(lab.bgctl(&["plan", "-e", "version=0.0.1"]).exits(0).stdout.contains("No changes."));
    let again = lab.bgctl(&["plan", "--force", "-e", "version=0.0.1"]).exits(0);
    assert!(again.stdout.contains("skipped on app1, app2 (2 hosts): Load (unchanged)"), "{}", again.stdout);

    // Compressed, and only one host lacks it.
    let packed = std::process::Command::new("gzip").arg(lab.path("app-0.0.2.tar")).status().unwrap();
    assert!(packed.success());
    std::fs::rename(lab.path("app-0.0.2.tar.gz"), lab.path("app-0.0.2.tar")).unwrap();
    lab.on("app1", "docker tag my-server:0.0.2 loaded:0.0.2");
    let said =
        lab.deploy("0.0.2").exits(0).says("app2  Load … changed").says("skipped on app1: Load (unchanged)");
    said.hides("app1  Load …");
    assert_eq!(lab.served(), Served::new("0.0.2", "green"));
    for host in APPS {
        drop_images(host);
    }
}

#[test]
fn an_archive_that_is_wrong_is_told_before_any_host_is_contacted() {
    let lab = Lab::fresh();
    add_tasks(&lab, &["{ name: Load, image: { load: app.tar, name: \"my-server:{{ version }}\" } }"]);
    // Whoever contacts a host of this name fails otherwise.
    lab.edit("inventory.yml", "ansible_port: 2201", "ansible_port: 9");
    lab.deploy("0.0.1").exits(2).says("app.tar").says("No such file").says("playbook.yml:");
    lab.write("app.tar", "hello");
    lab.deploy("0.0.1").exits(2).says("make one with `docker save");
    save(&lab, "my-server:0.0.1", "app.tar");
    lab.deploy("0.0.2").exits(2).says("app.tar does not hold my-server:0.0.2; it holds my-server:0.0.1");
    let whole = std::fs::read(lab.path("app.tar")).unwrap();
    std::fs::write(lab.path("app.tar"), &whole[..whole.len() / 2]).unwrap();
    lab.deploy("0.0.1").exits(2).says("cut off");
}

/// A large archive goes to both hosts at once, is told of on its way, and is never whole in memory.
#[test]
fn a_large_archive_is_streamed() {
    const MIB: u64 = 256;
    let lab = Lab::fresh();
    lab.registry();
    lab.on("app1", &format!(
        "mkdir -p /srv/big && cd /srv/big && head -c {MIB}M /dev/urandom >ballast && printf 'FROM my-server:0.0.1\nCOPY ballast /\n' >Dockerfile
         docker build -q -t big:0.0.1 . >/dev/null 2>&1 && docker save -o /srv/big.tar big:0.0.1 && docker rmi -f big:0.0.1 >/dev/null"));
    lab.fetch("app1", "/srv/big.tar", "big.tar");
    lab.on("app1", "rm -r /srv/big /srv/big.tar");
    lab.edit("playbook.yml", "image: \"my-server:", "image: \"big:");
    add_tasks(&lab, &["{ name: Load, image: { load: big.tar, name: \"{{ image }}\" } }"]);
    let began = Instant::now();
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.1"]);
    let (mut most, mut told) = (0, Vec::new());
    while let Some(event) = run.next() {
        let is_told = event["event"] == "sending";
        if is_told {
            told.push((
                event["host"].to_string(),
                event["bytes"].as_u64().unwrap(),
                event["of"].as_u64().unwrap(),
            ));
        }
        let ended = event["event"] == "ended" && event["task"] == "Load";
        if is_told || ended {
            most = most.max(run.peak_memory());
        }
    }
    run.end().exits(0);
    println!(
        "{MIB} MiB to two hosts: {} kB of memory at most, {:?} for the whole deploy, {told:?}",
        most,
        began.elapsed()
    );
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    for host in APPS {
        let theirs: Vec<u64> =
            told.iter().filter(|(of, ..)| of.contains(host)).map(|(_, bytes, _)| *bytes).collect();
        assert!(!theirs.is_empty() && theirs.is_sorted(), "{told:?}");
    }
    assert!(told.iter().all(|(_, bytes, of)| bytes <= of && *of > MIB << 20), "{told:?}");
    assert!(most > 0 && most < 96 * 1024, "{most} kB");
    // Both were on their way at a time.
    let first_end = told.iter().position(|(_, bytes, of)| bytes == of).unwrap_or(told.len());
    let hosts: std::collections::BTreeSet<&String> =
        told[..first_end].iter().map(|(host, ..)| host).collect();
    assert_eq!(hosts.len(), 2, "{told:?}");
    for host in APPS {
        lab.on(host, "docker ps -aq | xargs docker rm -f >/dev/null; docker rmi -f big:0.0.1 >/dev/null");
    }
}

const BUILD: &str = "{ name: Build, image: { build: /srv/src, name: \"{{ image }}\", dockerfile: App.dockerfile, args: { name: \"{{ version }}\", PATH: /app } } }";

/// Puts a Dockerfile on a host.
fn source(lab: &Lab, host: &str) {
    lab.on(host, "mkdir -p /srv/src && cd /srv/src && date +%N >unlike && printf 'FROM my-server:0.0.1\nARG name\nENV VERSION=$name\nCOPY unlike /\n' >App.dockerfile");
}

#[test]
fn an_image_is_built_on_its_host() {
    let lab = Lab::fresh();
    lab.registry();
    lab.edit("playbook.yml", "image: \"my-server:", "image: \"built:");
    add_tasks(&lab, &[BUILD]);
    // One host alone: what two of them build is never the same.
    lab.edit("playbook.yml", "hosts: app_servers", "hosts: app1");
    source(&lab, "app1");
    lab.deploy("made-here").exits(0).says("Build … changed").says("web sha256:");
    assert_eq!(lab.served(), Served::new("made-here", "blue"));
    lab.on("app1", "echo 'NO SUCH INSTRUCTION' >>/srv/src/App.dockerfile");
    lab.deploy("again").exits(1).says("could not build built:again in /srv/src").says("unknown instruction");
    assert_eq!(lab.served(), Served::new("made-here", "blue"));
}

#[test]
fn hosts_that_built_different_images_get_no_traffic() {
    let lab = Lab::fresh();
    lab.registry();
    lab.deploy("0.0.1").exits(0);
    let blue = ids(&lab, "blue");
    lab.edit("playbook.yml", "image: \"my-server:", "image: \"built:");
    add_tasks(&lab, &[BUILD]);
    for host in APPS {
        source(&lab, host);
    }
    lab.deploy("0.0.2").exits(1).says("the hosts did not get the same image").says("built:0.0.2 is sha256:");
    untouched(&lab, &blue);
}
