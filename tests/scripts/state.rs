//! Folders of state: whose they are, who sees into them, and what others can plant there.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use bgctl::scripts::{CONFIRM, FACTS, KEEP, KEPT, SWAP_COMMAND, WATCH};

use crate::shells::{NOBODY, Said, Shell, give, listed, needs_root, open_folder, set_mode, text};

const HOLDER: &str = "{\"by\":\"me\"}";

/// What a whole run has a load balancer keep, by a user and for a group.
fn run(shell: &Shell, user: Option<(u32, u32)>, umask: &str, app: &Path, group: &str) -> Said {
    let lines = "plan {}\nlast {\"run\":1}\nphase {}\ndone {\"run\":2}\nplan {}\n";
    shell.tell_lock(user, umask, [text(app), HOLDER], group, lines)
}

/// Keeps a release in the app's folder.
fn keep(shell: &Shell, user: Option<(u32, u32)>, umask: &str, app: &Path, group: &str) -> Said {
    let keep = format!("umask {umask}\nprintf kept | {{\n{KEEP}\n}}");
    let mut command = shell.script(user, &keep, &[&format!("{}/releases", text(app)), "abc", "4", "5"]);
    command.env("BGCTL_STATE_GROUP", group);
    Said::of(command.output().unwrap(), shell)
}

/// Paths in a folder that others can do something with; a group's modes are others', too.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut all = listed(folder);
    all.retain(|line| !line.split(' ').nth_back(1).is_some_and(|mode| mode.ends_with("00")));
    all
}

#[test]
fn whatever_the_umask_nobody_else_sees_anything() {
    needs_root();
    for shell in Shell::all() {
        for umask in ["000", "022", "277"] {
            let place = open_folder();
            let root = place.path().join("made/bgctl");
            let app = root.join("shop");
            run(&shell, None, umask, &app, "").exits(0).says("locked").hides("note");
            keep(&shell, None, umask, &app, "").exits(0).hides("note");
            assert_eq!(open_to_others(&root), Vec::<String>::new(), "{shell}, umask {umask}");
            for name in ["lock", "last-run", "history", "plan", "site", "releases/abc/kept.json"] {
                assert!(app.join(name).exists(), "{name}");
            }
            // What is above is the system's.
            assert_eq!(fs::metadata(place.path().join("made")).unwrap().mode() & 0o777, 0o755);
            let kept = shell.run(KEPT, &[&format!("{}/releases", text(&app)), "abc"]);
            assert_eq!(kept.exits(0).out, "kept");
        }
    }
}

/// As earlier versions left it.
fn old_state(root: &Path) -> std::path::PathBuf {
    let app = root.join("shop");
    fs::create_dir_all(app.join("releases/abc")).unwrap();
    for name in ["switch.lock", "shop/switch.lock", "shop/lock", "shop/history", "shop/last-run", "shop/plan"]
    {
        fs::write(root.join(name), "{\"run\":0}\n").unwrap();
        set_mode(&root.join(name), 0o644);
    }
    fs::write(app.join("releases/abc/kept.json"), "kept").unwrap();
    for folder in ["", "shop", "shop/releases", "shop/releases/abc"] {
        set_mode(&root.join(folder), 0o755);
    }
    app
}

#[test]
fn what_was_open_is_closed_by_the_next_run_and_told_once() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let root = place.path().join("bgctl");
        let app = old_state(&root);
        let before = listed(&root);
        // Whoever only asks changes nothing, and is told everything.
        let facts = shell.run(FACTS, &["kept", &format!("{}/releases", text(&app)), "records", text(&app)]);
        facts.exits(0).says("last-run").says("kept abc").hides("trouble");
        assert_eq!(listed(&root), before, "{shell}");
        run(&shell, None, "022", &app, "").exits(0).says("note ").says("mode 755").says("locked {\"run\":0}");
        run(&shell, None, "022", &app, "").exits(0).hides("note ");
        let switch = swap(&shell, &app);
        switch.exits(0).says("note others could open").says("switch.lock (mode 644)");
        swap(&shell, &app).exits(0).hides("note ");
        assert_eq!(open_to_others(&root), Vec::<String>::new(), "{shell}");
    }
}

/// A way back that finds nothing to do, by commands.
fn swap(shell: &Shell, app: &Path) -> Said {
    let mut command =
        shell.script(None, SWAP_COMMAND, &["", "blue", "blue", "5", text(app), "run 1", "", ""]);
    command.env("BGCTL_DETECT", "echo blue").env("BGCTL_SET_BLUE", "true").env("BGCTL_TURN", "1");
    Said::of(command.output().unwrap(), shell)
}

/// Whoever is in the group deploys like any other of them, whoever came first.
#[test]
fn a_group_shares_what_root_made_and_root_what_the_group_made() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let (root, app) = (place.path().join("bgctl"), place.path().join("bgctl/shop"));
        for user in [None, Some(NOBODY), None] {
            run(&shell, user, "077", &app, "nogroup").exits(0).says("locked").hides("note");
            keep(&shell, user, "077", &app, "nogroup").exits(0);
            let facts = ["state-group", "nogroup", "records", text(&app), "history", text(&app)];
            shell.run(FACTS, &facts).says("last-run").says("history").hides("trouble");
        }
        for line in listed(&root) {
            let [path, kind, mode, owner] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert_eq!(mode, if kind == "d" { "2770" } else { "660" }, "{shell}: {path}");
            assert!(owner.ends_with(":65534"), "{shell}: {line}");
        }
        // Without the group in the inventory its members are strangers: root takes all of it back.
        run(&shell, None, "022", &app, "").exits(0).says("note ").says("locked");
        let facts = shell.run(FACTS, &["records", text(&app)]);
        facts.says("last-run").hides("trouble");
    }
}

/// Apps share the folder above them, not what is in theirs.
#[test]
fn a_group_gets_its_own_app_and_not_its_neighbours() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let root = place.path().join("bgctl");
        run(&shell, None, "022", &root.join("other"), "").exits(0);
        keep(&shell, None, "022", &root.join("other"), "").exits(0);
        let before = listed(&root.join("other"));
        run(&shell, None, "022", &root.join("shop"), "nogroup").exits(0).says("note ").says("mode 2770");
        assert_eq!(listed(&root.join("other")), before, "{shell}");
    }
}

#[test]
fn a_group_that_is_not_there_is_told() {
    for shell in Shell::all() {
        let place = open_folder();
        run(&shell, None, "022", &place.path().join("bgctl/shop"), "no-such-group")
            .exits(73)
            .says("with the group no-such-group: is there such a group");
    }
}

/// What was made for a user before, and where users have it.
#[test]
fn a_user_without_root_keeps_state_where_it_was_made_for_them() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let own = place.path().join("own");
        fs::create_dir(&own).unwrap();
        give(&own, NOBODY);
        let nobody = Some(NOBODY);
        run(&shell, nobody, "022", &own.join("shop"), "").exits(0).says("locked");
        keep(&shell, nobody, "022", &own.join("shop"), "").exits(0);
        assert_eq!(open_to_others(&own), Vec::<String>::new(), "{shell}");
        run(&shell, nobody, "022", &own.join("shop"), "").exits(0).hides("note ");
        // A folder as /tmp: everybody has the own one.
        let sticky = place.path().join("sticky");
        fs::create_dir(&sticky).unwrap();
        set_mode(&sticky, 0o1777);
        run(&shell, nobody, "022", &sticky.join("shop"), "").exits(0).says("locked");
        run(&shell, None, "022", &sticky.join("other"), "").exits(0).says("locked");
        assert_eq!(fs::metadata(&sticky).unwrap().mode() & 0o7777, 0o1777, "{shell}");
        assert_eq!(open_to_others(&sticky), [" d 1777 0:0"], "{shell}");
        run(&shell, None, "022", &sticky.join("shop"), "").exits(73).says("belongs to nobody");
        // One that holds other things, too, stays as it is.
        let shared = place.path().join("shared");
        fs::create_dir_all(shared.join("www")).unwrap();
        run(&shell, None, "022", &shared.join("shop"), "").exits(0).hides("note ");
        assert_eq!(fs::metadata(&shared).unwrap().mode() & 0o777, 0o755, "{shell}");
        run(&shell, nobody, "022", &shared.join("shop"), "")
            .exits(73)
            .says("closed to nobody")
            .says("bgctl_state_group");
    }
}

#[test]
fn a_folder_that_others_can_change_is_refused_with_what_to_do() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let make = |name: &str| {
            let root = place.path().join(name);
            fs::create_dir_all(root.join("shop/releases/abc")).unwrap();
            fs::write(root.join("shop/last-run"), "forged").unwrap();
            fs::write(root.join("shop/armed"), "forged\n".repeat(9)).unwrap();
            fs::write(root.join("shop/releases/abc/kept.json"), "forged").unwrap();
            root
        };
        let [whole, app, open] = ["whole", "app", "open"].map(make);
        give(&whole, NOBODY);
        give(&app.join("shop"), NOBODY);
        set_mode(&open.join("shop"), 0o777);
        let linked = make("linked-to");
        symlink(&linked, place.path().join("linked")).unwrap();
        give(&place.path().join("linked"), NOBODY);
        let inside = make("inside");
        fs::rename(inside.join("shop"), inside.join("moved")).unwrap();
        symlink(inside.join("moved"), inside.join("shop")).unwrap();
        give(&inside.join("shop"), NOBODY);
        // Others can put another folder in its place.
        let above = place.path().join("above");
        fs::create_dir(&above).unwrap();
        set_mode(&above, 0o777);
        fs::rename(make("below"), above.join("below")).unwrap();

        let cases = [
            ("whole", "belongs to nobody, not to root"),
            ("app", "belongs to nobody, not to root"),
            ("open", "everybody may write into"),
            ("linked", "linked, a symlink, belongs to nobody"),
            ("inside", "shop, a symlink, belongs to nobody"),
            ("above/below", "others can put another folder in the place of"),
        ];
        for (name, why) in cases {
            let app = place.path().join(name).join("shop");
            let before = listed(place.path());
            let releases = format!("{}/releases", text(&app));
            run(&shell, None, "022", &app, "").exits(73).says(why).says("bgctl_state_dir");
            keep(&shell, None, "022", &app, "").exits(1).says(why);
            swap(&shell, &app).exits(73).says(why);
            shell.run(KEPT, &[&releases, "abc"]).exits(1).says(why).hides("forged");
            let facts = ["kept", &releases, "records", text(&app), "plan", text(&app), "history", text(&app)];
            let facts = shell.run(FACTS, &facts).exits(0);
            let told: Vec<&str> = facts.out.lines().filter_map(|line| line.split(' ').next()).collect();
            let told: Vec<&str> = told.into_iter().filter(|what| *what != "system").collect();
            assert_eq!(told, ["facts", "trouble", "closed", "end"], "{}", facts.out);
            assert_eq!(listed(place.path()), before, "{shell}: {name}");
        }
    }
}

/// The one who was root last time, and is not today.
#[test]
fn what_root_keeps_a_user_is_told_how_to_get() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        run(&shell, None, "022", &app, "").exits(0);
        let words = "bgctl is root's and closed to nobody: become root";
        run(&shell, Some(NOBODY), "022", &app, "").exits(73).says(words).says("bgctl_state_group");
        let facts = shell.run_as(NOBODY, FACTS, &["records", text(&app)]).exits(0);
        let trouble = facts.out.lines().find_map(|line| line.strip_prefix("trouble .")).unwrap();
        let trouble = data_encoding::BASE64.decode(trouble.as_bytes()).unwrap();
        assert!(String::from_utf8(trouble).unwrap().contains(words), "{shell}");
    }
}

/// Links and files of others in a folder that is ours again, as after a `chown` of it alone.
#[test]
fn what_was_planted_is_neither_followed_nor_read() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        run(&shell, None, "022", &app, "").exits(0);
        let secret = place.path().join("secret");
        fs::write(&secret, "hunter2\n".repeat(9)).unwrap();
        set_mode(&secret, 0o600);
        let names = [
            "holder",
            "last-run",
            "plan",
            "history",
            "armed",
            "acting",
            "confirmed",
            "dead-man",
            "key",
            ".key.new",
            ".holder.new",
            ".last-run.new",
            ".history.new",
            ".plan.new",
            ".armed.new",
            "holder.new",
            "last-run.new",
            "plan.new",
        ];
        for name in names {
            let _ = fs::remove_file(app.join(name));
            symlink(&secret, app.join(name)).unwrap();
        }
        let questions = ["records", text(&app), "plan", text(&app), "history", text(&app)];
        shell
            .run(FACTS, &questions)
            .exits(0)
            .says("trouble")
            .says("closed")
            .hides("hunter2")
            .hides("aHVudGVyMg");
        shell
            .run(CONFIRM, &[text(&app), "hunter2"])
            .exits(1)
            .says("armed is not as bgctl writes it")
            .hides("hunter2");
        let log = place.path().join("log");
        fs::write(&log, "").unwrap();
        shell
            .run(WATCH, &[text(&app), "hunter2", "9", "", text(&log), ""])
            .exits(0)
            .says("unread")
            .hides("hunter2");
        run(&shell, None, "022", &app, "").exits(0).says("locked \n").hides("hunter2");
        assert_eq!(fs::read_to_string(&secret).unwrap(), "hunter2\n".repeat(9), "{shell}");
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(app.join("last-run")).unwrap().is_file(), "{shell}");
        // A file of another user's is as good as a link.
        fs::remove_file(app.join("armed")).unwrap();
        fs::write(app.join("armed"), "run 1\nt\n1\nboot\n99\ntime\n/link\n/from\n/to\n").unwrap();
        give(&app.join("armed"), NOBODY);
        shell.run(CONFIRM, &[text(&app), "run 1"]).exits(1).says("armed is not as bgctl writes it");
    }
}

/// Whoever is in the group does what a deploy does, and gets nothing of root's by it.
#[test]
fn a_member_leads_root_to_no_other_folder() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let (root, app) = (place.path().join("bgctl"), place.path().join("bgctl/shop"));
        run(&shell, None, "022", &app, "nogroup").exits(0);
        let etc = place.path().join("etc");
        fs::create_dir(&etc).unwrap();
        fs::write(etc.join("shadow"), "hunter2").unwrap();
        set_mode(&etc.join("shadow"), 0o600);
        let before = listed(&etc);
        fs::rename(&app, root.join("moved")).unwrap();
        symlink(&etc, &app).unwrap();
        give(&app, NOBODY);
        run(&shell, None, "022", &app, "nogroup").exits(73).says("shop, a symlink, belongs to nobody");
        keep(&shell, None, "022", &app, "nogroup").exits(1).says("shop, a symlink, belongs to nobody");
        let facts = ["state-group", "nogroup", "records", text(&app)];
        shell.run(FACTS, &facts).exits(0).says("closed");
        assert_eq!(listed(&etc), before, "{shell}");
    }
}

/// As long as somebody else can reach what is put right, its names may come to stand for something else.
#[test]
fn what_a_member_exchanges_while_it_is_put_right_stays_as_it_is() {
    needs_root();
    let attack = "cd \"$1\" && while [ ! -e \"$2\" ]; do
        for n in 1 9 17 25 33 41 49 57; do ln -s \"$3\" \"l$n\"; mv -fT \"l$n\" \"f$n\"; done
        for n in 1 9 17 25 33 41 49 57; do rm -f \"f$n\"; : >\"f$n\"; done
        chmod 755 .
    done 2>/dev/null";
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        run(&shell, None, "022", &app, "nogroup").exits(0);
        let (site, secret, over) = (app.join("site"), place.path().join("secret"), place.path().join("over"));
        fs::create_dir_all(&site).unwrap();
        fs::write(&secret, "hunter2").unwrap();
        set_mode(&secret, 0o600);
        let before = listed(&secret);
        for _ in 0..3 {
            let _ = fs::remove_file(&over);
            for file in 0..60 {
                let path = site.join(format!("f{file}"));
                let _ = fs::remove_file(&path);
                fs::write(&path, "").unwrap();
            }
            for path in [&app, &site] {
                give(path, NOBODY);
                set_mode(path, 0o755);
            }
            let args = [text(&site), text(&over), text(&secret)];
            let mut attacker = shell.script(Some(NOBODY), attack, &args).spawn().unwrap();
            run(&shell, None, "022", &app, "nogroup").exits(0);
            fs::write(&over, "").unwrap();
            attacker.wait().unwrap();
            assert_eq!(listed(&secret), before, "{shell}");
            assert!(listed(&app).iter().any(|line| line.starts_with("site d 2770 0:65534")), "{shell}");
        }
    }
}

/// Who may write into a folder can exchange what is in it, also by its group.
#[test]
fn a_group_of_others_is_kept_from_what_is_above() {
    needs_root();
    // One that has nobody in it, as Debian has it in /var/local, and one that has somebody.
    let (staff, theirs) = ((0, 50), (0, NOBODY.1));
    for shell in Shell::all() {
        let place = open_folder();
        let above = place.path().join("local");
        fs::create_dir(&above).unwrap();
        let app = above.join("bgctl/shop");
        give(&above, staff);
        set_mode(&above, 0o2775);
        run(&shell, None, "022", &app, "").exits(0).says("locked");
        give(&above, theirs);
        set_mode(&above, 0o2775);
        let why = "others can put another folder in the place of";
        run(&shell, None, "022", &app, "").exits(73).says(why).says("bgctl_state_dir");
        run(&shell, None, "022", &app, "nogroup").exits(0).says("locked");
        // The folder of all apps: alone it is closed, else it is refused.
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        give(&shared, theirs);
        set_mode(&shared, 0o775);
        run(&shell, None, "022", &shared.join("shop"), "").exits(0).says("note ").says("now root:");
        set_mode(&shared, 0o775);
        fs::create_dir(shared.join("www")).unwrap();
        let why = "the group nogroup may write into";
        run(&shell, None, "022", &shared.join("shop"), "")
            .exits(73)
            .says(why)
            .says("holds more than bgctl's");
        shell.run(FACTS, &["records", text(&shared.join("shop"))]).exits(0).says("closed");
    }
}
