//! People who use the app while things break.

use std::time::Instant;

use crate::harness::{Client, Lab, Load};

/// Clients of all load balancers, at work.
pub(super) struct Traffic(Vec<(String, Load)>);

/// A time in which the test itself had stopped a load balancer.
#[derive(Debug, Clone)]
pub(super) struct Aside {
    pub(super) balancer: String,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// What came of the requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    pub(super) requests: usize,
    /// Those whose load balancer the test had stopped; not among the others.
    pub(super) aside: usize,
    /// Why requests failed.
    pub(super) failures: Vec<String>,
}

impl Traffic {
    /// One client of each kind at each load balancer.
    pub(super) fn begin(lab: &Lab) -> Self {
        let clients = |balancer: &str| {
            let name = balancer.to_owned();
            [Client::New, Client::KeepAlive].map(|client| (name.clone(), lab.load_of(balancer, client, 1)))
        };
        Self(lab.balancers().into_iter().flat_map(clients).collect())
    }

    /// Stops them.
    pub(super) fn end(self, asides: &[Aside]) -> Flow {
        let mut flow = Flow::default();
        for (balancer, load) in self.0 {
            let stopped: Vec<&Aside> = asides.iter().filter(|aside| aside.balancer == balancer).collect();
            for sample in load.end().samples {
                if stopped.iter().any(|aside| sample.ended >= aside.from && sample.began <= aside.to) {
                    flow.aside += 1;
                    continue;
                }
                flow.requests += 1;
                flow.failures.extend(sample.result.err().map(|why| format!("{balancer}: {why}")));
            }
        }
        flow
    }
}
