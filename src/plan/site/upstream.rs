//! One `upstream` block of an nginx configuration: its servers, read and replaced; every other byte stays.

use std::ops::Range;

/// An `upstream` block's `server` directives, where they stand in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block<'t> {
    text: &'t str,
    /// After its opening brace.
    start: usize,
    servers: Vec<Directive>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Directive {
    /// With its semicolon.
    whole: Range<usize>,
    /// What follows its name, without the semicolon.
    arguments: Range<usize>,
}

impl<'t> Block<'t> {
    /// The one block of this name; why there is none, in words.
    pub(super) fn find(text: &'t str, name: &str) -> Result<Self, String> {
        let mut found = blocks(text)?.into_iter().filter(|(its, _)| its == name).map(|(_, block)| block);
        match (found.next(), found.next()) {
            (Some(block), None) => Ok(block),
            (None, _) => Err(format!("it has no `upstream {name}` block")),
            (Some(_), Some(_)) => Err(format!("it has more than one `upstream {name}` block")),
        }
    }

    /// Of each server what stands after `server`: its address and its parameters.
    pub(super) fn servers(&self) -> Vec<&'t str> {
        self.servers.iter().filter_map(|server| self.text.get(server.arguments.clone())).collect()
    }

    /// The whole text with these servers in the block in place of its own.
    pub(super) fn with_servers(&self, wanted: &[String]) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (at, server) in self.servers.iter().enumerate() {
            match wanted.get(at) {
                Some(wanted) => edits.push((server.arguments.clone(), wanted.clone())),
                None => edits.push((self.line_of(&server.whole), String::new())),
            }
        }
        let more = wanted.get(self.servers.len()..).unwrap_or_default();
        if !more.is_empty() {
            edits.push(self.insertion(more));
        }
        let mut text = self.text.to_owned();
        for (range, new) in edits.into_iter().rev() {
            text.replace_range(range, &new);
        }
        text
    }

    /// More servers, each on a line of its own beneath the last, and as far in as that is.
    fn insertion(&self, more: &[String]) -> (Range<usize>, String) {
        let line_end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let (at, indent) = match self.servers.last() {
            Some(last) => (last.whole.end, self.indent_of(last.whole.start)),
            None => (self.start, "    ".to_owned()),
        };
        let lines: Vec<String> =
            more.iter().map(|server| format!("{line_end}{indent}server {server};")).collect();
        (at..at, lines.concat())
    }

    fn indent_of(&self, at: usize) -> String {
        let line = self.text.get(..at).and_then(|text| text.rsplit('\n').next()).unwrap_or_default();
        line.chars().take_while(|c| c.is_whitespace()).collect()
    }

    /// A directive with its line, where nothing else stands there; else with the blanks before it.
    fn line_of(&self, whole: &Range<usize>) -> Range<usize> {
        let before = self.text.get(..whole.start).unwrap_or_default();
        let after = self.text.get(whole.end..).unwrap_or_default();
        let bare = before.trim_end_matches([' ', '\t']);
        let rest = after.trim_start_matches([' ', '\t', '\r']);
        if bare.ends_with('\n') && rest.starts_with('\n') {
            return bare.len()..(self.text.len() - rest.len() + 1);
        }
        bare.len()..whole.end
    }
}

/// Every `upstream` block, by name.
fn blocks(text: &str) -> Result<Vec<(String, Block<'_>)>, String> {
    let mut found: Vec<(String, Block<'_>)> = Vec::new();
    // Of each block that is open: whether it is an upstream.
    let mut open: Vec<bool> = Vec::new();
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut rest = Lexer { text, at: 0 };
    while let Some((kind, span)) = rest.next_token()? {
        let word = |at: usize| words.get(at).and_then(|span: &Range<usize>| text.get(span.clone()));
        match kind {
            Kind::Word => {
                words.push(span);
                continue;
            }
            Kind::Open => {
                let is_upstream = word(0) == Some("upstream");
                if let (true, Some(name)) = (is_upstream, word(1)) {
                    let block = Block { text, start: span.end, servers: Vec::new() };
                    found.push((unquoted(name).to_owned(), block));
                }
                open.push(is_upstream);
            }
            Kind::Close => {
                open.pop().ok_or("a `}` closes nothing")?;
            }
            Kind::End => {
                if let (Some(&true), Some("server"), Some((_, block))) =
                    (open.last(), word(0), found.last_mut())
                    && let (Some(name), Some(first), Some(last)) = (words.first(), words.get(1), words.last())
                {
                    let whole = name.start..span.end;
                    block.servers.push(Directive { whole, arguments: first.start..last.end });
                }
            }
        }
        words.clear();
    }
    if open.is_empty() { Ok(found) } else { Err("a `{` is not closed".to_owned()) }
}

/// A configuration's words, without comments and blanks; the text itself where it is none.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut rest = Lexer { text, at: 0 };
    let mut words = Vec::new();
    loop {
        match rest.next_token() {
            Ok(Some((_, span))) => words.extend(text.get(span)),
            Ok(None) => return words,
            Err(_) => return vec![text],
        }
    }
}

fn unquoted(word: &str) -> &str {
    let inside = |quote| word.strip_prefix(quote).and_then(|word: &str| word.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(word)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Open,
    Close,
    End,
}

/// nginx's words: blanks part them; `;`, `{` and `}` end them; quotes and backslashes keep what they hold.
struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Result<Option<(Kind, Range<usize>)>, String> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let kind = match first {
            b';' => Kind::End,
            b'{' => Kind::Open,
            b'}' => Kind::Close,
            quote @ (b'"' | b'\'') => {
                self.quoted(quote)?;
                return Ok(Some((Kind::Word, start..self.at)));
            }
            _ => {
                self.word();
                return Ok(Some((Kind::Word, start..self.at)));
            }
        };
        self.at += 1;
        Ok(Some((kind, start..self.at)))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => {
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => break,
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<(), String> {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                return Ok(());
            }
        }
        Err("a quote is not closed".to_owned())
    }

    fn word(&mut self) {
        let mut before = 0;
        while let Some(byte) = self.peek() {
            // `${name}` is a variable.
            let ends = byte.is_ascii_whitespace() || byte == b';' || (byte == b'{' && before != b'$');
            if ends {
                break;
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
            before = byte;
        }
        self.at = self.at.min(self.text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = r#"# upstream api { server 9.9.9.9:1; }
http {
    log_format x '$remote_addr "{" ;';
    upstream api_blue  { server 10.0.0.1:18080 max_fails=2; server 10.0.0.2:18080; }
    upstream "api" {
        least_conn; # server 8.8.8.8:1;
        server 10.0.0.1:18080 max_fails=2; # the first
        server   10.0.0.2:18080
            weight=2;
        # kept alive
        keepalive 32;
    }
    server {
        server_name a.example;
        if ($uri ~ "^/${x}{2}") { return 403; }
    }
}
"#;

    fn servers(text: &str, name: &str) -> Vec<String> {
        Block::find(text, name).unwrap().servers().into_iter().map(str::to_owned).collect()
    }

    fn with(wanted: &[&str]) -> String {
        let wanted: Vec<String> = wanted.iter().map(|server| (*server).to_owned()).collect();
        Block::find(CONF, "api").unwrap().with_servers(&wanted)
    }

    #[test]
    fn servers_are_read_whatever_stands_around_them() {
        assert_eq!(servers(CONF, "api_blue"), ["10.0.0.1:18080 max_fails=2", "10.0.0.2:18080"]);
        assert_eq!(servers(CONF, "api")[0], "10.0.0.1:18080 max_fails=2");
        assert!(servers(CONF, "api")[1].ends_with("weight=2"));
    }

    #[test]
    fn only_what_stands_after_server_changes() {
        let new = with(&["10.0.0.1:18081", "10.0.0.2:18081 weight=3"]);
        let expected = CONF
            .replace(
                "        server 10.0.0.1:18080 max_fails=2; # the first",
                "        server 10.0.0.1:18081; # the first",
            )
            .replace("10.0.0.2:18080\n            weight=2;\n", "10.0.0.2:18081 weight=3;\n");
        assert_eq!(new, expected);
    }

    #[test]
    fn more_and_fewer_servers_leave_all_other_lines_alone() {
        let more = with(&["a:1", "b:1", "c:1"]);
        assert!(
            more.contains("        server   b:1;\n        server c:1;\n        # kept alive\n"),
            "{more}"
        );
        let fewer = with(&["a:1"]);
        assert!(fewer.contains("        server a:1; # the first\n        # kept alive\n"), "{fewer}");
        let none = Block::find("upstream a {\r\n}\r\n", "a").unwrap().with_servers(&["b:1".to_owned()]);
        assert_eq!(none, "upstream a {\r\n    server b:1;\r\n}\r\n");
    }

    #[test]
    fn the_same_servers_make_the_same_bytes() {
        let same: Vec<String> = servers(CONF, "api");
        assert_eq!(Block::find(CONF, "api").unwrap().with_servers(&same), CONF);
    }

    #[test]
    fn blanks_and_comments_make_no_other_words() {
        assert_eq!(words("set $a  http://b; # c"), words("# d\nset $a http://b;\n"));
        assert_ne!(words("set $a b;"), words("set $a c;"));
    }

    #[test]
    fn what_is_not_there_or_cannot_be_read_is_said() {
        for (text, name, why) in [
            (CONF, "api_green", "it has no `upstream api_green` block"),
            (
                "upstream a { server b; } upstream a { server c; }",
                "a",
                "it has more than one `upstream a` block",
            ),
            ("upstream a { server b;", "a", "a `{` is not closed"),
            ("}", "a", "a `}` closes nothing"),
            ("x 'y", "a", "a quote is not closed"),
        ] {
            assert_eq!(Block::find(text, name).unwrap_err(), why, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z{};#'\"\\\\$ \n]{0,60}") {
            if let Ok(block) = Block::find(&text, "a") {
                let same: Vec<String> = block.servers().into_iter().map(str::to_owned).collect();
                proptest::prop_assert_eq!(block.with_servers(&same), text.clone());
            }
        }
    }
}
