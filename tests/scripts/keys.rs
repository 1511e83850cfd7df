//! The app's key on a load balancer: the first one stays, nobody else sees it, and one that cannot be told is not none.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use bgctl::facts::{self, BadAnswer, Questions};
use bgctl::model::Key;
use bgctl::scripts::FACTS;

use crate::shells::{NOBODY, Said, Shell, give, needs_root, open_folder, set_mode, text};

/// What a run says to a load balancer.
fn tell(shell: &Shell, app: &Path, group: &str, lines: &str) -> Said {
    shell.tell_lock(None, "022", [text(app), "{}"], group, lines)
}

fn hex(byte: &str) -> String {
    byte.repeat(32)
}

/// The key that a load balancer answers with.
fn asked(shell: &Shell, app: &Path) -> Result<Option<Key>, BadAnswer> {
    let questions = Questions { records: Some(text(app).to_owned()), ..Questions::default() };
    let args = questions.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = shell.run(FACTS, &args).exits(0);
    assert_eq!(said.errors, "", "{shell}");
    facts::read(&said.out, &questions).map(|answered| answered.facts.records.key)
}

#[test]
fn the_first_key_stays_and_is_private() {
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        assert_eq!(asked(&shell, &app), Ok(None));
        let [first, second] = ["ab", "cd"].map(hex);
        let said = tell(&shell, &app, "", &format!("key {first}\nlast {{}}\n")).exits(0);
        assert_eq!(said.out, "locked \nkept\nkept\n", "{shell}");
        let file = app.join("key");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{shell}");
        assert_eq!(asked(&shell, &app), Ok(first.parse().ok()), "{shell}");
        // Said again it is kept, another one is refused, without a word of either.
        tell(&shell, &app, "", &format!("key {first}\n")).exits(0).says("kept\n").hides("failed");
        let other = tell(&shell, &app, "", &format!("key {second}\n")).exits(0);
        other.says("failed").says("/key cannot be read, or holds another key").hides("abab").hides("cdcd");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{first}\n"), "{shell}");
    }
}

#[test]
fn a_group_that_shares_the_state_shares_the_key() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        let root = fs::read_to_string("/etc/group").unwrap();
        let group = root.lines().find(|line| line.split(':').nth(2) == Some("0")).unwrap().split(':').next();
        tell(&shell, &app, group.unwrap(), &format!("key {}\n", hex("ab"))).exits(0).says("kept");
        assert_eq!(fs::metadata(app.join("key")).unwrap().mode() & 0o777, 0o660, "{shell}");
    }
}

/// With a key of its own making, a run would go on as if this app were another one.
#[test]
fn a_key_that_cannot_be_told_is_not_none() {
    needs_root();
    for shell in Shell::all() {
        let place = open_folder();
        let app = place.path().join("bgctl/shop");
        tell(&shell, &app, "", "last {}\n").exits(0);
        let (file, secret) = (app.join("key"), place.path().join("secret"));
        fs::write(&secret, hex("ab")).unwrap();
        set_mode(&secret, 0o600);
        let cases: [(&str, &dyn Fn()); 7] = [
            ("empty", &|| fs::write(&file, "").unwrap()),
            ("cut", &|| fs::write(&file, &hex("ab")[1..]).unwrap()),
            ("two", &|| fs::write(&file, format!("{0}\n{0}\n", hex("ab"))).unwrap()),
            ("other bytes", &|| fs::write(&file, [0xff, 0, 0x1b]).unwrap()),
            ("a link", &|| symlink(&secret, &file).unwrap()),
            ("a folder", &|| fs::create_dir(&file).unwrap()),
            ("another user's", &|| {
                fs::write(&file, hex("ab")).unwrap();
                give(&file, NOBODY);
            }),
        ];
        for (case, plant) in cases {
            let _ = fs::remove_file(&file);
            let _ = fs::remove_dir(&file);
            plant();
            let error = asked(&shell, &app).unwrap_err();
            assert_eq!(error, BadAnswer::Key, "{shell}: {case}");
            assert!(!error.to_string().contains("abab"), "{error}");
            let said = tell(&shell, &app, "", &format!("key {}\n", hex("ab"))).exits(0);
            said.says("failed").says("cannot be read").hides("abab");
        }
        assert_eq!(fs::read_to_string(&secret).unwrap(), hex("ab"), "{shell}");
    }
}
