//! What a switch changes: a symlink or a file, in a folder that somebody else may have a hand in.

use std::fs;

use bgctl::scripts::{SWAP_FILE, SWAP_LINK, TEST_COPY};

use crate::host::{Host, STRANGER, Said, everywhere};

/// Runs shell text behind the libraries of a switch.
fn after_libraries(host: &Host, script: &str, link: &str, text: &str) -> Said {
    let libraries = script.rsplit_once("# Makes another color live, and proves").unwrap().0;
    let before = "link=$1 here=$2 from= to= seconds=1 folder=/nowhere run=1\n";
    host.run(0, &format!("{libraries}\n{before}{text}"), &[link, &host.text("")], "")
}

#[test]
fn a_symlink_is_moved_in_its_own_folder_alone() {
    everywhere(|host| {
        host.secret();
        host.folder("sites", STRANGER, 0o755);
        let link = host.text("sites/app.conf");
        // What he lays in the new link's way is not entered.
        host.link("sites/.bgctl.app.conf", STRANGER, host.path("etc"));
        let text = "[ -z \"$(pointed)\" ] || exit 2; point /x/blue.conf || exit 3; [ \"$(pointed)\" = /x/blue.conf ]";
        after_libraries(host, SWAP_LINK, &link, text).done();
        assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("/x/blue.conf"));
        assert_eq!(host.names("sites"), ["app.conf"]);
        after_libraries(host, SWAP_LINK, &link, "point '' && [ -z \"$(pointed)\" ]").done();
        assert_eq!(host.names("sites"), [""; 0]);
        host.secret_is_whole();
        // Nor is a folder that he exchanges.
        host.link("away", STRANGER, host.path("etc"));
        let link = host.text("away/shadow");
        for text in ["point /x/blue.conf", "point ''", "pointed"] {
            let said = after_libraries(host, SWAP_LINK, &link, text);
            said.refused(&["away is a link that nobody made"]);
        }
        after_libraries(host, SWAP_LINK, &host.text("none/l"), "[ -z \"$(pointed)\" ] && ! point /x").done();
        host.secret_is_whole();
    });
}

/// Another app's test, or anybody's reload, may read what `include …/*` names at any moment.
#[test]
fn a_symlink_that_moves_is_never_one_of_two_sites() {
    everywhere(|host| {
        host.folder("sites", 0, 0o755);
        let text = "mv() { echo ./* >>\"$here/seen\"; command mv \"$@\"; }
            point /x/blue.conf && point /x/green.conf && [ \"$(pointed)\" = /x/green.conf ]";
        after_libraries(host, SWAP_LINK, &host.text("sites/app.conf"), text).done();
        assert_eq!(host.read("seen"), "./*\n./app.conf\n");
    });
}

/// Keeps, changes and puts back a file, as a switch does.
const THERE_AND_BACK: &str = "
    hash() { sha256sum <\"$1\" | cut -c 1-16; }
    mkdir -p \"$here/state/site\"; echo green >\"$here/state/site/green\"
    from=$here/state/site/before@$(hash \"$link\") to=$here/state/site/green@$(hash \"$here/state/site/green\")
    [ \"$(pointed)\" = \"$from\" ] || exit 2
    save \"$from\" || exit 3
    point \"$to\" && [ \"$(pointed)\" = \"$to\" ] && [ \"$(cat \"$link\")\" = green ] || exit 4
    point \"$from\" && [ \"$(pointed)\" = \"$from\" ] || exit 5";

#[test]
fn a_file_is_changed_by_a_new_one_and_stays_as_it_is() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("conf", STRANGER, 0o755);
        host.file("conf/real.conf", STRANGER, 0o640, "blue\n");
        host.link("app.conf", 0, "conf/real.conf");
        // What was once a name that was written through.
        host.link("conf/.real.conf.bgctl", STRANGER, &secret);
        after_libraries(host, SWAP_FILE, &host.text("app.conf"), THERE_AND_BACK).done();
        assert!(host.path("app.conf").is_symlink());
        assert_eq!(host.read("conf/real.conf"), "blue\n");
        assert_eq!(host.like("conf/real.conf"), (STRANGER, 0o640));
        let before = host.names("state/site").into_iter().next().unwrap();
        assert_eq!((before.as_str(), host.like("state/site/before")), ("before", (0, 0o600)));
        assert_eq!(host.names("conf"), [".real.conf.bgctl", "real.conf"]);
        host.secret_is_whole();
    });
}

#[test]
fn a_file_that_a_stranger_leads_to_is_neither_read_nor_kept_nor_changed() {
    everywhere(|host| {
        let secret = host.secret();
        host.folder("conf", STRANGER, 0o755);
        host.link("conf/link.conf", STRANGER, &secret);
        fs::hard_link(&secret, host.path("conf/hard.conf")).unwrap();
        host.folder("site", 0, 0o755);
        host.file("site/green", 0, 0o600, "green\n");
        let text = "to=$here/site/green@$(sha256sum <\"$here/site/green\" | cut -c 1-16)";
        for (name, words) in [("link", "is a link that nobody made"), ("hard", "(a hard link)")] {
            let link = host.text(&format!("conf/{name}.conf"));
            let read = after_libraries(host, SWAP_FILE, &link, "pointed");
            assert_eq!(read.stdout, "unreadable@\n");
            read.refused(&[words]);
            let keeps = "save \"$here/site/before@0123456789abcdef\"";
            after_libraries(host, SWAP_FILE, &link, keeps).refused(&[words, "cannot be kept"]);
        }
        let said =
            after_libraries(host, SWAP_FILE, &host.text("conf/link.conf"), &format!("{text}; point \"$to\""));
        said.refused(&["is a link that nobody made"]);
        after_libraries(host, SWAP_FILE, &host.text("conf/link.conf"), "point ''").refused(&["link.conf"]);
        assert_eq!(host.names("site"), ["green"]);
        fs::remove_file(host.path("conf/hard.conf")).unwrap();
        host.secret_is_whole();
    });
}

/// nginx's folders may be symlinks, which a copy of them has, too.
#[test]
fn a_test_over_a_copy_writes_nothing_where_the_real_files_are() {
    everywhere(|host| {
        host.folder("nginx", 0, 0o755);
        host.folder("sites", 0, 0o755);
        host.file("sites/app.conf", 0, 0o644, "live\n");
        host.file("sites/other.conf", 0, 0o644, "other\n");
        host.file(
            "nginx/nginx.conf",
            0,
            0o644,
            &format!("include {}/*;\n", host.text("nginx/sites-enabled")),
        );
        host.link("nginx/sites-enabled", 0, host.path("sites"));
        let (link, conf) = (host.text("nginx/sites-enabled/app.conf"), host.text("nginx/nginx.conf"));
        let test = "cat $(sed -n 's/include \\(.*\\);/\\1/p' %s)";
        let said = host.run(0, TEST_COPY, &[&link, "5", &conf, "nginx", test], "test\n");
        assert_eq!((said.status, said.stderr.as_str()), (Some(0), "test\nother\n"), "{said:?}");
        assert_eq!((host.read("sites/app.conf").as_str(), host.names("sites").len()), ("live\n", 2));
        assert!(host.path("nginx/sites-enabled").is_symlink());
    });
}

/// Another app's switch takes a link away while the folder is copied.
#[test]
fn a_test_over_a_copy_makes_it_again_where_a_file_went_away() {
    everywhere(|host| {
        host.folder("nginx", 0, 0o755);
        host.file("nginx/other.conf", 0, 0o644, "other\n");
        host.file("nginx/nginx.conf", 0, 0o644, "");
        let (link, conf) = (host.text("nginx/app.conf"), host.text("nginx/nginx.conf"));
        let seldom = format!(
            "cp() {{ command cp \"$@\"; echo >>'{0}'; [ \"$(wc -l <'{0}')\" -gt $failures ]; }}\n{TEST_COPY}",
            host.text("copied")
        );
        let test = "cat $(dirname %s)/*.conf";
        for (failures, status, read) in [("1", Some(0), "test\nother\n"), ("2", Some(1), "")] {
            let text = format!("failures={failures}\n{seldom}");
            let said = host.run(0, &text, &[&link, "5", &conf, "nginx", test], "test\n");
            assert_eq!((said.status, said.stderr.as_str()), (status, read), "{said:?}");
            fs::remove_file(host.path("copied")).unwrap();
        }
    });
}
