use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::model::Context;
use crate::model::playbook::*;
use crate::model::source::Source;

mod drivers;
mod gateways;

const EXAMPLE: &str = r#"
name: my-server
colors:
  blue:  { port: 18080 }
  green: { port: 18081 }
vars:
  image: "registry.example.com/my-server:{{ version }}"

stage:
  - name: Recreate the idle color
    hosts: app_servers
    serial: 100%
    max_fail_percentage: 0
    tasks:
      - name: Compose file
        template: { src: compose.yml.hbs, dest: "/srv/{{ app }}/{{ color }}/compose.yml", mode: "0640" }
      - name: Recreate {{ color }}
        compose: { dir: "/srv/{{ app }}/{{ color }}", pull: always }
      - name: Answers for itself
        health: { http: "http://127.0.0.1:{{ port }}/health", retries: 30, delay: 1s }

switch:
  hosts: load_balancers
  nginx:
    template: site.conf.hbs
    dest: "/etc/nginx/sites-available/{{ app }}-{{ color }}.conf"
    link: "/etc/nginx/sites-enabled/{{ app }}.conf"
  verify: { http: "http://127.0.0.1/", headers: { X-Color: "{{ color }}" } }

settle:
  - hosts: app_servers
    tasks:
      - retire: { old: keep }
"#;

struct Shelf;

impl Files for Shelf {
    fn template(&self, name: &str) -> Result<Arc<Source>, String> {
        match name {
            "compose.yml.hbs" | "site.conf.hbs" => Ok(Source::new(name, "# {{ app }} {{ color }}\n")),
            "preview.conf.hbs" => Ok(Source::new(name, "{{#if preview}}{{json preview}}{{/if}}\n")),
            "broken.hbs" => Ok(Source::new(name, "a\n{{jion x}}\n")),
            _ => Err(format!("looked in playbooks/{name} and templates/{name}")),
        }
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, String> {
        match name {
            "data.bin" => Ok(vec![0, 255]),
            "ca.pem" => {
                Ok(b"# ours\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_vec())
            }
            _ => Err(format!("looked in playbooks/{name}")),
        }
    }
}

fn read(text: &str) -> Result<Playbook, Problems> {
    Playbook::parse(&Source::new("play.yml", text), &Shelf)
}

fn refused(text: &str) -> String {
    read(text).expect_err("it should be refused").to_string()
}

/// The example with other tasks in its first play.
fn with_tasks(tasks: &str) -> String {
    let start = EXAMPLE.find("      - name: Compose file").unwrap();
    let end = EXAMPLE.find("\nswitch:").unwrap();
    format!("{}{tasks}\n{}", &EXAMPLE[..start], &EXAMPLE[end..])
}

fn task(task: &str) -> Task {
    let text = with_tasks(&format!("      - {task}"));
    read(&text).unwrap_or_else(|problems| panic!("{problems}")).stage.remove(0).tasks.remove(0)
}

fn messages(text: &str) -> Vec<String> {
    read(text).expect_err(text).0.iter().map(|problem| problem.message().to_owned()).collect()
}

fn task_refused(task: &str) -> Vec<String> {
    messages(&with_tasks(&format!("      - {task}")))
}

#[test]
fn the_contract_s_example_is_read() {
    let playbook = read(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(playbook.name.as_str(), "my-server");
    assert_eq!(playbook.first_color(), Color::Blue);
    assert_eq!(playbook.color_vars(Color::Green)["port"], 18081);
    assert_eq!(playbook.vars["image"], "registry.example.com/my-server:{{ version }}");

    let play = &playbook.stage[0];
    assert_eq!(
        (play.name.as_str(), play.serial.as_slice()),
        ("Recreate the idle color", &[Batch::Percent(100.0)][..])
    );
    assert_eq!(play.hosts.to_string(), "app_servers");
    let Module::Template { place, .. } = &play.tasks[0].module else { panic!("{:?}", play.tasks[0]) };
    assert_eq!(place.mode.as_deref(), Some("0640"));
    let Module::Compose(compose) = &play.tasks[1].module else { panic!() };
    assert_eq!((compose.pull, compose.recreate, compose.build), (Pull::Always, Recreate::Always, false));
    let Module::Health(health) = &play.tasks[2].module else { panic!() };
    assert_eq!((health.retries, health.successes), (30, 1));
    assert_eq!((health.delay, health.timeout), (Duration::from_secs(1), Duration::from_secs(5)));

    let verify = &playbook.switch.verify;
    assert_eq!((verify.retries, verify.successes, verify.delay), (30, 5, Duration::from_millis(200)));
    assert_eq!(playbook.switch.drain_timeout, Duration::from_mins(1));
    assert_eq!(playbook.switch.confirm_timeout, Duration::from_secs(30));
    let retire = &playbook.settle[0].tasks[0];
    assert_eq!((playbook.settle[0].name.as_str(), retire.name.raw()), ("app_servers", "retire"));
    assert!(matches!(&retire.module, Module::Retire(Retire { old: Old::Keep, after: None })));
}

#[test]
fn green_may_stand_first() {
    let text = EXAMPLE.replace("  blue:  { port: 18080 }\n", "").replace("18081 }\n", "18081 }\n  blue:\n");
    assert_eq!(read(&text).unwrap().first_color(), Color::Green);
}

#[test]
fn the_old_color_has_four_ends() {
    for (word, old) in
        [("keep", Old::Keep), ("stop", Old::Stop), ("remove", Old::Remove), ("refresh", Old::Refresh)]
    {
        let Module::Retire(retire) = task(&format!("retire: {{ old: {word}, after: 10m }}")).module else {
            panic!()
        };
        assert_eq!((retire.old, retire.after), (old, Some(Duration::from_mins(10))));
    }
    assert_eq!(task_refused("retire: { old: forget }").len(), 1);
}

#[test]
fn health_is_asked_by_the_host_or_by_the_load_balancers() {
    let from = |text: &str| {
        let Module::Health(health) = task(text).module else { panic!() };
        health.from
    };
    assert_eq!(from("health: { tcp: 'x:1' }"), Asker::Itself);
    for check in ["tcp: 'x:1'", "http: 'http://x'"] {
        assert_eq!(from(&format!("health: {{ {check}, from: load_balancers }}")), Asker::LoadBalancers);
    }
    for (check, name) in [("command: [x]", "command"), ("container: true", "container")] {
        assert_eq!(
            task_refused(&format!("health: {{ {check}, from: load_balancers }}")),
            [format!("`{name}` is asked on the host itself, not from load balancers")]
        );
    }
    assert_eq!(task_refused("health: { tcp: 'x:1', from: app_servers }").len(), 1);
    let verify = EXAMPLE.replace("verify: {", "verify: { from: load_balancers,");
    assert_eq!(messages(&verify), ["`verify` is always asked on the load balancers"]);
}

#[test]
fn every_module_has_its_forms() {
    let Module::Command(command) = task("command: echo {{ app }} | tee x").module else { panic!() };
    assert!(matches!(command.run, Words::Shell(text) if text.raw() == "echo {{ app }} | tee x"));
    let Module::Command(command) = task("command: [echo, '$(touch owned)', 5]").module else { panic!() };
    let Words::Argv(words) = command.run else { panic!() };
    assert_eq!(words.iter().map(Text::raw).collect::<Vec<_>>(), ["echo", "$(touch owned)", "5"]);
    let text = "command: { argv: [a], chdir: /srv, creates: /x, stdin: \"l1\\nl2\", undo: rm x }";
    let Module::Command(command) = task(text).module else { panic!() };
    assert!(matches!(command.undo, Some(Words::Shell(_))));
    assert_eq!(command.stdin.unwrap().raw(), "l1\nl2");
    let Module::Command(command) = task("command: { shell: 'a && b', undo: [rm, x] }").module else {
        panic!()
    };
    assert!(matches!((command.run, command.undo), (Words::Shell(_), Some(Words::Argv(_)))));

    let Module::Copy { content, place } =
        task("copy: { src: data.bin, dest: /x, mode: 0755, owner: 1000 }").module
    else {
        panic!()
    };
    assert!(matches!(content, Content::File(bytes) if *bytes == [0, 255]));
    assert_eq!((place.mode.as_deref(), place.owner.unwrap().raw()), (Some("0755"), "1000"));
    let Module::Copy { content, .. } = task("copy: { content: 'ü \"x\" $(touch owned)', dest: /x }").module
    else {
        panic!()
    };
    assert!(
        matches!(content, Content::Inline(text) if text.render(&Context::default()).unwrap() == "ü \"x\" $(touch owned)")
    );

    for (text, expected) in [
        ("health: { tcp: '127.0.0.1:{{ port }}' }", "Tcp"),
        ("health: { command: [a, b] }", "Command(Argv"),
        ("health: { command: a b }", "Command(Shell"),
        ("health: { container: true }", "Container([])"),
        ("health: { container: web }", "Container([Text"),
        ("health: { container: [web, db] }", "Container([Text"),
        ("health: { http: 'http://x/', status: 204, body: ok, host: h }", "status: [204]"),
        ("health: { http: 'http://x/', status: [200, 302] }", "status: [200, 302]"),
    ] {
        let Module::Health(health) = task(text).module else { panic!() };
        assert!(format!("{:?}", health.check).contains(expected), "{text}: {:?}", health.check);
    }
    let Module::Retire(retire) = task("retire: { old: stop, after: 10m }").module else { panic!() };
    assert_eq!((retire.old, retire.after), (Old::Stop, Some(Duration::from_mins(10))));
}

#[test]
fn every_keyword_is_read() {
    let task = task(
        "{ name: x, command: y, when: [on, '(eq color \"blue\")'], timeout: 90, become: yes, become_user: app, \
         environment: { A: 1, B: '{{ app }}' }, no_log: true, ignore_errors: true, run_once: true, tags: 'a, b' }",
    );
    assert_eq!((task.when.len(), task.timeout), (2, Some(Duration::from_secs(90))));
    assert_eq!(task.when[0].raw(), "true");
    assert_eq!((task.escalation.escalate, task.escalation.user.unwrap().raw()), (Some(true), "app"));
    assert_eq!(
        task.environment.iter().map(|(n, t)| (n.as_str(), t.raw())).collect::<Vec<_>>(),
        [("A", "1"), ("B", "{{ app }}")]
    );
    assert!(task.no_log && task.ignore_errors && task.run_once);
    assert_eq!(task.tags, ["a", "b"]);

    let text = EXAMPLE
        .replace("serial: 100%", "serial: [1, '30%']\n    become: true\n    vars: { a: 1 }\n    when: on");
    let play = read(&text).unwrap().stage.remove(0);
    assert_eq!(play.serial, [Batch::Hosts(1), Batch::Percent(30.0)]);
    assert_eq!((play.when.len(), play.escalation.escalate), (1, Some(true)));
}

#[test]
fn all_problems_of_a_file_are_shown_at_once() {
    let text = r#"
name: My Server
colors: { blue: {}, gren: {} }
vars: { v: "{{ x | upper }}" }
stage:
  - hosts: app_servers
    serial: 0
    tasks:
      - name: A
        template: { src: nope.hbs, dest: relative, mode: "9999" }
      - template: { src: broken.hbs, dest: /x }
      - helth: { http: x }
      - command: x
        copy: { dest: /x }
        when: color == "blue"
swich: {}
"#;
    assert_snapshot!(refused(text), @r#"
    error: `switch` is missing here
     --> play.yml:2:1
      |
    2 | name: My Server
      | ^^^^^^^^^^^^^^^

    error: "My Server" is no app name: only lower-case letters, digits, - and _ are allowed
     --> play.yml:2:7
      |
    2 | name: My Server
      |       ^^^^^^^^^

    error: unknown color `gren`
     --> play.yml:3:21
      |
    3 | colors: { blue: {}, gren: {} }
      |                     ^^^^
      |
      = help: did you mean `green`?

    error: the Jinja2 filter `upper` is not understood
     --> play.yml:4:13
      |
    4 | vars: { v: "{{ x | upper }}" }
      |             ^^^^^^^^^^^^^^^
      |
      = help: write the finished value into a variable of the inventory or the playbook

    error: `serial` is a number of hosts or a share of them
     --> play.yml:7:13
      |
    7 |     serial: 0
      |             ^
      |
      = help: write 2, "30%" or a list such as [1, "30%", "100%"]

    error: there is no template `nope.hbs`
      --> play.yml:10:26
       |
    10 |         template: { src: nope.hbs, dest: relative, mode: "9999" }
       |                          ^^^^^^^^
       |
       = help: looked in playbooks/nope.hbs and templates/nope.hbs

    error: `dest` is an absolute path on the host
      --> play.yml:10:42
       |
    10 |         template: { src: nope.hbs, dest: relative, mode: "9999" }
       |                                          ^^^^^^^^
       |
       = help: begin it with `/`

    error: `mode` is three or four octal digits
      --> play.yml:10:58
       |
    10 |         template: { src: nope.hbs, dest: relative, mode: "9999" }
       |                                                          ^^^^^^
       |
       = help: write "0644"

    error: unknown helper `jion`; did you mean `join`?
     --> broken.hbs:2:1
      |
    2 | {{jion x}}
      | ^^^^^^^^^^

    error: unknown key `helth`; did you mean `health`?
      --> play.yml:12:9
       |
    12 |       - helth: { http: x }
       |         ^^^^^

    error: a task has one of `copy` and `command`, not both
      --> play.yml:13:9
       |
    13 |       - command: x
       |         ^^^^^^^
       |
       = help: remove one of the two

    error: the Jinja2 condition `color == "blue"` is not understood
      --> play.yml:15:15
       |
    15 |         when: color == "blue"
       |               ^^^^^^^^^^^^^^^
       |
       = help: write (eq color "blue")

    error: unknown key `swich`; did you mean `switch`?
      --> play.yml:16:1
       |
    16 | swich: {}
       | ^^^^^
    "#);
}

#[test]
fn what_is_missing_is_said() {
    assert_eq!(
        messages("name: x\n"),
        ["`colors` is missing here", "`stage` is missing here", "`switch` is missing here"]
    );
    assert_eq!(messages(""), ["a playbook is a mapping of keys, and this is nothing"]);
    assert!(messages("- hosts: all\n")[0].contains("as Ansible has it"));
    assert_eq!(
        task_refused("name: nothing"),
        [
            "a task is missing one of: template, copy, command, registry_login, image, compose, health, pause, retire"
        ]
    );
    assert_eq!(messages(&EXAMPLE.replace("  verify:", "  #")), ["`verify` is missing here"]);
    assert_eq!(
        messages(&EXAMPLE.replace("  green: { port: 18081 }\n", "")),
        ["`colors` has blue and green, each once"]
    );
}

#[test]
fn a_command_runs_on_the_host_or_in_a_container_of_a_service() {
    let text =
        "command: { in: container, service: \"{{ app }}\", argv: [./migrate, up], undo: ./migrate down }";
    let Module::Command(command) = task(text).module else { panic!() };
    assert_eq!(command.service.as_ref().map(Text::raw), Some("{{ app }}"));
    assert!(matches!((&command.run, &command.undo), (Words::Argv(_), Some(Words::Shell(_)))));
    let Module::Command(command) = task("command: { argv: [x] }").module else { panic!() };
    assert!(command.service.is_none());

    for (wrong, why) in [
        ("command: { in: container, argv: [x] }", "`service` is missing here"),
        ("command: { in: kontainer, service: web, argv: [x] }", "`in` is one of: container"),
        ("command: { service: web, argv: [x] }", "`service` is for a command in a container"),
        (
            "command: { in: container, service: web, argv: [x], creates: /srv/x }",
            "`creates` looks on the host, and this command runs in a container",
        ),
        ("command: { in: container, service: web }", "`command` is missing one of: argv, shell"),
        (
            "command: { in: container, service: web, argv: [] }",
            "`argv` is a list: the program, then its arguments",
        ),
        ("command: { in: container, services: web, argv: [x] }", "`service` is missing here"),
    ] {
        assert_eq!(task_refused(wrong).first().map(String::as_str), Some(why), "{wrong}");
    }
}

#[test]
fn a_pause_is_for_a_time() {
    let Module::Pause(pause) = task("pause: { for: 1m30s }").module else { panic!() };
    assert_eq!(pause, Duration::from_secs(90));
    assert_eq!(task_refused("pause: {}"), ["`for` is missing here"]);
    assert_eq!(task_refused("pause: { for: a while }"), ["`for` is a duration"]);
}

#[test]
fn an_image_comes_by_exactly_one_way_with_what_belongs_to_it() {
    for (image, problem) in [
        ("{ name: x }", "`image` is missing one of: pull, load, build"),
        ("{ pull: x, load: y }", "`image` has one of `pull` and `load`, not both"),
        ("{ pull: x, name: y }", "`name` makes no sense with `pull`"),
        ("{ load: x.tar, name: y, args: { A: b } }", "`args` makes no sense with `load`"),
        ("{ load: x.tar }", "`name` is missing here"),
        ("{ build: src, name: y }", "`build` is an absolute path on the host"),
        ("{ build: /src, name: y, args: { 'A-B': c } }", "\"A-B\" is no environment variable's name"),
        ("{ pul: x }", "`image` is missing one of: pull, load, build"),
    ] {
        let found = task_refused(&format!("image: {image}"));
        assert!(found.iter().any(|message| message == problem), "{image}: {found:?}");
    }
    let built = task("image: { build: /src, name: y, dockerfile: D, args: { A: b } }");
    let Module::Image(ImageTask::Build { args, .. }) = built.module else { panic!() };
    assert_eq!((args[0].0.as_str(), args[0].1.raw()), ("A", "b"));
    assert!(matches!(task("image: { pull: x }").module, Module::Image(ImageTask::Pull(_))));
}

#[test]
fn a_login_names_its_user_and_password() {
    assert_eq!(task_refused("registry_login: { username: x }"), ["`password` is missing here"]);
    let login = task("registry_login: { username: x, password: y }");
    assert!(matches!(login.module, Module::RegistryLogin(LoginTask { registry: None, .. })));
}

#[test]
fn what_this_version_lacks_is_never_ignored() {
    let text = "pause: { for: 5s, until: promote }";
    assert_eq!(task_refused(text), ["`until` is not available in this version"]);
}

#[test]
fn ansible_s_words_say_what_to_do_instead() {
    for word in [
        "register",
        "notify",
        "loop",
        "with_items",
        "until",
        "delegate_to",
        "changed_when",
        "become_method",
        "shell",
        "ansible.builtin.service",
    ] {
        let problems = messages(&with_tasks(&format!("      - {{ command: x, {word}: y }}")));
        assert_eq!(problems, [format!("`{word}` is Ansible's, and not known here")]);
    }
    let text =
        EXAMPLE.replace("    serial: 100%", "    gather_facts: false\n    handlers: []\n    roles: [x]");
    assert_eq!(messages(&text).len(), 3);
    assert_snapshot!(refused(&with_tasks("      - command: x\n        register: out")), @r"
    error: `register` is Ansible's, and not known here
      --> play.yml:16:9
       |
    16 |         register: out
       |         ^^^^^^^^
       |
       = help: a plan says beforehand all that will happen, so no task sees another's result; use `health` to wait for something, `creates:` to skip
    ");
}

#[test]
fn values_are_checked_where_they_stand() {
    for (text, expected) in [
        ("template: { src: '{{ x }}', dest: /x }", "`src` cannot contain variables"),
        ("copy: { src: nope, dest: /x }", "there is no file `nope`"),
        ("copy: { src: data.bin, content: x, dest: /x }", "`copy` has one of `src` and `content`, not both"),
        ("copy: { content: x, dest: 'srv/{{ app }}' }", "`dest` is an absolute path on the host"),
        ("copy: { content: x, dest: /x, mode: 644 }", ""),
        ("copy: { content: x, dest: /x, mode: u=rw }", "`mode` is three or four octal digits"),
        ("copy: { content: x, dest: /x, validate: nginx -t }", "`validate` does not say where the file is"),
        ("copy: { content: [x], dest: /x }", "`content` is text, and this is a list"),
        ("compose: { dir: /x, pull: allways }", "`pull` is one of: always, missing, never"),
        ("compose: { dir: /x, build: maybe }", "`build` is true or false"),
        ("compose: x", "`compose` is a mapping of keys, and this is text"),
        ("health: {}", "`health` is missing one of: http, tcp, command, container"),
        ("health: { tcp: 'x:1', body: y }", "`body` belongs to `http`, and this check is `tcp`"),
        ("health: { tcp: 80 }", "`tcp` is a host and a port"),
        ("health: { http: 'ftp://x' }", "`http` is a URL"),
        ("health: { http: 'http://x', status: 99 }", "a status is a number from 100 to 599"),
        ("health: { http: 'http://x', successes: 0 }", "`successes` is a whole number from 1"),
        ("health: { http: 'http://x', delay: soon }", "`delay` is a duration"),
        ("health: { container: false }", "`container` is true, a service or a list of services"),
        ("command: { argv: x }", "`argv` is a list: the program, then its arguments"),
        ("command: []", "`argv` is a list: the program, then its arguments"),
        ("{ command: x, environment: { 'A B': 1 } }", "\"A B\" is no environment variable's name"),
        ("{ command: x, timeout: [1] }", "`timeout` is a duration"),
        ("{ command: x, become: perhaps }", "`become` is true or false"),
    ] {
        if expected.is_empty() {
            task(text);
        } else {
            assert_eq!(task_refused(text), [expected], "{text}");
        }
    }
}

#[test]
fn hosts_and_the_switch_are_checked() {
    assert_eq!(messages(&EXAMPLE.replace("hosts: app_servers", "hosts: '~web'")).len(), 2);
    assert_eq!(
        messages(&EXAMPLE.replace("{{ app }}-{{ color }}.conf", "{{ app }}.conf")),
        ["`dest` is one file for each color, and this is the same for both"]
    );
    assert_eq!(
        messages(&EXAMPLE.replace("enabled/{{ app }}", "enabled/{{ color }}")),
        ["`link` is one symlink for both colors, and this differs"]
    );
    assert_eq!(
        messages(&EXAMPLE.replace("headers: { X-Color: \"{{ color }}\" }", "body: ok")),
        ["`verify` has to see which color is served, and this check is the same for both"]
    );
    assert_eq!(
        messages(&EXAMPLE.replace("  verify:", "  confirm_timeout: 1s\n  verify:")),
        ["`confirm_timeout` is too short to swap, to verify and to confirm"]
    );
    let watch = |keys: &str| EXAMPLE.replace("  verify:", &format!("  watch: {keys}\n  verify:"));
    let read_watch = read(&watch("{ for: 45s }")).unwrap().switch.watch.unwrap();
    assert_eq!((read_watch.window.as_secs(), read_watch.max_error_percentage), (45, 1.0));
    for (keys, problem) in [
        ("{ max_error_percentage: 1 }", "`for` is missing here"),
        ("{ for: 1s, max_error_percentage: 101 }", "`max_error_percentage` is a percentage from 0 to 100"),
        ("{ for: 1s, log: access.log }", "`log` is an absolute path on the host"),
    ] {
        assert_eq!(messages(&watch(keys)), [problem]);
    }
}

proptest::proptest! {
    #[test]
    fn no_change_of_a_byte_makes_it_panic(at in 0_usize..1200, with in "[\\PC\n\t{}\\[\\]:\"'-]{0,3}") {
        let at = EXAMPLE.char_indices().map(|(at, _)| at).nth(at).unwrap_or(EXAMPLE.len());
        let (before, after) = EXAMPLE.split_at(at);
        let text = format!("{before}{with}{}", after.get(1..).unwrap_or_default());
        if let Err(problems) = read(&text) {
            proptest::prop_assert!(!problems.to_string().is_empty());
        }
    }
}
