//! Programs beside the hosts: a container with nginx, an HTTP server, a registry, whoever sent an archive of images.

use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Lab, Served, TOKEN};
use crate::images::{LOGIN, PULL, add_tasks, untouched, with_registry};
use crate::nginx::{Contained, UNDER_A_SHELL, with};
use crate::refused_site::Squatter;
use crate::ways::ids;

use super::{OWNED, nothing_was_run};

/// The shell of app1 is bash, as on Fedora and Arch, until this value ends: what is counted with is carried out there.
struct Bash<'a>(&'a Lab);

impl<'a> Bash<'a> {
    fn on_app1(lab: &'a Lab) -> Self {
        lab.on("app1", "ln -sfn bash /usr/bin/sh");
        Self(lab)
    }
}

impl Drop for Bash<'_> {
    fn drop(&mut self) {
        self.0.on("app1", "ln -sfn dash /usr/bin/sh");
    }
}

#[test]
fn what_a_container_of_nginx_prints_is_no_command() {
    let lab = Lab::fresh();
    with(&lab, &["container: edge"]);
    let contained = Contained::new(&lab, UNDER_A_SHELL);
    let _bash = Bash::on_app1(&lab);
    lab.deploy("0.0.1").exits(0);
    let number = format!("a[$(touch${{IFS}}{OWNED})]");
    // It would be one.
    lab.on("app1", &format!("number='{number}'; : \"$((number + 1))\" 2>/dev/null; rm {OWNED}"));
    lab.put(
        "app1",
        "/srv/lie",
        &format!("#!/bin/sh\ncase $* in *.log) echo '{number} {number}' ;; *) exec $0.real \"$@\" ;; esac\n"),
    );
    lab.on(
        "app1",
        "chmod 755 /srv/lie
         for name in wc stat; do docker exec edge mv /usr/bin/$name /usr/bin/$name.real; docker cp -q /srv/lie edge:/usr/bin/$name; done",
    );
    let said = lab.on("app1", "docker exec edge wc -c /x.log; docker exec edge stat /x.log");
    assert_eq!(said, format!("{number} {number}\n").repeat(2));

    lab.edit(
        "playbook.yml",
        "# watch: { for: 30s, max_error_percentage: 1 }",
        "watch: { for: 3s, max_error_percentage: 1 }",
    );
    lab.deploy("0.0.2").exits(0).says("probes alone watched the switch");
    assert_eq!(contained.serves(), "version=0.0.2 color=green\n");
    // Where its log ends is its own word: what stood there before counts as new, to nobody's harm.
    {
        let _squatter = Squatter::on_8181(&lab, "app1");
        lab.deploy("0.0.4").exits(3).says("bind() to 0.0.0.0:8181 failed").hides("blue is live");
    }
    lab.until_nobody_watches("app1");
    assert_eq!(contained.serves(), "version=0.0.2 color=green\n");
    nothing_was_run(&lab);
}

/// Answers on port 9999 of the load balancer as a script of shell text has it; an honest one is at 9998.
fn answer(lab: &Lab, shell: &str) {
    lab.put("lb1", "/srv/answer", shell);
    lab.on("lb1", "pgrep -x socat >/dev/null || {
        echo 'touch /srv/followed; printf \"HTTP/1.1 200 OK\\r\\nX-Color: green\\r\\nContent-Length: 0\\r\\n\\r\\n\"' >/srv/honest
        setsid -f socat TCP-LISTEN:9999,fork,reuseaddr EXEC:'sh /srv/answer' >/dev/null 2>&1 </dev/null
        setsid -f socat TCP-LISTEN:9998,fork,reuseaddr EXEC:'sh /srv/honest' >/dev/null 2>&1 </dev/null
    }");
    lab.until_on("lb1", "ss -Hltn 'sport = :9999' | grep -q . && ss -Hltn 'sport = :9998' | grep -q .");
}

/// Deploys what must fail, and soon.
#[track_caller]
fn fails_soon(lab: &Lab, words: &str) {
    let began = Instant::now();
    lab.deploy("0.0.2").exits(1).says(words).says("blue is live").hides("green is live");
    assert!(began.elapsed() < Duration::from_secs(45), "{words}: {:?}", began.elapsed());
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    assert_eq!(ids(lab, "green"), Vec::<String>::new());
}

#[test]
fn a_server_that_never_ends_its_answer_or_tells_of_another_color_proves_nothing() {
    const OTHER: &str = "X-Color: blue, not green";
    let lab = crate::lock::with_blue();
    let ask = "http: 'http://lb1:9999/', headers: { X-Color: '{{ color }}' }, timeout: 2s, retries: 1, delay: 200ms";
    add_tasks(&lab, &[&format!("{{ name: Ask, health: {{ {ask}, from: load_balancers }} }}")]);
    let ok = "printf 'HTTP/1.1 200 OK\\r\\n'; ";
    for (shell, words) in [
        // Headers without end, fast and slow.
        ("yes \"$(printf 'X-Color: green\\r')\"", "Ask"),
        ("while :; do printf 'X-Color: green\\r\\n'; sleep 0.3; done", "Ask"),
        // The other color, with a body without end.
        ("printf 'X-Color: blue\\r\\n\\r\\n'; yes X-Color: green", OTHER),
        // Where it leads is not gone to.
        ("", "302"),
    ] {
        let leads = "printf 'HTTP/1.1 302 Found\\r\\nX-Color: green\\r\\nLocation: http://lb1:9998/\\r\\nContent-Length: 0\\r\\n\\r\\n'";
        answer(&lab, &if shell.is_empty() { leads.to_owned() } else { format!("{ok}{shell}") });
        fails_soon(&lab, words);
    }
    assert_eq!(lab.on("lb1", "ls /srv/followed 2>/dev/null; true"), "");

    // The same of what proves a switch.
    lab.edit("playbook.yml", "name: Ask, health: {", "name: Ask, when: false, health: {");
    lab.edit(
        "playbook.yml",
        "verify: { http: \"http://127.0.0.1/\", headers: { X-Color: \"{{ color }}\" } }",
        &format!("verify: {{ {ask} }}"),
    );
    answer(&lab, &format!("{ok}printf 'X-Color: blue\\r\\n\\r\\n'; yes"));
    fails_soon(&lab, OTHER);
}

#[test]
fn a_registry_that_gives_hosts_different_images_gets_no_traffic_for_them() {
    let lab = with_registry(&[LOGIN, "{ name: Pause, command: sleep 5 }", PULL]);
    lab.deploy("0.0.1").exits(0);
    let blue = ids(&lab, "blue");
    lab.edit("playbook.yml", "serial: 100%", "serial: 1");
    let mut run = lab.follow(&["apply", "-y", "-e", "version=0.0.2"]);
    run.until("the pause", |event| {
        event["event"] == "started" && event["task"] == "Pause" && event["host"] == "app2"
    });
    lab.on(
        "app2",
        &format!(
            "export DOCKER_CONFIG=$(mktemp -d); trap 'rm -rf \"$DOCKER_CONFIG\"' EXIT
             printf %s {TOKEN} | docker login -u deploy --password-stdin registry.lab 2>/dev/null
             docker tag my-server:0.0.1 registry.lab/my-server:0.0.2 && docker push -q registry.lab/my-server:0.0.2 &&
               docker rmi registry.lab/my-server:0.0.2"
        ),
    );
    run.end().exits(1).says("the app servers do not run the same release");
    untouched(&lab, &blue);
}

/// An entry of an archive, whatever its name is.
fn entry(kind: tar::EntryType, name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
    [header.as_bytes(), content, &padding].concat()
}

#[test]
fn an_archive_that_leads_elsewhere_or_never_ends_is_refused_before_any_host_is_contacted() {
    let lab = Lab::fresh();
    add_tasks(&lab, &["{ name: Load, image: { load: app.tar, name: \"my-server:{{ version }}\" } }"]);
    // Whoever contacts a host of this name fails otherwise.
    lab.edit("inventory.yml", "ansible_port: 2201", "ansible_port: 9");
    let manifest = br#"[{"Config":"c.json","RepoTags":["my-server:0.0.1"],"Layers":[]}]"#;
    let file = |name: &[u8], content: &[u8]| entry(tar::EntryType::Regular, name, content);
    let whole = [file(b"c.json", b"{}"), file(b"manifest.json", manifest)].concat();
    let gzip = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut packed, bytes).unwrap();
        packed.finish().unwrap()
    };
    let long = vec![b'a'; 64 << 20];
    let long = entry(tar::EntryType::GNULongName, b"long", &long);
    let many = file(b"x", b"").repeat(100_001);
    for (bytes, words) in [
        (file(b"../../etc/x", b"x"), "leads out of any folder"),
        (file(b"/etc/x", b"x"), "leads out of any folder"),
        (long, "it says more than 256 KiB of an entry"),
        (many, "more than 100000 entries"),
    ] {
        let bytes = [bytes, whole.clone()].concat();
        for bytes in [gzip(&bytes), bytes] {
            std::fs::write(lab.path("app.tar"), bytes).unwrap();
            let began = Instant::now();
            lab.deploy("0.0.1").exits(2).says("app.tar").says(words);
            assert!(began.elapsed() < Duration::from_secs(30), "{words}: {:?}", began.elapsed());
        }
    }
    // It were the entries that were refused.
    std::fs::write(lab.path("app.tar"), gzip(&whole)).unwrap();
    lab.deploy("0.0.1").exits(4);
}
