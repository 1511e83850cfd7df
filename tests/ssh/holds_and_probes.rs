//! Against OpenSSH's server: scripts that stay, and questions through the connection.

use std::time::Duration;

use bgctl::remote::{Answer, Exec, HttpRequest, Probe, Remote};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::hosts;
use crate::sshd::{Sshd, free_port};

const ECHO: &str = "echo ready; while read -r line; do echo \"got $line\"; done; echo ended >\"$1\"";

async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..100 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never happened: {what}");
}

#[tokio::test]
async fn a_held_script_answers_line_by_line_and_ends_with_its_input() {
    let server = Sshd::start();
    let (fleet, host, mark) = (server.fleet().await, hosts::name(), server.path("mark"));
    let exec = Exec::changes(ECHO).args([mark.display().to_string()]).timeout(Duration::from_secs(3));
    let mut hold = fleet.hold(&host, exec).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("ready"));
    // Longer than the time for its start, while others use the connection.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(fleet.exec(&host, Exec::reads("true")).await.unwrap().success());
    hold.input.send("a b".to_owned()).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("got a b"));
    drop(hold.input);
    assert_eq!(hold.lines.recv().await, None);
    assert!(mark.exists());
    fleet.close().await;
}

#[tokio::test]
async fn a_dropped_hold_ends_even_a_deaf_script() {
    let server = Sshd::start();
    let (fleet, host, mark) = (server.fleet().await, hosts::name(), server.path("mark"));
    let script = "trap 'echo ended >\"$1\"; exit' TERM; echo ready; while :; do sleep 0.1; done";
    let hold = fleet.hold(&host, Exec::changes(script).args([mark.display().to_string()])).await.unwrap();
    assert!(!mark.exists());
    drop(hold);
    eventually("the script ends", || mark.exists()).await;
    fleet.close().await;
}

#[tokio::test]
async fn a_hold_that_ends_says_so_by_its_lines() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let mut hold = fleet.hold(&hosts::name(), Exec::reads("echo busy; exit 3")).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("busy"));
    assert_eq!(hold.lines.recv().await, None);
    fleet.close().await;
}

#[tokio::test]
async fn a_hold_that_says_too_much_ends_and_says_why() {
    let server = Sshd::start();
    let (fleet, host) = (server.fleet().await, hosts::name());
    let floods = [
        ("head -c 9000000 /dev/zero; sleep 60", "a line of it is longer than 1 MiB"),
        ("yes | head -n 100000; sleep 60", "more than 4096 of its lines wait to be read"),
        ("yes \"$(head -c 100000 /dev/zero | tr '\\0' x)\"", "more than 16 MiB of its lines wait to be read"),
    ];
    for (script, why) in floods {
        let mut hold = fleet.hold(&host, Exec::reads(script)).await.unwrap();
        // A reader that is slow, and comes at last.
        eventually(why, || hold.lines.why().is_some()).await;
        let mut waited = 0;
        while let Some(line) = hold.lines.recv().await {
            waited += line.len();
        }
        assert_eq!(hold.lines.why(), Some(why));
        assert!(waited <= 16 << 20, "{waited}");
    }
    assert!(fleet.exec(&host, Exec::reads("true")).await.unwrap().success());
    fleet.close().await;
}

/// Answers every connection with the request it got, in a body.
async fn echo_server(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        echo(stream).await;
    }
}

/// Answers with the request, in a body.
pub(crate) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut request = vec![0; 4096];
    // Who did not like a certificate asks nothing.
    let Ok(length @ 1..) = stream.read(&mut request).await else { return };
    let body = &request[..length];
    let head = format!("HTTP/1.1 503 Busy\r\nX-Color: blue\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    // The client may have been quicker.
    let _ = stream.shutdown().await;
}

fn probe(port: u16, http: impl Into<Option<HttpRequest>>) -> Probe {
    let http = http.into();
    Probe { host: "127.0.0.1".to_owned(), port, http, timeout: Duration::from_secs(5) }
}

fn get(headers: &[(&str, &str)]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    HttpRequest { path: "/health?a=b".to_owned(), headers, tls: None }
}

async fn probes_work(server: &Sshd) {
    let (fleet, host) = (server.fleet().await, hosts::name());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asking = async {
        let request = get(&[("Host", "app.example"), ("X-Said", "it's \"so\" \\n")]);
        let Ok(Answer::Http(response)) = fleet.probe(&host, probe(port, request)).await else { panic!() };
        assert_eq!((response.status, response.header("X-Color")), (503, Some("blue")));
        assert!(response.headers.iter().any(|(name, _)| name == "x-color"));
        let seen = String::from_utf8(response.body).unwrap();
        assert!(seen.starts_with("GET /health?a=b HTTP/1.1\r\n"), "{seen}");
        for line in ["host: app.example\r\n", "x-said: it's \"so\" \\n\r\n"] {
            assert!(seen.to_lowercase().contains(line), "{seen}");
        }
        assert_eq!(seen.to_lowercase().matches("host:").count(), 1, "{seen}");
    };
    tokio::select! { () = asking => {}, () = echo_server(listener) => {} }
    let Ok(Answer::Failed(why)) = fleet.probe(&host, probe(free_port(), get(&[]))).await else { panic!() };
    assert!(why.contains("no connection to") || why.contains("no answer from"), "{why}");
    fleet.close().await;
}

#[tokio::test]
async fn probes_go_through_the_connection() {
    let server = Sshd::start();
    probes_work(&server).await;
    let (fleet, host) = (server.fleet().await, hosts::name());
    assert_eq!(fleet.probe(&host, probe(server.port, None)).await, Ok(Answer::Connected));
    let refused = fleet.probe(&host, probe(free_port(), None)).await;
    assert!(matches!(refused, Ok(Answer::Failed(_))), "{refused:?}");
    let Ok(Answer::Failed(why)) = fleet.probe(&host, probe(server.port, get(&[]))).await else { panic!() };
    assert!(why.contains("no usable HTTP answer"), "{why}");
    assert_eq!((fleet.stats()[&host].sessions, fleet.stats()[&host].forwards), (0, 3));
    fleet.close().await;
}

#[tokio::test]
async fn where_forwarding_is_forbidden_the_hosts_tools_ask() {
    let server = Sshd::with("AllowTcpForwarding no");
    probes_work(&server).await;
}

#[tokio::test]
async fn wget_asks_where_there_is_no_curl() {
    let server = Sshd::tools_only(&["wget"], "AllowTcpForwarding no");
    probes_work(&server).await;
}

#[tokio::test]
async fn busybox_alone_is_enough_to_ask() {
    let server = Sshd::tools_only(&["busybox"], "AllowTcpForwarding no");
    let (fleet, host) = (server.fleet().await, hosts::name());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asking = async {
        let Ok(Answer::Http(response)) = fleet.probe(&host, probe(port, get(&[("X-A", "b")]))).await else {
            panic!()
        };
        assert_eq!(response.status, 503);
    };
    tokio::select! { () = asking => {}, () = echo_server(listener) => {} }
    fleet.close().await;
}

#[tokio::test]
async fn without_forwarding_and_tools_a_probe_says_what_is_missing() {
    let server = Sshd::tools_only(&[], "AllowTcpForwarding no");
    let (fleet, host) = (server.fleet().await, hosts::name());
    for http in [None, Some(get(&[]))] {
        let Ok(Answer::Failed(why)) = fleet.probe(&host, probe(server.port, http)).await else { panic!() };
        assert!(why.contains("AllowTcpForwarding") && why.contains("curl"), "{why}");
    }
    fleet.close().await;
}

#[tokio::test]
async fn a_silent_target_is_a_failed_probe_in_time() {
    let server = Sshd::start();
    let (fleet, host) = (server.fleet().await, hosts::name());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let probe = Probe { timeout: Duration::from_millis(400), ..probe(port, get(&[])) };
    let Ok(Answer::Failed(why)) = fleet.probe(&host, probe).await else { panic!() };
    assert!(why.contains("within 0.4 s"), "{why}");
    fleet.close().await;
}
