use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Result<serde_json::Value, String> {
    parse(&Source::new("file.yml", text), Scalars::Yaml11)
        .map(|node| node.to_json())
        .map_err(|problems| problems.to_string())
}

fn refused(text: &str) -> String {
    read(text).expect_err("it should be refused")
}

#[test]
fn a_document_is_read_with_its_order() {
    let text = "b: 1\na: [x, \"yes\", yes, ~]\nc: {d: 0644, e: '0644'}\nf: |\n  line\n  $(touch owned) ü\n";
    assert_eq!(
        read(text).unwrap().to_string(),
        json!({"b": 1, "a": ["x", "yes", true, null], "c": {"d": 420, "e": "0644"}, "f": "line\n$(touch owned) ü\n"})
            .to_string()
    );
    assert_eq!(read("").unwrap(), json!(null));
    assert_eq!(read("# only a comment\n").unwrap(), json!(null));
    assert_eq!(read("---\na: 1\n").unwrap(), json!({"a": 1}));
}

#[test]
fn the_raw_text_of_a_number_is_kept() {
    let node = parse(&Source::new("f", "mode: 0640"), Scalars::Yaml11).unwrap();
    let (key, mode) = &node.as_map().unwrap()[0];
    assert_eq!((key.raw(), mode.raw(), &mode.value), (Some("mode"), Some("0640"), &Yaml::Int(416)));
    assert_eq!(mode.location.text(), "0640");
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text =
        "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\ntwo:\n  <<: [*b, *m]\n  w: *b\n";
    let value = read(text).unwrap();
    assert_eq!(value["one"], json!({"x": 1, "y": 9}));
    assert_eq!(value["two"], json!({"x": 1, "y": 2, "z": 4, "w": {"x": 1, "y": 2}}));
    assert_eq!(read("'<<': 1").unwrap(), json!({"<<": 1}));
}

#[test]
fn a_key_that_stands_twice_is_refused_with_both_places() {
    assert_snapshot!(refused("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 4\n"), @r"
    error: the key `c` stands at line 3, column 3 already
     --> file.yml:5:3
      |
    5 |   c: 3
      |   ^
      |
      = help: remove one of the two

    error: the key `a` stands at line 1, column 1 already
     --> file.yml:6:1
      |
    6 | a: 4
      | ^
      |
      = help: remove one of the two
    ");
}

#[test]
fn syntax_errors_have_a_place_and_a_next_step() {
    assert_snapshot!(refused("a:\n\tb: 1\n"), @r"
    error: YAML is not indented with tabs
     --> file.yml:2:2
      |
    2 |     b: 1
      |     ^
      |
      = help: replace the tab by spaces
    ");
    assert_snapshot!(refused("a: {{ b }}\n"), @r#"
    error: a value that begins with `{{` is read as a mapping by YAML
     --> file.yml:1:5
      |
    1 | a: {{ b }}
      |     ^^^^^
      |
      = help: quote the whole value: "{{ … }}"
    "#);
    assert_snapshot!(refused("a: \"open\n"), @r#"
    error: a quoted text is not closed, or goes on in a line that is not indented
     --> file.yml:1:10
      |
    1 | a: "open
      |         ^
      |
      = help: write the closing quote
    "#);
    assert_snapshot!(refused("a: *b\n"), @r"
    error: no anchor of this name stands above
     --> file.yml:1:4
      |
    1 | a: *b
      |    ^
    ");
    assert_snapshot!(refused("a: 1\n---\nb: 2\n"), @r"
    error: a second document begins here
     --> file.yml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: keep one document in a file: remove this `---` and what follows
    ");
    assert_snapshot!(refused("a: !vault x\nb: !thing y\nc: !!int z\n"), @r#"
    error: !vault is not available in this version
     --> file.yml:1:11
      |
    1 | a: !vault x
      |           ^

    error: the tag !thing is not known here; remove it
     --> file.yml:2:11
      |
    2 | b: !thing y
      |           ^

    error: "z" is no !!int
     --> file.yml:3:10
      |
    3 | c: !!int z
      |          ^
    "#);
    assert_snapshot!(refused("? [a, b]\n: 1\n"), @r"
    error: a key is a single value, and this is a list
     --> file.yml:1:3
      |
    1 | ? [a, b]
      |   ^^^^^^
    ");
    assert_snapshot!(refused("<<: 1\n"), @r"
    error: `<<` merges a mapping or a list of mappings
     --> file.yml:1:5
      |
    1 | <<: 1
      |     ^
    ");
}

#[test]
fn a_bomb_of_aliases_is_defused() {
    use std::fmt::Write as _;
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(text, "a{n}: &a{n} [{list}]").unwrap();
    }
    assert!(refused(&text).contains("aliases up to here add up to more than is allowed"));
    let mut text = "a0: &a0 x\n".to_owned();
    for n in 1..3000 {
        writeln!(text, "a{n}: &a{n} [*a{}]", n - 1).unwrap();
    }
    assert!(refused(&text).contains("aliases up to here"));
    assert!(refused("a: &a [*a]").contains("the very thing that it stands in"));
    assert!(refused(&"[".repeat(5000)).contains("levels deep"));
}

#[test]
fn unknown_keys_get_a_suggestion() {
    let node = parse(&Source::new("f.yml", "name: x\nhelth: 1\nzzzzzz: 2\n"), Scalars::Yaml11).unwrap();
    let mut problems = Problems::default();
    Keys::of(&node, "a task").unwrap().refuse_unknown(&["name", "health"], &mut problems);
    assert_snapshot!(problems.to_string(), @r"
    error: unknown key `helth`; did you mean `health`?
     --> f.yml:2:1
      |
    2 | helth: 1
      | ^^^^^

    error: unknown key `zzzzzz`
     --> f.yml:3:1
      |
    3 | zzzzzz: 2
      | ^^^^^^
      |
      = help: known here: name, health
    ");
}

#[test]
fn a_problem_without_a_file_is_its_message() {
    assert_eq!(Problem::anywhere("no playbook").render(false), "error: no playbook");
    let shown = Problem::at(&Location::new(&Source::new("f", "ab"), 7..9), "odd").render(true);
    assert!(shown.contains('\u{1b}'), "{shown:?}");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-c:\\-\\[\\]{}&*<!|>'\"#%?, \n\t\u{e9}]{0,80}") {
        let source = Source::new("f", text);
        match parse(&source, Scalars::Yaml11) {
            Ok(node) => drop(node.to_json()),
            Err(problems) => prop_assert!(!problems.render(true).is_empty()),
        }
    }

    #[test]
    fn quoted_text_comes_through_unchanged(text in "\\PC{0,40}") {
        let yaml = format!("v: {}\n", serde_json::to_string(&text).unwrap());
        prop_assert_eq!(read(&yaml).unwrap(), json!({"v": text}));
    }
}
