//! Symlinks as nginx follows them.

/// Whether a link with this text points to a path. Both are compared as they are written: what lies behind
/// further links is nginx's affair.
pub(super) fn resolves_to(link: &str, target: &str, path: &str) -> bool {
    let joined = if target.starts_with('/') {
        target.to_owned()
    } else {
        let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{target}")
    };
    plain(&joined) == plain(path)
}

/// The path's parts, without `.` and with `..` taken back.
fn plain(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_followed_from_their_folder() {
        let link = "/etc/nginx/sites-enabled/a.conf";
        assert!(resolves_to(
            link,
            "../sites-available/a-blue.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
        assert!(resolves_to(
            link,
            "/etc/nginx/./sites-available//a-blue.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
        assert!(!resolves_to(
            link,
            "../sites-available/a-green.conf",
            "/etc/nginx/sites-available/a-blue.conf"
        ));
    }
}
