use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn context() -> Context {
    let Value::Object(vars) = json!({
        "app": "web", "color": "blue", "port": 18080, "on": true, "off": false, "none": null, "empty": "",
        "words": ["a", "b"], "image": {"tag": "1.10", "name": "x y"}, "flag": "false",
        "upstreams": [{"host": "app1", "port": 1}, {"host": "app2", "port": 2}],
        "odd": "a \"b\" 'c' $(touch owned)\n<&> ü {{ app }}",
    }) else {
        unreachable!()
    };
    let Value::Object(shared) =
        json!({"groups": {"all": ["app1"]}, "(environment)": {"HOME": "/root", "EMPTY": ""}})
    else {
        unreachable!()
    };
    Context { vars, shared: Arc::new(shared), ..Context::default() }
}

fn location(raw: &str) -> Location {
    let text = format!("key: \"{raw}\"");
    Location::new(&Source::new("play.yml", text.clone()), 5..text.len())
}

fn rendered(template: &str) -> Result<String, String> {
    Template::parse(Source::new("site.hbs", template))
        .and_then(|template| template.render(&context()))
        .map_err(|problem| problem.render(false))
}

fn refused(template: &str) -> String {
    rendered(template).expect_err(template)
}

fn text(raw: &str) -> Result<String, String> {
    Text::parse(raw.to_owned(), location(raw))
        .and_then(|text| text.render(&context()))
        .map_err(|problem| problem.render(false))
}

#[test]
fn values_are_filled_in_as_they_are() {
    for (template, expected) in [
        ("{{ app }}-{{color}}:{{port}}", "web-blue:18080"),
        ("{{image.tag}} {{{image.name}}} {{words.[1]}} {{words.1}}", "1.10 x y b b"),
        ("{{odd}}", "a \"b\" 'c' $(touch owned)\n<&> ü {{ app }}"),
        ("{{none}}|{{empty}}|{{on}}|{{off}}", "||true|false"),
        ("{{groups.all.[0]}} {{env \"HOME\"}} {{env \"NOPE\" \"d\"}}", "app1 /root d"),
        ("{{env \"EMPTY\" \"d\"}}", "d"),
        (
            "{{#each upstreams}}{{host}}:{{port}} {{@index}}{{@root.app}}{{#unless @last}},{{/unless}}{{/each}}",
            "app1:1 0web,app2:2 1web",
        ),
        (
            "{{#each upstreams as |u|}}{{u.host}}{{/each}}{{#each words as |w i|}}{{i}}{{w}}{{/each}}",
            "app1app20a1b",
        ),
        ("{{#each image}}{{@key}}={{this}};{{/each}}", "tag=1.10;name=x y;"),
        ("{{#with image}}{{tag}}{{/with}}", "1.10"),
        ("{{#if (eq color \"blue\")}}B{{else}}G{{/if}}{{#unless off}}U{{/unless}}", "BU"),
        ("{{#if (eq color \"green\")}}1{{else if (ne port 1)}}2{{else}}3{{/if}}", "2"),
        ("{{#if flag}}yes{{else}}no{{/if}}", "no"),
        ("{{default nope \"x\"}}{{default port 1}}{{default image.nope.deep \"y\"}}", "x18080y"),
        ("{{#if (defined nope)}}1{{else}}0{{/if}}{{#if (and on (or off on) (not off))}}1{{/if}}", "01"),
        ("{{join words \", \"}} {{json image}}", "a, b {\"tag\":\"1.10\",\"name\":\"x y\"}"),
        ("{{required app \"need it\"}}", "web"),
        ("\\{{ kept }}", "{{ kept }}"),
        ("plain { braces } $1 % {%- not ours", "plain { braces } $1 % {%- not ours"),
    ] {
        assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_quoted_value_is_one_word_of_a_shell() {
    let words = shlex::split(&rendered("echo {{shq odd}} {{shq empty}}").unwrap()).unwrap();
    assert_eq!(words, ["echo", context().vars["odd"].as_str().unwrap(), ""]);
}

#[test]
fn what_is_missing_is_named() {
    assert_snapshot!(refused("server {\n  listen {{prot}};\n}\n"), @r"
    error: the variable `prot` is not defined
     --> site.hbs:2:10
      |
    2 |   listen {{prot}};
      |          ^^^^^^^^
      |
      = help: did you mean `port`?
    ");
    assert_snapshot!(refused("a\nü {{#if colr}}x{{/if}}"), @r"
    error: the variable `colr` is not defined
     --> site.hbs:2:3
      |
    2 | ü {{#if colr}}x{{/if}}
      |   ^^^^^^^^^^^^
      |
      = help: did you mean `color`?
    ");
    assert_snapshot!(refused("{{image.tga}}"), @r"
    error: the variable `image.tga` is not defined
     --> site.hbs:1:1
      |
    1 | {{image.tga}}
      | ^^^^^^^^^^^^^
      |
      = help: `image` has: tag, name
    ");
    assert_snapshot!(refused("{{#each upstreams}}\n{{app}}{{/each}}"), @r"
    error: the variable `app` is not defined
     --> site.hbs:2:1
      |
    2 | {{app}}{{/each}}
      | ^^^^^^^
      |
      = help: inside a block, an outer variable is written `@root.app`
    ");
}

#[test]
fn nothing_missing_passes_in_silence() {
    for template in [
        "{{nope}}",
        "{{{nope}}}",
        "{{&nope}}",
        "{{#if nope}}{{/if}}",
        "{{#unless nope}}{{/unless}}",
        "{{#each nope}}{{/each}}",
        "{{#each image.nope}}{{/each}}",
        "{{#with nope}}{{/with}}",
        "{{#if on}}{{else if nope}}{{/if}}{{#if off}}{{else if nope}}{{/if}}",
        "{{#if (eq nope 1)}}{{/if}}",
        "{{#if (not nope)}}{{/if}}",
        "{{#if (and on nope)}}{{/if}}",
        "{{#if (or on nope)}}{{/if}}",
        "{{json nope}}",
        "{{join nope \",\"}}",
        "{{shq nope}}",
        "{{required nope}}",
        "{{required empty \"say it\"}}",
        "{{default nope nope2}}",
        "{{env \"NOPE\"}}",
        "{{env \"EMPTY\"}}",
        "{{(eq nope 1)}}",
        "{{words.[7]}}",
        "{{words.name}}",
        "{{app.x}}",
        "{{@nope}}",
    ] {
        assert!(rendered(template).is_err(), "{template} gave {:?}", rendered(template));
    }
}

#[test]
fn what_has_no_text_is_refused() {
    for template in [
        "{{image}}",
        "{{words}}",
        "{{upstreams}}",
        "{{#each upstreams}}{{this}}{{/each}}",
        "{{join upstreams \",\"}}",
        "{{shq words}}",
        "{{default nope image}}",
        "{{#each app}}{{/each}}",
    ] {
        assert!(rendered(template).is_err(), "{template} gave {:?}", rendered(template));
    }
    assert_snapshot!(refused("x {{words}}"), @r#"
    error: `words` is a list, which has no one text
     --> site.hbs:1:3
      |
    1 | x {{words}}
      |   ^^^^^^^^^
      |
      = help: write {{join words ","}}, {{json words}} or {{#each words}}…{{/each}}
    "#);
}

#[test]
fn helpers_are_checked_before_anything_is_rendered() {
    for (template, expected) in [
        ("{{jion words \",\"}}", "unknown helper `jion`; did you mean `join`?"),
        ("{{#fi on}}{{/fi}}", "unknown block `fi`"),
        ("{{lookup words 1}}", "`lookup` is not available in this version"),
        ("{{> part}}", "partials ({{> …}}) are not available in this version"),
        ("{{eq color}}", "`eq` takes 2 arguments, and here are 1"),
        ("{{#if on off}}{{/if}}", "`if` takes 1 arguments, and here are 2"),
        ("{{eq a b c=1}}", "takes no named arguments"),
        ("{{#if on}}", "helper"),
        ("{{ open", "this is no Handlebars expression"),
        ("{{log \"x\"}}", "unknown helper `log`"),
    ] {
        let problem = Template::parse(Source::new("t.hbs", template)).expect_err(template).render(false);
        assert!(problem.contains(expected), "{template}: {problem}");
    }
    let deep = format!("{{{{json {}1{}}}}}", "(json ".repeat(2000), ")".repeat(2000));
    assert!(Template::parse(Source::new("t.hbs", deep)).unwrap_err().message().contains("levels deep"));
    let wide = format!("{{{{json (or {})}}}}", "(not on) ".repeat(100));
    assert_eq!(rendered(&wide).as_deref(), Ok("false"));
    let deep = format!("{}{}", "{{#if on}}".repeat(2000), "{{/if}}".repeat(2000));
    assert!(Template::parse(Source::new("t.hbs", deep)).unwrap_err().message().contains("levels deep"));
}

#[test]
fn jinja_is_recognized_with_what_to_write() {
    for (raw, expected) in [
        ("{{ app | default('x') }}", "write {{default app \"x\"}}"),
        ("{{ words | join(',') }}", "write {{join words \",\"}}"),
        ("{{ app|upper }}", "the Jinja2 filter `upper` is not understood"),
        ("{{ lookup('env', 'HOME') }}", "write {{env \"HOME\"}}"),
        ("{{ lookup('file', 'x') }}", "only the environment"),
        ("{{ app.split(',') }}", "the Jinja2 call `app.split()` is not understood"),
        ("{{ hostvars['web1'].x }}", "write {{ hostvars.[web1].x }}"),
        ("{{json (default app 1)}} {{words.[0]}} {{ a b c }}", "unknown helper `a`"),
        ("{{ words[0] }}", "write {{ words.[0] }}"),
        ("{{ image['tag'] }}", "write {{ image.[tag] }}"),
        ("{{ color == 'blue' }}", "write {{eq color \"blue\"}}"),
        ("{{ 'a' if on else 'b' }}", "write {{#if on}}"),
        ("{{ app ~ color }}", "one after another"),
        ("{% if on %}x{% endif %}", "write {{#if (eq color \"blue\")}}"),
        ("a{# note #}", "write {{! comment }}"),
    ] {
        let shown = text(raw).expect_err(raw);
        assert!(shown.contains(expected) && shown.contains("play.yml:1:"), "{raw}: {shown}");
    }
    assert_snapshot!(text("/srv/{{ app | upper }}/x").unwrap_err(), @r#"
    error: the Jinja2 filter `upper` is not understood
     --> play.yml:1:12
      |
    1 | key: "/srv/{{ app | upper }}/x"
      |            ^^^^^^^^^^^^^^^^^
      |
      = help: write the finished value into a variable of the inventory or the playbook
    "#);
}

#[test]
fn text_is_rendered_or_is_itself() {
    for raw in ["plain", "", "$(touch owned) 'a' \"b\"\n\tü {} }} \\ \\n", "${#array}", "date +%F {%"] {
        assert_eq!(text(raw).as_deref(), Ok(raw));
    }
    assert_eq!(text("/srv/{{ app }}/{{color}}").as_deref(), Ok("/srv/web/blue"));
    let parsed = Text::parse("{{ upstreams }}".into(), location("x")).unwrap();
    assert_eq!(parsed.value(&context()).unwrap()[1]["port"], json!(2));
    assert_snapshot!(text("/srv/{{ colour }}").unwrap_err(), @r#"
    error: the variable `colour` is not defined
     --> play.yml:1:12
      |
    1 | key: "/srv/{{ colour }}"
      |            ^^^^^^^^^^^^
      |
      = help: did you mean `color`?
    "#);
}

fn holds(raw: &str) -> Result<bool, String> {
    Condition::parse(raw.to_owned(), location(raw))
        .and_then(|condition| condition.holds(&context()))
        .map_err(|problem| problem.render(false))
}

#[test]
fn conditions_hold_or_not() {
    for (raw, expected) in [
        ("(eq color \"blue\")", true),
        ("eq color \"blue\"", true),
        ("(eq color 'green')", false),
        ("color", true),
        (" on ", true),
        ("off", false),
        ("flag", false),
        ("empty", false),
        ("true", true),
        ("false", false),
        ("(not (defined nope))", true),
        ("not off", true),
        ("(and on (ne port 1))", true),
    ] {
        assert_eq!(holds(raw), Ok(expected), "{raw}");
    }
    for (raw, expected) in [
        ("color == \"blue\"", "write (eq color \"blue\")"),
        ("color != 'blue'", "write (ne color \"blue\")"),
        ("x is defined", "write (defined x)"),
        ("a == 1 and b == 2", "one helper inside another"),
        ("{{ on }}", "without braces"),
        ("", "cannot be empty"),
        ("(eq color", "is no condition"),
        ("nope", "the variable `nope` is not defined"),
        ("(eq nope 1)", "the variable `nope` is not defined"),
        ("on) x (", "is no condition"),
    ] {
        let shown = holds(raw).expect_err(raw);
        assert!(shown.contains(expected), "{raw}: {shown}");
    }
}

fn expanded(vars: Value) -> Result<String, String> {
    let Value::Object(vars) = vars else { unreachable!() };
    let vars = expand(&vars, &context().shared, &|_| None);
    vars.map(|vars| Value::Object(vars).to_string()).map_err(|problems| problems.to_string())
}

#[test]
fn variables_are_expanded_in_any_order_and_keep_their_type() {
    let vars = json!({"a": "{{ b }}/{{c.d}}", "b": "{{ e }}", "c": {"d": ["{{e}}"], "f": "x"}, "e": 5, "g": "{{groups}}", "h": "plain"});
    assert!(expanded(vars).unwrap_err().contains("`c.d` is a list"));
    let vars = json!({"a": "{{ b }}/{{c.f}}", "b": "{{ e }}", "c": {"f": 1, "l": ["{{e}}", "{{e}}s"]}, "e": 5, "g": "{{groups}}"});
    assert_eq!(
        expanded(vars).unwrap(),
        json!({"a": "5/1", "b": 5, "c": {"f": 1, "l": [5, "5s"]}, "e": 5, "g": {"all": ["app1"]}})
            .to_string()
    );
}

#[test]
fn circles_and_missing_names_are_all_reported() {
    let shown = expanded(json!({"a": "{{b}}", "b": "x{{c}}", "c": "{{a}}", "d": "{{a}}", "e": "{{nope}}"}))
        .unwrap_err();
    assert_snapshot!(shown, @r#"
    error: these variables refer to each other in a circle: a → b → c → a
     --> the variable a:1:1
      |
    1 | a: "{{b}}"
      | ^^^^^^^^^^
      |
      = help: give one of them a plain value

    error: the variable `nope` is not defined
     --> the variable e:1:5
      |
    1 | e: "{{nope}}"
      |     ^^^^^^^^
      |
      = help: define `nope` (-e nope=… does), or write {{default nope "…"}}
    "#);
}

proptest! {
    #[test]
    fn no_text_makes_the_template_parser_panic(raw in "[a-c {}#/!>*()\\[\\]|.\"'@~&^=\\\\\n\u{e9}]{0,60}") {
        let source = Source::new("t", raw.clone());
        if let Ok(template) = Template::parse(source) {
            drop(template.render(&context()));
        }
        drop(text(&raw));
        drop(holds(&raw));
    }

    #[test]
    fn a_value_comes_through_unchanged(value in "(?s).{0,40}") {
        let mut context = context();
        context.vars.insert("v".into(), json!(value));
        let template = Template::parse(Source::new("t", "{{v}}")).unwrap();
        prop_assert_eq!(template.render(&context).unwrap(), value);
    }
}
