//! Private keys and known_hosts files, read once a run and off the async threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use super::known_hosts::KnownHosts;
use crate::model::Endpoint;

/// A private key is no larger; OpenSSH draws the same line.
const LARGEST_KEY: u64 = 1 << 20;
/// known_hosts files are no larger.
const LARGEST_KNOWN: u64 = 16 << 20;
/// The bits of a mode that let others than the owner in.
const OTHERS: u32 = 0o077;

/// What a private key's file turned out to hold.
#[derive(Debug, Clone)]
pub(super) enum KeyFile {
    /// A key ready to sign.
    Usable(Arc<PrivateKey>),
    /// A key that only the agent can use: its public half, where that is known.
    Encrypted(Option<PublicKey>),
    /// No key, and why; its public half, where only others' access keeps it from being used.
    Unusable(String, Option<PublicKey>),
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
        self.files.get(path).cloned().unwrap_or_else(|| KeyFile::Unusable("it was not read".to_owned(), None))
    }
}

impl KeyFile {
    /// The public half, where it is known.
    pub(super) fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Usable(key) => Some(key.public_key()),
            Self::Encrypted(public) | Self::Unusable(_, public) => public.as_ref(),
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
    let unusable = |why: String| KeyFile::Unusable(why, None);
    let (text, mode) = match read_private(path) {
        Ok(read) => read,
        Err(error) => return unusable(format!("{}: {error}", path.display())),
    };
    if let Some(mode) = mode {
        let why = format!(
            "permissions {mode:04o} for {0} are too open: others can read the key, so it was ignored (chmod 600 {0})",
            path.display()
        );
        tracing::warn!("{why}");
        return KeyFile::Unusable(why, public_half(path, &text));
    }
    match russh::keys::decode_secret_key(&text, None) {
        Ok(key) if !key.is_encrypted() => KeyFile::Usable(Arc::new(key)),
        Ok(key) => KeyFile::Encrypted(Some(key.public_key().clone())),
        Err(russh::keys::Error::KeyIsEncrypted) => KeyFile::Encrypted(public_half(path, &text)),
        Err(error) => unusable(format!("{} holds no private key: {error}", path.display())),
    }
}

/// A private key's text, and its file's mode where that lets others in. As with OpenSSH, only the owner answers for it:
/// a file of somebody else's is as they want it.
fn read_private(path: &Path) -> io::Result<(Zeroizing<String>, Option<u32>)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    let is_ours = meta.uid() == rustix::process::getuid().as_raw();
    let content = read_limited(file, LARGEST_KEY)?;
    let text = String::from_utf8(content).map_err(|_| io::Error::other("it is no text"))?;
    Ok((Zeroizing::new(text), Some(meta.mode() & 0o7777).filter(|mode| is_ours && mode & OTHERS != 0)))
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

/// A file that is not there, or not for us, says nothing, as with OpenSSH. Of one that could be read in part nobody knows
/// what it revokes.
fn read_known(files: &[PathBuf]) -> KnownHosts {
    use ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let mut known = KnownHosts::default();
    for file in files {
        match File::open(file).and_then(|file| read_limited(file, LARGEST_KNOWN)) {
            Ok(content) => known.add(&file.display().to_string(), &content),
            Err(error)
                if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied | IsADirectory) => {}
            Err(error) => known.cannot_read(&file.display().to_string(), &error.to_string()),
        }
    }
    known
}

/// A file's content, where it is no larger than so many bytes.
fn read_limited(file: File, most: u64) -> io::Result<Vec<u8>> {
    let room = file.metadata()?.len().min(most) + 1;
    // What grows leaves parts of itself behind, of a private key, too.
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    file.take(most + 1).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= most) {
        return Ok(content);
    }
    Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {} MiB", most >> 20)))
}
