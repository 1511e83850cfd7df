//! Our end of a connection, as russh calls it: the host's key, its goodbye, and what a server may ask of us, which is
//! nothing.

use std::sync::{Arc, Mutex};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::agent::AgentSessionBinding;
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{Channel, ChannelOpenFailure, Names};

use super::fault;
use super::host_key::HostKey;
use crate::remote::Untrusted;

/// So many channels a server may try to open on a connection; each is refused. OpenSSH's tries none unasked.
const UNINVITED: u32 = 64;

/// So much is told of what a server says as it ends a connection.
const LONGEST_FAREWELL: usize = 200;

/// Why a connection ended, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Farewell(Arc<Mutex<Option<String>>>);

impl Farewell {
    /// The reason, where one is known.
    pub(super) fn reason(&self) -> Option<String> {
        self.0.lock().ok()?.clone()
    }

    fn set(&self, reason: String) {
        if let Ok(mut slot) = self.0.lock() {
            slot.get_or_insert(reason);
        }
    }
}

/// What ends a connection from this side.
#[derive(Debug)]
pub(super) enum Fault {
    /// The key is not trusted.
    Untrusted(Box<Untrusted>),
    /// It keeps opening channels.
    Uninvited,
    /// Protocol or network.
    Russh(russh::Error),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Russh(error)
    }
}

/// How a host's key is to be proved: by a signature of the kind that was agreed on. russh takes any that the key can
/// make, and an RSA key can also sign with SHA-1.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof(Arc<Mutex<Option<Algorithm>>>);

impl Proof {
    /// `Err` with the algorithm that was agreed on and the one that was used, where these are two.
    pub(super) fn holds(&self, binding: Option<&AgentSessionBinding>) -> Result<(), (String, String)> {
        let agreed = self.0.lock().ok().and_then(|agreed| agreed.clone());
        let agreed = agreed.map(|agreed| agreed.as_str().to_owned()).unwrap_or_default();
        let used = binding.and_then(|binding| first_string(binding.signature())).unwrap_or_default();
        if used == agreed && !used.is_empty() { Ok(()) } else { Err((agreed, used)) }
    }
}

/// The first string of a text of SSH's; a signature begins with the name of its algorithm.
fn first_string(bytes: &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some(String::from_utf8_lossy(rest.get(..length)?).into_owned())
}

/// Our end of one connection.
pub(super) struct Client {
    host_key: Arc<HostKey>,
    farewell: Farewell,
    proof: Proof,
    uninvited: u32,
}

impl Client {
    /// Our end, with the judge of the host's key.
    pub(super) fn new(host_key: Arc<HostKey>, farewell: Farewell, proof: Proof) -> Self {
        Self { host_key, farewell, proof, uninvited: 0 }
    }

    /// Refuses a channel that the server opens: nothing was forwarded to here. Of it nothing is kept; but a refusal is,
    /// until it can be sent, so that a flood of them ends the connection.
    async fn refuse(&mut self, reply: ChannelOpenHandle) -> Result<(), Fault> {
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        self.uninvited += 1;
        if self.uninvited > UNINVITED { Err(Fault::Uninvited) } else { Ok(()) }
    }
}

impl Handler for Client {
    type Error = Fault;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        self.host_key.judge(shown).map(|()| true).map_err(Fault::Untrusted)
    }

    async fn kex_done(&mut self, _: Option<&[u8]>, names: &Names, _: &mut Session) -> Result<(), Fault> {
        if let Ok(mut agreed) = self.proof.0.lock() {
            // Later ones are made within the connection that the first has proved.
            agreed.get_or_insert_with(|| names.key.clone());
        }
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    // A kind that is not known is refused by russh before it comes here.
    async fn server_channel_open_unknown(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        self.refuse(reply).await
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        self.farewell.set(match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                format!(
                    "the server ended it: {}",
                    info.message.chars().take(LONGEST_FAREWELL).collect::<String>()
                )
            }
            DisconnectReason::Error(Fault::Russh(error)) => fault::lost(&error),
            DisconnectReason::Error(Fault::Untrusted(_)) => "its key changed".to_owned(),
            DisconnectReason::Error(Fault::Uninvited) => {
                format!("the server opened more than {UNINVITED} channels that nobody had asked for")
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_names_its_algorithm_first() {
        let text =
            |name: &str| [&u32::try_from(name.len()).unwrap().to_be_bytes()[..], name.as_bytes()].concat();
        assert_eq!(first_string(&[text("ssh-rsa"), text("…")].concat()).as_deref(), Some("ssh-rsa"));
        for bad in [&[][..], &[0, 0, 0], &[0, 0, 0, 9, b'a'], &[255, 255, 255, 255, b'a']] {
            assert_eq!(first_string(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_was_never_agreed_on_or_signed_is_no_proof() {
        assert!(Proof::default().holds(None).is_err());
    }
}
