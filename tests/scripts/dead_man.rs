//! The dead-man as hosts run him: whatever is in his way, he moves traffic back or leaves word why he did not.

use std::fmt::from_fn;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bgctl::scripts::{CONFIRM, DEAD_MAN_COMMAND, LOCK, SWAP_COMMAND};

use crate::shells::{NOBODY, Shell, give, needs_root, open_folder, parts, set_mode, text, until};

/// A host whose live color stands in a file, and the app's folder on it.
struct Host {
    place: tempfile::TempDir,
    app: std::path::PathBuf,
}

impl Host {
    fn new(shell: &Shell) -> Self {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        shell.run(LOCK, &[text(&app), "{}"]).exits(0);
        fs::write(place.path().join("live"), "green\n").unwrap();
        for folder in [place.path().join("bgctl"), app.clone()] {
            File::create(folder.join("switch.lock")).unwrap();
            set_mode(&folder.join("switch.lock"), 0o600);
        }
        Self { place, app }
    }

    fn live(&self) -> String {
        fs::read_to_string(self.place.path().join("live")).unwrap().trim().to_owned()
    }

    fn commands(&self, command: &mut Command) {
        let live = self.place.path().join("live");
        command.env("BGCTL_DETECT", format!("cat {}", live.display()));
        for color in ["blue", "green"] {
            let set = format!("echo {color} >{}", live.display());
            command.env(format!("BGCTL_SET_{}", color.to_uppercase()), set);
        }
    }

    /// A dead-man who waits for as long, and for others for a second, at his post.
    fn watcher(&self, shell: &Shell, user: Option<(u32, u32)>, timeout: &str) -> Child {
        self.watcher_with(shell, user, timeout, |_| {})
    }

    /// The same with other commands.
    fn watcher_with(
        &self,
        shell: &Shell,
        user: Option<(u32, u32)>,
        timeout: &str,
        set: impl Fn(&mut Command),
    ) -> Child {
        let mut command = shell.script(user, "eval \"$program\"", &["token 1", "-"]);
        self.commands(&mut command);
        set(&mut command);
        let app = text(&self.app);
        let words = [
            ("link", ""),
            ("from", "blue"),
            ("to", "green"),
            ("seconds", "1"),
            ("folder", app),
            ("run", "run 1"),
            ("timeout", timeout),
            ("program", DEAD_MAN_COMMAND),
            ("host_turn", "1"),
            ("own_turn", "1"),
        ];
        let child = command.envs(words).stderr(Stdio::null()).spawn().unwrap();
        until(format!("{shell}: he is at his post"), || self.app.join("armed").exists());
        child
    }

    /// What he left word of: the line of the result, and what he said.
    fn word(&self) -> (String, String) {
        let text = fs::read_to_string(self.app.join("dead-man")).unwrap_or_default();
        let mut lines = text.lines().skip(6);
        (lines.next().unwrap_or_default().to_owned(), lines.collect())
    }
}

#[track_caller]
fn ends(mut child: Child, code: i32) {
    let mut found = None;
    until("he comes to an end", || {
        found = child.try_wait().unwrap();
        found.is_some()
    });
    assert_eq!(found.unwrap().code(), Some(code));
}

#[track_caller]
fn lock(path: &Path) -> File {
    let file = File::open(path).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn he_goes_without_the_turn_of_the_host_and_never_without_his_apps() {
    for shell in Shell::all() {
        let host = Host::new(&shell);
        let turn = lock(&host.app.join("../switch.lock"));
        ends(host.watcher(&shell, None, "300"), 0);
        assert_eq!((host.live().as_str(), host.word().0.as_str()), ("blue", "back"), "{shell}");
        assert!(!host.app.join("armed").exists() && !host.app.join("acting").exists());
        drop(turn);

        let host = Host::new(&shell);
        let turn = lock(&host.app.join("switch.lock"));
        ends(host.watcher(&shell, None, "300"), 75);
        let (result, said) = host.word();
        assert_eq!((host.live().as_str(), result.as_str()), ("green", "stuck"), "{shell}");
        assert!(
            said.contains("another switch of this app has been under way on this host for 1 s"),
            "{said}"
        );
        drop(turn);
    }
}

/// Nothing that stands where a file of his should be keeps him.
#[test]
fn what_cannot_be_written_or_locked_does_not_keep_him() {
    for shell in Shell::all() {
        let host = Host::new(&shell);
        // The host's turn is not to be had at all, and there is no room for his word.
        fs::remove_file(host.app.join("../switch.lock")).unwrap();
        fs::create_dir(host.app.join("../switch.lock")).unwrap();
        fs::create_dir_all(host.app.join("dead-man/full")).unwrap();
        ends(host.watcher(&shell, None, "300"), 0);
        assert_eq!(host.live(), "blue", "{shell}");

        // What he wrote at his post was spoilt: nobody could confirm it either.
        let host = Host::new(&shell);
        let watcher = host.watcher(&shell, None, "1500");
        fs::write(host.app.join("armed"), "PATH[$(touch owned)0]\n".repeat(9)).unwrap();
        shell.run(CONFIRM, &[text(&host.app), "run 1"]).exits(1).says("armed is not as bgctl writes it");
        ends(watcher, 0);
        assert_eq!((host.live().as_str(), host.word().0.as_str()), ("blue", "back"), "{shell}");
    }
}

/// A folder that has become read-only, as a whole file system does.
#[test]
fn where_nothing_can_be_renamed_he_moves_traffic_back_all_the_same() {
    needs_root();
    for shell in Shell::all() {
        let host = Host::new(&shell);
        let paths = ["bgctl", "bgctl/shop", "bgctl/switch.lock", "bgctl/shop/switch.lock", "live"];
        for path in paths {
            give(&host.place.path().join(path), NOBODY);
        }
        let watcher = host.watcher(&shell, Some(NOBODY), "1500");
        set_mode(&host.app, 0o500);
        ends(watcher, 0);
        assert_eq!(host.live(), "blue", "{shell}");
    }
}

#[test]
fn a_confirmation_sends_him_home_and_a_term_at_the_end_does_not_stop_him() {
    for shell in Shell::all() {
        let host = Host::new(&shell);
        let watcher = host.watcher(&shell, None, "60000");
        shell.run(CONFIRM, &[text(&host.app), "run 1"]).exits(0);
        ends(watcher, 0);
        assert_eq!((host.live().as_str(), host.app.join("dead-man").exists()), ("green", false), "{shell}");

        let host = Host::new(&shell);
        let turn = lock(&host.app.join("../switch.lock"));
        // He asks for the host's turn once his time is up.
        let asked = host.place.path().join("asked");
        shell.program("flock", &format!("touch '{}'; exec /usr/bin/flock \"$@\"", asked.display()));
        let watcher = host.watcher(&shell, None, "100");
        until(format!("{shell}: his time is up"), || asked.exists());
        Command::new("kill").arg(watcher.id().to_string()).status().unwrap();
        ends(watcher, 0);
        assert_eq!((host.live().as_str(), host.word().0.as_str()), ("blue", "back"), "{shell}");
        drop(turn);
    }
}

/// The whole way, as a swap starts him.
#[test]
fn a_swap_that_nobody_confirms_goes_back() {
    for shell in Shell::all() {
        let host = Host::new(&shell);
        fs::write(host.place.path().join("live"), "blue\n").unwrap();
        let args = ["", "blue", "green", "5", text(&host.app), "run 1", "500", DEAD_MAN_COMMAND];
        let mut command = shell.script(None, SWAP_COMMAND, &args);
        host.commands(&mut command);
        let said = command.output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{shell}: {said:?}");
        assert_eq!(host.live(), "green", "{shell}");
        until(from_fn(|f| write!(f, "{shell}: he goes back, not {:?}", host.word())), || {
            host.word().0 == "back"
        });
        assert_eq!(host.live(), "blue", "{shell}");
    }
}

/// Has everything that is bounded end soon.
fn impatient(shell: &Shell) {
    shell.program("timeout", "shift; exec /usr/bin/timeout 0.3 \"$@\"");
}

/// Commands of people that do not come back.
#[test]
fn a_command_without_an_end_does_not_keep_him() {
    for shell in Shell::all() {
        let host = Host::new(&shell);
        impatient(&shell);
        for (detect, set, word) in [("sleep 1000", "true", "left"), ("echo green", "sleep 1000", "stuck")] {
            let _ = fs::remove_file(host.app.join("armed"));
            let asks = host.place.path().join("asks");
            let sets = host.place.path().join("sets");
            fs::write(&asks, detect).unwrap();
            fs::write(&sets, set).unwrap();
            let child = host.watcher_with(&shell, None, "300", |command| {
                command.env("BGCTL_DETECT", format!(". {}", asks.display()));
                command.env("BGCTL_SET_BLUE", format!(". {}", sets.display()));
            });
            ends(child, 0);
            assert_eq!(host.word().0, word, "{shell}: {:?}", host.word());
            // Nobody waits for him any more.
            lock(&host.app.join("../switch.lock"));
            lock(&host.app.join("switch.lock"));
        }
    }
}

/// A container that never answers, and files in nginx's own folders that never end.
#[test]
fn what_never_ends_beside_nginx_holds_nobody_up() {
    let libraries = parts(&[
        "digits_lib",
        "clock_lib",
        "bound_lib",
        "by_hand_lib",
        "nginx_lib",
        "log_lib",
        "nginx_switch_lib",
    ]);
    let looks = "built='--pid-path=/nowhere --error-log-path=/nowhere' conf=/nowhere
        mark_log
        fresh_log
        master
        call_nginx -t
        ! main_process || exit 3
        : >looked";
    for shell in Shell::all() {
        let place = open_folder();
        impatient(&shell);
        shell.program("docker", "exec sleep 1000");
        let mut command = shell.script(None, &format!("{libraries}{looks}"), &[]);
        command.current_dir(place.path()).env("BGCTL_NGINX_CONTAINER", "web").stderr(Stdio::null());
        command.stdout(Stdio::null());
        ends(command.spawn().unwrap(), 0);
        assert!(place.path().join("looked").exists(), "{shell}");
        // On the host itself: a pipe, which passes for a file where it is opened a moment later.
        let endless = place.path().join("endless");
        Command::new("mkfifo").arg(&endless).status().unwrap();
        let text = format!(
            "container= kind=file seen=0 log={0}; within 5 wc -c {0}; fresh_log; beside cat {0}",
            text(&endless)
        );
        let script = format!("{libraries}{text}\n: >looked");
        fs::remove_file(place.path().join("looked")).unwrap();
        let mut command = shell.script(None, &script, &[]);
        command.current_dir(place.path()).stderr(Stdio::null()).stdout(Stdio::null());
        ends(command.spawn().unwrap(), 0);
        assert!(place.path().join("looked").exists(), "{shell}");
    }
}
