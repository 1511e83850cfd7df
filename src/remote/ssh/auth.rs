//! Logging in: keys of the agent and of files, one after the other.

use std::path::Path;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};

use super::handler::Client;
use super::keys::{KeyFile, Keyring, fingerprint};
use crate::model::Endpoint;

/// Why nobody was let in.
#[derive(Debug)]
pub(super) enum AuthError {
    /// The server took none of the keys. Says which were tried and what it would take.
    Denied {
        /// What happened.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The connection ended meanwhile.
    Hung,
}

/// A key to offer.
enum Candidate {
    Agent(Box<AgentIdentity>),
    File(Arc<PrivateKey>, String),
}

/// The keys to offer to one host, and why others are left out.
struct Candidates {
    keys: Vec<Candidate>,
    notes: Vec<String>,
}

/// Logs in with the first key that the server takes.
pub(super) async fn login(
    handle: &mut Handle<Client>,
    endpoint: &Endpoint,
    keyring: &Keyring,
) -> Result<(), AuthError> {
    let candidates = Candidates::new(endpoint, keyring);
    let mut tried = Vec::new();
    let mut accepts = None;
    let mut troubles = Vec::new();
    for candidate in &candidates.keys {
        tried.push(candidate.name());
        match offer(handle, endpoint, keyring, candidate).await {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => {
                return Err(wants_more(&candidate.name(), &remaining_methods));
            }
            Ok(AuthResult::Failure { remaining_methods, .. }) => {
                let goes_on = remaining_methods.contains(&MethodKind::PublicKey);
                if !remaining_methods.is_empty() {
                    accepts = Some(remaining_methods);
                }
                if !goes_on {
                    break;
                }
            }
            Err(trouble) => troubles.push(format!("{}: {trouble}", candidate.name())),
        }
        if handle.is_closed() {
            break;
        }
    }
    if tried.is_empty()
        && let Ok(result) = handle.authenticate_none(&endpoint.user).await
    {
        match result {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => accepts = Some(remaining_methods),
        }
    }
    if handle.is_closed() && accepts.is_none() && tried.len() < 2 {
        return Err(AuthError::Hung);
    }
    troubles.extend(candidates.notes);
    Err(denied(endpoint, handle.is_closed(), &tried, accepts.as_ref(), &troubles))
}

async fn offer(
    handle: &mut Handle<Client>,
    endpoint: &Endpoint,
    keyring: &Keyring,
    candidate: &Candidate,
) -> Result<AuthResult, String> {
    let user = endpoint.user.clone();
    match candidate {
        Candidate::File(key, _) => {
            let hash = rsa_hash(handle, &key.algorithm()).await;
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            handle.authenticate_publickey(user, key).await.map_err(|error| error.to_string())
        }
        Candidate::Agent(identity) => {
            let Some(socket) = &keyring.agent else { return Err("the agent is gone".to_owned()) };
            let mut agent = AgentClient::connect_uds(socket).await.map_err(|error| error.to_string())?;
            let result = match identity.as_ref() {
                AgentIdentity::PublicKey { key, .. } => {
                    let hash = rsa_hash(handle, &key.algorithm()).await;
                    handle.authenticate_publickey_with(user, key.clone(), hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    let hash = rsa_hash(handle, &certificate.algorithm()).await;
                    handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut agent).await
                }
            };
            result.map_err(|error| error.to_string())
        }
    }
}

/// SHA-1 signatures are refused everywhere, so an RSA key needs a hash; Sha512 where the server says nothing.
async fn rsa_hash(handle: &Handle<Client>, algorithm: &Algorithm) -> Option<HashAlg> {
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return None;
    }
    let best = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    Some(best.unwrap_or(HashAlg::Sha512))
}

impl Candidate {
    fn name(&self) -> String {
        match self {
            Self::Agent(identity) if identity.comment().is_empty() => {
                format!("{} (agent)", fingerprint(&identity.public_key()))
            }
            Self::Agent(identity) => format!("{} (agent)", identity.comment()),
            Self::File(_, name) => name.clone(),
        }
    }
}

impl Candidates {
    /// As OpenSSH orders them: the agent's keys that are named by a file, then its others, then the files
    /// that the agent does not hold.
    fn new(endpoint: &Endpoint, keyring: &Keyring) -> Self {
        let mut named: Vec<AgentIdentity> = Vec::new();
        let mut files = Vec::new();
        let mut notes: Vec<String> = keyring.agent_trouble.iter().cloned().collect();
        for path in &endpoint.key_files {
            let file = keyring.file(path);
            let held = file.public().and_then(|key| in_agent(keyring, key.key_data()));
            match (held, file) {
                (Some(identity), _) => named.push(identity.clone()),
                (None, KeyFile::Usable(key)) => files.push(Candidate::File(key, shown(path))),
                (None, KeyFile::Encrypted(_)) => notes.push(format!(
                    "{0} has a passphrase and was skipped (ssh-add {0} gives it to the agent)",
                    path.display()
                )),
                (None, KeyFile::Unusable(why, _)) => notes.push(why),
            }
        }
        let mut keys = named.clone();
        if !endpoint.identities_only {
            let is_named =
                |key: &AgentIdentity| named.iter().any(|other| other.public_key() == key.public_key());
            keys.extend(keyring.agent_keys.iter().filter(|key| !is_named(key)).cloned());
        }
        Self { keys: keys.into_iter().map(Box::new).map(Candidate::Agent).chain(files).collect(), notes }
    }
}

fn in_agent<'a>(
    keyring: &'a Keyring,
    key: &russh::keys::ssh_key::public::KeyData,
) -> Option<&'a AgentIdentity> {
    keyring.agent_keys.iter().find(|identity| identity.public_key().key_data() == key)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn names(methods: &MethodSet) -> String {
    methods.iter().map(<&str>::from).collect::<Vec<_>>().join(", ")
}

fn wants_more(key: &str, methods: &MethodSet) -> AuthError {
    AuthError::Denied {
        reason: format!("{key} was accepted, but the server also wants {}", names(methods)),
        hint: "let this user in with a key alone (AuthenticationMethods in its sshd_config)".to_owned(),
    }
}

fn denied(
    endpoint: &Endpoint,
    hung_up: bool,
    tried: &[String],
    accepts: Option<&MethodSet>,
    troubles: &[String],
) -> AuthError {
    let mut reason = match (tried.is_empty(), hung_up) {
        (true, _) => "there is no key to offer".to_owned(),
        (false, true) => format!("it hung up after {} keys (MaxAuthTries)", tried.len()),
        (false, false) => format!("it took none of the keys {}", tried.join(", ")),
    };
    if let Some(methods) = accepts {
        reason = format!("{reason}; it accepts {}", names(methods));
    }
    for trouble in troubles {
        reason = format!("{reason}; {trouble}");
    }
    let hint = if hung_up {
        "name the right key with ansible_ssh_private_key_file and offer no other: ansible_ssh_common_args: \
         '-o IdentitiesOnly=yes'"
            .to_owned()
    } else {
        format!(
            "is {0} the right user, and is one of these keys in its ~/.ssh/authorized_keys? name another with \
             ansible_ssh_private_key_file or --private-key; try: ssh -v -p {1} {0}@{2}",
            endpoint.user, endpoint.port, endpoint.address
        )
    };
    AuthError::Denied { reason, hint }
}
