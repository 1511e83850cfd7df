//! Certificates on a load balancer, and a client that checks them.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Lab;
use super::http::{Answer, connect_to, get_over};

const CERTIFICATES: &str = include_str!("../../certificates.sh");
/// Where certificates are on the load balancer; a reset removes them.
const FOLDER: &str = "/srv/tls";

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl Lab {
    /// Makes a certificate on the first load balancer, `/srv/tls/NAME.pem`, by the lab's own CA.
    pub(crate) fn certify(&self, name: &str, alt_names: &str, kind: &str) {
        self.on(
            "lb1",
            &format!(
                "mkdir -p {FOLDER} && cat >/srv/certificates.sh <<'END'\n{CERTIFICATES}\nEND\n\
                 sh /srv/certificates.sh {FOLDER} {name} {alt_names} {kind}"
            ),
        );
    }

    /// The lab's own CA, as PEM.
    pub(crate) fn ca(&self) -> String {
        self.content("lb1", &format!("{FOLDER}/ca.pem"))
    }

    /// Where the first load balancer answers inside of the lab's network, over TLS.
    pub(crate) fn tls_front(&self) -> TlsFront {
        let addresses = self.on("lb1", "hostname -i");
        let address = addresses.split_whitespace().next().unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = SocketAddr::new(address.parse().unwrap(), 443);
        TlsFront { address, config: Arc::new(config) }
    }
}

/// A load balancer that speaks TLS, as clients meet it that know the lab's CA alone.
#[derive(Clone)]
pub(crate) struct TlsFront {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl TlsFront {
    /// A connection to a site by its name, whose certificate is checked.
    pub(crate) fn connect(&self, name: &str) -> io::Result<TlsStream> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(client, connect_to(self.address)?))
    }

    /// Asks a site over a connection of its own.
    pub(crate) fn get(&self, name: &str, path: &str) -> io::Result<Answer> {
        get_over(&mut BufReader::new(self.connect(name)?), name, path)
    }
}
