//! Checks over https, and `preview`.

use super::*;

fn http_check(text: &str) -> HttpCheck {
    let Module::Health(health) = task(&format!("health: {{ {text} }}")).module else { panic!("{text}") };
    let HealthCheck::Http(http) = health.check else { panic!("{text}") };
    http
}

#[test]
fn a_check_may_ask_over_https() {
    let plain = http_check("http: 'https://127.0.0.1/', host: a.example");
    assert_eq!((plain.ca, plain.validate_certs), (None, None));
    let private = http_check("http: 'https://127.0.0.1/', ca: ca.pem");
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    assert_eq!(private.ca.as_deref(), Some(pem), "the certificates of the file and nothing else");
    let trusting = http_check("http: '{{ url }}', validate_certs: no");
    assert_eq!(trusting.validate_certs, Some(false));
}

#[test]
fn what_makes_no_sense_of_a_certificate_is_refused() {
    for (text, message) in [
        ("http: 'http://h/', ca: ca.pem", "`ca` belongs to https, and this check is plain http"),
        (
            "http: 'http://h/', validate_certs: false",
            "`validate_certs` belongs to https, and this check is plain http",
        ),
        ("tcp: 'h:1', ca: ca.pem", "`ca` belongs to `http`, and this check is `tcp`"),
        ("http: 'https://h/', ca: none.pem", "there is no file `none.pem`"),
        ("http: 'https://h/', ca: data.bin", "`data.bin` holds no certificate"),
        ("http: 'https://h/', validate_certs: maybe", "`validate_certs` is true or false"),
        (
            "http: 'https://h/', ca: ca.pem, validate_certs: false",
            "`ca` says who may sign the certificate, and `validate_certs: false` that nobody looks",
        ),
        ("http: 'https://'", "`http` is a URL"),
        ("http: 'ftp://h/'", "`http` is a URL"),
    ] {
        assert_eq!(task_refused(&format!("health: {{ {text} }}")), [message]);
    }
}

/// The example with this `preview:`, over a site that makes use of it.
fn with_preview(preview: &str) -> String {
    EXAMPLE
        .replace("  hosts: load_balancers", &format!("  hosts: load_balancers\n  preview: {preview}"))
        .replace("template: site.conf.hbs", "template: preview.conf.hbs")
}

#[test]
fn a_preview_is_for_addresses_and_networks() {
    let written = |text: &str| {
        let preview = read(&with_preview(text)).unwrap().switch.preview.unwrap();
        preview.allow.iter().map(|text| text.raw().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(written("{ allow: 198.51.100.7 }"), ["198.51.100.7"]);
    let several = "{ allow: [198.51.100.7, '2001:db8::/32', '{{ office }}'] }";
    assert_eq!(written(several), ["198.51.100.7", "2001:db8::/32", "{{ office }}"]);
    assert!(read(EXAMPLE).unwrap().switch.preview.is_none());
}

#[test]
fn a_preview_that_opens_no_way_or_a_wrong_one_is_refused() {
    for (preview, message) in [
        ("{ allow: [] }", "`allow` names nobody, so nobody could look"),
        ("{ allow: [198.51.100.7, office] }", "\"office\" is no address"),
        ("{ allow: [10.1.2.3/8] }", "\"10.1.2.3/8\" names a host inside of a network"),
        ("{}", "`allow` is missing here"),
        ("{ allow: 198.51.100.7, deny: all }", "unknown key `deny`"),
    ] {
        assert_eq!(messages(&with_preview(preview)), [message]);
    }
    let unused = with_preview("{ allow: 198.51.100.7 }").replace("preview.conf.hbs", "site.conf.hbs");
    assert_eq!(
        messages(&unused),
        ["the site's template makes no use of `preview`, so there would be no way to either color"]
    );
}

#[test]
fn a_variable_of_a_preview_is_looked_at_once_it_is_known() {
    let preview = read(&with_preview("{ allow: ['{{ office }}'] }")).unwrap().switch.preview.unwrap();
    let allowed = |office: &str| {
        let vars = [("office".to_owned(), office.into())].into_iter().collect();
        preview.allowed(&Context { vars, ..Context::default() })
    };
    assert_eq!(allowed("192.0.2.0/24").unwrap(), ["192.0.2.0/24"]);
    let problem = allowed("0; allow all").unwrap_err();
    assert_eq!(problem.message(), "\"0; allow all\" is no address");
}
