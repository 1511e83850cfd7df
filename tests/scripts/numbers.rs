//! Numbers that others give: a shell carries out what stands in one that it counts with.

use std::fs;
use std::path::Path;

use bgctl::scripts::{CONFIRM, DRAIN, FACTS, KEEP, LOCK, SWAP_COMMAND, WATCH};

use crate::shells::{Said, Shell, open_folder, parts, set_mode, text, until};

/// What a shell would carry out, in a folder of its own.
fn evil(owned: &Path) -> String {
    format!("PATH[$(touch {})0]", owned.display())
}

#[test]
fn only_numbers_are_numbers() {
    let good = ["0", "1", "10", "999999999999999999"];
    let bad = [
        "",
        " ",
        "-1",
        "+1",
        "01",
        "08",
        "00",
        "1 ",
        " 1",
        "1\n2",
        "0x1",
        "1e3",
        "1.5",
        "a",
        "PATH",
        "$(id)",
        "²",
        "١",
        "1000000000000000000",
        "9223372036854775808",
    ];
    let script = parts(&["digits_lib"]) + "digits \"$1\"";
    for shell in Shell::all() {
        for (texts, wanted) in [(&good[..], true), (&bad[..], false)] {
            for text in texts {
                let mut command = shell.script(None, &script, &[text]);
                command.env("LC_ALL", "C.UTF-8");
                assert_eq!(command.status().unwrap().success(), wanted, "{shell}: {text:?}");
            }
        }
    }
}

/// The file of a switch, with a text in one line of it.
fn armed(app: &Path, line: usize, text: &str) {
    let mut lines = ["run 1", "token", "1", "boot", "99", "2026-01-02T03:04:05Z", "/link", "blue", "green"];
    lines[line] = text;
    fs::write(app.join("armed"), lines.join("\n") + "\n").unwrap();
}

#[test]
fn what_stands_in_the_file_of_a_switch_is_never_carried_out() {
    for shell in Shell::all() {
        let place = open_folder();
        let (app, owned) = (place.path().join("bgctl/shop"), place.path().join("owned"));
        shell.run(LOCK, &[text(&app), "{}"]).exits(0);
        for line in 0..9 {
            let check = || assert!(!owned.exists(), "{shell}: line {line}");
            let is_number = line == 2 || line == 4;
            armed(&app, line, &evil(&owned));
            let facts = shell.run(FACTS, &["records", text(&app)]).exits(0);
            assert_eq!(facts.out.contains("trouble"), is_number, "{shell}: {}", facts.out);
            check();
            let swap = ["", "blue", "green", "1", text(&app), "run 2", "100", "exit"];
            let mut command = shell.script(None, SWAP_COMMAND, &swap);
            command.env("BGCTL_DETECT", "echo neither").env("BGCTL_TURN", "1");
            let said = Said::of(command.output().unwrap(), &shell).exits(1);
            if is_number {
                said.says("armed is not as bgctl writes it");
            }
            check();
            armed(&app, line, &evil(&owned));
            shell.run(CONFIRM, &[text(&app), "run 1"]);
            check();
            let _ = fs::rename(app.join("armed"), app.join("confirmed"));
            let log = place.path().join("log");
            fs::write(&log, "").unwrap();
            shell.run(WATCH, &[text(&app), "run 1", "9", "", text(&log), ""]).exits(0);
            check();
            let _ = fs::remove_file(app.join("confirmed"));
        }
        // Nor is a path looked at that somebody makes of a process.
        armed(&app, 2, "../../tmp");
        shell.run(FACTS, &["records", text(&app)]).exits(0).says("trouble").hides("armed lost");
    }
}

/// A container whose programs answer with what a shell carries out, and its engine, which does so as well.
fn container(shell: &Shell, evil: &str) {
    let text = format!(
        "evil='{evil}'
        case $1 in
          inspect) echo \"$evil\"; exit ;;
          logs) echo \"$evil\"; exit ;;
        esac
        shift 2
        case $1 in
          nginx) echo 'nginx version: nginx/1.2 --conf-path=/c --prefix=/p --error-log-path=/log --http-log-path=/access' >&2 ;;
          cat) printf 'error_log /log;\\naccess_log /access;\\npid /pid;\\n' ;;
          readlink) echo /log ;;
          wc | stat) echo \"$evil $evil\" ;;
          test) ;;
          tail) echo '[emerg] it went wrong' ;;
        esac"
    );
    shell.program("docker", &text);
}

#[test]
fn what_a_container_answers_is_never_carried_out() {
    let libraries = parts(&["digits_lib", "clock_lib", "bound_lib", "nginx_lib", "log_lib"]);
    for shell in Shell::all() {
        let place = open_folder();
        let (app, owned) = (place.path().join("bgctl/shop"), place.path().join("owned"));
        container(&shell, &evil(&owned));
        let run = |script: &str, args: &[&str]| {
            let mut command = shell.script(None, script, args);
            let said = Said::of(command.env("BGCTL_NGINX_CONTAINER", "web").output().unwrap(), &shell);
            assert!(!owned.exists(), "{shell}: {}{}", said.out, said.errors);
            said
        };
        let script = format!(
            "{libraries}know_nginx || exit 9\nmark_log\n[ \"$kind\" = inside ] || exit 8\nemergencies"
        );
        run(&script, &[]).exits(0).says("[emerg] it went wrong");
        run(&format!("{libraries}know_nginx || exit 9\nmaster"), &[]).exits(1);
        run(DRAIN, &["100"]).exits(1).says("nginx does not run");
        run(FACTS, &["nginx-container", "web", "nginx", "/link"]).exits(0).says("nginx 1.2 - none");
        shell.run(LOCK, &[text(&app), "{}"]).exits(0);
        armed(&app, 0, "run 1");
        fs::rename(app.join("armed"), app.join("confirmed")).unwrap();
        run(WATCH, &[text(&app), "run 1", "9", "/link", "", ""]).exits(0).says("unread /access is not there");
    }
}

#[test]
fn numbers_that_scripts_are_given_are_looked_at_too() {
    for shell in Shell::all() {
        let place = open_folder();
        let (app, owned) = (place.path().join("bgctl/shop"), place.path().join("owned"));
        shell.run(LOCK, &[text(&app), "{}"]).exits(0);
        armed(&app, 0, "run 1");
        fs::rename(app.join("armed"), app.join("confirmed")).unwrap();
        let (log, evil) = (place.path().join("log"), evil(&owned));
        fs::write(&log, "").unwrap();
        for cursor in [format!("1 {evil}"), format!("{evil} 1"), evil.clone()] {
            shell.run(WATCH, &[text(&app), "run 1", "9", "", text(&log), &cursor]).exits(0).says("unread");
        }
        shell.run(DRAIN, &[&evil]);
        let releases = format!("{}/releases", text(&app));
        for [size, most] in [[evil.as_str(), "1"], ["0", &evil]] {
            shell.run(KEEP, &[&releases, "abc", size, most]).exits(1);
        }
        assert!(!owned.exists(), "{shell}");
    }
}

/// The file with the master's number may be in a folder of nginx's own user.
#[test]
fn a_process_is_the_master_only_if_it_calls_itself_so() {
    let script =
        parts(&["digits_lib", "clock_lib", "bound_lib", "nginx_lib"]) + "know_nginx || exit 9\nmaster";
    for shell in Shell::all() {
        let place = open_folder();
        let pid = place.path().join("pid");
        let built =
            format!("nginx version: nginx/1 --conf-path=/none --prefix=/p --pid-path={}", pid.display());
        shell.program("nginx", &format!("[ \"$1\" = -T ] || echo '{built}' >&2"));
        for text in ["1", "self", "../../etc", "$(id)", "", "01"] {
            fs::write(&pid, text).unwrap();
            assert_eq!(shell.run(&script, &[]).out, "", "{shell}: {text:?}");
        }
        let master = "exec -a 'nginx: master process x' sleep 100";
        let mut child = std::process::Command::new("bash").args(["-c", master]).spawn().unwrap();
        fs::write(&pid, format!("{}\n", child.id())).unwrap();
        let called = format!("/proc/{}/cmdline", child.id());
        until("it bears the master's name", || fs::read(&called).unwrap().starts_with(b"nginx: master"));
        let said = shell.run(&script, &[]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.exits(0).out, format!("{}\n", child.id()), "{shell}");
    }
}

/// A process has a say about what it is called, also with parentheses and line ends, and none about its parent.
#[test]
fn nobody_chooses_a_parent() {
    let text = "printf '%s' \"$name\" >/proc/$$/comm || exit 9
        find_parent $$ || exit 8
        [ \"$parent\" = \"$PPID\" ] || { echo \"$parent\"; exit 7; }";
    let script = parts(&["digits_lib", "clock_lib", "bound_lib", "nginx_lib"]) + text;
    for shell in Shell::all() {
        for name in ["sh", ") S 4242 1", ") S 4242\n", "x\n) S 4242 "] {
            let mut command = shell.script(None, &script, &[]);
            let said = Said::of(command.env("name", name).output().unwrap(), &shell);
            said.exits(0);
        }
    }
}

/// A host without a clock that can be read has one that people set.
#[test]
fn a_time_is_a_number_whatever_the_system_says() {
    let folder = open_folder();
    let uptime = folder.path().join("uptime");
    for shell in Shell::all() {
        for (up, is_time) in [("12.08 1\n", true), ("0.99 1\n", true), ("x[$(id)] 1\n", false), ("", false)] {
            fs::write(&uptime, up).unwrap();
            set_mode(&uptime, 0o644);
            let script = parts(&["digits_lib", "clock_lib"]).replace("/proc/uptime", text(&uptime)) + "now";
            let said = shell.run(&script, &[]).exits(0);
            let now: u64 = said.out.trim().parse().unwrap();
            assert_eq!(now < 100_000, is_time, "{shell}: {up:?} is {now}");
        }
    }
}
