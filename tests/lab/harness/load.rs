//! Clients side by side that ask without pause until they are told to stop, and what they got.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use super::http::{Answer, KeepAlive, SITE, get_of};
use super::{Lab, Served};

/// Between one client's answer and its next request.
const PAUSE: Duration = Duration::from_millis(5);

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// A new connection for each request.
    New,
    /// One connection, kept; a request whose kept connection was closed before any byte of an answer is asked
    /// again over a new one.
    KeepAlive,
}

/// One request: from when to when, and what came of it.
pub(crate) struct Sample {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) result: Result<Served, String>,
}

/// What clients of one kind got.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) samples: Vec<Sample>,
    pub(crate) retried: usize,
}

impl Tally {
    /// Why requests failed.
    pub(crate) fn failures(&self) -> Vec<&String> {
        self.samples.iter().filter_map(|sample| sample.result.as_ref().err()).collect()
    }

    /// How many answers came from each release and color.
    pub(crate) fn answers(&self) -> BTreeMap<&Served, usize> {
        let mut answers = BTreeMap::new();
        for served in self.samples.iter().filter_map(|sample| sample.result.as_ref().ok()) {
            *answers.entry(served).or_default() += 1;
        }
        answers
    }
}

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

impl Lab {
    /// Starts so many clients, which ask the first load balancer for `/`.
    pub(crate) fn load(&self, client: Client, count: usize) -> Load {
        self.load_of(self.first_balancer(), client, count)
    }

    /// Starts so many clients, which ask a load balancer for `/`.
    pub(crate) fn load_of(&self, balancer: &str, kind: Client, count: usize) -> Load {
        self.load_site((balancer, SITE), kind, count)
    }

    /// Starts so many clients, which ask a site of a load balancer for `/`.
    pub(crate) fn load_site(
        &self,
        (balancer, site): (&str, &'static str),
        kind: Client,
        count: usize,
    ) -> Load {
        let (stop, address) = (Arc::new(AtomicBool::new(false)), self.front_of(balancer));
        let start = |_| {
            let stop = Arc::clone(&stop);
            spawn(move || client(kind, (address, site), &stop))
        };
        Load { clients: (0..count).map(start).collect(), stop }
    }
}

impl Load {
    /// Starts so many clients, each of which asks like this.
    pub(crate) fn of<A>(count: usize, asking: A) -> Self
    where
        A: Fn() -> io::Result<Answer> + Clone + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let (stop, asking) = (Arc::clone(&stop), asking.clone());
            spawn(move || Tally { samples: work(asking, &stop), retried: 0 })
        };
        Self { clients: (0..count).map(start).collect(), stop }
    }

    /// Stops the clients; what they got together.
    pub(crate) fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for client in self.clients {
            let tally = client.join().unwrap();
            all.samples.extend(tally.samples);
            all.retried += tally.retried;
        }
        all
    }
}

fn client(client: Client, (address, site): (SocketAddr, &'static str), stop: &AtomicBool) -> Tally {
    let mut kept = KeepAlive::new(address, site);
    let samples = work(
        || match client {
            Client::New => get_of(address, site, "/"),
            Client::KeepAlive => kept.get("/"),
        },
        stop,
    );
    Tally { samples, retried: kept.retried }
}

fn work(mut asking: impl FnMut() -> io::Result<Answer>, stop: &AtomicBool) -> Vec<Sample> {
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = asking();
        let result = answer.map_err(|error| error.to_string()).and_then(|answer| released(&answer));
        samples.push(Sample { began, ended: Instant::now(), result });
        sleep(PAUSE);
    }
    samples
}

fn released(answer: &Answer) -> Result<Served, String> {
    let text = answer.text();
    let served = (answer.status == 200).then(|| Served::read(&text)).flatten();
    served.ok_or_else(|| format!("{} {text}", answer.status))
}
