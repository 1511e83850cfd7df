use super::*;
use crate::model::Color;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::parse_args(shlex::split(&format!("bgctl {line}")).unwrap())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn flags_stand_before_and_after_the_command() {
    let cli = parse("-i a.yml apply -i b.yml -e x=1 -e y=2 -Cyf 7 -T 3 site.yml").unwrap();
    // clap takes the innermost occurrence of a global flag.
    assert_eq!(cli.globals.inventory, ["b.yml"]);
    assert_eq!(cli.globals.extra_vars, ["x=1", "y=2"]);
    assert_eq!((cli.globals.forks, cli.globals.timeout), (7, Some(Duration::from_secs(3))));
    let Command::Apply(args) = &cli.command else { panic!("{cli:?}") };
    assert!(args.shared.check && args.shared.yes && !args.shared.diff && !args.force);
    assert_eq!(cli.playbook(), Some(&PathBuf::from("site.yml")));
    assert!(parse("-i a.yml plan").unwrap().globals.inventory == ["a.yml"]);
    assert!(parse("plan -i a -i b").unwrap().globals.inventory == ["a", "b"]);
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let globals = parse("plan -i a").unwrap().globals;
    assert_eq!((globals.forks, globals.output, globals.color), (20, Format::Text, ColorChoice::Auto));
    assert!(!globals.quiet && !globals.r#become && globals.timeout.is_none());
}

#[test]
fn auto_approve_is_yes() {
    for line in ["apply -i a -y", "apply -i a --yes", "apply -i a --auto-approve"] {
        let Command::Apply(args) = parse(line).unwrap().command else { panic!("{line}") };
        assert!(args.shared.yes, "{line}");
    }
}

#[test]
fn exec_takes_a_command_or_shell_text() {
    let Command::Exec(args) = parse("exec -i a all -b -- ls -l /").unwrap().command else { panic!() };
    assert_eq!((args.pattern.as_str(), args.argv), ("all", vec!["ls".into(), "-l".into(), "/".into()]));
    let Command::Exec(args) = parse("exec -i a all --shell 'a | b'").unwrap().command else { panic!() };
    assert_eq!(args.shell.as_deref(), Some("a | b"));
    let neither = parse("exec -i a all").unwrap_err();
    assert!(neither.to_string().contains("--shell <TEXT>|COMMAND"), "{neither}");
    assert!(parse("exec -i a all --shell x -- y").is_err());
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_missing() {
    for line in ["plan", "apply -y", "plan -i a -f 0", "plan -i a -T 0", "plan -i a -q -v", "deploy -i a"] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    assert!(parse("plan").unwrap_err().to_string().contains("say -i FILE"));
}

#[test]
fn switch_wants_one_of_the_two_colors() {
    let Command::Switch(args) = parse("switch -i a --to green -y").unwrap().command else { panic!() };
    assert_eq!((args.to, args.shared.yes), (Color::Green, true));
    let red = parse("switch -i a --to red").unwrap_err();
    assert!(red.exit_code() == 2 && red.to_string().contains("blue or green"), "{red}");
    assert!(parse("switch -i a").unwrap_err().to_string().contains("--to <COLOR>"));
}

#[test]
fn help_names_every_command_and_exit_code() {
    let help = parse("--help").unwrap_err();
    assert_eq!(help.exit_code(), 0);
    insta::assert_snapshot!(help.to_string());
}

#[test]
fn the_selection_can_be_pasted_into_a_shell() {
    let cli = parse("apply -i 'my prod.yml' -e @my.yml -l 'app*' -b -y site.yml").unwrap();
    assert_eq!(cli.selection(), "-i 'my prod.yml' -e @my.yml -l 'app*' -b site.yml");
}

#[test]
fn the_selection_names_variables_and_shows_no_value() {
    let selection = |args: &str| parse(&format!("apply -i prod.yml {args}")).unwrap().selection();
    assert_eq!(selection("-e version=1.4.0"), "-i prod.yml -e version=…");
    assert_eq!(selection("-e 'a=hunter2 b=hunter2'"), "-i prod.yml -e 'a=… b=…'");
    assert_eq!(selection(r#"-e '{"a": "hunter2"}'"#), "-i prod.yml -e a=…");
    assert_eq!(selection("-e hunter2"), "-i prod.yml -e …");
}
