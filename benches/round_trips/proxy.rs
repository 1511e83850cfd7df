//! A network as far away as one likes: a proxy on loopback that passes every byte on half a round trip later.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Starts a proxy to `target`; returns its port. It lives as long as the runtime.
pub(crate) fn start(target: SocketAddr, round_trip: Duration, runtime: &Handle) -> u16 {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let tasks = runtime.clone();
    runtime.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tasks.spawn(pass_on(client, target, round_trip));
        }
    });
    port
}

async fn pass_on(client: TcpStream, target: SocketAddr, round_trip: Duration) {
    // A TCP connection costs a round trip before its first byte; here the client was accepted at once.
    tokio::time::sleep(round_trip).await;
    let Ok(server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let delay = round_trip / 2;
    tokio::join!(delayed(from_client, to_server, delay), delayed(from_server, to_client, delay));
}

async fn delayed(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    // Unbounded: a full queue would be a slower line, not a longer one.
    let (queue, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            if queue.send((Instant::now() + delay, bytes)).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The other side may be gone already.
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
