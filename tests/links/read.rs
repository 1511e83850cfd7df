//! What a host tells of files, read as root.

use std::fs;

use bgctl::facts::{File, Questions, read};
use bgctl::scripts::{FACTS, FINGERPRINT};

use crate::host::{Host, OTHER, STRANGER, everywhere};

/// What a host says of a path; `Err`: why it is no file that could be replaced.
pub(crate) fn ask(host: &Host, user: u32, path: &str) -> Result<File, String> {
    let questions = Questions { files: vec![path.to_owned()], ..Questions::default() };
    let args = questions.args();
    let said = host.run(user, FACTS, &args.iter().map(String::as_str).collect::<Vec<_>>(), "").done();
    assert_eq!(said.stderr, "");
    match read(&said.stdout, &questions).unwrap().facts.files.remove(path).unwrap() {
        File::Odd(why) => Err(why),
        file => Ok(file),
    }
}

#[track_caller]
fn content(found: Result<File, String>) -> (String, String, String) {
    let Ok(File::Present { content, mode, owner, .. }) = found else { panic!("{found:?}") };
    (String::from_utf8(content).unwrap(), mode, owner.id)
}

#[test]
fn a_file_that_a_stranger_leads_to_is_odd_and_not_told() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("app", STRANGER, 0o755);
        host.link("app/link", STRANGER, &secret);
        host.link("app/folder", STRANGER, host.path("etc"));
        fs::hard_link(&secret, host.path("app/hard")).unwrap();
        let why = ask(host, 0, &host.text("app/link")).unwrap_err();
        assert!(why.starts_with("it is a link that nobody made"), "{why}");
        for beyond in ["shadow", "new", "deep/new"] {
            let why = ask(host, 0, &host.text(&format!("app/folder/{beyond}"))).unwrap_err();
            assert!(
                why.starts_with(&format!("{} is a link that nobody made", host.text("app/folder"))),
                "{why}"
            );
        }
        let why = ask(host, 0, &host.text("app/hard")).unwrap_err();
        assert!(why.starts_with("it has other names elsewhere"), "{why}");
        // Who made it may be shown what he may read himself.
        host.file("app/mine", STRANGER, 0o600, "mine\n");
        host.link("app/own", STRANGER, "mine");
        assert_eq!(content(ask(host, STRANGER, &host.text("app/own"))).0, "mine\n");
        let why = ask(host, STRANGER, &secret).unwrap_err();
        assert!(why.starts_with("it cannot be read by"), "{why}");
    });
}

#[test]
fn files_in_folders_of_others_and_beyond_links_of_root_are_told() {
    everywhere(|host| {
        host.folder("data", 0, 0o755);
        host.folder("data/app", STRANGER, 0o755);
        host.link("srv", 0, "data");
        host.file("data/app/f", OTHER, 0o640, "there\n");
        for path in ["data/app/f", "srv/app/f", "srv/../srv/./app//f"] {
            let found = content(ask(host, 0, &host.text(path)));
            assert_eq!(found, ("there\n".into(), "0640".into(), OTHER.to_string()));
        }
        let lacks = |path: &str| match ask(host, 0, &host.text(path)) {
            Ok(File::Missing { folders }) => folders,
            found => panic!("{found:?}"),
        };
        assert_eq!(lacks("srv/app/g"), [""; 0]);
        assert_eq!(lacks("srv/app/a b/c/g"), [host.text("srv/app/a b/c"), host.text("srv/app/a b")]);
        assert_eq!(ask(host, 0, &host.text("srv/app")), Err("it is no regular file".to_owned()));
        host.file("data/app/big", STRANGER, 0o644, &"x".repeat(1_048_577));
        assert_eq!(ask(host, 0, &host.text("srv/app/big")), Err("it is larger than 1 MiB".to_owned()));
    });
}

/// What nginx reads is a symlink of root's; one that others lead to says nothing.
#[test]
fn the_switchs_symlink_is_not_read_where_a_stranger_leads_to_it() {
    let text = FACTS.rsplit_once("\nsay facts 1\n").unwrap().0;
    let text = format!("{text}\nlink_of \"$1\"");
    everywhere(|host| {
        host.secret();
        host.link("etc/site", 0, "/etc/nginx/blue.conf");
        host.folder("app", STRANGER, 0o755);
        host.link("app/folder", STRANGER, host.path("etc"));
        host.link("app/own", STRANGER, "/etc/nginx/green.conf");
        let of = |path: &str| host.run(0, &text, &[&host.text(path)], "");
        assert_eq!(of("etc/site").done().stdout, "/etc/nginx/blue.conf\n");
        assert_eq!(of("app/own").done().stdout, "/etc/nginx/green.conf\n");
        assert_eq!(of("etc/shadow").done().stdout, "other\n");
        assert_eq!(of("etc/none").done().stdout, "none\n");
        let said = of("app/folder/site");
        assert_eq!(said.status, Some(1));
        assert!(said.stdout.contains("app/folder is a link that nobody made"), "{said:?}");
        assert!(!said.stdout.contains("blue.conf"), "{said:?}");
    });
}

#[test]
fn a_digest_is_not_made_of_what_a_stranger_leads_to() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("app", STRANGER, 0o755);
        host.link("app/link", STRANGER, &secret);
        host.file("app/f", STRANGER, 0o644, "");
        fs::hard_link(&secret, host.path("app/hard")).unwrap();
        let paths = ["app/link", "app/f", "app/hard", "app/none", "etc/shadow"].map(|path| host.text(path));
        let args: Vec<&str> = ["v2", "", ""].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let said = host.run(0, FINGERPRINT, &args, "").done();
        let lines: Vec<&str> = said.stdout.lines().collect();
        let empty = "file e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(lines[..4], ["file foreign", empty, "file unreadable", "file missing"]);
        assert_eq!((lines[4].len(), lines[5]), (69, "end"));
    });
}
