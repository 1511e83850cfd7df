//! What counts in an access log: what the upstream answered, not what strangers have nginx answer.

use std::fs;

use bgctl::scripts::{LOCK, WATCH};

use crate::shells::{Shell, open_folder, text};

/// Requests and errors after a switch, in a log of these lines.
fn counted(shell: &Shell, lines: &[String]) -> String {
    let place = open_folder();
    let app = place.path().join("bgctl/shop");
    shell.run(LOCK, &[text(&app), "{}"]).exits(0);
    let switch = "run 1\ntoken\n1\nboot\n0\n2026-03-01T00:00:01Z\n/l\na\nb\n";
    fs::write(app.join("confirmed"), switch).unwrap();
    let log = place.path().join("log");
    // So that there is one that counts in any case.
    let plain = "h - - [01/Mar/2026:00:01:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"".to_owned();
    fs::write(&log, [lines, &[plain]].concat().join("\n") + "\n").unwrap();
    let said = shell.run(WATCH, &[text(&app), "run 1", "10", "", text(&log), ""]).exits(0);
    let after = said.out.lines().find_map(|line| line.strip_prefix("after "));
    after.unwrap_or_else(|| panic!("{shell}: {}", said.out)).to_owned()
}

fn combined(status: u32, rest: &str) -> String {
    format!("h - - [01/Mar/2026:00:01:00 +0000] \"GET / HTTP/9.9\" {status} 5 \"-\" \"agent\"{rest}")
}

fn json(status: u32, upstream: &str) -> String {
    format!(
        "{{\"time\": \"2026-03-01T00:01:00+00:00\", \"status\": {status}, \"upstream_status\": {upstream}}}"
    )
}

#[test]
fn what_nginx_answers_to_bad_requests_is_neither_request_nor_error() {
    for shell in Shell::all() {
        let bad = [400, 405, 408, 413, 414, 431, 444, 494, 499, 501, 505].map(|status| {
            let unasked = ["\"-\"", "\"\"", "null"].map(|none| json(status, none));
            [&unasked[..], &[combined(status, ""), combined(status, " ups=-")]].concat()
        });
        assert_eq!(counted(&shell, &bad.concat()), "1 0", "{shell}");
        for status in [500, 502, 503, 504] {
            assert_eq!(counted(&shell, &[combined(status, "")]), "2 1", "{shell}: {status}");
        }
        assert_eq!(counted(&shell, &[combined(301, ""), combined(204, "")]), "3 0", "{shell}");
    }
}

#[test]
fn where_the_log_tells_what_the_upstream_answered_that_counts() {
    for shell in Shell::all() {
        let upstreams = [
            (json(503, "\"503\""), "2 1"),
            (json(503, "\"-\""), "1 0"),
            (json(503, "503"), "2 1"),
            (json(502, "\"502, 502\""), "2 1"),
            (json(200, "\"502, 200\""), "2 0"),
            (json(404, "\"404\""), "2 0"),
            (json(501, "\"501\""), "2 1"),
            (combined(503, " ups=503 rt=0.1"), "2 1"),
            (combined(503, " ups=- rt=0.1"), "1 0"),
            (combined(503, " ups= rt=0.1"), "1 0"),
            (combined(502, " upstream_status=\"502, 502\" rt=0.1"), "2 1"),
            (combined(404, " upstream_status=\"404\""), "2 0"),
            (combined(503, " upstream_status=\"-\""), "1 0"),
        ];
        for (line, wanted) in upstreams {
            assert_eq!(counted(&shell, std::slice::from_ref(&line)), wanted, "{shell}: {line}");
        }
    }
}

/// What a client sends stands between quotes, or is escaped.
#[test]
fn a_client_does_not_say_what_the_upstream_answered() {
    for shell in Shell::all() {
        let client = |agent: &str, rest: &str| {
            format!(
                "h - - [01/Mar/2026:00:01:00 +0000] \"GET /?ups=502 HTTP/1.1\" 503 5 \"ups=502\" \"{agent}\"{rest}"
            )
        };
        for agent in ["ups=502", "x ups=502 ", "ups=", "\\x22 ups=502"] {
            assert_eq!(counted(&shell, &[client(agent, " ups=-")]), "1 0", "{shell}: {agent}");
            // Nor does it hide one.
            assert_eq!(
                counted(&shell, &[client(&agent.replace("502", "-"), " ups=503")]),
                "2 1",
                "{shell}: {agent}"
            );
        }
        let agent = "\"agent\": \"\\\"upstream_status\\\": \\\"502\\\"\"";
        let line = format!(
            "{{{agent}, \"time\": \"2026-03-01T00:01:00+00:00\", \"status\": 503, \"upstream_status\": \"-\"}}"
        );
        assert_eq!(counted(&shell, &[line]), "1 0", "{shell}");
    }
}

/// nginx writes the name that a client gives without quotes, ahead of the time and the request.
#[test]
fn a_clients_name_is_neither_an_answer_nor_a_time() {
    for shell in Shell::all() {
        let client = |name: &str, status: u32, rest: &str| {
            format!("h - {name} [01/Mar/2026:00:01:00 +0000] \"GET / HTTP/1.1\" {status} 5 \"-\" \"x\"{rest}")
        };
        for name in ["x ups=501:y", "ups=501", "x upstream_status=501 y", "x ups=501 ups=502"] {
            assert_eq!(counted(&shell, &[client(name, 501, "")]), "1 0", "{shell}: {name}");
            assert_eq!(counted(&shell, &[client(name, 501, " ups=-")]), "1 0", "{shell}: {name}");
        }
        // Nor does one hide an error, or have it count for the time before the switch.
        for name in ["x ups=-", "x ups=", "x [28/Feb/2026:23:59:59 +0000] y", "2026-02-28T23:59:59Z"] {
            assert_eq!(counted(&shell, &[client(name, 503, "")]), "2 1", "{shell}: {name}");
            assert_eq!(counted(&shell, &[client(name, 503, " ups=503")]), "2 1", "{shell}: {name}");
        }
        assert_eq!(counted(&shell, &[client("x ups=404", 404, "")]), "1 0", "{shell}");
    }
}
