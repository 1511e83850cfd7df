//! Many hosts in a few words.

use super::HostName;

/// Hosts that are named one by one before the list is shortened.
const NAMED: usize = 4;

/// `app1`, `app1, app2 (2 hosts)` or `app1 … app200 (200 hosts)`.
#[must_use]
pub fn host_list(hosts: &[&HostName]) -> String {
    let count = hosts.len();
    match hosts {
        [] => "no host".to_owned(),
        [host] => host.to_string(),
        [first, .., last] if count > NAMED => format!("{first} … {last} ({count} hosts)"),
        _ => {
            let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            format!("{} ({count} hosts)", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_shortened() {
        let names: Vec<HostName> = (1..=200).map(|n| format!("app{n}").parse().unwrap()).collect();
        let list = |n: usize| host_list(&names.iter().take(n).collect::<Vec<_>>());
        assert_eq!(list(0), "no host");
        assert_eq!(list(1), "app1");
        assert_eq!(list(2), "app1, app2 (2 hosts)");
        assert_eq!(list(4), "app1, app2, app3, app4 (4 hosts)");
        assert_eq!(list(200), "app1 … app200 (200 hosts)");
    }
}
