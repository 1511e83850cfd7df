//! How an `https` probe knows whom it talks to.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What is expected of the server that an `https` probe reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The name that is asked for (SNI), which the certificate must be for.
    pub name: String,
    /// Certificates of the CAs that may have signed it, in PEM; `None`: those that the machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Whether the certificate is checked at all.
    pub validate_certs: bool,
}

/// The certificates of a PEM file and nothing else of it: a key that stands beside them goes nowhere.
#[must_use]
pub fn certificates(pem: &str) -> Option<String> {
    let mut found = String::new();
    for block in pem.split(BEGIN).skip(1) {
        let (body, _) = block.split_once(END)?;
        let _ = writeln!(found, "{BEGIN}{body}{END}");
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_taken_from_a_file() {
        let one = format!("{BEGIN}\nAAAA\n{END}\n");
        let file = format!(
            "subject=x\n{one}-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n{one}# end\n"
        );
        assert_eq!(certificates(&file), Some(one.repeat(2)));
        for wrong in ["", "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n", BEGIN] {
            assert_eq!(certificates(wrong), None, "{wrong:?}");
        }
    }
}
