//! Connections that end while they are needed, and those that are opened for one script alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{Answer, Exec, Probe, Remote, RemoteError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::hosts;
use crate::sshd::Sshd;

fn succeeding() -> Exec {
    Exec::reads("true").timeout(Duration::from_secs(10))
}

fn connections(fleet: &SshFleet) -> u32 {
    fleet.stats()[&hosts::name()].connections
}

async fn outcome(fleet: &SshFleet, exec: Exec) -> Result<bool, RemoteError> {
    fleet.exec(&hosts::name(), exec).await.map(|output| output.success())
}

/// Until a script that writes this file runs.
async fn begun(file: &std::path::Path) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_found_dead_is_opened_again_for_all_three_doors() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let host = hosts::name();
    server.cut();
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true));
    server.cut();
    let probe =
        Probe { host: "127.0.0.1".to_owned(), port: server.port, http: None, timeout: succeeding().timeout };
    assert_eq!(fleet.probe(&host, probe).await, Ok(Answer::Connected));
    server.cut();
    let mut hold = fleet.hold(&host, Exec::changes("echo here; cat")).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("here"));
    assert_eq!(connections(&fleet), 4);
    drop(hold);
    fleet.close().await;
}

#[tokio::test]
async fn all_who_find_it_dead_share_the_new_one() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    server.cut();
    let runs = (0..20).map(|_| outcome(&fleet, succeeding()));
    for outcome in futures::future::join_all(runs).await {
        assert_eq!(outcome, Ok(true));
    }
    assert_eq!(connections(&fleet), 2);
    fleet.close().await;
}

#[tokio::test]
async fn what_was_under_way_stays_lost_and_is_not_run_twice() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let file = server.path("runs");
    let path = file.display().to_string();
    let lasting = Exec::changes("echo run >>\"$1\"; sleep 300").args([path]);
    let (lost, ()) = tokio::join!(outcome(&fleet, lasting), async {
        begun(&file).await;
        server.cut();
    });
    assert!(matches!(lost, Err(RemoteError::Lost(_))), "{lost:?}");
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "run\n");
    fleet.close().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_named_with_what_was_before_and_found_when_it_is_back() {
    let mut server = Sshd::start();
    let fleet = server.fleet().await;
    server.cut();
    server.stop_listening();
    let gone = outcome(&fleet, succeeding()).await.unwrap_err();
    assert!(gone.never_started());
    assert!(gone.to_string().contains("connection refused (an earlier connection of this run"), "{gone}");
    server.listen_again();
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true));
    fleet.close().await;
}

#[tokio::test]
async fn a_new_connection_trusts_no_other_key() {
    let mut server = Sshd::start();
    let fleet = server.fleet().await;
    server.stop_listening();
    std::fs::copy(server.path("stranger"), server.path("host")).unwrap();
    std::fs::remove_file(server.path("host_rsa")).unwrap();
    server.listen_again();
    let fresh = outcome(&fleet, succeeding().fresh()).await;
    assert!(matches!(fresh, Err(RemoteError::Untrusted(_))), "{fresh:?}");
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true), "the old connection lives");
    fleet.close().await;
}

#[tokio::test]
async fn a_fresh_script_has_a_connection_of_its_own_and_leaves_the_other_alone() {
    let mut server = Sshd::start();
    let fleet = server.fleet().await;
    let mut hold = fleet.hold(&hosts::name(), Exec::changes("echo here; cat")).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("here"));
    assert_eq!(outcome(&fleet, succeeding().fresh()).await, Ok(true));
    assert_eq!(outcome(&fleet, succeeding().fresh()).await, Ok(true));
    assert_eq!(connections(&fleet), 3);
    server.stop_listening();
    let unreachable = outcome(&fleet, succeeding().fresh()).await;
    assert!(matches!(unreachable, Err(RemoteError::Unreachable { .. })), "{unreachable:?}");
    // The first one says nothing of that.
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true));
    hold.input.send("still".to_owned()).await.unwrap();
    assert_eq!(hold.lines.recv().await.as_deref(), Some("still"));
    drop(hold);
    fleet.close().await;
    server.cut();
}

#[tokio::test]
async fn a_fresh_script_that_nobody_waits_for_is_ended() {
    let server = Sshd::start();
    let fleet = server.fleet().await;
    let file = server.path("pid");
    let lasting = Exec::changes("echo $$ >\"$1\"; sleep 300").args([file.display().to_string()]).fresh();
    tokio::select! {
        ended = outcome(&fleet, lasting) => panic!("{ended:?}"),
        () = begun(&file) => {}
    }
    fleet.close().await;
    let pid = std::fs::read_to_string(&file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

/// A network between this machine and a port, which can be cut: bytes are dropped, nobody is told.
struct Network {
    port: u16,
    cut: Arc<watch::Sender<bool>>,
}

impl Network {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(watch::Sender::new(false));
        tokio::task::spawn(carry(listener, server, Arc::clone(&cut)));
        Self { port, cut }
    }

    fn cut(&self) {
        self.cut.send_replace(true);
    }

    fn mend(&self) {
        self.cut.send_replace(false);
    }
}

async fn carry(listener: TcpListener, server: u16, cut: Arc<watch::Sender<bool>>) {
    while let Ok((client, _)) = listener.accept().await {
        if *cut.borrow() {
            // Held open and silent, as a dropped SYN is to whoever sent it.
            tokio::task::spawn(async move { (cut_for_good().await, client) });
            continue;
        }
        let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::task::spawn(pass(from_client, to_server, cut.subscribe()));
        tokio::task::spawn(pass(from_server, to_client, cut.subscribe()));
    }
}

async fn cut_for_good() {
    std::future::pending::<()>().await;
}

/// A connection that was under way when the network was cut does not come back with it: a router forgot it.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut cut: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 65536];
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(length @ 1..) => to.write_all(&buffer[..length]).await.unwrap(),
                _ => return,
            },
            () = is_cut(&mut cut) => cut_for_good().await,
        }
    }
}

async fn is_cut(cut: &mut watch::Receiver<bool>) {
    cut.wait_for(|cut| *cut).await.unwrap();
}

const KEEPALIVE: Duration = Duration::from_millis(300);
/// Later than any machine that is busy, sooner than with the keepalive of the settings' own.
const MUCH_LATER: Duration = Duration::from_secs(10);

async fn through(network: &Network, server: &Sshd) -> SshFleet {
    let timeout = Duration::from_secs(1);
    let endpoint = Endpoint { port: network.port, host_key_checking: false, timeout, ..server.endpoint() };
    let settings = Settings { keepalive: KEEPALIVE, ..Settings::default() };
    let (fleet, failed) = SshFleet::connect(vec![endpoint], settings).await;
    assert_eq!(failed, []);
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_drops_everything_is_noticed_after_four_times_the_keepalive() {
    let server = Sshd::start();
    let network = Network::to(server.port).await;
    let fleet = through(&network, &server).await;
    let file = server.path("begun");
    let lasting = Exec::changes("echo >\"$1\"; sleep 300").args([file.display().to_string()]);
    let (lost, since) = tokio::join!(outcome(&fleet, lasting), async {
        begun(&file).await;
        network.cut();
        Instant::now()
    });
    let noticed = since.elapsed();
    assert!(matches!(&lost, Err(RemoteError::Lost(why)) if why.contains("keepalive")), "{lost:?}");
    assert!(noticed > KEEPALIVE * 3 && noticed < MUCH_LATER, "{noticed:?}");
    // The lock of an app outlives its holder's silence by 30 s: who holds it must know before.
    assert!(Settings::default().keepalive * 4 <= Duration::from_secs(20));
    let still = outcome(&fleet, succeeding()).await;
    assert!(matches!(&still, Err(RemoteError::Unreachable { .. })), "{still:?}");
    network.mend();
    assert_eq!(outcome(&fleet, succeeding()).await, Ok(true));
    fleet.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_keeps_nobody_longer_than_the_scripts_deadline() {
    let server = Sshd::start();
    let network = Network::to(server.port).await;
    let fleet = through(&network, &server).await;
    network.cut();
    let began = Instant::now();
    let silent = outcome(&fleet, succeeding().timeout(KEEPALIVE)).await.unwrap_err();
    assert!(silent.never_started(), "{silent}");
    assert!(silent.to_string().contains("no session opened within 0.3 s"), "{silent}");
    let fresh = outcome(&fleet, succeeding().timeout(KEEPALIVE).fresh()).await.unwrap_err();
    assert!(fresh.to_string().contains("no new connection within 0.3 s"), "{fresh}");
    assert!(began.elapsed() < MUCH_LATER, "{:?}", began.elapsed());
}
