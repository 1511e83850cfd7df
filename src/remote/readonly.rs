//! A transport that cannot change a host.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::{Answer, Effect, Exec, Hold, Output, Probe, Remote, RemoteError};
use crate::model::HostName;

/// Refuses whatever could change a host, so that `plan` and `status` keep their promise whoever wrote the
/// step.
#[derive(Debug, Clone)]
pub struct ReadOnly<R>(R);

impl<R> ReadOnly<R> {
    /// Wraps a transport.
    pub fn new(remote: R) -> Self {
        Self(remote)
    }

    /// The transport itself.
    pub fn into_inner(self) -> R {
        self.0
    }
}

impl<R: Remote> Remote for ReadOnly<R> {
    fn exec<'a>(&'a self, host: &'a HostName, exec: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
        match exec.effect {
            Effect::Reads => self.0.exec(host, exec),
            Effect::Changes => ready(Err(refused(host, "run a script that may change it"))).boxed(),
        }
    }

    fn probe<'a>(&'a self, host: &'a HostName, probe: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
        self.0.probe(host, probe)
    }

    fn hold<'a>(&'a self, host: &'a HostName, _: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
        ready(Err(refused(host, "hold a lock"))).boxed()
    }
}

fn refused(host: &HostName, what: &str) -> RemoteError {
    RemoteError::Refused(format!("this command only reads, so it does not {what} on {host}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Does everything that it is asked.
    struct Obedient;

    impl Remote for Obedient {
        fn exec<'a>(&'a self, _: &'a HostName, _: Exec) -> BoxFuture<'a, Result<Output, RemoteError>> {
            ready(Ok(Output::default())).boxed()
        }

        fn probe<'a>(&'a self, _: &'a HostName, _: Probe) -> BoxFuture<'a, Result<Answer, RemoteError>> {
            ready(Ok(Answer::Connected)).boxed()
        }

        fn hold<'a>(&'a self, _: &'a HostName, _: Exec) -> BoxFuture<'a, Result<Hold, RemoteError>> {
            let (_, lines) = tokio::sync::mpsc::channel(1);
            let (input, _) = tokio::sync::mpsc::channel(1);
            ready(Ok(Hold { lines: lines.into(), input })).boxed()
        }
    }

    #[tokio::test]
    async fn only_what_reads_goes_through() {
        let host: HostName = "app1".parse().unwrap();
        let remote = ReadOnly::new(Obedient);
        assert!(remote.exec(&host, Exec::reads("true")).await.is_ok());
        let probe = Probe { host: "::1".to_owned(), port: 1, http: None, timeout: Duration::from_secs(1) };
        assert_eq!(remote.probe(&host, probe).await, Ok(Answer::Connected));
        let refused = remote.exec(&host, Exec::changes("true")).await;
        assert!(matches!(refused, Err(RemoteError::Refused(_))), "{refused:?}");
        assert!(matches!(remote.hold(&host, Exec::reads("true")).await, Err(RemoteError::Refused(_))));
        assert!(remote.into_inner().exec(&host, Exec::changes("true")).await.is_ok());
    }
}
