//! `command:`.

use super::fields::Maybe;
use super::{Fields, Reader};
use crate::model::Text;
use crate::model::playbook::{Command, Words};
use crate::model::source::{Node, Problem};

impl Reader<'_> {
    pub(super) fn command(&self, node: &Node) -> Option<Command> {
        if node.as_map().is_none() {
            let run = self.words(node, "command")?;
            return Some(Command { run, chdir: None, creates: None, stdin: None, undo: None, service: None });
        }
        let known = ["argv", "shell", "chdir", "creates", "stdin", "undo", "in", "service"];
        let fields = Fields::open(self, node, "`command`", &known, &[])?;
        let run =
            fields.need_one("`command`", &["argv", "shell"]).and_then(|(name, node)| self.form(name, node));
        let (chdir, creates) = (fields.path("chdir"), fields.path("creates"));
        let stdin = fields.text("stdin");
        let undo = fields.get("undo").map_or(Some(None), |node| self.words(node, "undo").map(Some));
        let service = self.place(&fields);
        Some(Command {
            run: run?,
            chdir: chdir?,
            creates: creates?,
            stdin: stdin?,
            undo: undo?,
            service: service?,
        })
    }

    /// Where it runs: in a one-off container of this service, else on the host.
    fn place(&self, fields: &Fields<'_, '_, '_>) -> Maybe<Text> {
        let Some(place) = fields.get("in") else {
            let Some(node) = fields.get("service") else { return Some(None) };
            self.refuse_at(
                &node.location,
                "`service` is for a command in a container",
                "add `in: container`, or remove it",
            );
            return None;
        };
        let place = self.word(place, "in", &[("container", ())]);
        if let Some(node) = fields.get("creates") {
            self.refuse_at(
                &node.location,
                "`creates` looks on the host, and this command runs in a container",
                "remove it, and have the command find out for itself what is done already",
            );
        }
        let service = fields.need("service").and_then(|node| self.text(node, "service"));
        place.and(service).map(Some)
    }

    /// Text for the shell, a list for no shell, or a mapping with `argv` or `shell`.
    pub(super) fn words(&self, node: &Node, key: &str) -> Option<Words> {
        if node.as_map().is_some() {
            let fields = Fields::open(self, node, &format!("`{key}`"), &["argv", "shell"], &[])?;
            let (name, node) = fields.need_one(&format!("`{key}`"), &["argv", "shell"])?;
            return self.form(name, node);
        }
        if node.as_seq().is_some() {
            return self.form("argv", node);
        }
        self.text(node, key).map(Words::Shell)
    }

    fn form(&self, name: &str, node: &Node) -> Option<Words> {
        if name == "shell" {
            return self.text(node, name).map(Words::Shell);
        }
        if node.as_seq().is_none_or(<[Node]>::is_empty) {
            self.refuse(Problem::at(&node.location, "`argv` is a list: the program, then its arguments"));
            return None;
        }
        self.texts(node, name).map(Words::Argv)
    }
}
