//! The host's side of a connection: is its key trusted, and why did it hang up.

use std::sync::{Arc, Mutex};

use russh::client::{DisconnectReason, Handler};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::fault;
use super::keys::fingerprint;
use super::known_hosts::{KnownHosts, LookupName, glob};
use crate::model::Endpoint;
use crate::remote::{KeyVerdict, Untrusted};

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
    /// Protocol or network.
    Russh(russh::Error),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Russh(error)
    }
}

/// Decides over one host's key.
pub(super) struct HostKey {
    name: LookupName,
    /// What certificates are made out to: the name without a port.
    principal: String,
    address: String,
    port: u16,
    known: Arc<KnownHosts>,
    /// The file that a new entry would go to.
    file: String,
    checking: bool,
    farewell: Farewell,
}

impl HostKey {
    /// The judge for an endpoint.
    pub(super) fn new(endpoint: &Endpoint, known: Arc<KnownHosts>, farewell: Farewell) -> Self {
        let alias = endpoint.host_key_alias.as_deref();
        Self {
            name: LookupName::new(&endpoint.address, endpoint.port, alias),
            principal: alias.unwrap_or(&endpoint.address).to_lowercase(),
            address: endpoint.address.clone(),
            port: endpoint.port,
            known,
            file: endpoint
                .known_hosts
                .first()
                .map_or_else(|| "~/.ssh/known_hosts".to_owned(), |path| path.display().to_string()),
            checking: endpoint.host_key_checking,
            farewell,
        }
    }

    /// The algorithms to negotiate, those with a known key first, so that a host with several keys shows one
    /// that can be checked.
    pub(super) fn preferred(&self) -> russh::Preferred {
        let known = self.known.algorithms(&self.name);
        let mut key: Vec<Algorithm> = russh::Preferred::DEFAULT.key.to_vec();
        key.retain(|algorithm| *algorithm != Algorithm::Rsa { hash: None });
        // Stable: within each half the usual order stays.
        key.sort_by_key(|algorithm| !known.iter().any(|name| name == key_type(algorithm)));
        let host_key_certificates =
            if self.known.authorities(&self.name).is_empty() { Vec::new() } else { key.clone() };
        russh::Preferred {
            key: key.into(),
            host_key_certificates: host_key_certificates.into(),
            ..russh::Preferred::DEFAULT
        }
    }

    fn judge_key(&self, key: &PublicKey) -> Result<(), Box<Untrusted>> {
        let Ok(blob) = key.to_bytes() else { return Err(self.untrusted(key, KeyVerdict::Unknown)) };
        let verdict = if self.checking {
            self.known.judge(&self.name, key_type(&key.algorithm()), &blob)
        } else {
            self.known.not_revoked(&self.name, &blob)
        };
        verdict.map_err(|verdict| self.untrusted(key, verdict))
    }

    /// A certificate counts when a known authority signed it for this host, now; else its key does.
    fn judge_certificate(&self, certificate: &Certificate) -> Result<(), Box<Untrusted>> {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        for revocable in [&key, &PublicKey::new(certificate.signature_key().clone(), "")] {
            let blob = revocable.to_bytes().unwrap_or_default();
            self.known
                .not_revoked(&self.name, &blob)
                .map_err(|verdict| self.untrusted(revocable, verdict))?;
        }
        if self.vouched(certificate) { Ok(()) } else { self.judge_key(&key) }
    }

    fn vouched(&self, certificate: &Certificate) -> bool {
        let authorities: Vec<_> = self
            .known
            .authorities(&self.name)
            .into_iter()
            .filter_map(|blob| PublicKey::from_bytes(blob).ok())
            .map(|key| key.fingerprint(HashAlg::Sha256))
            .collect();
        certificate.cert_type() == CertType::Host
            && certificate.critical_options().is_empty()
            && certificate.valid_principals().iter().any(|name| glob(name, &self.principal))
            && certificate.validate(&authorities).is_ok()
    }

    fn untrusted(&self, key: &PublicKey, verdict: KeyVerdict) -> Box<Untrusted> {
        let host = self.name.as_str().to_owned();
        let key_text = key.to_openssh().unwrap_or_default();
        let key_text: Vec<&str> = key_text.split(' ').take(2).collect();
        let line = format!("{host} {}", key_text.join(" "));
        let hint = fault::untrusted_hint(&verdict, &host, (&self.address, self.port), &self.file);
        let algorithm = key_type(&key.algorithm()).to_owned();
        Box::new(Untrusted { host, verdict, algorithm, fingerprint: fingerprint(key), line, hint })
    }
}

/// The name of a key's type as known_hosts has it, where RSA is one type with several signatures.
fn key_type(algorithm: &Algorithm) -> &str {
    match algorithm {
        Algorithm::Rsa { .. } => "ssh-rsa",
        other => other.as_str(),
    }
}

impl Handler for HostKey {
    type Error = Fault;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge_key(key),
            PublicKeyOrCertificate::Certificate(certificate) => self.judge_certificate(certificate),
        }
        .map(|()| true)
        .map_err(Fault::Untrusted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        self.farewell.set(match reason {
            DisconnectReason::ReceivedDisconnect(info) => format!("the server ended it: {}", info.message),
            DisconnectReason::Error(Fault::Russh(error)) => fault::lost(&error),
            DisconnectReason::Error(Fault::Untrusted(_)) => "its key changed".to_owned(),
        });
        Ok(())
    }
}
