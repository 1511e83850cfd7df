//! A question to what listens on, or is reached from, a host: through forwarding, else by the host's tools.

use std::sync::Arc;
use std::time::Duration;

use super::forward::{self, BODY_CAP, Forbidden, authority};
use super::link::Link;
use super::tls_fault::UNCHECKED;
use super::{exec, fault};
use crate::remote::{Answer, Exec, HttpRequest, HttpResponse, Output, Probe, RemoteError};

const HTTP: &str = include_str!("probe_http.sh");
const TCP: &str = include_str!("probe_tcp.sh");

/// What the scripts exit with where none of the tools is there.
const NO_TOOL: i32 = 97;
/// The same, where there is one and it cannot ask over https.
const NO_TLS_TOOL: i32 = 98;
/// What curl exits with when it does not take a server's certificate.
const REFUSED_CERTIFICATE: i32 = 60;

/// An answer has no more header fields; where the answer comes by forwarding, hyper draws the same line.
const MOST_HEADERS: usize = 100;

/// Asks, within the probe's own time.
pub(super) async fn probe(link: Arc<Link>, probe: &Probe) -> Result<Answer, RemoteError> {
    let asking = async {
        if link.no_forwarding.get().is_none() {
            match forward::probe(&link, probe).await? {
                Ok(answer) => return Ok(answer),
                Err(Forbidden) => link.no_forwarding.set(()).unwrap_or_default(),
            }
        }
        by_tools(&link, probe).await
    };
    tokio::time::timeout(probe.timeout, asking).await.unwrap_or_else(|_| Ok(Answer::Failed(no_answer(probe))))
}

fn no_answer(probe: &Probe) -> String {
    let target = fault::address(&probe.host, probe.port);
    format!("no answer from {target} within {} s", probe.timeout.as_secs_f32())
}

async fn by_tools(link: &Arc<Link>, probe: &Probe) -> Result<Answer, RemoteError> {
    let seconds = probe.timeout.as_secs().max(1).to_string();
    let script = match &probe.http {
        None => Exec::reads(TCP).args([probe.host.clone(), probe.port.to_string(), seconds]),
        Some(http) => match http_by_tools(probe, http, seconds) {
            Ok(script) => script,
            Err(why) => return Ok(Answer::Failed(why)),
        },
    };
    // The tool ends by itself; its session must not.
    let script = script.timeout(probe.timeout + Duration::from_secs(5));
    let output = match exec::exec(Arc::clone(link), Arc::new(script)).await {
        Err(RemoteError::TimedOut(_)) => return Ok(Answer::Failed(no_answer(probe))),
        Err(error @ RemoteError::TooLong(_)) => {
            let target = fault::address(&probe.host, probe.port);
            return Ok(Answer::Failed(format!("no usable HTTP answer from {target}: {error}")));
        }
        output => output?,
    };
    Ok(match (output.status, &probe.http) {
        (NO_TOOL, _) => Answer::Failed(
            "the server forbids forwarding (AllowTcpForwarding), and the host has no curl, GNU wget, or nc of \
             busybox to ask with: allow the one or install the other"
                .to_owned(),
        ),
        (NO_TLS_TOOL, _) => Answer::Failed(
            "the server forbids forwarding (AllowTcpForwarding), and of the host's own tools only curl can ask an https \
             server by its name: allow the one or install the other"
                .to_owned(),
        ),
        (0, None) => Answer::Connected,
        (_, Some(_)) => parse(&output).map_or_else(|| failed(probe, &output), Answer::Http),
        _ => failed(probe, &output),
    })
}

fn failed(probe: &Probe, output: &Output) -> Answer {
    let target = fault::address(&probe.host, probe.port);
    let said = output.errors();
    if output.status == REFUSED_CERTIFICATE {
        // What follows is about curl's own options.
        let first = said.lines().next().unwrap_or_default();
        let hint = "renew it, write its name as `host` or its CA as `ca`";
        let why = format!("the certificate at {target} is refused on the host: {first}; {hint}; {UNCHECKED}");
        return Answer::Failed(why);
    }
    let answer = if output.stdout.trim_ascii().is_empty() { "no answer" } else { "no usable HTTP answer" };
    Answer::Failed(format!("{answer} from {target}: {said}"))
}

/// The request for each of the tools: as curl's configuration, as an address and wget's, and as it is sent. All of it
/// reaches them on stdin or in a file: an address may hold a token, and argument lists are open to everybody there.
fn http_by_tools(probe: &Probe, http: &HttpRequest, seconds: String) -> Result<Exec, String> {
    let url = match &http.tls {
        Some(tls) => format!("https://{}{}", fault::address(&tls.name, probe.port), http.path),
        None => format!("http://{}{}", authority(probe), http.path),
    };
    let headers: Vec<String> = http.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let all = || headers.iter().chain([&url]);
    if all().any(|text| text.contains(char::is_control)) {
        return Err("no HTTP request can be made of this probe: a control character in it".to_owned());
    }
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut config = format!("url = \"{}\"\nmax-time = {seconds}\n", quoted(&url));
    for header in &headers {
        config = config + "header = \"" + &quoted(header) + "\"\n";
    }
    let mut roots = "";
    if let Some(tls) = &http.tls {
        let (name, there) = (&tls.name, fault::address(&probe.host, probe.port));
        let to = format!("{}:{there}", fault::address(name, probe.port));
        config = config + "connect-to = \"" + &quoted(&to) + "\"\n";
        config += if tls.validate_certs { "" } else { "insecure\n" };
        roots = if tls.ca.is_some() { "given" } else { "own" };
    }
    let ca = http.tls.as_ref().and_then(|tls| tls.ca.clone()).unwrap_or_default();
    let fields = headers.iter().fold(String::new(), |text, header| text + "header = " + header + "\n");
    let request = as_sent(probe, http, &headers);
    let there = [probe.host.clone(), probe.port.to_string()];
    let script = Exec::reads(HTTP).args([url, seconds, roots.to_owned(), config, fields, request]);
    Ok(script.args(there).stdin(ca))
}

/// In the version of HTTP whose answers come in one piece.
fn as_sent(probe: &Probe, http: &HttpRequest, headers: &[String]) -> String {
    let names_host = http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = (!names_host).then(|| format!("Host: {}", authority(probe)));
    let first = format!("GET {} HTTP/1.0", http.path);
    let close = "Connection: close".to_owned();
    let lines = [first].into_iter().chain(host).chain(headers.iter().cloned()).chain([close, String::new()]);
    lines.map(|line| line + "\r\n").collect()
}

/// Takes a response apart as the tools print it: status line (busybox has words before it), fields, an empty
/// line, the body.
fn parse(output: &Output) -> Option<HttpResponse> {
    let mut rest = output.stdout.as_slice();
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(rest.get(..end)?).trim().to_owned();
        rest = rest.get(end + 1..)?;
        Some(line)
    };
    let status = line()?.split_once("HTTP/")?.1.split_whitespace().nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let field = line()?;
        if field.is_empty() {
            break;
        }
        if headers.len() >= MOST_HEADERS {
            return None;
        }
        if let Some((name, value)) = field.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let body = rest.get(..rest.len().min(BODY_CAP)).unwrap_or_default().to_vec();
    Some(HttpResponse { status, headers, body })
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod by_tools_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_response_is_taken_apart() {
        let stdout = b"HTTP/1.1 503 Nope\r\nX-Color: blue\r\nEmpty:\r\n\r\nbo\ndy".to_vec();
        let response = parse(&Output { stdout, ..Output::default() }).unwrap();
        assert_eq!(response.status, 503);
        assert_eq!(response.header("x-color"), Some("blue"));
        assert_eq!(response.headers.len(), 2);
        assert_eq!(response.body, b"bo\ndy");
    }

    #[test]
    fn what_is_no_response_is_none() {
        let many = format!("HTTP/1.1 200 OK\n{}\n", "X: y\n".repeat(MOST_HEADERS + 1));
        for text in ["", "curl: (7) refused\n", "HTTP/1.1 abc\n\n", "HTTP/1.1 200 OK\nX: cut", &many] {
            assert_eq!(parse(&Output { stdout: text.into(), ..Output::default() }), None, "{text:?}");
        }
    }

    #[test]
    fn a_header_cannot_smuggle_an_option_into_curl() {
        let http = |value: &str| HttpRequest {
            path: "/".to_owned(),
            headers: vec![("X".to_owned(), value.to_owned())],
            tls: None,
        };
        let probe = |http| Probe {
            host: "::1".to_owned(),
            port: 8080,
            http: Some(http),
            timeout: Duration::from_secs(1),
        };
        let made = |value| http_by_tools(&probe(http(value)), &http(value), "1".to_owned());
        assert!(made("a\noutput = \"/etc/passwd\"").is_err());
        let config = &made(r#"a" \"#).unwrap().args[3];
        assert_eq!(config, "url = \"http://[::1]:8080/\"\nmax-time = 1\nheader = \"X: a\\\" \\\\\"\n");
    }
}
