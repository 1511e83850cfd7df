//! A playbook's text to a playbook, or to everything that is wrong with it.

mod command;
mod driver;
mod fields;
mod foreign;
mod health;
mod image;
mod module;
mod play;
mod preview;
mod switch;
mod value;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Playbook;
use crate::model::source::{Keys, Location, Node, Problem, Problems, Scalars, Source, parse, suggestion};
use crate::model::{AppName, Color, Template, Text, Vars};
use fields::Fields;

/// Where a playbook's `src:` files come from. An error says where was looked.
pub trait Files {
    /// The text of a template.
    fn template(&self, name: &str) -> Result<Arc<Source>, String>;
    /// The bytes of a file to copy.
    fn file(&self, name: &str) -> Result<Vec<u8>, String>;
}

impl Playbook {
    /// The playbook with everything it names read and parsed, or every problem of all of it.
    pub fn parse(source: &Arc<Source>, files: &dyn Files) -> Result<Self, Problems> {
        let root = parse(source, Scalars::Yaml11)?;
        let reader = Reader { files, problems: RefCell::default() };
        let playbook = reader.playbook(&root);
        let problems = in_order(reader.problems.into_inner(), source);
        match playbook {
            Some(playbook) => problems.or(playbook),
            None => Err(problems),
        }
    }
}

/// Where each variable's value stands.
fn places(vars: &Node) -> BTreeMap<String, Location> {
    let Ok(keys) = Keys::of(vars, "variables") else { return BTreeMap::new() };
    keys.iter().map(|(key, value)| (key.key_text(), value.location.clone())).collect()
}

/// As they stand in the playbook; those of a template stay with the task that names it.
fn in_order(problems: Problems, source: &Arc<Source>) -> Problems {
    let mut last = 0;
    let mut placed: Vec<(usize, Problem)> = Vec::new();
    for problem in problems.0 {
        let location = problem.location().filter(|location| Arc::ptr_eq(&location.source, source));
        last = location.map_or(last, |location| location.span.start);
        placed.push((last, problem));
    }
    placed.sort_by_key(|(at, _)| *at);
    Problems(placed.into_iter().map(|(_, problem)| problem).collect())
}

const KEYS: [&str; 7] = ["name", "colors", "vars", "stage", "switch", "settle", "keep_releases"];
/// How many releases are kept where the file is silent.
const KEEP_RELEASES: u32 = 5;

/// Reads on after a problem, so that all of them are found. `None` means that a problem was remembered.
struct Reader<'f> {
    files: &'f dyn Files,
    problems: RefCell<Problems>,
}

impl Reader<'_> {
    fn refuse(&self, problem: Problem) {
        self.problems.borrow_mut().0.push(problem);
    }

    fn refuse_at(&self, location: &Location, message: impl Into<String>, help: impl Into<String>) {
        self.refuse(Problem::at(location, message).help(help));
    }

    fn keep<T>(&self, result: Result<T, Problem>) -> Option<T> {
        self.problems.borrow_mut().keep(result)
    }

    fn playbook(&self, root: &Node) -> Option<Playbook> {
        if root.as_seq().is_some() {
            self.refuse_at(
                &root.location,
                "a playbook is a mapping, and this is a list of plays as Ansible has it",
                "write `name:`, `colors:`, `stage:` (a list of plays), `switch:` and `settle:`",
            );
            return None;
        }
        let fields = Fields::open(self, root, "a playbook", &KEYS, &[])?;
        let name = fields.need("name").and_then(|node| self.app(node));
        let colors = fields.need("colors").and_then(|node| self.colors(node));
        let vars = fields.vars("vars");
        let var_places = fields.get("vars").map(places).unwrap_or_default();
        let stage = fields.need("stage").and_then(|node| self.plays(node));
        let switch = fields.need("switch").and_then(|node| self.switch(node));
        let settle = fields.get("settle").map_or(Some(Vec::new()), |node| self.plays(node));
        let keep_releases = fields.number("keep_releases", 0);
        Some(Playbook {
            name: name?,
            colors: colors?,
            vars: vars?,
            var_places,
            stage: stage?,
            switch: switch?,
            settle: settle?,
            keep_releases: keep_releases?.unwrap_or(KEEP_RELEASES),
        })
    }

    fn app(&self, node: &Node) -> Option<AppName> {
        let text = self.literal(node, "name")?;
        self.keep(text.parse::<AppName>().map_err(|bad| Problem::at(&node.location, bad.to_string())))
    }

    fn colors(&self, node: &Node) -> Option<[(Color, Vars); 2]> {
        let keys = self.keep(Keys::of(node, "`colors`"))?;
        let (mut colors, mut known) = (Vec::new(), true);
        for (key, value) in keys.iter() {
            let name = key.raw().unwrap_or_default();
            if let Ok(color) = name.parse::<Color>() {
                colors.push((color, self.vars(value)?));
                continue;
            }
            known = false;
            let help = suggestion(name, Color::BOTH.map(Color::as_str))
                .map_or("the colors are blue and green".to_owned(), |near| format!("did you mean `{near}`?"));
            self.refuse_at(&key.location, format!("unknown color `{name}`"), help);
        }
        let Ok(colors) = <[(Color, Vars); 2]>::try_from(colors) else {
            if !known {
                return None;
            }
            self.refuse_at(
                &node.location,
                "`colors` has blue and green, each once",
                "write `blue: { … }` and `green: { … }`; a first deploy takes the one that stands first",
            );
            return None;
        };
        Some(colors)
    }

    /// Variables. What is wrong with a value is said now, though it is filled in later.
    fn vars(&self, node: &Node) -> Option<Vars> {
        if node.is_null() {
            return Some(Vars::new());
        }
        let keys = self.keep(Keys::of(node, "variables"))?;
        let mut vars = Vars::new();
        for (key, value) in keys.iter() {
            let name = key.key_text();
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !plain || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
                self.refuse_at(
                    &key.location,
                    format!("`{name}` is no variable's name"),
                    "use letters, digits and `_`, not a digit first",
                );
            }
            self.check_texts(value);
            vars.insert(name, value.to_json());
        }
        Some(vars)
    }

    fn check_texts(&self, node: &Node) {
        if let Some(text) = node.as_str() {
            self.keep(Text::parse(text.to_owned(), node.location.clone()));
        }
        for item in node.as_seq().unwrap_or_default() {
            self.check_texts(item);
        }
        for (_, value) in node.as_map().unwrap_or_default() {
            self.check_texts(value);
        }
    }

    /// The template that a `src:` names, parsed.
    fn template(&self, node: &Node, key: &str) -> Option<Arc<Template>> {
        let name = self.literal(node, key)?;
        let source = self.keep(self.files.template(name).map_err(|looked| {
            Problem::at(&node.location, format!("there is no template `{name}`")).help(looked)
        }))?;
        self.keep(Template::parse(source)).map(Arc::new)
    }

    /// The file that a `src:` names.
    fn file(&self, node: &Node) -> Option<Arc<[u8]>> {
        let name = self.literal(node, "src")?;
        self.file_at(node, name)
    }

    /// A file that is named there.
    fn file_at(&self, node: &Node, name: &str) -> Option<Arc<[u8]>> {
        self.keep(
            self.files.file(name).map(Arc::from).map_err(|looked| {
                Problem::at(&node.location, format!("there is no file `{name}`")).help(looked)
            }),
        )
    }

    /// Text without variables: it is needed before there are any.
    fn literal<'n>(&self, node: &'n Node, key: &str) -> Option<&'n str> {
        let Some(text) = node.raw().filter(|_| !node.is_null()) else {
            self.refuse(Problem::at(&node.location, format!("`{key}` is text, and this is {}", node.kind())));
            return None;
        };
        if text.contains("{{") {
            self.refuse_at(&node.location, format!("`{key}` cannot contain variables"), "write it out");
            return None;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests;
