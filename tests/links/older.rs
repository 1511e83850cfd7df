//! What an older bgctl kept beside a file, and the undo of its run.

use std::fs;

use crate::host::{STRANGER, everywhere};

#[test]
fn the_undo_of_an_older_run_finds_what_was_kept_beside() {
    everywhere(|host| {
        host.folder("app", STRANGER, 0o755);
        host.file("app/f", 0, 0o600, "new\n");
        host.file("app/.f.1.bgctl", STRANGER, 0o640, "old\n");
        let kept = host.text("app/.f.1.bgctl");
        host.restore(0, "app/f", &kept).done();
        assert_eq!((host.read("app/f").as_str(), host.like("app/f")), ("old\n", (STRANGER, 0o640)));
        assert_eq!(host.names("app"), ["f"]);
        host.restore(0, "app/f", &kept).done();
        // A run that goes on keeps as it began.
        host.put(0, "app/f", "new\n", &kept).done();
        assert_eq!(
            (host.names("app"), host.read("app/.f.1.bgctl").as_str()),
            (vec![".f.1.bgctl".to_owned(), "f".to_owned()], "old\n")
        );
    });
}

/// What its owner may plant there may be his text, but never another one's file, nor a file elsewhere.
#[test]
fn what_was_kept_in_a_strangers_folder_goes_no_further_than_that_folder() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("app", STRANGER, 0o755);
        host.file("app/.shadow.1.bgctl", STRANGER, 0o644, "planted\n");
        let kept = host.text("app/.shadow.1.bgctl");
        host.restore(0, "etc/shadow", &kept).refused(&["is not believed"]);
        host.file("app/f", 0, 0o600, "new\n");
        host.link("app/.f.1.bgctl", STRANGER, &secret);
        host.restore(0, "app/f", &host.text("app/.f.1.bgctl")).refused(&["is no regular file"]);
        fs::hard_link(&secret, host.path("app/.f.2.bgctl")).unwrap();
        host.restore(0, "app/f", &host.text("app/.f.2.bgctl")).refused(&["hard link"]);
        assert_eq!(host.read("app/f"), "new\n");
        host.secret_is_whole();
    });
}
