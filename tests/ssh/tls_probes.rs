//! Against OpenSSH's server and a TLS server behind it: whom an https probe takes for whom.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bgctl::model::Tls;
use bgctl::remote::{Answer, HttpRequest, HttpResponse, Probe, Remote};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::holds_and_probes::echo;
use crate::hosts;
use crate::sshd::Sshd;

/// A folder with a CA, and with certificates by it.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        made.make(&["site", "DNS:a.example,DNS:*.a.example"]);
        made.make(&["old", "DNS:old.example", "expired"]);
        made
    }

    fn make(&self, args: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates.sh");
        let made = Command::new("sh").arg(script).arg(self.0.path()).args(args).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn ca(&self) -> String {
        std::fs::read_to_string(self.0.path().join("ca.pem")).unwrap()
    }
}

/// Has a certificate for each of two names, as a load balancer with several sites has.
#[derive(Debug)]
struct BySni {
    site: Arc<CertifiedKey>,
    old: Arc<CertifiedKey>,
    /// One that signs itself.
    itself: Arc<CertifiedKey>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(match hello.server_name() {
            Some("old.example") => &self.old,
            Some("self.example") => &self.itself,
            _ => &self.site,
        }))
    }
}

fn certified(folder: &Path, name: &str) -> Arc<CertifiedKey> {
    let chain = vec![CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
    Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider()).unwrap())
}

async fn tls_server(listener: TcpListener, folder: &Path) {
    let [site, old, itself] = ["site", "old", "ca"].map(|name| certified(folder, name));
    let resolver = BySni { site, old, itself };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((stream, _)) = listener.accept().await {
        // Who does not like the certificate goes away.
        if let Ok(stream) = acceptor.accept(stream).await {
            echo(stream).await;
        }
    }
}

/// Asks a TLS server by way of an SSH server, once for each of these.
async fn ask(server: &Sshd, certificates: &Certificates, all: &[Tls]) -> Vec<Result<HttpResponse, String>> {
    let (fleet, host) = (server.fleet().await, hosts::name());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asking = async {
        let mut answers = Vec::new();
        for tls in all {
            let headers = vec![("Host".to_owned(), "shown.example".to_owned())];
            let http = Some(HttpRequest { path: "/".to_owned(), headers, tls: Some(tls.clone()) });
            let probe = Probe { host: "127.0.0.1".to_owned(), port, http, timeout: Duration::from_secs(10) };
            answers.push(match fleet.probe(&host, probe).await.unwrap() {
                Answer::Http(response) => Ok(response),
                Answer::Failed(why) => Err(why),
                Answer::Connected => panic!("it was asked for more"),
            });
        }
        answers
    };
    let answers = tokio::select! {
        answers = asking => answers,
        () = tls_server(listener, certificates.0.path()) => panic!("the server ended"),
    };
    fleet.close().await;
    answers
}

fn tls(name: &str, ca: Option<String>, validate_certs: bool) -> Tls {
    Tls { name: name.to_owned(), ca, validate_certs }
}

async fn certificates_are_judged(server: &Sshd, said: [&str; 4]) {
    let certificates = Certificates::new();
    let ca = || Some(certificates.ca());
    let answers = ask(
        server,
        &certificates,
        &[
            tls("a.example", ca(), true),
            tls("www.a.example", ca(), true),
            tls("old.example", None, false),
            tls("old.example", ca(), true),
            tls("b.example", ca(), true),
            tls("a.example", None, true),
            tls("self.example", None, true),
        ],
    )
    .await;
    for fine in &answers[..3] {
        let response = fine.as_ref().unwrap();
        assert_eq!((response.status, response.header("X-Color")), (503, Some("blue")));
        let seen = String::from_utf8_lossy(&response.body).to_lowercase();
        assert!(seen.contains("host: shown.example\r\n"), "{seen}");
    }
    for (refused, said) in answers[3..].iter().zip(said) {
        let why = refused.as_ref().unwrap_err();
        assert!(why.starts_with("the certificate at 127.0.0.1:") && why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn https_goes_through_the_connection_and_the_certificate_is_judged_here() {
    let server = Sshd::start();
    let said = [
        " expired on 2020-02-01 at 00:00 UTC: renew it",
        " is for a.example, *.a.example, and b.example was asked for: write a name of the certificate as `host: NAME`",
        " is signed by no CA that this machine knows: name the CA with `ca: FILE`",
        " is a CA's own, not one for a server (self-signed): `validate_certs: false` takes any certificate",
    ];
    certificates_are_judged(&server, said).await;
}

#[tokio::test]
async fn where_forwarding_is_forbidden_curl_asks_over_https() {
    let server = Sshd::with("AllowTcpForwarding no");
    let said = [
        "certificate has expired",
        "b.example",
        "unable to get local issuer certificate",
        "self-signed certificate",
    ];
    certificates_are_judged(&server, said).await;
}

#[tokio::test]
async fn a_ca_that_is_named_is_the_only_one() {
    for config in ["", "AllowTcpForwarding no"] {
        let server = Sshd::with(config);
        let (certificates, others) = (Certificates::new(), Certificates::new());
        let answers = ask(&server, &certificates, &[tls("a.example", Some(others.ca()), true)]).await;
        let why = answers[0].as_ref().unwrap_err();
        assert!(
            why.contains("by no CA that the file of `ca` knows") || why.contains("refused on the host"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn wget_is_not_asked_over_https() {
    let server = Sshd::tools_only(&["wget"], "AllowTcpForwarding no");
    let certificates = Certificates::new();
    let answers = ask(&server, &certificates, &[tls("a.example", Some(certificates.ca()), true)]).await;
    let why = answers[0].as_ref().unwrap_err();
    assert!(why.contains("only curl can ask an https server by its name"), "{why}");
}

#[tokio::test]
async fn a_port_that_speaks_plain_http_says_so() {
    let server = Sshd::start();
    let (fleet, host) = (server.fleet().await, hosts::name());
    let http = Some(HttpRequest {
        path: "/".to_owned(),
        headers: Vec::new(),
        tls: Some(tls("a.example", None, false)),
    });
    let probe =
        Probe { host: "127.0.0.1".to_owned(), port: server.port, http, timeout: Duration::from_secs(5) };
    let Ok(Answer::Failed(why)) = fleet.probe(&host, probe).await else { panic!() };
    assert!(why.contains("no TLS at 127.0.0.1:") && why.contains("plain http?"), "{why}");
    fleet.close().await;
}
