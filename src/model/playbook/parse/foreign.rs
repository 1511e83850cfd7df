//! Ansible's words that are not bgctl's, and what to write instead.

/// What to do instead of a keyword or module of Ansible.
pub(super) fn instead(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    if name.starts_with("with_") {
        return Some(LOOP);
    }
    INSTEAD.iter().find(|(words, _)| words.contains(&name)).map(|(_, help)| *help)
}

const LOOP: &str = "write one task for each item, or {{#each list}} inside a template";

const INSTEAD: [(&[&str], &str); 15] = [
    (
        &["register"],
        "a plan says beforehand all that will happen, so no task sees another's result; use `health` to wait for something, `creates:` to skip",
    ),
    (&["notify", "listen", "handlers"], "write the step as a task of its own, after this one"),
    (&["loop", "loop_control"], LOOP),
    (&["until", "retries", "delay"], "use a `health` task, which has `retries`, `delay` and `timeout`"),
    (&["delegate_to", "delegate_facts", "local_action"], "write a play whose `hosts` are those hosts"),
    (
        &["block", "rescue", "always"],
        "write the tasks one after another: what was done is undone by itself when one fails",
    ),
    (&["changed_when", "failed_when"], "let the command's exit status say it: `command: \"… || true\"`"),
    (&["gather_facts", "gather_subset"], "remove it: facts are always gathered, in one round"),
    (
        &[
            "roles",
            "pre_tasks",
            "post_tasks",
            "import_tasks",
            "include_tasks",
            "import_role",
            "include_role",
            "import_playbook",
            "include_vars",
            "vars_files",
            "vars_prompt",
        ],
        "write its tasks and variables into this file or the inventory",
    ),
    (
        &["any_errors_fatal", "strategy", "force_handlers", "throttle"],
        "remove it: a failure stops and undoes the whole stage; see `serial` and `max_fail_percentage`",
    ),
    (&["async", "poll"], "remove it; `timeout:` is the task's deadline"),
    (&["become_method", "become_flags", "become_exe"], "remove it: sudo is what is used"),
    (
        &[
            "remote_user",
            "connection",
            "port",
            "check_mode",
            "diff",
            "module_defaults",
            "collections",
            "args",
        ],
        "remove it: connections belong into the inventory, `-C` and `-D` on the command line",
    ),
    (
        &["shell", "raw", "script", "cmd"],
        "write `command: \"…\"`, whose text is run by sh, or `command: [program, argument]`, which is not",
    ),
    (
        &[
            "service",
            "systemd",
            "file",
            "apt",
            "package",
            "debug",
            "set_fact",
            "wait_for",
            "uri",
            "assert",
            "stat",
            "lineinfile",
            "docker_compose",
            "docker_container",
        ],
        "bgctl's modules are: template, copy, command, registry_login, image, compose, health, pause, retire",
    ),
];
