//! Servers that open channels and ask for things on their own: nothing is opened to them.

use std::sync::Arc;
use std::time::Duration;

use bgctl::model::{Endpoint, Escalation};
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Exec, Remote, RemoteError};
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::hosts;

/// A script of this user's does not end.
const STAYS: &str = "stays";

/// Hands its connection out with each script, and answers it with success.
struct Server(mpsc::UnboundedSender<Handle>);

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
        reply.accept().await;
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
        session.data(channel, format!("{marker} 1\nwell").into_bytes())?;
        if !command.contains(STAYS) {
            session.exit_status_request(channel, 0)?;
            session.close(channel)?;
        }
        // One is enough for each test.
        let _ = self.0.send(session.handle());
        Ok(())
    }
}

/// A connection to such a server, and the server's end of it.
async fn connected() -> (SshFleet, Handle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (handles, mut handle) = mpsc::unbounded_channel();
    tokio::task::spawn(async move {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let config = Arc::new(Config { keys: vec![key], nodelay: true, ..Config::default() });
        while let Ok((stream, _)) = listener.accept().await {
            let session =
                russh::server::run_stream(Arc::clone(&config), stream, Server(handles.clone())).await;
            tokio::task::spawn(async move { session.unwrap().await });
        }
    });
    let endpoint = Endpoint { host_key_checking: false, ..hosts::endpoint(port) };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    works(&fleet).await;
    (fleet, handle.recv().await.unwrap())
}

async fn works(fleet: &SshFleet) {
    let output =
        fleet.exec(&hosts::name(), Exec::reads("true").timeout(Duration::from_secs(5))).await.unwrap();
    assert_eq!(output.text(), "well");
}

fn refused(kind: &str, opened: &Result<Channel<Msg>, russh::Error>) {
    let Err(russh::Error::ChannelOpenFailure(_)) = opened else { panic!("{kind} was opened") };
}

#[tokio::test]
async fn a_channel_that_the_server_opens_is_refused_and_the_connection_stays() {
    let (fleet, server) = connected().await;
    refused("session", &server.channel_open_session().await);
    refused("direct-tcpip", &server.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await);
    refused("forwarded-tcpip", &server.channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await);
    refused("direct-streamlocal", &server.channel_open_direct_streamlocal("/run/agent").await);
    refused("forwarded-streamlocal", &server.channel_open_forwarded_streamlocal("/run/agent").await);
    refused("x11", &server.channel_open_x11("127.0.0.1", 6000).await);
    refused("auth-agent", &server.channel_open_agent().await);
    works(&fleet).await;
    fleet.close().await;
}

#[tokio::test]
async fn a_flood_of_them_ends_the_connection_and_is_said() {
    let (fleet, server) = connected().await;
    let mut refusals = 0;
    while let Err(russh::Error::ChannelOpenFailure(_)) = server.channel_open_session().await {
        refusals += 1;
        assert!(refusals < 1000, "it never ends");
    }
    assert!(refusals >= 60, "{refusals}");
    // The next script opens the connection again; one that is under way is lost, with the reason.
    works(&fleet).await;
    fleet.close().await;
}

#[tokio::test]
async fn a_script_under_which_they_flood_is_lost_with_the_reason() {
    let (fleet, server) = connected().await;
    let flood =
        async { while let Err(russh::Error::ChannelOpenFailure(_)) = server.channel_open_agent().await {} };
    let name = hosts::name();
    let stays = Exec::reads("true").escalate(Some(Escalation { user: STAYS.to_owned(), password: None }));
    let (lost, ()) = tokio::join!(fleet.exec(&name, stays), flood);
    let Err(RemoteError::Lost(why)) = lost else { panic!("{lost:?}") };
    assert!(why.contains("more than 64 channels that nobody had asked for"), "{why}");
}

#[tokio::test]
async fn what_the_server_asks_for_is_answered_and_comes_to_nothing() {
    let (fleet, server) = connected().await;
    for _ in 0..100 {
        let forwarded = server.forward_tcpip("0.0.0.0".to_owned(), 2222).await;
        assert!(forwarded.is_err(), "a server's wish for a listening port was granted");
    }
    works(&fleet).await;
    fleet.close().await;
}
