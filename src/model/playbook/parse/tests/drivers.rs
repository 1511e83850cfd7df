//! The drivers of the switch.

use super::*;

/// The example with another driver in place of its own.
fn driven_by(driver: &str) -> String {
    let start = EXAMPLE.find("  nginx:\n").unwrap();
    let end = EXAMPLE.find("  verify:").unwrap();
    format!("{}  {driver}\n{}", &EXAMPLE[..start], &EXAMPLE[end..])
}

#[test]
fn the_switch_has_four_drivers() {
    let driver = |text: &str| read(&driven_by(text)).unwrap().switch.driver;
    let Driver::Nginx(nginx) = driver("nginx: { template: site.conf.hbs, file: /etc/nginx/url.inc }") else {
        panic!()
    };
    assert!(matches!(nginx.site, NginxSite::File { file, .. } if file.raw() == "/etc/nginx/url.inc"));
    let Driver::Nginx(nginx) =
        driver("nginx: { file: /n, upstream: api, servers_from: 'api_{{ color }}', binary: /sbin/nginx }")
    else {
        panic!()
    };
    assert!(nginx.binary.is_some());
    let NginxSite::Upstream { upstream, servers_from, .. } = nginx.site else { panic!() };
    assert_eq!((upstream.raw(), servers_from.unwrap().raw()), ("api", "api_{{ color }}"));
    let Driver::Command(command) = driver("command: { detect: cat /live, set: [set-live, '{{ color }}'] }")
    else {
        panic!()
    };
    assert!(matches!((command.detect, command.set), (Words::Shell(_), Words::Argv(argv)) if argv.len() == 2));
    assert!(command.drained.is_none());
}

#[test]
fn drivers_are_checked() {
    for (driver, problem) in [
        ("nginx: {}", "`nginx` does not say what is switched"),
        ("nginx: { link: /l, template: site.conf.hbs }", "`dest` is missing here"),
        ("nginx: { file: /f }", "`template` is missing here"),
        (
            "nginx: { template: site.conf.hbs, file: '/{{ color }}' }",
            "`file` is one file for both colors, and this differs",
        ),
        ("nginx: { template: site.conf.hbs, file: /f, link: /l }", "`link` does not go with `file`"),
        (
            "nginx: { template: site.conf.hbs, file: /f, upstream: a }",
            "`template` does not go with `upstream`",
        ),
        ("nginx: { upstream: a }", "`file` is missing here"),
        ("nginx: { file: /f, servers_from: '{{ color }}' }", "`upstream` is missing here"),
        (
            "nginx: { file: /f, upstream: 'a_{{ color }}' }",
            "`upstream` is the block that traffic goes through, and this differs",
        ),
        (
            "nginx: { file: /f, upstream: a, servers_from: b }",
            "`servers_from` is one block for each color, and this is the same for both",
        ),
        ("command: { set: 'x {{ color }}' }", "`detect` is missing here"),
        ("command: { detect: x, set: x }", "`set` makes a color live, and this is the same for both"),
        (
            "command: { detect: 'x {{ color }}', set: 'x {{ color }}' }",
            "`detect` prints the color that is live, and this knows it beforehand",
        ),
        ("command: { detect: x, set: 'x {{ color }}', undo: x }", "unknown key `undo`"),
    ] {
        let found = messages(&driven_by(driver));
        assert!(found.len() == 1 && found[0].starts_with(problem), "{driver}: {found:?}");
    }
    assert_eq!(messages(&driven_by("watch: { for: 1s }")), ["`switch` is missing one of: nginx, command"]);
    let both = EXAMPLE.replace("  verify:", "  command: { detect: x, set: x }\n  verify:");
    assert_eq!(messages(&both), ["`switch` has one of `nginx` and `command`, not both"]);
}
