use serde_json::json;

use super::*;

fn local() -> LocalDefaults {
    LocalDefaults {
        user: "me".to_owned(),
        home: Some(PathBuf::from("/home/me")),
        key_files: vec![PathBuf::from("/home/me/.ssh/id_ed25519")],
    }
}

fn resolve_with(vars: Value, flags: &ConnectionFlags) -> Result<Endpoint, Vec<String>> {
    let vars: Vars = serde_json::from_value(vars).unwrap();
    Endpoint::resolve(&"app1".parse().unwrap(), &vars, flags, &local())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn resolve(vars: Value) -> Result<Endpoint, Vec<String>> {
    resolve_with(vars, &ConnectionFlags::default())
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

#[test]
fn a_host_without_variables_gets_the_usual_way() {
    let endpoint = resolve(json!({})).unwrap();
    assert_eq!((endpoint.address.as_str(), endpoint.port, endpoint.user.as_str()), ("app1", 22, "me"));
    assert_eq!(endpoint.key_files, paths(&["/home/me/.ssh/id_ed25519"]));
    let known = ["/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"];
    assert_eq!(endpoint.known_hosts, paths(&known));
    assert_eq!((endpoint.timeout, endpoint.retries), (Duration::from_secs(10), 0));
    assert!(endpoint.host_key_checking && !endpoint.identities_only);
    assert_eq!(endpoint.escalate, None);
}

#[test]
fn numbers_and_flags_may_be_texts() {
    for (port, become_, checking) in
        [(json!(2222), json!(true), json!(false)), (json!("2222"), json!("yes"), json!("No"))]
    {
        let vars =
            json!({"ansible_port": port, "ansible_become": become_, "ansible_host_key_checking": checking});
        let endpoint = resolve(vars).unwrap();
        assert_eq!((endpoint.port, endpoint.host_key_checking), (2222, false));
        assert_eq!(endpoint.escalate, Some(Escalation { user: "root".to_owned(), password: None }));
    }
}

#[test]
fn the_old_spellings_mean_the_same() {
    let vars = json!({"ansible_ssh_host": "10.0.0.1", "ansible_ssh_port": 22, "ansible_ssh_user": "u",
        "ansible_timeout": "3", "ansible_ssh_retries": 2, "ansible_become_pass": "pw", "ansible_become": 1,
        "ansible_become_user": "www"});
    let endpoint = resolve(vars).unwrap();
    assert_eq!((endpoint.address.as_str(), endpoint.user.as_str()), ("10.0.0.1", "u"));
    assert_eq!((endpoint.timeout, endpoint.retries), (Duration::from_secs(3), 2));
    let escalate = endpoint.escalate.unwrap();
    assert_eq!((escalate.user.as_str(), escalate.password.unwrap().expose()), ("www", "pw"));
}

#[test]
fn options_of_ssh_are_read_and_variables_beat_them() {
    let args = "-o UserKnownHostsFile='~/kh \"/a b/kh\"' -o IdentitiesOnly=yes -i ~/k -oPort=23 -p 24 -l other \
                -o 'HostKeyAlias app' -o ConnectTimeout=7 -o StrictHostKeyChecking=yes -o ControlMaster=auto";
    let vars = json!({"ansible_ssh_common_args": args, "ansible_ssh_extra_args": "-o IdentityFile=/k2",
        "ansible_ssh_private_key_file": "~/mine", "ansible_user": "u"});
    let endpoint = resolve(vars).unwrap();
    assert_eq!(endpoint.known_hosts, paths(&["/home/me/kh", "/a b/kh"]));
    assert_eq!(endpoint.key_files, paths(&["/home/me/mine", "/home/me/k", "/k2"]));
    assert_eq!((endpoint.port, endpoint.user.as_str()), (23, "u"));
    assert_eq!(endpoint.host_key_alias.as_deref(), Some("app"));
    assert_eq!(endpoint.timeout, Duration::from_secs(7));
    assert!(endpoint.identities_only);
}

#[test]
fn flags_fill_in_what_a_host_does_not_say() {
    let flags = ConnectionFlags {
        user: Some("cli".to_owned()),
        private_key: Some(PathBuf::from("/cli/key")),
        timeout: Some(Duration::from_secs(4)),
        escalate: true,
        become_user: Some("app".to_owned()),
        become_password: Some(Secret::new("pw")),
    };
    let endpoint = resolve_with(json!({}), &flags).unwrap();
    assert_eq!((endpoint.user.as_str(), endpoint.timeout), ("cli", Duration::from_secs(4)));
    assert_eq!(endpoint.key_files, paths(&["/cli/key"]));
    assert_eq!(endpoint.escalate.unwrap().user, "app");
    let vars = json!({"ansible_user": "u", "ansible_ssh_private_key_file": "/k", "ansible_become": false});
    let endpoint = resolve_with(vars, &flags).unwrap();
    assert_eq!((endpoint.user.as_str(), endpoint.escalate), ("u", None));
    assert_eq!(endpoint.key_files, paths(&["/k"]));
}

#[test]
fn everything_wrong_is_said_at_once_and_by_name() {
    let problems = resolve(json!({"ansible_port": "ssh", "ansible_become": "perhaps", "ansible_host": "",
        "ansible_become_method": "su", "ansible_ssh_timeout": 0, "ansible_user": ["a"]}));
    let problems = problems.unwrap_err();
    for variable in ["port", "become", "host", "become_method", "ssh_timeout", "user"] {
        let name = format!("ansible_{variable}: ");
        assert!(problems.iter().any(|problem| problem.starts_with(&name)), "{variable}: {problems:#?}");
    }
}

#[test]
fn what_is_not_available_is_refused_by_name() {
    let table = [
        (json!({"ansible_connection": "local"}), "local is not available"),
        (json!({"ansible_password": "pw"}), "key or the agent"),
        (json!({"ansible_ssh_common_args": "-J bastion"}), "-J"),
        (json!({"ansible_ssh_common_args": "-o ProxyJump=bastion"}), "ProxyJump"),
        (json!({"ansible_ssh_common_args": "-o ProxyCommand=nc"}), "ProxyCommand"),
        (json!({"ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}), "ansible_host_key_checking"),
        (json!({"ansible_ssh_common_args": "-o StrictHostKeyChecking=accept-new"}), "ssh-keyscan"),
        (json!({"ansible_ssh_common_args": "-L 1:2:3"}), "-L"),
        (json!({"ansible_ssh_common_args": "-i 'open"}), "quote"),
        (json!({"ansible_ssh_common_args": "-p 0"}), "no port"),
        (json!({"ansible_port": 0}), "1 to 65535"),
    ];
    for (vars, words) in table {
        let problems = resolve(vars.clone()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(words), "{vars}: {problems:?}");
    }
}
