#![expect(clippy::disallowed_methods, reason = "the test is the host")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use super::super::payload::Payload;
use super::*;

/// What stands for a token, in the path, the query and a header.
const TOKEN: &str = "hunter2-is-it";
const BODY: &str = "bo\ndy\n\n";

/// What each tool needs to be all that a host has.
const TOOLS: [(&str, &[&str]); 3] = [
    ("curl", &["curl", "cat", "mktemp", "rm"]),
    ("wget", &["wget", "cat", "mktemp", "rm"]),
    ("busybox", &["busybox", "mktemp", "rm", "mkfifo", "grep"]),
];
/// A shell's program, and under which name and with which arguments it is called.
const SHELLS: [(&str, &str, &[&str]); 3] =
    [("dash", "sh", &[]), ("bash", "sh", &[]), ("busybox", "busybox", &["ash"])];

fn link(folder: &Path, tool: &str, name: &str) {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", tool]).output().unwrap();
    assert!(found.status.success(), "{tool} is not installed: tests/lab/up names what is needed");
    symlink(String::from_utf8(found.stdout).unwrap().trim(), folder.join(name)).unwrap();
}

/// Argument lists on this machine in which the token stands.
fn argument_lists() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lists = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lists
        .map(|list| String::from_utf8_lossy(&list).into_owned())
        .filter(|list| list.contains(TOKEN))
        .collect()
}

/// Answers one request after a while, in which it looks around: the request, and where the token was seen.
fn server(status: &'static str) -> (u16, JoinHandle<(String, Vec<String>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let seen = argument_lists();
        std::thread::sleep(Duration::from_millis(100));
        // Whoever hangs up now asked for nothing, as nginx sees it.
        client.set_nonblocking(true).unwrap();
        assert!(client.read(&mut [0]).is_err(), "the client ended its side");
        client.set_nonblocking(false).unwrap();
        let answer = format!("HTTP/1.1 {status}\r\nX-Color: blue\r\nConnection: close\r\n\r\n{BODY}");
        client.write_all(answer.as_bytes()).unwrap();
        (String::from_utf8(request).unwrap(), seen)
    });
    (port, serving)
}

fn probe(port: u16) -> Probe {
    let headers = vec![
        ("Host".to_owned(), format!("{TOKEN}.example")),
        ("X-Said".to_owned(), format!("it's \"so\" \\n # {TOKEN}")),
    ];
    let http = HttpRequest { path: format!("/{TOKEN}?a=b&token={TOKEN}"), headers, tls: None };
    let timeout = Duration::from_secs(5);
    Probe { host: "127.0.0.1".to_owned(), port, http: Some(http), timeout }
}

/// The script as a host runs it that has these tools alone.
fn asked(shell: (&str, &str, &[&str]), tools: &[&str], probe: &Probe) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let [bin, temporary, shells] = ["bin", "tmp", "sh"].map(|name| folder.path().join(name));
    for folder in [&bin, &temporary, &shells] {
        std::fs::create_dir(folder).unwrap();
    }
    for tool in tools {
        link(&bin, tool, tool);
    }
    let (program, name, args) = shell;
    link(&shells, program, name);
    let script = http_by_tools(probe, probe.http.as_ref().unwrap(), "5".to_owned()).unwrap();
    let payload = Payload::new(&script).unwrap();
    let loader = payload.command.strip_prefix("exec sh -c '").unwrap().strip_suffix('\'').unwrap();
    let mut child = Command::new(shells.join(name))
        .args(args)
        .args(["-c", loader])
        .env_clear()
        .env("PATH", &bin)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&payload.script).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "something was left of {tools:?}");
    let status = output.status.code().unwrap_or(-1);
    let marked = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
    Output { status, stdout: output.stdout[marked + 1..].to_vec(), stderr: output.stderr, cut: false }
}

#[test]
fn whatever_tool_asks_address_and_headers_stand_in_no_argument_list() {
    for shell in SHELLS {
        for (tool, tools) in TOOLS {
            let (port, serving) = server("503 Nope");
            let output = asked(shell, tools, &probe(port));
            let response = parse(&output).unwrap_or_else(|| panic!("{shell:?} {tool}: {output:?}"));
            let (request, seen) = serving.join().unwrap();
            assert_eq!(seen, Vec::<String>::new(), "{shell:?} {tool}");
            assert_eq!((response.status, response.header("x-color")), (503, Some("blue")));
            assert_eq!(String::from_utf8(response.body).unwrap(), BODY, "{shell:?} {tool}");
            assert!(request.starts_with(&format!("GET /{TOKEN}?a=b&token={TOKEN} HTTP/1.")), "{request}");
            for field in
                [format!("host: {TOKEN}.example\r\n"), format!("x-said: it's \"so\" \\n # {TOKEN}\r\n")]
            {
                assert_eq!(request.to_lowercase().matches(&field).count(), 1, "{shell:?} {tool}: {request}");
            }
        }
    }
}

#[test]
fn where_nobody_listens_no_tool_invents_an_answer() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for shell in SHELLS {
        for (tool, tools) in TOOLS {
            let output = asked(shell, tools, &probe(port));
            assert_eq!(parse(&output), None, "{shell:?} {tool}");
        }
        assert_eq!(asked(shell, &["mktemp", "grep"], &probe(port)).status, NO_TOOL);
    }
}
