//! Removing a file that a write made, and the folders that it made for it.

use bgctl::scripts::REMOVE;

use crate::host::{Host, STRANGER, everywhere};

fn remove(host: &Host, names: &[&str]) -> crate::host::Said {
    let paths: Vec<String> = names.iter().map(|name| host.text(name)).collect();
    host.run(0, REMOVE, &paths.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

#[test]
fn nothing_is_removed_beyond_a_strangers_link() {
    everywhere(|host| {
        host.secret();
        host.folder("etc/empty", 0, 0o755);
        host.folder("app", STRANGER, 0o755);
        host.link("app/blue", STRANGER, host.path("etc"));
        remove(host, &["app/blue/shadow", "app/blue"]).refused(&["app/blue is a link that nobody made"]);
        remove(host, &["app/gone", "app/blue/empty"]).done();
        assert_eq!(host.names("etc"), ["empty", "shadow"]);
    });
}

#[test]
fn a_file_goes_with_the_folders_that_are_empty_then() {
    everywhere(|host| {
        host.folder("app", STRANGER, 0o755);
        host.put(0, "app/blue/deep/f", "new\n", "").done();
        host.file("app/blue/other", 0, 0o644, "");
        let all = ["app/blue/deep/f", "app/blue/deep", "app/blue"];
        remove(host, &all).done();
        assert_eq!(host.names("app/blue"), ["other"]);
        // Asked again, because the answer was lost; or it never began.
        remove(host, &all).done();
        remove(host, &["app/blue/other/f", "app/blue/other"]).done();
        remove(host, &["nowhere/at/all", "nowhere/at", "nowhere"]).done();
        assert_eq!(
            (host.names("app"), host.names("app/blue")),
            (vec!["blue".to_owned()], vec!["other".to_owned()])
        );
        // A link goes itself, whoever made it, and what it stands for stays.
        host.secret();
        host.link("app/l", STRANGER, host.path("etc/shadow"));
        remove(host, &["app/l"]).done();
        assert_eq!(host.names("app"), ["blue"]);
        host.secret_is_whole();
    });
}
