//! What a login and a script cost in round trips, through a proxy that delays every byte.

use std::time::{Duration, Instant};

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Exec, Remote};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::hosts;
use crate::sshd::Sshd;

/// How long round trips take. A busy machine takes time of its own, which counts for less the longer they are; what needs
/// one more needs it with all of them.
const ROUND_TRIPS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// Passes bytes on so long after they came.
async fn delayed(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (queue, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            queue.send((Instant::now() + delay, buffer[..length].to_vec())).unwrap();
        }
    };
    let writing = async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

async fn proxy(listener: TcpListener, port: u16, delay: Duration) {
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        tokio::task::spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(delayed(from_client, to_server, delay), delayed(from_server, to_client, delay))
        });
    }
}

/// What a login, a script, and six scripts at once cost in round trips.
async fn cost(server: &Sshd, round_trip: Duration) -> [u128; 3] {
    let round_trips = |since: Instant| (since.elapsed().as_millis() + 60) / round_trip.as_millis();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn(proxy(listener, server.port, round_trip / 2));
    let endpoint = Endpoint { port, host_key_checking: false, ..server.endpoint() };
    let started = Instant::now();
    let (fleet, failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
    assert_eq!(failed, []);
    let login = round_trips(started);
    let host = hosts::name();
    let started = Instant::now();
    assert!(fleet.exec(&host, Exec::reads("cat").stdin("x")).await.unwrap().success());
    let script = round_trips(started);
    let started = Instant::now();
    let six = futures::future::join_all((0..6).map(|_| fleet.exec(&host, Exec::reads("true")))).await;
    assert!(six.into_iter().all(|output| output.unwrap().success()));
    let together = round_trips(started);
    fleet.close().await;
    [login, script, together]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_costs_six_round_trips_and_a_script_three() {
    let server = Sshd::start();
    let mut found = vec![];
    for round_trip in ROUND_TRIPS {
        let cost = cost(&server, round_trip).await;
        // Connecting is not delayed here and costs one more. A script's third is OpenSSH's: a session takes no
        // stdin before its command was accepted.
        if cost.into_iter().zip([5, 3, 4]).all(|(is, most)| is <= most) {
            return;
        }
        found.push(cost);
    }
    panic!("login, script, six scripts: {found:?}");
}
