//! Locks: who can hold them, and that two never do.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bgctl::scripts::{CONFIRM, LOCK, SWAP_COMMAND};

use crate::shells::{NOBODY, Said, Shell, needs_root, open_folder, set_mode, text, until};

/// Somebody who holds a file's lock, with what it takes to have it open.
struct Holder(Child);

impl Holder {
    fn new(user: Option<(u32, u32)>, file: &Path) -> Self {
        let mut command = Command::new("setpriv");
        let (user, group) = user.unwrap_or_default();
        command.args([format!("--reuid={user}"), format!("--regid={group}")]).arg("--clear-groups");
        let child = command.args(["flock", "-s", text(file), "sleep", "100"]).spawn().unwrap();
        until(format!("somebody holds {}", file.display()), || File::open(file).unwrap().try_lock().is_err());
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // flock leaves what it runs with the lock.
        let group = self.0.id();
        let _ = Command::new("sh")
            .args(["-c", &format!("kill $(cat /proc/{group}/task/{group}/children) {group}")])
            .status();
        let _ = self.0.wait();
    }
}

/// A folder as earlier versions made it: who could read it could hold all of it.
fn old_folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let place = open_folder();
    let app = place.path().join("bgctl/shop");
    fs::create_dir_all(&app).unwrap();
    for name in ["lock", "switch.lock", "../switch.lock"] {
        fs::write(app.join(name), "").unwrap();
        set_mode(&app.join(name), 0o644);
    }
    (place, app)
}

fn lock(shell: &Shell, app: &Path) -> Said {
    shell.run(LOCK, &[text(app), "{}"])
}

/// A switch to blue where blue is live, by commands; a way back where no time is given.
fn swap(shell: &Shell, app: &Path, timeout: &str) -> Said {
    let args = ["", "blue", "blue", "5", text(app), "run 1", timeout, "exit 1"];
    let mut command = shell.script(None, SWAP_COMMAND, &args);
    command.env("BGCTL_DETECT", "echo blue").env("BGCTL_SET_BLUE", "true").env("BGCTL_TURN", "1");
    Said::of(command.output().unwrap(), shell)
}

#[test]
fn who_opened_a_lock_while_everybody_could_holds_nobody_up() {
    needs_root();
    for shell in Shell::all() {
        let (_place, app) = old_folder();
        let _held =
            ["lock", "switch.lock", "../switch.lock"].map(|name| Holder::new(Some(NOBODY), &app.join(name)));
        lock(&shell, &app).exits(0).says("note others could open").says("locked");
        swap(&shell, &app, "").exits(0).says("note others could open").says("took").hides("without its turn");
        shell.run(CONFIRM, &[text(&app), "run 1"]).exits(1).says("no switch of run run 1 waits");
        // And nobody opens the new ones.
        for name in ["lock", "switch.lock"] {
            let open = shell.run_as(NOBODY, "exec 9<\"$1\"", &[text(&app.join(name))]);
            assert_ne!(open.code, 0, "{shell}: {name}");
        }
    }
}

/// Another run, of an earlier version: its lock's file is open to all as well.
#[test]
fn who_holds_a_lock_honestly_keeps_it() {
    needs_root();
    for shell in Shell::all() {
        let (_place, app) = old_folder();
        fs::write(app.join("holder"), "{\"by\":\"somebody\"}\n").unwrap();
        let held = Holder::new(None, &app.join("lock"));
        lock(&shell, &app).exits(75).says("held {\"by\":\"somebody\"}");
        drop(held);
        lock(&shell, &app).exits(0).says("locked");
        let held = Holder::new(None, &app.join("switch.lock"));
        swap(&shell, &app, "").exits(75).says("another switch of this app has been under way");
        drop(held);
        swap(&shell, &app, "").exits(0).says("took");
    }
}

/// A way back goes on without the host's turn, and says so; a way there does not begin.
#[test]
fn a_way_back_waits_for_another_app_for_a_while_only() {
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        lock(&shell, &app).exits(0);
        swap(&shell, &app, "").exits(0).hides("note ");
        let turn = File::open(app.join("../switch.lock")).unwrap();
        turn.lock().unwrap();
        swap(&shell, &app, "1000")
            .exits(75)
            .says("another switch, of this app or another one, has been under way");
        swap(&shell, &app, "")
            .exits(0)
            .says("note it went back without its turn: another switch")
            .says("took");
        drop(turn);
        // Not for one of its own app, though: both would move the same.
        let turn = File::open(app.join("switch.lock")).unwrap();
        turn.lock().unwrap();
        swap(&shell, &app, "").exits(75).says("another switch of this app has been under way");
    }
}

#[test]
fn a_lock_that_is_no_file_of_ours_is_refused() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        lock(&shell, &app).exits(0);
        let victim = place.path().join("victim");
        let link = |name: &str, to: &Path| {
            let _ = fs::remove_file(app.join(name));
            std::os::unix::fs::symlink(to, app.join(name)).unwrap();
        };
        for to in [victim.clone(), place.path().join("bgctl")] {
            link("lock", &to);
            lock(&shell, &app).exits(73).says("lock is no file that bgctl made");
            link("../switch.lock", &to);
            swap(&shell, &app, "1000").exits(73).says("switch.lock is no file that bgctl made");
        }
        assert!(!victim.exists(), "{shell}");
        fs::remove_file(app.join("lock")).unwrap();
        fs::write(app.join("lock"), "").unwrap();
        crate::shells::give(&app.join("lock"), NOBODY);
        lock(&shell, &app).exits(73).says("lock belongs to nobody");
    }
}

/// Who waits for a lock whose file was replaced meanwhile waits for the new one.
#[test]
fn a_lock_that_is_replaced_is_still_held_by_one() {
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        lock(&shell, &app).exits(0);
        swap(&shell, &app, "").exits(0);
        let (first, second) = (app.join("switch.lock"), app.join("new"));
        let new = File::create(&second).unwrap();
        set_mode(&second, 0o600);
        new.lock().unwrap();
        // Replaced in the very moment between its opening and its locking.
        let moves = format!("mv -f {} {} 2>/dev/null", second.display(), first.display());
        shell.program("flock", &format!("{moves}; exec /usr/bin/flock \"$@\""));
        let mut waiting = shell.script(None, CONFIRM, &[text(&app), "run 1"]);
        let mut waiting = waiting.stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        assert!(waiting.try_wait().unwrap().is_none(), "{shell}: two have the turn");
        drop(new);
        assert_eq!(waiting.wait().unwrap().code(), Some(1), "{shell}");
    }
}
