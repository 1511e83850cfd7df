//! Servers that break the rules, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Answer, Exec, Probe, Remote, RemoteError};
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::hosts;

/// What the server does to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    /// Ends the connection in the middle.
    Drop,
    /// Closes the channel without an exit status.
    NoStatus,
    /// Never opens a session.
    NoSession,
    /// Exits at once, its stdin unread.
    Deaf,
    /// Answers nothing at all.
    Silent,
}

struct Server(Trick);

impl Handler for Server {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.0 {
            Trick::NoSession => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            _ => reply.accept().await,
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command).into_owned();
        let marker = &command[command.find("bgctl-").unwrap()..][..38];
        session.data(channel, format!("{marker} 1\npart").into_bytes())?;
        match self.0 {
            Trick::Drop => return Err(russh::Error::Disconnect),
            Trick::NoStatus => session.close(channel)?,
            Trick::Deaf => {
                session.exit_status_request(channel, 3)?;
                session.close(channel)?;
            }
            Trick::NoSession | Trick::Silent => {}
        }
        Ok(())
    }
}

async fn serve(listener: TcpListener, trick: Trick) {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let config = Arc::new(Config { keys: vec![key], nodelay: true, ..Config::default() });
    while let Ok((stream, _)) = listener.accept().await {
        let session = russh::server::run_stream(Arc::clone(&config), stream, Server(trick)).await;
        tokio::task::spawn(async move { session.unwrap().await });
    }
}

async fn fleet(trick: Trick) -> SshFleet {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn(serve(listener, trick));
    let endpoint = Endpoint { host_key_checking: false, ..hosts::endpoint(port) };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    fleet
}

async fn run(trick: Trick, exec: Exec) -> Result<bgctl::remote::Output, RemoteError> {
    fleet(trick).await.exec(&hosts::name(), exec).await
}

#[tokio::test]
async fn a_connection_lost_under_a_script_is_never_a_success() {
    let lost = run(Trick::Drop, Exec::reads("true")).await.unwrap_err();
    assert!(matches!(lost, RemoteError::Lost(_)) && !lost.never_started(), "{lost}");
}

#[tokio::test]
async fn no_exit_status_is_never_a_success() {
    let lost = run(Trick::NoStatus, Exec::reads("true")).await.unwrap_err();
    assert!(matches!(lost, RemoteError::Lost(_)), "{lost}");
}

#[tokio::test]
async fn a_session_that_never_opens_is_a_refusal_in_time() {
    let refused = run(Trick::NoSession, Exec::reads("true").timeout(Duration::from_millis(300))).await;
    let refused = refused.unwrap_err();
    assert!(matches!(&refused, RemoteError::Refused(why) if why.contains("MaxSessions")), "{refused}");
}

#[tokio::test]
async fn a_script_that_does_not_read_its_stdin_ends_all_the_same() {
    let exec = Exec::reads("true").stdin(vec![0; 50_000_000]).timeout(Duration::from_secs(10));
    let output = run(Trick::Deaf, exec).await.unwrap();
    assert_eq!((output.status, output.text().as_str()), (3, "part"));
}

#[tokio::test]
async fn a_silent_server_is_a_timeout_that_says_nothing_of_the_effect() {
    let timeout = Duration::from_millis(300);
    let error = run(Trick::Silent, Exec::reads("true").timeout(timeout)).await.unwrap_err();
    assert_eq!(error, RemoteError::TimedOut(timeout));
    assert!(!error.never_started());
}

#[tokio::test]
async fn a_forbidden_forwarding_falls_back_to_the_hosts_tools() {
    let probe = Probe { host: "::1".to_owned(), port: 1, http: None, timeout: Duration::from_secs(5) };
    // russh's server forbids forwarding unless told otherwise; the script then ends with status 3.
    let answer = fleet(Trick::Deaf).await.probe(&hosts::name(), probe).await.unwrap();
    assert!(matches!(&answer, Answer::Failed(why) if why.contains("[::1]:1")), "{answer:?}");
}

async fn refusal(endpoint: Endpoint) -> (String, String) {
    let (_, mut failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    match failed.remove(0).1 {
        RemoteError::Unreachable { reason, hint, .. } => (reason, hint),
        other => panic!("{other}"),
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn a_drop_before_the_banner_is_tried_again_and_then_explained() {
    let (listener, port) = listener().await;
    let mut met = 0;
    let dropping = async {
        while let Ok((stream, _)) = listener.accept().await {
            met += 1;
            drop(stream);
        }
    };
    let (_, hint) =
        tokio::select! { refusal = refusal(hosts::endpoint(port)) => refusal, () = dropping => panic!() };
    assert!(hint.contains("MaxStartups"), "{hint}");
    assert_eq!(met, 5);
}

#[tokio::test]
async fn a_drop_that_passes_is_not_noticed() {
    let (listener, port) = listener().await;
    tokio::task::spawn(async move {
        for _ in 0..2 {
            drop(listener.accept().await);
        }
        serve(listener, Trick::Deaf).await;
    });
    let endpoint = Endpoint { host_key_checking: false, ..hosts::endpoint(port) };
    let (_, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
}

#[tokio::test]
async fn a_slow_banner_ends_at_the_deadline_and_frees_the_socket() {
    let (listener, port) = listener().await;
    let slow = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // What the client sent, then its end.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    };
    let started = Instant::now();
    let endpoint = Endpoint { timeout: Duration::from_millis(300), ..hosts::endpoint(port) };
    let ((reason, hint), ()) = tokio::join!(refusal(endpoint), slow);
    assert!(reason.contains("no SSH banner within 0.3 s"), "{reason}");
    assert!(hint.contains("ansible_ssh_timeout"), "{hint}");
    // Sooner than without the variable, however busy the machine.
    assert!(started.elapsed() < Duration::from_secs(9));
}

#[tokio::test]
async fn what_speaks_something_else_is_named() {
    let (listener, port) = listener().await;
    let speaking = async {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let endpoint = Endpoint { timeout: Duration::from_secs(2), ..hosts::endpoint(port) };
    let (reason, _) = tokio::select! { refusal = refusal(endpoint) => refusal, () = speaking => panic!() };
    assert!(reason.contains("SSH"), "{reason}");
}
