//! `preview:`: who may look at either color through the load balancers, whichever is live.

use std::net::IpAddr;

use crate::model::{Context, Problem, Text};

/// Who may look.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Addresses and networks; never empty.
    pub allow: Vec<Text>,
}

impl Preview {
    /// The addresses and networks with their variables filled in.
    pub fn allowed(&self, context: &Context) -> Result<Vec<String>, Problem> {
        let one = |text: &Text| {
            let rendered = text.render(context)?;
            network(&rendered).map_err(|(message, help)| Problem::at(text.location(), message).help(help))?;
            Ok(rendered)
        };
        self.allow.iter().map(one).collect()
    }
}

/// An address, or a network as `192.0.2.0/24`; else what is wrong with it, and what to write.
pub(super) fn network(text: &str) -> Result<(), (String, String)> {
    let usual = || "write an address or a network: 198.51.100.7, 192.0.2.0/24, 2001:db8::/32".to_owned();
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err((format!("{text:?} is no address"), usual()));
    };
    let Some(length) = length else { return Ok(()) };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let Some(length) = length.parse::<u32>().ok().filter(|length| digits && *length <= width) else {
        return Err((
            format!("{text:?} is no network: after the slash stands a number up to {width}"),
            usual(),
        ));
    };
    let rest = width - length;
    let net = bits.checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0);
    if net == bits {
        return Ok(());
    }
    let net = match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(net).unwrap_or_default().into()),
        IpAddr::V6(_) => IpAddr::V6(net.into()),
    };
    Err((
        format!("{text:?} names a host inside of a network"),
        format!("write {net}/{length}, or {address} alone"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_taken() {
        for fine in [
            "198.51.100.7",
            "192.0.2.0/24",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "192.0.2.1/32",
            "::1",
            "2001:db8::/32",
        ] {
            assert_eq!(network(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn what_nginx_would_not_take_or_not_as_it_is_meant_is_refused() {
        for (wrong, said) in [
            ("office", "is no address"),
            ("", "is no address"),
            ("all", "is no address"),
            ("198.51.100.300", "is no address"),
            ("192.0.2.1; allow all", "is no address"),
            ("192.0.2.0/33", "up to 32"),
            ("192.0.2.0/+8", "up to 32"),
            ("192.0.2.0/", "up to 32"),
            ("2001:db8::/129", "up to 128"),
            ("192.0.2.7/24", "names a host inside of a network"),
            ("2001:db8::1/32", "names a host inside of a network"),
        ] {
            let (message, _) = network(wrong).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
        assert_eq!(network("192.0.2.7/24").unwrap_err().1, "write 192.0.2.0/24, or 192.0.2.7 alone");
        assert_eq!(network("2001:db8::1/0").unwrap_err().1, "write ::/0, or 2001:db8::1 alone");
    }
}
