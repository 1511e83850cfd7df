//! What a task with `no_log` holds stands nowhere but where it belongs.

use crate::harness::{Lab, Served};

const SECRET: &str = "hunter2-is-it";

/// Adds two tasks that know the secret: a file, and a command that may fail and says it aloud.
fn with_secret(exit: u8) -> Lab {
    let lab = Lab::fresh();
    let at = "      - name: Answers for itself";
    let tasks = format!(
        "      - {{ name: Key, no_log: true, copy: {{ content: \"key={SECRET}\\n\", dest: /srv/key, mode: '0600' }} }}\n      \
         - {{ name: Speak, no_log: true, command: 'echo {SECRET}; echo {SECRET} >&2; exit {exit}' }}\n"
    );
    lab.edit("playbook.yml", at, &format!("{tasks}{at}"));
    lab
}

/// Every form in which it could be read.
#[track_caller]
fn nowhere(lab: &Lab) {
    // base64 of `key=hunter2-is-it\n` and of the bare secret, however it is aligned.
    let forms = [SECRET, "aHVudGVyMi1pcy1pd", "odW50ZXIyLWlzLWl0", "h1bnRlcjItaXMtaX"];
    let journals = lab.journals();
    assert!(journals.contains("\"task\":\"Speak\""), "{journals}");
    for form in forms {
        assert!(!journals.contains(form), "{form} in {journals}");
        assert_eq!(lab.on("lb1", &format!("grep -rl {form} /var/lib/bgctl; true")), "");
    }
}

#[test]
fn a_secret_stands_in_no_output_plan_or_journal() {
    let lab = with_secret(0);
    let version = ["-e", "version=0.0.1"];
    let plan = |more: &[&str]| {
        let args: Vec<&str> = ["plan"].iter().chain(&version).chain(more).copied().collect();
        lab.bgctl(&args).exits(0).hides(SECRET);
    };
    plan(&[]);
    plan(&["--diff"]);
    plan(&["--output", "json"]);
    plan(&["--output", "json", "--diff"]);
    lab.bgctl(&["apply", "-y", "-D", "-e", "version=0.0.1"]).exits(0).hides(SECRET);
    assert_eq!(lab.content("app1", "/srv/key"), format!("key={SECRET}\n"));
    assert_eq!(lab.served(), Served::new("0.0.1", "blue"));
    lab.bgctl(&["apply", "-y", "--output", "json", "-e", "version=0.0.2"]).exits(0).hides(SECRET);
    // A change of it is a change all the same.
    lab.edit("playbook.yml", &format!("key={SECRET}"), "key=other");
    plan(&["--diff"]);
    nowhere(&lab);
}

#[test]
fn a_secret_of_a_task_that_fails_is_not_in_what_is_said_of_it() {
    let lab = with_secret(3);
    for output in ["text", "json"] {
        lab.bgctl(&["apply", "-y", "-vvv", "--output", output, "-e", "version=0.0.1"])
            .exits(1)
            .hides(SECRET)
            .says("no_log");
    }
    nowhere(&lab);
}

/// Hashes of secrets are made with it: the load balancers have it, and nobody hears of it.
#[test]
fn the_key_of_an_app_is_its_load_balancers_own() {
    let lab = Lab::fresh();
    let file = "/var/lib/bgctl/my-server/key";
    let version = ["-e", "version=0.0.1"];
    let first = lab.bgctl(&["apply", "-y", "-vvv", version[0], version[1]]).exits(0);
    let key = lab.on("lb1", &format!("cat {file}"));
    assert_eq!((key.len(), key.ends_with('\n')), (65, true), "{key}");
    assert_eq!(lab.on("lb1", &format!("stat -c '%a %U' {file}")), "600 root\n");
    assert_eq!(lab.on("app1", &format!("ls {file} 2>/dev/null; true")), "");
    first.hides(key.trim());
    assert!(!lab.journals().contains(key.trim()));
    // By it another machine makes the same ids, and a run leaves it as it is.
    let told = "of this plan alone";
    lab.elsewhere(&["plan", "-vvv", version[0], version[1]]).exits(0).hides(told).hides(key.trim());
    lab.deploy("0.0.2").exits(0);
    assert_eq!(lab.on("lb1", &format!("cat {file}")), key);
    lab.on("lb1", &format!("echo hunter2 >{file}"));
    lab.deploy("0.0.1").exits(4).says("holds no key").hides("hunter2");
}
