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
