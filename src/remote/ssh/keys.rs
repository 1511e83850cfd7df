//! Private keys and known_hosts files, read once a run and off the async threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PublicKey};

use super::known_hosts::KnownHosts;
use crate::model::Endpoint;

/// What a private key's file turned out to hold.
#[derive(Debug, Clone)]
pub(super) enum KeyFile {
    /// A key ready to sign.
    Usable(Arc<PrivateKey>),
    /// A key that only the agent can use: its public half, where that is known.
    Encrypted(Option<PublicKey>),
    /// No key, and why.
    Unusable(String),
}

/// All that logging in needs from this machine.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    /// The agent's socket, where there is an agent with keys.
    pub(super) agent: Option<PathBuf>,
    /// The agent's keys, in its order.
    pub(super) agent_keys: Vec<russh::keys::agent::AgentIdentity>,
    /// Why the agent could not be asked.
    pub(super) agent_trouble: Option<String>,
    files: BTreeMap<PathBuf, KeyFile>,
    known: BTreeMap<Vec<PathBuf>, Arc<KnownHosts>>,
}

impl Keyring {
    /// Reads everything that the endpoints name, each file once.
    pub(super) async fn load(endpoints: &[Endpoint], agent: Option<PathBuf>) -> Self {
        let keys: BTreeSet<PathBuf> = endpoints.iter().flat_map(|e| e.key_files.clone()).collect();
        let known: BTreeSet<Vec<PathBuf>> = endpoints.iter().map(|e| e.known_hosts.clone()).collect();
        let reading = tokio::task::spawn_blocking(move || Self {
            files: keys.into_iter().map(|path| (path.clone(), read_key(&path))).collect(),
            known: known.into_iter().map(|set| (set.clone(), Arc::new(read_known(&set)))).collect(),
            ..Self::default()
        });
        let (read, asked) = tokio::join!(reading, ask_agent(agent));
        let mut keyring = read.unwrap_or_default();
        match asked {
            Ok(Some((socket, keys))) => {
                keyring.agent = Some(socket);
                keyring.agent_keys = keys;
            }
            Ok(None) => {}
            Err(trouble) => keyring.agent_trouble = Some(trouble),
        }
        keyring
    }

    /// What an endpoint's known_hosts files say.
    pub(super) fn known_hosts(&self, endpoint: &Endpoint) -> Arc<KnownHosts> {
        self.known.get(&endpoint.known_hosts).cloned().unwrap_or_default()
    }

    /// What a key file holds.
    pub(super) fn file(&self, path: &Path) -> KeyFile {
        self.files.get(path).cloned().unwrap_or_else(|| KeyFile::Unusable("it was not read".to_owned()))
    }
}

impl KeyFile {
    /// The public half, where it is known.
    pub(super) fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Usable(key) => Some(key.public_key()),
            Self::Encrypted(public) => public.as_ref(),
            Self::Unusable(_) => None,
        }
    }
}

/// `SHA256:…`, as OpenSSH prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

type Asked = Option<(PathBuf, Vec<russh::keys::agent::AgentIdentity>)>;

async fn ask_agent(socket: Option<PathBuf>) -> Result<Asked, String> {
    let Some(socket) = socket else { return Ok(None) };
    let asking = async {
        let mut agent = AgentClient::connect_uds(&socket).await?;
        agent.request_identities().await
    };
    match tokio::time::timeout(std::time::Duration::from_secs(5), asking).await {
        Ok(Ok(keys)) => Ok(Some((socket, keys))),
        Ok(Err(error)) => Err(format!("the agent at {} does not answer: {error}", socket.display())),
        Err(_) => Err(format!("the agent at {} does not answer", socket.display())),
    }
}

fn read_key(path: &Path) -> KeyFile {
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return KeyFile::Unusable(error.to_string()),
    };
    match russh::keys::decode_secret_key(&text, None) {
        Ok(key) if !key.is_encrypted() => KeyFile::Usable(Arc::new(key)),
        Ok(key) => KeyFile::Encrypted(Some(key.public_key().clone())),
        Err(russh::keys::Error::KeyIsEncrypted) => KeyFile::Encrypted(public_half(path, &text)),
        Err(error) => KeyFile::Unusable(format!("{} holds no private key: {error}", path.display())),
    }
}

/// An encrypted key in OpenSSH's format shows its public half; for others there may be a `.pub` beside it.
fn public_half(path: &Path, text: &str) -> Option<PublicKey> {
    if let Ok(key) = PrivateKey::from_openssh(text) {
        return Some(key.public_key().clone());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    PublicKey::from_openssh(fs_err::read_to_string(PathBuf::from(beside)).ok()?.trim()).ok()
}

/// A file that is not there says nothing, as with OpenSSH.
fn read_known(files: &[PathBuf]) -> KnownHosts {
    let mut known = KnownHosts::default();
    for file in files {
        if let Ok(content) = fs_err::read(file) {
            known.add(&file.display().to_string(), &content);
        }
    }
    known
}
