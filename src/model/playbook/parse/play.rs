//! Plays and tasks.

use super::module::MODULES;
use super::value::one_or_many;
use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{EscalationWords, Play, Task};
use crate::model::source::{Node, Problem};

const PLAY: [&str; 9] =
    ["name", "hosts", "serial", "max_fail_percentage", "become", "become_user", "vars", "when", "tasks"];
const KEYWORDS: [&str; 10] = [
    "name",
    "when",
    "timeout",
    "become",
    "become_user",
    "environment",
    "no_log",
    "ignore_errors",
    "run_once",
    "tags",
];

impl Reader<'_> {
    pub(super) fn plays(&self, node: &Node) -> Option<Vec<Play>> {
        let Some(items) = node.as_seq().filter(|items| !items.is_empty()) else {
            self.refuse_at(
                &node.location,
                format!("here is a list of plays expected, and this is {}", node.kind()),
                "begin each play with `- hosts: …` and give it `tasks:`",
            );
            return None;
        };
        let plays: Vec<_> = items.iter().map(|item| self.play(item)).collect();
        plays.into_iter().collect()
    }

    fn play(&self, node: &Node) -> Option<Play> {
        let fields = Fields::open(self, node, "a play", &PLAY, &["tags", "environment"])?;
        let hosts = fields.need("hosts").and_then(|node| Some((node, self.pattern(node)?)));
        let name = fields.get("name").map(|node| self.literal(node, "name"));
        let serial = fields.get("serial").map_or(Some(Vec::new()), |node| self.serial(node));
        let fail = fields
            .get("max_fail_percentage")
            .map_or(Some(0.0), |node| self.percentage(node, "max_fail_percentage"));
        let escalation = fields.escalation();
        let vars = fields.vars("vars");
        let when = fields.conditions();
        let tasks = fields.need("tasks").and_then(|node| self.tasks(node));
        let (written, hosts) = hosts?;
        let name = name.unwrap_or(Some(written.raw().unwrap_or("hosts")))?.to_owned();
        Some(Play {
            name,
            hosts,
            hosts_at: written.location.clone(),
            serial: serial?,
            max_fail_percentage: fail?,
            escalation: escalation?,
            vars: vars?,
            when: when?,
            tasks: tasks?,
        })
    }

    fn tasks(&self, node: &Node) -> Option<Vec<Task>> {
        let Some(items) = node.as_seq() else {
            let message = format!("`tasks` is a list, and this is {}", node.kind());
            self.refuse_at(&node.location, message, "begin each task with `- `");
            return None;
        };
        let tasks: Vec<_> = items.iter().map(|item| self.task(item)).collect();
        tasks.into_iter().collect()
    }

    fn task(&self, node: &Node) -> Option<Task> {
        let known: Vec<&str> = KEYWORDS.iter().chain(&MODULES).copied().collect();
        let fields = Fields::open(self, node, "a task", &known, &[])?;
        let module = match fields.one_of("a task", &MODULES) {
            Ok((name, node)) => self.module(name, node).map(|module| (name, module)),
            // A misspelt or foreign module has been refused by its name already.
            Err(_) if fields.keys.iter().any(|(key, _)| !known.contains(&key.raw().unwrap_or_default())) => {
                None
            }
            Err(problem) => self.keep(Err(problem)),
        };
        let name = fields.text("name");
        let when = fields.conditions();
        let timeout = fields.duration("timeout");
        let escalation = fields.escalation();
        let environment = fields.environment();
        let no_log = fields.flag("no_log");
        let ignore_errors = fields.flag("ignore_errors");
        let run_once = fields.flag("run_once");
        let tags = fields.tags();
        let (word, module) = module?;
        let unnamed = || Text::parse(word.to_owned(), node.location.clone()).ok();
        Some(Task {
            name: name?.or_else(unnamed)?,
            module,
            when: when?,
            timeout: timeout?,
            escalation: escalation?,
            environment: environment?,
            no_log: no_log?.unwrap_or(false),
            ignore_errors: ignore_errors?.unwrap_or(false),
            run_once: run_once?.unwrap_or(false),
            tags: tags?,
        })
    }
}

impl Fields<'_, '_, '_> {
    pub(super) fn escalation(&self) -> Option<EscalationWords> {
        let (escalate, user) = (self.flag("become"), self.text("become_user"));
        Some(EscalationWords { escalate: escalate?, user: user? })
    }

    fn environment(&self) -> Option<Vec<(String, Text)>> {
        self.variables("environment")
    }

    /// Variables of an environment, in order.
    pub(super) fn variables(&self, key: &str) -> Option<Vec<(String, Text)>> {
        let pairs = self.pairs(key)?;
        let entries = self.get(key).and_then(Node::as_map).unwrap_or_default();
        for (key, _) in entries {
            let name = key.raw().unwrap_or_default();
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
                let problem =
                    Problem::at(&key.location, format!("{name:?} is no environment variable's name"));
                self.reader.refuse(problem.help("use letters, digits and `_`, not a digit first"));
            }
        }
        Some(pairs)
    }

    /// `tags:`: words with commas, or a list.
    fn tags(&self) -> Option<Vec<String>> {
        let Some(node) = self.get("tags") else { return Some(Vec::new()) };
        let words: Vec<_> = one_or_many(node).iter().map(|node| self.reader.literal(node, "tags")).collect();
        let words = words.into_iter().collect::<Option<Vec<_>>>()?;
        let split = words.iter().flat_map(|words| words.split(',')).map(str::trim);
        Some(split.filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
    }
}
