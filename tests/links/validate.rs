//! The command that must accept a file before it takes its place.

use crate::host::{SECRET, STRANGER, everywhere};

#[test]
fn a_command_that_validates_is_led_to_nothing_else() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("app", STRANGER, 0o755);
        // What the folder's owner would do while it runs: exchange all that has a name there.
        let swap = format!(
            "for f in '{}'/.bgctl.*; do rm -f \"$f\"; ln -s '{secret}' \"$f\"; done; cat %s",
            host.text("app")
        );
        let said = host.put_as(0, "app/f", "new\n", ["", "", "", &format!("{swap} >&2; exit 1"), ""]);
        assert_eq!(said.status, Some(65), "{said:?}");
        assert_eq!(said.stderr, "new\n");
        host.put_as(0, "app/f", "new\n", ["", "", "", &swap, ""]).refused(&["was exchanged meanwhile"]);
        host.secret_is_whole();
        assert_ne!(host.read("etc/shadow"), "new\n");
        assert_eq!(host.read("etc/shadow"), SECRET);
    });
}

#[test]
fn where_nobody_else_writes_it_lies_beside_what_it_may_include() {
    everywhere(|host| {
        host.folder("own", 0, 0o755);
        host.file("own/.env", 0, 0o600, "here\n");
        let beside = "cat \"$(dirname %s)/.env\" && grep -q new %s && test \"$PWD\" = / && exit 1";
        let said = host.put_as(0, "own/f", "new\n", ["", "", "", beside, ""]);
        assert_eq!((said.status, said.stderr.as_str()), (Some(65), "here\n"), "{said:?}");
        assert_eq!(host.names("own"), [".env"]);
    });
}
