//! Whether a host's key is trusted: its own, or that of the authority which signed it.

use std::sync::Arc;

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::fault;
use super::keys::fingerprint;
use super::known_hosts::{KnownHosts, LookupName};
use crate::model::Endpoint;
use crate::remote::{KeyVerdict, Untrusted};

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
}

impl HostKey {
    /// The judge for an endpoint.
    pub(super) fn new(endpoint: &Endpoint, known: Arc<KnownHosts>) -> Self {
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

    /// Whether what the host showed may be trusted.
    pub(super) fn judge(&self, shown: &PublicKeyOrCertificate) -> Result<(), Box<Untrusted>> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge_key(key),
            PublicKeyOrCertificate::Certificate(certificate) => self.judge_certificate(certificate),
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
        let Err(why) = self.vouched(certificate) else { return self.known_whole(&key) };
        self.judge_key(&key).map_err(|mut untrusted| {
            untrusted.hint = format!("its certificate does not count: {why}; {}", untrusted.hint);
            untrusted
        })
    }

    /// A certificate's key may be revoked where nobody could look.
    fn known_whole(&self, key: &PublicKey) -> Result<(), Box<Untrusted>> {
        if !self.checking {
            return Ok(());
        }
        self.known.all_read().map_err(|verdict| self.untrusted(key, verdict))
    }

    /// `Err` says why nobody vouches for the host by this certificate. As OpenSSH has it for hosts, a principal is a name
    /// and no pattern; unlike there, one that is made out to nobody is for nobody.
    fn vouched(&self, certificate: &Certificate) -> Result<(), &'static str> {
        let authorities: Vec<_> = self
            .known
            .authorities(&self.name)
            .into_iter()
            .filter_map(|blob| PublicKey::from_bytes(blob).ok())
            .map(|key| key.fingerprint(HashAlg::Sha256))
            .collect();
        let allowed = [
            (certificate.cert_type() == CertType::Host, "it is none of a host"),
            (certificate.critical_options().is_empty(), "it has critical options"),
            (certificate.valid_principals().contains(&self.principal), "it is not made out to this name"),
            (
                certificate.signature().algorithm() != Algorithm::Rsa { hash: None },
                "it is signed with SHA-1 (sign it with ssh-keygen -t rsa-sha2-512)",
            ),
            (certificate.validate(&authorities).is_ok(), "no known authority signed it for this time"),
        ];
        allowed.iter().find(|(fine, _)| !fine).map_or(Ok(()), |(_, why)| Err(*why))
    }

    /// The refusal of a host that proved its key, given as it was shown, in another way than it had agreed to.
    pub(super) fn unproved(&self, shown: &[u8], agreed: String, used: String) -> Option<Box<Untrusted>> {
        let key = PublicKey::from_bytes(shown).or_else(|_| {
            Certificate::from_bytes(shown).map(|shown| PublicKey::new(shown.public_key().clone(), ""))
        });
        Some(self.untrusted(&key.ok()?, KeyVerdict::Unproved { agreed, used }))
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
