//! A key under `hosts:`: one name or many, and perhaps a port.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::range::{self, BadRange};
use crate::model::{BadName, HostName};

/// The hosts that one key under `hosts:` stands for, and the port that it gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) names: Vec<HostName>,
    pub(super) port: Option<u16>,
}

/// Why a key under `hosts:` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadEntry {
    #[error(transparent)]
    Range(#[from] BadRange),
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("{0} is no port: ports go from 1 to 65535")]
    Port(String),
    #[error("what follows the colon is no port; write an IPv6 address with a port as [ADDRESS]:PORT")]
    Colon,
}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self { names: vec![text.parse()?], port: None });
        }
        let (pattern, port) = split_port(text)?;
        let names = if pattern.parse::<Ipv6Addr>().is_ok() {
            vec![pattern.to_owned()]
        } else {
            range::expand(pattern)?
        };
        // A name with a colon cannot be meant: it is a port that was mistyped.
        if names.iter().any(|name| name.contains(':') && name.parse::<IpAddr>().is_err()) {
            return Err(BadEntry::Colon);
        }
        let names = names.iter().map(|name| name.parse()).collect::<Result<_, BadName>>()?;
        Ok(Self { names, port })
    }
}

/// `name:22` and `[address]:22`; colons inside brackets belong to ranges.
fn split_port(text: &str) -> Result<(&str, Option<u16>), BadEntry> {
    let Some((name, digits)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok((text, None));
    }
    let port = digits.parse().ok().filter(|&port| port > 0);
    let port = port.ok_or_else(|| BadEntry::Port(digits.to_owned()))?;
    Ok((unbracketed(name).unwrap_or(name), Some(port)))
}

/// The address in `[address]`. A range alone, `[1:3]`, keeps its brackets.
fn unbracketed(name: &str) -> Option<&str> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let plain = !inner.contains([':', '[', ']']);
    (plain || inner.parse::<Ipv6Addr>().is_ok()).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, names: &str, port: Option<u16>) {
        let entry: Entry = text.parse().unwrap();
        let found: Vec<_> = entry.names.iter().map(HostName::as_str).collect();
        assert_eq!((found.join(" ").as_str(), entry.port), (names, port), "{text}");
    }

    #[test]
    fn a_port_follows_the_last_colon() {
        check("web1", "web1", None);
        check("web1:2222", "web1", Some(2222));
        check("10.0.0.1:2222", "10.0.0.1", Some(2222));
        check("web[1:2]", "web1 web2", None);
        check("web[1:2].x:2222", "web1.x web2.x", Some(2222));
        check("web[1:2]:2222", "web1 web2", Some(2222));
    }

    #[test]
    fn an_ipv6_address_with_a_port_stands_in_brackets() {
        check("::1", "::1", None);
        check("2001:db8::22", "2001:db8::22", None);
        check("[::1]:22", "::1", Some(22));
        check("[2001:db8::1]:2222", "2001:db8::1", Some(2222));
        check("[web1]:2222", "web1", Some(2222));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["web1:99999", "web1:0"] {
            assert!(matches!(text.parse::<Entry>(), Err(BadEntry::Port(_))), "{text}");
        }
        for text in ["web1:22x", "web1:", "web1:22:33", ":22:x"] {
            assert_eq!(text.parse::<Entry>(), Err(BadEntry::Colon), "{text}");
        }
        for text in ["", "web 1", ":22"] {
            assert!(matches!(text.parse::<Entry>(), Err(BadEntry::Name(_))), "{text}");
        }
    }
}
