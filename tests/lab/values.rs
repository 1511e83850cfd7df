//! Values that a shell, YAML, a template or Compose could trip over, in every place where a user may write
//! one: they arrive as they are, and run nothing.

use serde_json::{Value, json};

use crate::harness::{Lab, Said, Served};

/// Everything at once; what runs of it leaves a file named `owned`.
const ODD: &str = "it's \"two  spaces\" \\ \\n $(touch owned) `touch owned`; touch owned & touch owned | touch owned \
                   {brace} }} $HOME ${HOME} %s %d%% #!*?[a] <>~ grüße 世界 🦀\n-n second line\n\n\ttab ";
/// The same on one line, for headers.
const ODD_LINE: &str =
    "it's \"two  spaces\" \\ `touch owned`; touch owned & {brace} } %s #!*?[a] <>~ grüße 世界 🦀 .";
/// The same as a file's or folder's name.
const ODD_NAME: &str =
    "-n it's \"a\" $(touch owned) `touch owned`; touch owned & {b} } %s \\ #*?[a]~ ü 世 🦀";

/// Each value says where it was written, so that none can stand in for another.
fn odd(place: &str) -> String {
    format!("{place}: {ODD}")
}

fn all_values() -> String {
    ["inventory", "group", "host", "extra", "book", "play", "blue"].map(odd).join("|")
}

fn tasks() -> Value {
    let write = |file: &str| format!("cat >\"$1/{file}\"");
    json!([
        { "name": odd("task {{ color }}"), "template": { "src": format!("{ODD_NAME}.hbs"), "dest": "{{ dir }}/template\nsecond line", "mode": "0600" } },
        { "copy": { "content": "{{ extra_value }}", "dest": "{{ dir }}/copied", "validate": "grep -q grüße %s" } },
        { "copy": { "src": ODD_NAME, "dest": "{{ dir }}/bytes" } },
        { "command": { "argv": ["sh", "-c", "printf %s \"$1\" >\"$2\"", "sh", "{{ host_value }}", "{{ dir }}/argv"] } },
        { "command": { "argv": ["sh", "-c", write("stdin"), "sh", "."], "stdin": "{{ book_value }}", "chdir": "{{ dir }}" } },
        { "command": { "argv": ["sh", "-c", "printf %s \"$ODD\" >\"$1\"", "sh", "{{ dir }}/environment"] }, "environment": { "ODD": "{{ color_value }}" } },
        { "command": { "argv": ["touch", "/srv/it-was-not-created"], "creates": "{{ there }}" } },
        { "command": { "shell": "printf %s {{ shq group_value }} >{{ shq dir }}/quoted" } },
        { "template": { "src": "compose.yml.hbs", "dest": "{{ dir }}/compose.yml" } },
        { "copy": { "content": "FROM_ENV_FILE=42\n", "dest": "{{ dir }}/{{ name_value }}.env" } },
        { "compose": { "dir": "{{ dir }}", "env_file": "{{ dir }}/{{ name_value }}.env" }, "environment": { "ODD": "{{ play_value }}" } },
        { "health": { "http": "http://127.0.0.1:{{ port }}/", "headers": { "X-Color": "{{ line_value }}" }, "body": "{{ line_value }}", "retries": 4, "delay": "300ms" } },
        { "health": { "command": ["test", "-e", "{{ dir }}/compose.yml"] } }
    ])
}

fn playbook() -> Value {
    json!({
        "name": "my-server",
        "colors": { "blue": { "port": 18080, "color_value": odd("blue") }, "green": { "port": 18081, "color_value": odd("green") } },
        "vars": { "book_value": odd("book"), "line_value": ODD_LINE, "name_value": ODD_NAME, "dir": "/srv/{{ name_value }}/{{ color }}", "there": format!("/opt/{ODD_NAME}") },
        "stage": [{ "name": odd("play"), "hosts": "app_servers", "vars": { "play_value": odd("play") }, "tasks": tasks() }],
        "switch": {
            "hosts": "load_balancers",
            "nginx": { "template": "site.conf.hbs", "dest": "/etc/nginx/sites-available/{{ name_value }} {{ color }}", "link": "/etc/nginx/sites-enabled/{{ name_value }}" },
            "verify": { "http": "http://127.0.0.1/", "headers": { "X-Color": "{{ color }}" } }
        }
    })
}

const COMPOSE: &str = r#"services:
  web:
    image: my-server:0.0.1
    ports: ["{{ port }}:8080"]
    environment:
      COLOR: {{ json line_value }}
      ODD: ${ODD}
      FROM_ENV_FILE: ${FROM_ENV_FILE}
"#;

/// The lab's inventory with odd values for all, for the app servers and for each of them.
fn write_inventory(lab: &Lab) {
    let quoted = |value: String| serde_json::to_string(&value).unwrap();
    let state_dir = quoted(format!("/var/lib/bgctl/{ODD_NAME}"));
    let all = format!(
        "  vars:\n    inventory_value: {}\n    bgctl_state_dir: {state_dir}\n",
        quoted(odd("inventory"))
    );
    lab.edit("inventory.yml", "  vars:\n", &all);
    let group = format!("    app_servers:\n      vars: {{ group_value: {} }}\n", quoted(odd("group")));
    lab.edit("inventory.yml", "    app_servers:\n", &group);
    for host in ["app1", "app2"] {
        let known = format!("bgctl_address: {host}");
        lab.edit("inventory.yml", &known, &format!("{known}, host_value: {}", quoted(odd("host"))));
    }
    let inventory = std::fs::read_to_string(lab.path("inventory.yml")).unwrap();
    lab.write(&format!("{ODD_NAME}/inventory.yml"), &inventory);
}

/// Writes the operator's files in a folder with an odd name, and deploys from there.
fn deploy(lab: &Lab) -> Said {
    write_inventory(lab);
    let names = ["inventory", "group", "host", "extra", "book", "play", "color"]
        .map(|name| format!("{{{{ {name}_value }}}}"));
    lab.write(&format!("{ODD_NAME}/books/playbook.yml"), &playbook().to_string());
    lab.write(&format!("{ODD_NAME}/templates/{ODD_NAME}.hbs"), &names.join("|"));
    lab.write(&format!("{ODD_NAME}/templates/compose.yml.hbs"), COMPOSE);
    let site = std::fs::read_to_string(lab.path("templates/site.conf.hbs")).unwrap();
    lab.write(&format!("{ODD_NAME}/templates/site.conf.hbs"), &site);
    std::fs::write(lab.path(&format!("{ODD_NAME}/books/{ODD_NAME}")), every_byte()).unwrap();

    let (inventory, book) =
        (format!("./{ODD_NAME}/inventory.yml"), format!("./{ODD_NAME}/books/playbook.yml"));
    let extra = json!({ "extra_value": odd("extra") }).to_string();
    lab.bgctl(&["apply", "-y", "-i", &inventory, "-e", &extra, "-D", &book])
}

fn every_byte() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(1000).collect()
}

#[test]
fn odd_values_arrive_as_they_are_and_run_nothing() {
    let lab = Lab::fresh();
    for host in lab.hosts() {
        lab.on(host, "find / -xdev -name owned -delete");
    }
    for host in ["app1", "app2"] {
        lab.on(host, &format!("touch -- {}", shlex::try_quote(&format!("/opt/{ODD_NAME}")).unwrap()));
    }
    deploy(&lab).exits(0).says("blue is live");

    let folder = format!("/srv/{ODD_NAME}/blue");
    for host in ["app1", "app2"] {
        let content = |file: &str| lab.content(host, &format!("{folder}/{file}"));
        assert_eq!(content("template\nsecond line"), all_values());
        assert_eq!(content("copied"), odd("extra"));
        assert_eq!(content("argv"), odd("host"));
        assert_eq!(content("stdin"), odd("book"));
        assert_eq!(content("environment"), odd("blue"));
        assert_eq!(content("quoted"), odd("group"));
        let bytes =
            lab.on(host, &format!("base64 -w0 {}", shlex::try_quote(&format!("{folder}/bytes")).unwrap()));
        assert_eq!(bytes, data_encoding::BASE64.encode(&every_byte()));
        assert_eq!(lab.on(host, "ls /srv"), format!("{ODD_NAME}\n"), "`creates` was not understood");
    }
    assert_eq!(lab.get("/env?name=ODD"), odd("play"));
    assert_eq!(lab.get("/env?name=FROM_ENV_FILE"), "42");
    assert_eq!(lab.served(), Served::new("0.0.1", ODD_LINE));
    let link = shlex::try_quote(&format!("/etc/nginx/sites-enabled/{ODD_NAME}")).unwrap().into_owned();
    let target = format!("/etc/nginx/sites-available/{ODD_NAME} blue\n");
    assert_eq!(lab.on("lb1", &format!("readlink {link}")), target);

    let said = lab.bgctl(&["exec", "app1", "--", "printf", "%s", ODD]).exits(0);
    assert!(said.stdout.contains("$(touch owned) `touch owned`; touch owned &"), "{}", said.stdout);
    refuse_traces(&lab);
}

/// Nothing named `owned` anywhere: not on a host, not where bgctl ran.
fn refuse_traces(lab: &Lab) {
    for host in lab.hosts() {
        assert_eq!(lab.on(host, "find / -xdev -name owned"), "", "{host}");
    }
    assert!(!std::path::Path::new("owned").exists());
    let mut folders = vec![lab.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            assert_ne!(entry.file_name(), "owned", "{}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
}
