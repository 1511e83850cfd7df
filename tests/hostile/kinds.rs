//! A playbook with a task of every kind that a plan can hold.

use crate::house::House;

/// Tasks of every kind that a plan can hold, some of them hidden.
const TASKS: &str = r#"      - name: Secret
        copy: { content: "{{ version }}", dest: /srv/secret, validate: "check %s", mode: "0600", owner: app }
        no_log: true
      - name: Prepare
        command: { argv: [prepare, "{{ version }}"], undo: [unprepare] }
        become: true
        no_log: true
      - name: Migrate
        command: { in: container, service: web, argv: [migrate, up], undo: [migrate, down] }
        run_once: true
"#;

/// What is asked once containers run.
const ASK: &str = r#"      - name: Ask
        health: { http: "http://127.0.0.1:{{ port }}/health", host: hunter2.example }
        no_log: true
"#;

/// A house with these tasks beside those that are shipped.
pub(crate) fn of_every_kind(load_balancers: usize) -> House {
    let (compose, answers) = ("      - name: Recreate", "      - name: Answers to");
    House::new(load_balancers)
        .playbook(compose, &format!("{TASKS}{compose}"))
        .playbook(answers, &format!("{ASK}{answers}"))
}
