//! What a folder's owner exchanges while a script is at it. Here renames follow each other faster than his own would.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bgctl::facts::File;

use crate::host::{Host, SECRET, STRANGER, everywhere};
use crate::read::ask;

/// Ends the attack with the work, also where that fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works on a host while a stranger is at work: some times at least, and for a second or two where that is more.
fn against(attack: impl Fn() + Send + Sync, mut work: impl FnMut()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                attack();
            }
        });
        let _end = Over(&over);
        let begun = Instant::now();
        for turn in 0..50 {
            if turn > 8 && begun.elapsed() > Duration::from_secs(2) {
                break;
            }
            work();
        }
    });
}

/// Has a name be what it is, then a link, and so on. Whatever else took the name meanwhile goes.
fn exchange(folder: &Path, name: &str) {
    let [name, real, evil] =
        [name.to_owned(), format!("{name}.real"), format!("{name}.evil")].map(|name| folder.join(name));
    // Either may fail where a script has been faster.
    let _ = fs::rename(&name, &real);
    let _ = fs::rename(&evil, &name);
    std::thread::sleep(Duration::from_micros(300));
    if name.is_symlink() {
        let _ = fs::rename(&name, &evil);
    } else if real.exists() {
        let _ = fs::remove_file(&name);
    }
    let _ = fs::rename(&real, &name);
    std::thread::sleep(Duration::from_micros(300));
}

fn prepared(host: &Host) {
    host.secret();
    host.folder("app", STRANGER, 0o755);
    host.folder("app/blue", STRANGER, 0o755);
    host.file("app/blue/shadow", STRANGER, 0o644, "his\n");
    host.file("app/f", STRANGER, 0o644, "his\n");
    host.link("app/blue.evil", STRANGER, host.path("etc"));
    host.link("app/f.evil", STRANGER, host.path("etc/shadow"));
}

#[test]
fn a_folder_that_is_exchanged_for_a_link_leads_nowhere() {
    everywhere(|host| {
        prepared(host);
        let kept = host.kept("shadow", "1");
        let mut went = [0, 0];
        against(
            || exchange(&host.path("app"), "blue"),
            || {
                let said = host.put(0, "app/blue/shadow", "new\n", &kept);
                went[usize::from(said.status == Some(0))] += 1;
                host.restore(0, "app/blue/shadow", &kept);
                host.secret_is_whole();
                assert!(!fs::exists(&kept).unwrap() || fs::read_to_string(&kept).unwrap() != SECRET);
            },
        );
        assert!(went[0] + went[1] > 5, "{went:?}");
    });
}

#[test]
fn a_file_that_is_exchanged_for_a_link_is_neither_kept_nor_written_through() {
    everywhere(|host| {
        prepared(host);
        let mut run = 0;
        against(
            || exchange(&host.path("app"), "f"),
            || {
                run += 1;
                let kept = host.kept("f", &run.to_string());
                host.put(0, "app/f", "new\n", if run % 2 == 0 { &kept } else { "" });
                let content = fs::read_to_string(&kept).unwrap_or_default();
                assert_ne!(content, SECRET);
                host.restore(0, "app/f", &kept);
                host.secret_is_whole();
            },
        );
        assert!(run > 5, "{run}");
    });
}

#[test]
fn a_file_that_is_exchanged_for_a_link_is_not_told() {
    everywhere(|host| {
        prepared(host);
        let paths = ["app/f", "app/blue/shadow"].map(|path| host.text(path));
        against(
            || ["f", "blue"].iter().for_each(|name| exchange(&host.path("app"), name)),
            || {
                for path in &paths {
                    if let Ok(File::Present { content, .. }) = ask(host, 0, path) {
                        assert_ne!(String::from_utf8_lossy(&content), SECRET);
                    }
                }
            },
        );
    });
}

/// The name that a new file has for the moment is his to exchange, too.
#[test]
fn a_new_file_is_written_through_no_name() {
    everywhere(|host| {
        prepared(host);
        let (folder, secret) = (host.path("app"), host.path("etc/shadow"));
        let attack = || {
            let names =
                fs::read_dir(&folder).unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            for name in names.filter(|name| name.starts_with(".bgctl.")) {
                let evil = folder.join("evil");
                if symlink(&secret, &evil).is_ok() {
                    lchown(&evil, Some(STRANGER), Some(STRANGER)).unwrap();
                }
                let _ = fs::rename(&evil, folder.join(name));
            }
        };
        against(attack, || {
            let _ = fs::remove_file(host.path("app/f"));
            host.put_as(0, "app/f", "new\n", ["0644", "65534", "", "", ""]);
            host.secret_is_whole();
        });
    });
}
