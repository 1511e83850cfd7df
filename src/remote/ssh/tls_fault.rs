//! Why a server's certificate is not taken, in words that say what to do.

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use crate::model::Tls;

/// What ends a certificate's refusal, where the server's operator means to keep it.
pub(super) const UNCHECKED: &str = "`validate_certs: false` takes any certificate";

/// A failed handshake with the server at `target`.
pub(super) fn explain(error: &Error, target: &str, tls: &Tls) -> String {
    match error {
        Error::InvalidCertificate(why) => format!("the certificate at {target} {}", refused(why, tls)),
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("the server at {target} has no site with the name {}: look at `host`", tls.name)
        }
        Error::InvalidMessage(_) => {
            format!("no TLS at {target} ({error}): is that a port for plain http?")
        }
        other => format!("no TLS at {target}: {other}"),
    }
}

fn refused(why: &CertificateError, tls: &Tls) -> String {
    match why {
        CertificateError::Expired => "has expired: renew it".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("expired {}: renew it", at(*not_after))
        }
        CertificateError::NotValidYet => "is not valid yet: is this machine's clock right?".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}: is this machine's clock right?", at(*not_before))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is for {}, and {} was asked for: {}", names(presented), tls.name, name_hint())
        }
        CertificateError::NotValidForName => format!("is not for {}: {}", tls.name, name_hint()),
        // A bad signature is that of another CA of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let whom = if tls.ca.is_some() { "the file of `ca`" } else { "this machine" };
            format!("is signed by no CA that {whom} knows: name the CA with `ca: FILE` (PEM); {UNCHECKED}")
        }
        // A certificate that signs itself is usually marked as a CA's.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            format!("is a CA's own, not one for a server (self-signed): {UNCHECKED}")
        }
        other => format!("is refused: {}", Error::InvalidCertificate(other.clone())),
    }
}

fn name_hint() -> &'static str {
    "write a name of the certificate as `host: NAME`"
}

/// `DnsName("a.example")` and `IpAddress(192.0.2.1)` without their wrapping.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map(|(inner, _)| inner);
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    if presented.is_empty() {
        return "no name at all".to_owned();
    }
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn at(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(
        || "long ago".to_owned(),
        |time| format!("on {}", time.strftime("%Y-%m-%d at %H:%M UTC")),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_rustls::rustls::pki_types::ServerName;

    use super::*;

    fn told(why: CertificateError, ca: Option<&str>) -> String {
        let tls = Tls { name: "a.example".to_owned(), ca: ca.map(str::to_owned), validate_certs: true };
        explain(&Error::InvalidCertificate(why), "127.0.0.1:443", &tls)
    }

    #[test]
    fn a_refused_certificate_says_what_to_do() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(
            told(CertificateError::ExpiredContext { time: time(9), not_after: time(60) }, None),
            "the certificate at 127.0.0.1:443 expired on 1970-01-01 at 00:01 UTC: renew it"
        );
        let presented = vec!["DnsName(\"b.example\")".to_owned(), "IpAddress(192.0.2.1)".to_owned()];
        let expected = ServerName::try_from("a.example").unwrap();
        assert_eq!(
            told(CertificateError::NotValidForNameContext { expected, presented }, None),
            "the certificate at 127.0.0.1:443 is for b.example, 192.0.2.1, and a.example was asked for: write a name \
             of the certificate as `host: NAME`"
        );
        for (ca, whom) in [(None, "this machine"), (Some("pem"), "the file of `ca`")] {
            assert!(told(CertificateError::UnknownIssuer, ca).contains(whom));
        }
    }
}
