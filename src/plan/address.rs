//! What a URL or a `host:port` says.

/// A URL's parts as a probe needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Whether it is `https`.
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

/// Takes `http://host[:port][/path]` or `https://…` apart; a fragment is dropped.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let schemes = [("http://", false, 80), ("https://", true, 443)];
    let known = schemes
        .iter()
        .find_map(|(scheme, secure, port)| text.strip_prefix(scheme).map(|rest| (rest, *secure, *port)));
    let Some((rest, secure, usual)) = known else {
        return Err("a probe speaks http or https: write http://HOST:PORT/PATH".to_owned());
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if path.chars().any(|c| c.is_ascii_control() || c == ' ') {
        return Err("a URL holds no blanks: write %20".to_owned());
    }
    if authority.contains('@') {
        return Err("a user name in a URL is not sent: leave it out".to_owned());
    }
    let (host, port) =
        if has_port(authority) { host_port(authority)? } else { host_port(&format!("{authority}:{usual}"))? };
    Ok(Url { secure, host, port, path })
}

/// The name in a `Host` header, without its port.
pub(super) fn name(host: &str) -> &str {
    let name = host.rsplit_once(':').filter(|_| has_port(host)).map_or(host, |(name, _)| name);
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)
}

/// Whether a port stands at its end; colons in brackets belong to an address.
fn has_port(authority: &str) -> bool {
    authority.contains(':') && !authority.ends_with(']')
}

/// Takes `host:port` or `[v6]:port` apart.
pub(super) fn host_port(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{text:?} is no HOST:PORT");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c == '/') {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

/// Whether whoever uses this address reaches itself.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let by_name = name == "localhost" || name.ends_with(".localhost");
    by_name || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String) {
        let Url { host, port, path, .. } = url(text).unwrap();
        (host, port, path)
    }

    #[test]
    fn a_url_falls_into_host_port_and_path() {
        assert_eq!(parts("http://127.0.0.1:18080/health"), ("127.0.0.1".into(), 18080, "/health".into()));
        assert_eq!(parts("http://example.com"), ("example.com".into(), 80, "/".into()));
        assert_eq!(parts("http://[::1]:8080/a?b=c#d"), ("::1".into(), 8080, "/a?b=c".into()));
        assert_eq!(parts("http://[::1]/"), ("::1".into(), 80, "/".into()));
        assert_eq!(parts("http://h?x=1"), ("h".into(), 80, "/?x=1".into()));
        assert_eq!(parts("https://h/a"), ("h".into(), 443, "/a".into()));
        assert_eq!(parts("https://[::1]:8443"), ("::1".into(), 8443, "/".into()));
        assert!(url("https://h").unwrap().secure && !url("http://h").unwrap().secure);
    }

    #[test]
    fn a_host_header_has_a_name() {
        for (header, expected) in [
            ("a.example", "a.example"),
            ("a.example:8443", "a.example"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(name(header), expected);
        }
    }

    #[test]
    fn a_loopback_address_is_known_by_name_and_number() {
        for host in ["127.0.0.1", "127.8.1.2", "::1", "localhost", "LocalHost.", "app.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "app1", "localhost.example.com", "::2", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn what_no_probe_can_use_is_refused() {
        for bad in [
            "ftp://h/",
            "h:80",
            "https://",
            "http://",
            "http://h:0/",
            "http://h:x/",
            "http://u@h/",
            "http://h/a b",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(host_port("db").is_err());
        assert_eq!(host_port("[::1]:5432"), Ok(("::1".into(), 5432)));
    }
}
