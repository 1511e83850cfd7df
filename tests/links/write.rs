//! Writing a file.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::Duration;

use bgctl::scripts::PUT;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::host::{Host, OTHER, SECRET, STRANGER, everywhere};

/// An app's folder that belongs to somebody else, beside a file that is root's.
fn strangers_app(host: &Host) -> String {
    host.folder("app", STRANGER, 0o755);
    host.secret()
}

#[test]
fn a_link_of_a_stranger_is_not_written_through() {
    everywhere(|host| {
        let secret = strangers_app(host);
        host.link("app/compose.yml", STRANGER, &secret);
        let said = host.put(0, "app/compose.yml", "new\n", "");
        said.refused(&["app/compose.yml is a link that nobody made", "become_user: nobody"]);
        host.secret_is_whole();
        assert_eq!(host.names("app"), ["compose.yml"]);
    });
}

#[test]
fn a_folder_that_is_a_link_of_a_stranger_is_not_entered() {
    everywhere(|host| {
        strangers_app(host);
        host.folder("app/releases", STRANGER, 0o755);
        host.link("app/current", STRANGER, "releases");
        host.link("app/away", STRANGER, host.path("etc"));
        for path in ["app/current/compose.yml", "app/away/shadow", "app/away/deep/down/shadow"] {
            let link = path.split('/').take(2).collect::<Vec<_>>().join("/");
            let said = host.put(0, path, "new\n", "");
            said.refused(&[&format!("{} is a link that nobody made", host.text(&link))]);
        }
        host.secret_is_whole();
        assert_eq!(host.names("app/releases"), [""; 0]);
    });
}

/// A link of root's own may have been moved there by who may write there.
#[test]
fn a_link_in_a_folder_that_others_write_to_is_not_followed() {
    everywhere(|host| {
        let secret = strangers_app(host);
        host.link("app/f", 0, &secret);
        host.put(0, "app/f", "new\n", "").refused(&["app/f is a link in a folder of nobody's"]);
        host.folder("shared", 0, 0o757);
        host.link("shared/f", 0, &secret);
        host.put(0, "shared/f", "new\n", "").refused(&["a link in a folder that others may write to"]);
        host.folder("team", 0, 0o775);
        std::os::unix::fs::chown(host.path("team"), Some(0), Some(STRANGER)).unwrap();
        host.link("team/f", 0, &secret);
        host.put(0, "team/f", "new\n", "").refused(&["a link in a folder that others may write to"]);
        host.secret_is_whole();
    });
}

#[test]
fn links_of_root_in_folders_of_root_are_followed_and_stay() {
    everywhere(|host| {
        fs::create_dir_all(host.path("data/srv/app")).unwrap();
        host.file("data/srv/real", 0, 0o640, "old\n");
        symlink("data/srv", host.path("srv")).unwrap();
        symlink(host.path("srv/app"), host.path("data/direct")).unwrap();
        symlink("../real", host.path("data/srv/app/back")).unwrap();
        host.put(0, "srv/app/back", "new\n", &host.kept("back", "1")).done();
        assert_eq!(host.read("data/srv/real"), "new\n");
        assert_eq!(host.like("data/srv/real"), (0, 0o640));
        assert!(host.path("data/srv/app/back").is_symlink());
        host.put(0, "data/direct/../app/deep/file", "deep\n", "").done();
        assert_eq!(host.read("data/srv/app/deep/file"), "deep\n");
        host.restore(0, "srv/app/back", &host.kept("back", "1")).done();
        assert_eq!(host.read("data/srv/real"), "old\n");
        // Nobody can take another's away there.
        host.folder("tmp", 0, 0o1777);
        host.link("tmp/l", 0, "../data/srv/real");
        host.put(0, "tmp/l", "through\n", "").done();
        assert_eq!(host.read("data/srv/real"), "through\n");
        // In circles.
        symlink("b", host.path("a")).unwrap();
        symlink("a", host.path("b")).unwrap();
        host.put(0, "a/f", "new\n", "").refused(&["more links"]);
    });
}

#[test]
fn ones_own_links_are_followed_and_those_of_others_are_not() {
    everywhere(|host| {
        host.folder("app", STRANGER, 0o755);
        host.folder("app/releases", STRANGER, 0o755);
        host.link("app/current", STRANGER, "releases");
        host.put(STRANGER, "app/current/f", "mine\n", "").done();
        assert_eq!(host.read("app/releases/f"), "mine\n");
        host.folder("others", OTHER, 0o777);
        host.link("others/current", OTHER, host.path("app/releases"));
        host.put(STRANGER, "others/current/f", "new\n", "").refused(&["is a link that"]);
        host.put(STRANGER, "others/plain", "new\n", "").done();
        assert_eq!(host.read("app/releases/f"), "mine\n");
    });
}

#[test]
fn plain_files_in_folders_of_others_are_written_as_ever() {
    everywhere(|host| {
        strangers_app(host);
        host.file("app/.env", STRANGER, 0o640, "old\n");
        host.put(0, "app/.env", "new\n", &host.kept(".env", "1")).done();
        assert_eq!((host.read("app/.env").as_str(), host.like("app/.env")), ("new\n", (STRANGER, 0o640)));
        let odd = "app/blue/a b'$(touch owned)é\n";
        host.put_as(0, odd, "fresh\n", ["0604", &OTHER.to_string(), "0", "", ""]).done();
        assert_eq!((host.read(odd).as_str(), host.like(odd)), ("fresh\n", (OTHER, 0o604)));
        assert_eq!(host.like("app/blue"), (0, 0o755));
        host.put_as(0, "app/owned", "fresh\n", ["", &OTHER.to_string(), "", "", ""]).done();
        host.put_as(0, "app/grouped", "fresh\n", ["", "", &OTHER.to_string(), "", ""]).done();
        let group = |name: &str| fs::metadata(host.path(name)).unwrap().gid();
        assert_eq!((host.like("app/owned").0, group("app/owned")), (OTHER, 0));
        assert_eq!((host.like("app/grouped").0, group("app/grouped")), (0, OTHER));
        host.put(0, "app/blue/plain", "x", "").done();
        assert_eq!(host.like("app/blue/plain"), (0, 0o644));
        host.put(0, "app/blue", "x", "").refused(&["app/blue is no regular file"]);
        host.put(0, "app/.env/f", "x", "").refused(&["app/.env is no folder"]);
    });
}

/// Some are built without it, as routers are.
#[test]
fn a_host_without_stat_is_told_what_lacks() {
    everywhere(|host| {
        host.file("f", 0, 0o640, "old\n");
        let path = host.text("f");
        let without = |script: &str| format!("stat() {{ return 127; }}\n{script}");
        let words = "cannot be looked at: it takes `stat` with `-c`";
        let said = host.run(0, &without(bgctl::scripts::PUT), &[&path, "4", "", "", "", "", ""], "new\n");
        said.refused(&[words]);
        let facts = host.run(0, &without(bgctl::facts::SCRIPT), &["file", &path], "").done();
        let odd = facts.stdout.lines().find_map(|line| line.strip_prefix("odd ")).unwrap();
        let why = odd.split(' ').nth(1).and_then(|field| field.strip_prefix('.')).unwrap();
        let why = data_encoding::BASE64.decode(why.as_bytes()).unwrap();
        assert!(String::from_utf8(why).unwrap().contains(words));
        assert_eq!(host.read("f"), "old\n");
    });
}

/// As teams have it, who share a folder by its group: whatever is in it is anybody's of that group.
#[test]
fn files_in_folders_that_a_group_shares_are_written_read_and_put_back() {
    everywhere(|host| {
        host.folder("state", 0, 0o700);
        for (user, folder) in [(0, "conf.d"), (OTHER, "app")] {
            host.folder(folder, user, 0o755);
            std::os::unix::fs::chown(host.path(folder), Some(user), Some(STRANGER)).unwrap();
            fs::set_permissions(host.path(folder), std::os::unix::fs::PermissionsExt::from_mode(0o2775))
                .unwrap();
            let file = format!("{folder}/f");
            host.file(&file, user, 0o644, "old\n");
            for content in ["new\n", "newer\n"] {
                let asked = ["file", &host.text(&file)];
                let facts = host.run(user, bgctl::facts::SCRIPT, &asked, "").done();
                assert!(facts.stdout.contains("\nfile ") && !facts.stdout.contains("\nodd "), "{facts:?}");
                host.put(user, &file, content, &host.kept("f", "2")).done();
                assert_eq!(host.read(&file), content);
            }
            host.restore(user, &file, &host.kept("f", "2")).done();
            assert_eq!((host.read(&file).as_str(), host.names(folder)), ("old\n", vec!["f".to_owned()]));
            let args = ["v2", "", "", &host.text(&file)];
            let digest = host.run(user, bgctl::scripts::FINGERPRINT, &args, "").done();
            assert!(!digest.stdout.contains("unreadable"), "{digest:?}");
        }
    });
}

/// Who gives another name to a file of root's does not have it read, kept, or become what it is like.
#[test]
fn a_hard_link_in_a_strangers_folder_is_not_taken_for_his_file() {
    everywhere(|host| {
        let secret = strangers_app(host);
        fs::hard_link(&secret, host.path("app/f")).unwrap();
        let said = host.put(0, "app/f", "new\n", &host.kept("f", "1"));
        said.refused(&["app/f has other names elsewhere (a hard link)"]);
        host.secret_is_whole();
        assert!(!host.path("state").exists());
        // His own may have as many as he likes; so may root's in root's folders.
        host.file("app/one", STRANGER, 0o644, "old\n");
        fs::hard_link(host.path("app/one"), host.path("app/two")).unwrap();
        host.put(0, "app/two", "new\n", &host.kept("two", "1")).done();
        fs::hard_link(&secret, host.path("etc/copy")).unwrap();
        host.put(0, "etc/copy", "new\n", &host.kept("copy", "1")).done();
        assert_eq!((host.read("app/one").as_str(), host.read("etc/shadow").as_str()), ("old\n", SECRET));
    });
}

#[test]
fn a_mode_that_is_taken_over_makes_nobody_elses_program() {
    everywhere(|host| {
        strangers_app(host);
        host.file("app/f", STRANGER, 0o4755, "old\n");
        host.put_as(0, "app/f", "new\n", ["", "0", "", "", ""]).done();
        assert_eq!(host.like("app/f"), (0, 0o755));
    });
}

/// Whatever ends a write, nothing of it stays; and until it is done nobody else can read it.
#[test]
fn a_write_that_is_cut_off_leaves_nothing_and_shows_nothing() {
    everywhere(|host| {
        strangers_app(host);
        host.file("app/f", 0, 0o644, "old\n");
        for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::PIPE] {
            let mut put = host.start(0, PUT, &[&host.text("app/f"), "9", "0644", "", "", "", ""]);
            let mut stdin = put.stdin.take().unwrap();
            stdin.write_all(b"half").unwrap();
            let begun = || host.names("app").into_iter().find(|name| name.starts_with(".bgctl."));
            let name = (0..500).find_map(|_| {
                std::thread::sleep(Duration::from_millis(10));
                begun()
            });
            assert_eq!(host.like(&format!("app/{}", name.unwrap())), (0, 0o600));
            // As a connection that is given up, or a deadline: to all of it.
            kill_process_group(Pid::from_child(&put), signal).unwrap();
            drop(stdin);
            assert!(!put.wait().unwrap().success());
            assert_eq!(host.names("app"), ["f"], "{signal:?}");
        }
        let said = host.run(0, PUT, &[&host.text("app/f"), "9", "", "", "", "", ""], "half");
        said.refused(&["only 4 of 9 bytes arrived"]);
        assert_eq!((host.read("app/f").as_str(), host.names("app")), ("old\n", vec!["f".to_owned()]));
    });
}
