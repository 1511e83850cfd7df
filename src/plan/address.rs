//! What an `http://` URL or a `host:port` says.

/// A URL's parts as a probe needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

/// Takes `http://host[:port][/path]` apart; a fragment is dropped.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let Some(rest) = text.strip_prefix("http://") else {
        let scheme = text.split("://").next().unwrap_or_default();
        let why = if scheme == "https" {
            "https probes are not available in this version"
        } else {
            "a probe speaks http"
        };
        return Err(format!("{why}: write http://HOST:PORT/PATH"));
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
    let bare = !authority.contains(':') || authority.ends_with(']');
    let (host, port) = if bare { host_port(&format!("{authority}:80"))? } else { host_port(authority)? };
    Ok(Url { host, port, path })
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
        let Url { host, port, path } = url(text).unwrap();
        (host, port, path)
    }

    #[test]
    fn a_url_falls_into_host_port_and_path() {
        assert_eq!(parts("http://127.0.0.1:18080/health"), ("127.0.0.1".into(), 18080, "/health".into()));
        assert_eq!(parts("http://example.com"), ("example.com".into(), 80, "/".into()));
        assert_eq!(parts("http://[::1]:8080/a?b=c#d"), ("::1".into(), 8080, "/a?b=c".into()));
        assert_eq!(parts("http://[::1]/"), ("::1".into(), 80, "/".into()));
        assert_eq!(parts("http://h?x=1"), ("h".into(), 80, "/?x=1".into()));
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
        for bad in
            ["https://h/", "h:80", "http://", "http://h:0/", "http://h:x/", "http://u@h/", "http://h/a b"]
        {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(host_port("db").is_err());
        assert_eq!(host_port("[::1]:5432"), Ok(("::1".into(), 5432)));
    }
}
