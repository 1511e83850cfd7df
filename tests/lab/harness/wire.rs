//! A wire between the operator and a host's SSH port that a test can cut: bytes are dropped, and nobody is told.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::Lab;

/// Wires to some hosts; they work until they are cut, and again once they are mended.
pub(crate) struct Wires {
    cut: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Lab {
    /// Has the inventory reach these hosts over wires.
    pub(crate) fn wired(&self, hosts: &[&str]) -> Wires {
        let wires = Wires { cut: Arc::default(), over: Arc::default() };
        let known = self.run_folder().join("known_hosts");
        for host in hosts {
            let behind = self.ssh(host);
            let port = wires.to(behind);
            let args = format!(
                "-o UserKnownHostsFile={} -o IdentitiesOnly=yes -o HostKeyAlias=[{}]:{}",
                known.display(),
                behind.ip(),
                behind.port()
            );
            let direct = format!("{host}: {{ ansible_host: {}, ", behind.ip());
            let wired = format!(
                "{host}: {{ ansible_host: 127.0.0.1, ansible_port: {port}, ansible_ssh_common_args: \"{args}\", "
            );
            self.edit("inventory.yml", &direct, &wired);
        }
        wires
    }
}

impl Wires {
    /// Drops everything from now on. A connection that was under way does not come back when the wires are mended.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Lets new connections through.
    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    fn to(&self, behind: SocketAddr) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, over) = (Arc::clone(&self.cut), Arc::clone(&self.over));
        spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (cut, over) = (Arc::clone(&cut), Arc::clone(&over));
                spawn(move || carry(client, behind, &cut, &over));
            }
        });
        port
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn carry(client: TcpStream, behind: SocketAddr, cut: &Arc<AtomicBool>, over: &Arc<AtomicBool>) {
    if cut.load(Ordering::SeqCst) {
        silence(over);
        return;
    }
    let Ok(server) = TcpStream::connect(behind) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (cut_back, over_back) = (Arc::clone(cut), Arc::clone(over));
    spawn(move || pass(back.0, back.1, &cut_back, &over_back));
    pass(client, server, cut, over);
}

/// Until either side ends; once cut, it stays silent for good: a router on the way has forgotten the connection.
fn pass(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool, over: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer).unwrap_or(0);
        if cut.load(Ordering::SeqCst) {
            silence(over);
            return;
        }
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
            return;
        }
    }
}

/// Keeps what it holds open, until the wires are taken down.
fn silence(over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(100));
    }
}
