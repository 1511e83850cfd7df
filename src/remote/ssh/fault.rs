//! What went wrong on the way to a host, in words, with what to do about it.

use std::io;

use russh::AlgorithmKind;

use crate::model::Endpoint;
use crate::remote::{KeyVerdict, RemoteError};

/// So much is told of the algorithms that a server offers.
const LONGEST_LIST: usize = 400;

/// `host:port` as it is dialled, an IPv6 address in brackets.
pub(super) fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A host that could not be reached.
pub(super) fn unreachable(endpoint: &Endpoint, reason: &str, hint: String) -> RemoteError {
    let address = address(&endpoint.address, endpoint.port);
    RemoteError::Unreachable { address, reason: reason.to_owned(), hint }
}

/// A name without an address.
pub(super) fn unresolved(endpoint: &Endpoint, error: &io::Error) -> RemoteError {
    let hint =
        format!("check the spelling, or give the address of {} as ansible_host ({error})", endpoint.host);
    unreachable(endpoint, "its name has no address", hint)
}

/// A TCP connection that failed.
pub(super) fn undialled(endpoint: &Endpoint, error: &io::Error) -> RemoteError {
    let port = endpoint.port;
    let (reason, hint) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused".to_owned(),
            format!("is sshd running there, and is {port} its port? (ansible_port)"),
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ("no route to it".to_owned(), "check the address, the network and any VPN".to_owned())
        }
        io::ErrorKind::TimedOut => return timed_out(endpoint, "no answer"),
        _ => (error.to_string(), "check the address and the network".to_owned()),
    };
    unreachable(endpoint, &reason, hint)
}

/// A deadline that passed in some phase.
pub(super) fn timed_out(endpoint: &Endpoint, phase: &str) -> RemoteError {
    let seconds = endpoint.timeout.as_secs_f32();
    let hint = "is the host up, and does a firewall drop the packets? a longer wait is set with \
                ansible_ssh_timeout or -T"
        .to_owned();
    unreachable(endpoint, &format!("{phase} within {seconds} s"), hint)
}

/// A host that says nothing for so long.
pub(super) fn silent(endpoint: &Endpoint, phase: &str, within: std::time::Duration) -> RemoteError {
    let hint = "is the host up and not overloaded, and does nothing drop the packets in between?".to_owned();
    let tenths = (within.as_secs_f32() * 10.0).round() / 10.0;
    unreachable(endpoint, &format!("{phase} within {tenths} s"), hint)
}

/// A connection that ended, and that could not be opened again.
pub(super) fn not_again(error: RemoteError, ended: &str) -> RemoteError {
    match error {
        RemoteError::Unreachable { address, reason, hint } => {
            let reason = format!("{reason} (an earlier connection of this run ended: {ended})");
            RemoteError::Unreachable { address, reason, hint }
        }
        error => error,
    }
}

/// A server that hung up before it said what it is.
pub(super) fn no_banner(endpoint: &Endpoint) -> RemoteError {
    let hint = "probably too many logins at once (MaxStartups in its sshd_config), or sshd refuses this \
                address; fewer at a time: -f, more attempts: ansible_ssh_retries"
        .to_owned();
    unreachable(endpoint, "it closed the connection before its banner", hint)
}

/// A handshake that failed after the banner.
pub(super) fn handshake(endpoint: &Endpoint, error: &russh::Error) -> RemoteError {
    let (reason, hint) = match error {
        russh::Error::Version => (
            "what listens there is no SSH server".to_owned(),
            format!("is {} the port of sshd? (ansible_port)", endpoint.port),
        ),
        russh::Error::NoCommonAlgo { kind, theirs, .. } => (
            format!("no common {} algorithm, it offers only {}", kind_name(kind), some(theirs)),
            "allow a modern algorithm in its sshd_config".to_owned(),
        ),
        error => (
            format!("the handshake failed: {}", lost(error)),
            format!(
                "is {} the port of sshd? (ansible_port) if so, try again; if it stays, look at sshd's log on \
                 the host",
                endpoint.port
            ),
        ),
    };
    unreachable(endpoint, &reason, hint)
}

/// The first of a server's words, which may be very many and very long.
fn some(names: &[String]) -> String {
    let named: String = names.join(", ").chars().take(LONGEST_LIST).collect();
    if names.iter().map(String::len).sum::<usize>() > LONGEST_LIST { named + "…" } else { named }
}

fn kind_name(kind: &AlgorithmKind) -> &'static str {
    match kind {
        AlgorithmKind::Kex => "key exchange",
        AlgorithmKind::Key => "host key",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Compression => "compression",
        AlgorithmKind::Mac => "MAC",
    }
}

/// Why a connection ended, in a few words.
pub(super) fn lost(error: &russh::Error) -> String {
    match error {
        russh::Error::KeepaliveTimeout => "no answer to three keepalives".to_owned(),
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError | russh::Error::RecvError => {
            "the server closed the connection".to_owned()
        }
        russh::Error::IO(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        error => error.to_string(),
    }
}

/// What to do about a key that is not trusted.
pub(super) fn untrusted_hint(
    verdict: &KeyVerdict,
    name: &str,
    (address, port): (&str, u16),
    first_file: &str,
) -> String {
    let scan = if port == 22 {
        format!("ssh-keyscan {address}")
    } else {
        format!("ssh-keyscan -p {port} {address}")
    };
    match verdict {
        KeyVerdict::Unknown | KeyVerdict::OtherAlgorithm { .. } => format!(
            "compare the fingerprint with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), \
             then add its keys: {scan} >> {first_file}"
        ),
        KeyVerdict::Changed { file, .. } => format!(
            "someone may be in between. ask the host's admin whether its key was replaced; only then remove \
             the old one: ssh-keygen -R '{name}' -f {file}"
        ),
        KeyVerdict::Revoked { .. } => {
            "do not connect: this key was given up. ask the host's admin for its new one".to_owned()
        }
        KeyVerdict::Unreadable { .. } => {
            "mend that line (`@revoked NAMES TYPE KEY`, the key as in a .pub file), or remove it".to_owned()
        }
        KeyVerdict::Unread { .. } => {
            "make the file readable and keep to entries of hosts, or name another: ansible_ssh_common_args: '-o \
             UserKnownHostsFile=FILE'"
                .to_owned()
        }
        KeyVerdict::Unproved { .. } => {
            "someone may be in between, or the server is old: update its sshd, or have it offer an ed25519 key".to_owned()
        }
    }
}
