//! What a write replaces: where it is kept, and how it comes back.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use bgctl::scripts::COMPOSE_RUN;

use crate::host::{FELLOW, Host, OTHER, STRANGER, everywhere};

/// A file that root has written in a stranger's folder, in the run `2`.
fn replaced(host: &Host) -> String {
    host.folder("app", STRANGER, 0o755);
    host.file("app/f", STRANGER, 0o604, "old\n");
    let kept = host.kept("f", "2");
    host.put(0, "app/f", "new\n", &kept).done();
    kept
}

#[test]
fn what_is_replaced_is_kept_for_root_alone_and_comes_back_as_it_was() {
    everywhere(|host| {
        host.folder("app", STRANGER, 0o755);
        host.file("app/f", STRANGER, 0o604, "old\n");
        let before = fs::metadata(host.path("app/f")).unwrap();
        host.put_as(0, "app/f", "new\n", ["0600", "0", "", "", &host.kept("f", "2")]).done();
        assert_eq!((host.names("app"), host.like("app/f")), (vec!["f".to_owned()], (0, 0o600)));
        assert_eq!(
            ["state", "state/app", "state/app/undo"].map(|folder| host.like(folder)),
            [(0, 0o700), (0, 0o700), (0, 0o700)]
        );
        // A run's first write of a file counts.
        host.put(0, "app/f", "newer\n", &host.kept("f", "2")).done();
        host.restore(0, "app/f", &host.kept("f", "2")).done();
        let after = fs::metadata(host.path("app/f")).unwrap();
        assert_eq!(host.read("app/f"), "old\n");
        let like = |data: &fs::Metadata| (data.uid(), data.gid(), data.mode(), data.mtime());
        assert_eq!(like(&after), like(&before));
        assert_eq!(host.names("state/app/undo"), [""; 0]);
        // Asked again, because the answer was lost.
        host.restore(0, "app/f", &host.kept("f", "2")).done();
        assert_eq!(host.read("app/f"), "old\n");
    });
}

/// Others write into the app's folder meanwhile, and see to it that it is private.
#[test]
fn what_is_kept_has_the_mode_that_it_goes_back_with() {
    everywhere(|host| {
        host.folder("app", STRANGER, 0o755);
        host.file("app/f", STRANGER, 0o644, "old\n");
        host.put(0, "app/f", "new\n", &host.kept("f", "2")).done();
        let releases = host.text("state/app/releases");
        host.run(0, bgctl::scripts::KEEP, &[&releases, "0123456789ab", "2", "5"], "{}").done();
        host.restore(0, "app/f", &host.kept("f", "2")).done();
        assert_eq!(host.like("app/f"), (STRANGER, 0o644));
        assert_eq!(host.read("app/f"), "old\n");
    });
}

#[test]
fn what_earlier_runs_kept_goes_when_a_run_keeps_its_own() {
    everywhere(|host| {
        replaced(host);
        let stays = ["state/app/undo/0123456789abcdef.f.g.2.bgctl", "app/.f.g.2.bgctl", "app/.g.1.bgctl"];
        for name in stays.iter().chain(&["app/.f.1.bgctl", "app/.f.0.bgctl"]) {
            host.file(name, 0, 0o600, "of an older bgctl, or of another file");
        }
        host.put(0, "app/f", "newer\n", &host.kept("f", "3")).done();
        assert_eq!(
            host.names("state/app/undo"),
            ["0123456789abcdef.f.3.bgctl", "0123456789abcdef.f.g.2.bgctl"]
        );
        assert_eq!(host.names("app"), [".f.g.2.bgctl", ".g.1.bgctl", "f"]);
    });
}

/// Beside the file its owner could say what it held.
#[test]
fn what_a_stranger_plants_beside_a_file_is_not_put_back() {
    everywhere(|host| {
        let secret = host.secret();
        let kept = replaced(host);
        host.file("app/.f.2.bgctl", STRANGER, 0o644, "planted\n");
        fs::remove_file(&kept).unwrap();
        host.restore(0, "app/f", &kept).done();
        assert_eq!(host.read("app/f"), "new\n");
        // Nor through a link of his.
        let kept = host.kept("f", "3");
        host.put(0, "app/f", "newer\n", &kept).done();
        fs::remove_file(host.path("app/f")).unwrap();
        host.link("app/f", STRANGER, &secret);
        host.restore(0, "app/f", &kept).refused(&["app/f is a link that nobody made"]);
        host.secret_is_whole();
        assert!(fs::exists(&kept).unwrap());
    });
}

#[test]
fn a_state_folder_of_a_stranger_is_neither_written_to_nor_believed() {
    everywhere(|host| {
        host.secret();
        host.folder("app", STRANGER, 0o755);
        host.file("app/f", STRANGER, 0o644, "old\n");
        host.folder("state", 0, 0o755);
        host.folder("state/app", STRANGER, 0o755);
        host.folder("state/app/undo", STRANGER, 0o755);
        let kept = host.kept("f", "2");
        let said = host.put(0, "app/f", "new\n", &kept);
        said.refused(&["cannot be kept", "state/app/undo is not for root alone", "it is nobody's"]);
        assert_eq!(host.read("app/f"), "old\n");
        fs::write(&kept, "planted\n").unwrap();
        host.restore(0, "app/f", &kept).refused(&["is not believed"]);
        // A folder for all, too.
        fs::remove_dir_all(host.path("state/app/undo")).unwrap();
        host.folder("state/app/undo", 0, 0o777);
        host.put(0, "app/f", "new\n", &kept).refused(&["mode 777"]);
        fs::remove_dir_all(host.path("state/app/undo")).unwrap();
        host.link("state/app/undo", STRANGER, host.path("etc"));
        host.put(0, "app/f", "new\n", &kept).refused(&["state/app/undo is a link that nobody made"]);
        assert_eq!((host.read("app/f").as_str(), host.names("app")), ("old\n", vec!["f".to_owned()]));
        host.secret_is_whole();
    });
}

/// Who may not write where the app's state is, and has the folder to himself, keeps things in that folder.
#[test]
fn who_has_no_state_folder_keeps_it_beside_where_nobody_else_writes() {
    everywhere(|host| {
        host.folder("state", 0, 0o700);
        host.folder("app", STRANGER, 0o755);
        host.file("app/f", STRANGER, 0o640, "old\n");
        host.file("app/.f.1.bgctl", STRANGER, 0o640, "an earlier run's");
        let kept = host.kept("f", "2");
        host.put(STRANGER, "app/f", "new\n", &kept).done();
        assert_eq!(
            (host.names("app"), host.like("app/.f.2.bgctl")),
            (vec![".f.2.bgctl".to_owned(), "f".to_owned()], (STRANGER, 0o640))
        );
        host.restore(STRANGER, "app/f", &kept).done();
        assert_eq!((host.read("app/f").as_str(), host.names("app")), ("old\n", vec!["f".to_owned()]));
        // Where others write it could be theirs.
        fs::set_permissions(host.path("app"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let said = host.put(STRANGER, "app/f", "new\n", &kept);
        said.refused(&["app/f is not touched", "set bgctl_state_dir to a folder of nobody's"]);
        host.file("app/.f.2.bgctl", OTHER, 0o644, "planted\n");
        host.restore(STRANGER, "app/f", &kept).refused(&["is not believed"]);
        assert_eq!(host.read("app/f"), "old\n");
    });
}

/// Users without root who share an app's state by its group's folder.
#[test]
fn who_shares_the_apps_folder_can_take_back_what_others_of_the_group_did() {
    everywhere(|host| {
        host.folder("state", 0, 0o755);
        host.folder("state/app", OTHER, 0o2770);
        host.folder("app", OTHER, 0o777);
        host.file("app/f", OTHER, 0o644, "old\n");
        let kept = host.kept("f", "2");
        host.put(OTHER, "app/f", "new\n", &kept).done();
        assert_eq!(host.like("state/app/undo"), (OTHER, 0o2770));
        // Root believes none of them.
        host.restore(0, "app/f", &kept).refused(&["is not believed"]);
        // Nor does he who is not one of them get at it.
        host.restore(STRANGER, "app/f", &kept).done();
        assert_eq!(host.read("app/f"), "new\n");
        host.restore(FELLOW, "app/f", &kept).done();
        assert_eq!((host.read("app/f").as_str(), host.like("app/f")), ("old\n", (FELLOW, 0o644)));
        assert_eq!(host.names("state/app/undo"), [""; 0]);
    });
}

/// The mark by which a command knows that there is something to take back.
#[test]
fn the_mark_of_a_command_is_roots_where_it_runs_as_root() {
    let libraries = COMPOSE_RUN.rsplit_once("# Runs a program in a one-off container").unwrap().0;
    // What the engine would be asked for is another test's affair.
    let mark = format!(
        "{libraries}
        keep_mark \"$4\" \"$3/web\" || exit 1
        is_marked \"$4\" \"$3/web\" || exit 2
        unkeep \"$4\" \"$3/web\" || exit 3
        is_marked \"$4\" \"$3/web\"; [ $? = 2 ] || exit 4"
    );
    let is_marked = format!("{libraries} is_marked \"$4\" \"$3/web\"");
    everywhere(|host| {
        let secret = host.secret();
        host.folder("app", STRANGER, 0o755);
        host.link("app/.web-1.2.bgctl", STRANGER, &secret);
        let (dir, kept) = (host.text("app"), host.kept("web-1", "2"));
        host.run(0, &mark, &["v2", "app", &dir, &kept], "").done();
        // What he plants in the project's folder has nothing taken back.
        fs::remove_file(host.path("app/.web-1.2.bgctl")).unwrap_or_default();
        host.file("app/.web-1.2.bgctl", STRANGER, 0o644, "");
        assert_eq!(host.run(0, &is_marked, &["v2", "app", &dir, &kept], "").status, Some(2));
        host.secret_is_whole();
    });
}
