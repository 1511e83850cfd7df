use super::*;

const FILE: &str = "kh";

fn known(content: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    known.add(FILE, content.as_bytes());
    known
}

fn host(address: &str, port: u16) -> LookupName {
    LookupName::new(address, port, None)
}

fn judge(content: &str, address: &str, port: u16, algorithm: &str, key: &[u8]) -> Result<(), KeyVerdict> {
    known(content).judge(&host(address, port), algorithm, key)
}

fn hashed(name: &str) -> String {
    let salt = b"0123456789abcdefghij";
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).unwrap();
    mac.update(name.as_bytes());
    format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(&mac.finalize().into_bytes()))
}

#[test]
fn an_entry_names_hosts_as_openssh_has_it() {
    let table = [
        ("app1", "app1", 22, true),
        ("app1", "APP1", 22, true),
        ("app1", "app1", 2222, false),
        ("[app1]:2222", "app1", 2222, true),
        ("[app1]:2222", "app1", 22, false),
        ("app1,10.0.0.1", "10.0.0.1", 22, true),
        ("app?", "app1", 22, true),
        ("app?", "app12", 22, false),
        ("*.example.com", "a.b.example.com", 22, true),
        ("*.example.com", "example.com", 22, false),
        ("*.example.com,!bad.example.com", "bad.example.com", 22, false),
        ("!bad.example.com,*.example.com", "good.example.com", 22, true),
        ("!app1", "app2", 22, false),
        ("[*]:2222", "app1", 2222, true),
        ("*", "app1", 22, true),
        ("::1", "::1", 22, true),
    ];
    for (names, address, port, expected) in table {
        let verdict = judge(&format!("{names} ssh-ed25519 AAAA"), address, port, "ssh-ed25519", &[0, 0, 0]);
        assert_eq!(verdict.is_ok(), expected, "{names} for {address} port {port}");
    }
}

#[test]
fn a_hashed_name_is_found_with_and_without_port() {
    let content = format!("{} ssh-ed25519 AAAA\n{} ssh-rsa AQID", hashed("app1"), hashed("[app2]:2222"));
    assert_eq!(judge(&content, "app1", 22, "ssh-ed25519", &[0, 0, 0]), Ok(()));
    assert_eq!(judge(&content, "app2", 2222, "ssh-rsa", &[1, 2, 3]), Ok(()));
    assert_eq!(judge(&content, "app2", 22, "ssh-rsa", &[1, 2, 3]), Err(KeyVerdict::Unknown));
}

#[test]
fn openssh_wrote_this_hash() {
    // ssh-keygen -H -f FILE, over an entry for `host.example`.
    let line = include_str!("known_hosts_hashed.txt");
    let name = host("host.example", 22);
    assert_eq!(known(line).algorithms(&name), ["ssh-ed25519"]);
}

#[test]
fn a_changed_key_is_told_from_an_unknown_algorithm() {
    let content = "# a comment\napp1 ssh-ed25519 AAAA\n";
    let changed = KeyVerdict::Changed { file: FILE.to_owned(), line: 2 };
    assert_eq!(judge(content, "app1", 22, "ssh-ed25519", &[9]), Err(changed));
    let other = KeyVerdict::OtherAlgorithm { known: "ssh-ed25519".to_owned() };
    assert_eq!(judge(content, "app1", 22, "ssh-rsa", &[9]), Err(other));
    assert_eq!(judge(content, "app2", 22, "ssh-rsa", &[9]), Err(KeyVerdict::Unknown));
}

#[test]
fn a_second_key_of_one_algorithm_is_no_change() {
    let content = "app1 ssh-ed25519 AAAA\napp1 ssh-ed25519 AQID\n";
    assert_eq!(judge(content, "app1", 22, "ssh-ed25519", &[1, 2, 3]), Ok(()));
}

#[test]
fn revocation_beats_everything_and_an_authority_is_no_key() {
    let content = "app1 ssh-ed25519 AAAA\n@revoked * ssh-ed25519 AAAA\n@cert-authority app1 ssh-rsa AQID";
    let revoked = KeyVerdict::Revoked { file: FILE.to_owned(), line: 2 };
    assert_eq!(judge(content, "app1", 22, "ssh-ed25519", &[0, 0, 0]), Err(revoked));
    let other = KeyVerdict::OtherAlgorithm { known: "ssh-ed25519".to_owned() };
    assert_eq!(judge(content, "app1", 22, "ssh-rsa", &[1, 2, 3]), Err(other));
    assert_eq!(known(content).authorities(&host("app1", 22)), [&[1, 2, 3]]);
}

#[test]
fn what_is_no_entry_is_skipped_and_files_add_up() {
    let mut both = KnownHosts::default();
    both.add("a", b"\xff\xfe ssh-rsa AAAA\nnonsense\n@later app1 ssh-rsa AAAA\napp1 ssh-rsa !!!\n");
    both.add("b", b"app1\tssh-rsa  AQID comment here\r\n");
    assert_eq!(both.judge(&host("app1", 22), "ssh-rsa", &[1, 2, 3]), Ok(()));
    let changed = KeyVerdict::Changed { file: "b".to_owned(), line: 1 };
    assert_eq!(both.judge(&host("app1", 22), "ssh-rsa", &[0, 0, 0]), Err(changed));
}

#[test]
fn an_alias_stands_for_address_and_port() {
    let name = LookupName::new("10.0.0.1", 2222, Some("App1"));
    assert_eq!(known("app1 ssh-rsa AQID").judge(&name, "ssh-rsa", &[1, 2, 3]), Ok(()));
}

/// What a file says of a key of `app1` whose base64 is `AQID`.
fn said(content: &[u8]) -> Result<(), KeyVerdict> {
    let mut known = KnownHosts::default();
    known.add(FILE, content);
    known.judge(&host("app1", 22), "ssh-ed25519", &[1, 2, 3])
}

#[test]
fn a_line_counts_whatever_else_it_holds() {
    // As `ssh` read them, one by one.
    let lines: [(&[u8], bool); 13] = [
        (b"app1 ssh-ed25519 AQID M\xfcller", true),
        (b"\xfcx,app1 ssh-ed25519 AQID", true),
        (b"app1 ssh-ed25519 AQID a\0b", true),
        (b"app1 ssh-ed25519 AQID\0", true),
        (b"app1 ssh-ed25519 AQID\r", true),
        (b"app1 ssh-ed25519 AQID\x0b x", true),
        (b" \t app1\t\tssh-ed25519 AQID", true),
        (b"\0app1 ssh-ed25519 AQID", false),
        (b"app1\x0cssh-ed25519\x0cAQID", false),
        (b"# x\rapp1 ssh-ed25519 AQID", false),
        (b"a, app1 ssh-ed25519 AQID", false),
        (b"app1 256 ssh-ed25519 AQID", false),
        (b"app1 ssh-ed25519", false),
    ];
    for (line, counts) in lines {
        let shown = String::from_utf8_lossy(line);
        assert_eq!(said(line).is_ok(), counts, "{shown:?}");
        if counts {
            let file = [b"app1 ssh-ed25519 AQID\n@revoked ", line].concat();
            let revoked = KeyVerdict::Revoked { file: FILE.to_owned(), line: 2 };
            assert_eq!(said(&file), Err(revoked), "@revoked {shown:?}");
        }
    }
}

#[test]
fn a_revoked_key_is_revoked_however_long_or_odd_its_line_is() {
    let long = "x".repeat(300_000);
    let lines = [
        format!("@revoked app1 ssh-ed25519 AQID {long}"),
        format!("@revoked {long},app1 ssh-ed25519 AQID"),
        format!("@revoked app1 {long} AQID"),
        "  @revoked\tapp1 ssh-ed25519 AQID".to_owned(),
        "@REVOKED app1 ssh-ed25519 AQID".to_owned(),
        "@revoked @cert-authority app1 ssh-ed25519 AQID".to_owned(),
        "@later @revoked app1 ssh-ed25519 AQID".to_owned(),
        "\u{feff}@revoked app1 ssh-ed25519 AQID".to_owned(),
    ];
    for line in lines {
        let verdict = said(format!("{line}\napp1 ssh-ed25519 AQID").as_bytes());
        let shown: String = line.chars().take(60).collect();
        assert_eq!(verdict, Err(KeyVerdict::Revoked { file: FILE.to_owned(), line: 1 }), "{shown}");
    }
}

#[test]
fn a_revoked_key_that_cannot_be_read_may_be_the_one_that_is_shown() {
    let known = "app1 ssh-ed25519 AQID\n";
    let unreadable = KeyVerdict::Unreadable { file: FILE.to_owned(), line: 2 };
    for rest in
        ["app1 ssh-ed25519 AQI!", "app1 ssh-ed25519", "app1", "app?", "a,app1 AQID", "app1 ssh-ed25519 ="]
    {
        assert_eq!(said(format!("{known}@revoked {rest}\n").as_bytes()), Err(unreadable.clone()), "{rest}");
    }
    // Of other hosts, or of nobody.
    for rest in ["app2 ssh-ed25519 AQI!", "!app1,* ssh-ed25519 AQI!", ""] {
        assert_eq!(said(format!("{known}@revoked {rest}\n").as_bytes()), Ok(()), "{rest}");
    }
    // The line that says it clearly is named.
    let both = format!("@revoked app1 ?\n@revoked app1 ssh-ed25519 AQID\n{known}");
    assert_eq!(said(both.as_bytes()), Err(KeyVerdict::Revoked { file: FILE.to_owned(), line: 2 }));
}

#[test]
fn a_file_that_cannot_be_read_may_revoke_what_another_knows() {
    let mut known = known("app1 ssh-ed25519 AQID");
    known.cannot_read("big", "it is larger than 16 MiB");
    let verdict = known.judge(&host("app1", 22), "ssh-ed25519", &[1, 2, 3]).unwrap_err();
    assert_eq!(verdict, KeyVerdict::Unread { file: "big".into(), why: "it is larger than 16 MiB".into() });
}
