//! YAML text to a tree.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::entries::{Entries, Size};
use super::{Location, Node, Problem, Problems, Scalars, Source, Yaml};

/// Deeper nesting is refused, so that no walk over the tree can run out of stack.
const DEPTH: usize = 96;
/// What all aliases of a document may add up to, in nodes and in sixteens of bytes.
const ALIAS_BUDGET: usize = 200_000;

/// The document's tree, or everything that is wrong with it. An empty document is `Null`.
pub fn parse(source: &Arc<Source>, scalars: Scalars) -> Result<Node, Problems> {
    let mut options = Options::default();
    options.block_nesting_limit = DEPTH;
    options.flow_nesting_limit = DEPTH;
    options.emit_comments = false;
    let mut build = Build::new(source, scalars);
    for event in Parser::new_from_str_with_options(&source.text, options) {
        match event {
            Ok((event, span)) => build.take(event, span),
            Err(error) => {
                build.problems.0.push(build.syntax(&error));
                break;
            }
        }
        if build.documents > 1 {
            break;
        }
    }
    let empty = build.node(0..0, Yaml::Null, Some(""));
    let root = build.root.take().unwrap_or(empty);
    build.problems.or(root)
}

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    map: bool,
    items: Vec<Node>,
}

struct Build<'s> {
    source: &'s Arc<Source>,
    scalars: Scalars,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    aliased: usize,
    documents: usize,
    root: Option<Node>,
    problems: Problems,
}

impl<'s> Build<'s> {
    fn new(source: &'s Arc<Source>, scalars: Scalars) -> Self {
        Self {
            source,
            scalars,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            documents: 0,
            root: None,
            problems: Problems::default(),
        }
    }

    fn location(&self, span: Range<usize>) -> Location {
        Location::new(self.source, span)
    }

    fn node(&self, span: Range<usize>, value: Yaml, raw: Option<&str>) -> Node {
        let raw = if matches!(value, Yaml::String(_)) { None } else { raw.map(Box::from) };
        Node { location: self.location(span), value, raw }
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.0.push(Problem::at(&self.location(span), message));
    }

    fn take(&mut self, event: Event<'_>, span: Span) {
        let bytes = span.byte_range().unwrap_or_default();
        match event {
            Event::DocumentStart(..) => self.document(bytes),
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), &bytes);
                let node = self.node(bytes, value, Some(&text));
                self.place(node, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(bytes, anchor, false, tag.as_deref()),
            Event::MappingStart(_, anchor, tag) => self.begin(bytes, anchor, true, tag.as_deref()),
            Event::SequenceEnd | Event::MappingEnd => self.end(&bytes),
            Event::Alias(id) => self.alias(id, bytes),
            _ => {}
        }
    }

    fn document(&mut self, bytes: Range<usize>) {
        self.documents += 1;
        if self.documents > 1 {
            let problem = Problem::at(&self.location(bytes), "a second document begins here")
                .help("keep one document in a file: remove this `---` and what follows");
            self.problems.0.push(problem);
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, bytes: &Range<usize>) -> Yaml {
        let string = || Yaml::String(text.to_owned());
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { self.scalars.resolve(text) } else { string() };
        };
        let fits = |value: &Yaml| match tag.core_suffix() {
            Some("int") => matches!(value, Yaml::Int(_)),
            Some("float") => matches!(value, Yaml::Float(_) | Yaml::Int(_)),
            Some("bool") => matches!(value, Yaml::Bool(_)),
            Some("null") => matches!(value, Yaml::Null),
            _ => false,
        };
        match tag.core_suffix() {
            Some("str") => return string(),
            Some("int" | "float" | "bool" | "null") => {
                let value = self.scalars.resolve(text);
                if fits(&value) {
                    return value;
                }
                self.problem(bytes.clone(), format!("{text:?} is no {}", tag.original()));
            }
            _ if tag.is_custom() && tag.original() == "!" => return string(),
            _ => self.refuse_tag(tag, bytes.clone()),
        }
        string()
    }

    fn refuse_tag(&mut self, tag: &Tag, bytes: Range<usize>) {
        let name = tag.original();
        match name.as_str() {
            "!vault" | "!vault-encrypted" | "!unsafe" => {
                self.problem(bytes, format!("{name} is not available in this version"));
            }
            _ => self.problem(bytes, format!("the tag {name} is not known here; remove it")),
        }
    }

    fn begin(&mut self, bytes: Range<usize>, anchor: usize, map: bool, tag: Option<&Tag>) {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(if map { "map" } else { "seq" })
        {
            self.refuse_tag(tag, bytes.clone());
        }
        self.open.push(Open { start: bytes.start, anchor, map, items: Vec::new() });
    }

    fn end(&mut self, bytes: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let span = open.start..bytes.end.max(open.start);
        let value = if open.map { Yaml::Map(self.entries(open.items)) } else { Yaml::Seq(open.items) };
        let mut node = self.node(span, value, None);
        // A block collection "ends" where the next thing begins; the text ends before that.
        let text = node.location.text().trim_end().len();
        node.location.span.end = node.location.span.start + text;
        self.place(node, open.anchor);
    }

    fn place(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            let size = Size::of(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
    }

    fn alias(&mut self, id: usize, bytes: Range<usize>) {
        let found = self.anchors.get(&id).map(|(node, size)| (node.clone(), *size));
        let node = match found {
            None => {
                self.problem(bytes.clone(), "this alias refers to the very thing that it stands in");
                self.node(bytes, Yaml::Null, Some(""))
            }
            Some((node, size)) => {
                self.aliased += size.weight;
                if self.aliased > ALIAS_BUDGET || self.open.len() + size.depth > DEPTH {
                    if self.aliased > 0 {
                        self.problem(bytes.clone(), "the aliases up to here add up to more than is allowed");
                    }
                    self.anchors.clear();
                    self.node(bytes, Yaml::Null, Some(""))
                } else {
                    node
                }
            }
        };
        self.place(node, 0);
    }

    /// Keys and values, with `<<` merged in: merged ones first, own ones win.
    fn entries(&mut self, items: Vec<Node>) -> Vec<(Node, Node)> {
        let mut merged = Entries::default();
        let mut own = Entries::default();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if matches!(key.value, Yaml::Seq(_) | Yaml::Map(_)) {
                self.problems.0.push(no_key(&key));
            } else if key.location.text() == "<<" {
                self.merge(value, &mut merged);
            } else if let Some(first) = own.find(&key) {
                let (line, column) = first.location.line_column();
                let message =
                    format!("the key `{}` stands at line {line}, column {column} already", key.key_text());
                self.problems.0.push(Problem::at(&key.location, message).help("remove one of the two"));
            } else {
                own.put(key, value);
            }
        }
        for (key, value) in own.list {
            merged.put(key, value);
        }
        merged.list
    }

    fn merge(&mut self, value: Node, into: &mut Entries) {
        let location = value.location.clone();
        let maps = match value.value {
            Yaml::Seq(items) => items,
            _ => vec![value],
        };
        for map in maps {
            let Yaml::Map(entries) = map.value else {
                self.problems.0.push(Problem::at(&location, "`<<` merges a mapping or a list of mappings"));
                return;
            };
            for (key, value) in entries {
                if into.find(&key).is_none() {
                    into.put(key, value);
                }
            }
        }
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let at = error.marker().byte_offset().unwrap_or(self.source.text.len());
        let location = self.location(at..at + 1);
        match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart => {
                Problem::at(&location, "YAML is not indented with tabs").help("replace the tab by spaces")
            }
            ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => Problem::at(
                &location,
                "a quoted text is not closed, or goes on in a line that is not indented",
            )
            .help("write the closing quote"),
            ErrorKind::UnknownAnchor => Problem::at(&location, "no anchor of this name stands above"),
            ErrorKind::RecursionLimitExceeded => {
                Problem::at(&location, format!("nested more than {DEPTH} levels deep"))
            }
            _ => Problem::at(&location, format!("this is no valid YAML: {}", error.info())),
        }
    }
}

fn no_key(key: &Node) -> Problem {
    if key.location.text().starts_with('{')
        || key.location.source.text.get(..key.location.span.start).is_some_and(|t| t.ends_with('{'))
    {
        return Problem::at(&key.location, "a value that begins with `{{` is read as a mapping by YAML")
            .help("quote the whole value: \"{{ … }}\"");
    }
    Problem::at(&key.location, format!("a key is a single value, and this is {}", key.kind()))
}
