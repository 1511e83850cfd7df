//! Whether an HTTP answer is the one that was hoped for.

use crate::model::HttpAsk;

use super::{Answer, HttpResponse};

/// `Ok` when the answer meets every demand; else what it was instead, in a few words.
pub fn meets(ask: &HttpAsk, answer: &Answer) -> Result<(), String> {
    match answer {
        Answer::Failed(why) => Err(why.clone()),
        Answer::Connected => Err("a connection without an HTTP answer".to_owned()),
        Answer::Http(response) => response_meets(ask, response),
    }
}

fn response_meets(ask: &HttpAsk, response: &HttpResponse) -> Result<(), String> {
    let status = response.status;
    let accepted =
        if ask.status.is_empty() { (200..300).contains(&status) } else { ask.status.contains(&status) };
    if !accepted {
        let moved = response.header("location").map(|to| format!(" to {to}")).unwrap_or_default();
        return Err(format!("HTTP {status}{moved}{}", said(response)));
    }
    for (name, wanted) in &ask.headers {
        match response.header(name) {
            Some(found) if found == wanted => {}
            Some(found) => return Err(format!("HTTP {status} with {name}: {found}, not {wanted}")),
            None => return Err(format!("HTTP {status} without a {name} header")),
        }
    }
    match &ask.body {
        Some(wanted) if !String::from_utf8_lossy(&response.body).contains(wanted.as_str()) => {
            Err(format!("HTTP {status} without {wanted:?} in its body{}", said(response)))
        }
        _ => Ok(()),
    }
}

/// The beginning of the body, on one line.
fn said(response: &HttpResponse) -> String {
    let body = String::from_utf8_lossy(&response.body);
    let words: Vec<&str> = body.split_whitespace().collect();
    if words.is_empty() {
        return String::new();
    }
    format!(": {}", words.join(" ").chars().take(120).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> HttpAsk {
        HttpAsk {
            url: "http://h/".into(),
            host: "h".into(),
            port: 80,
            path: "/".into(),
            host_header: None,
            tls: None,
            status: vec![],
            body: None,
            headers: vec![],
        }
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Answer::Http(HttpResponse { status, headers, body: body.into() })
    }

    #[test]
    fn any_2xx_will_do_unless_a_status_is_named() {
        assert_eq!(meets(&ask(), &answer(204, &[], "")), Ok(()));
        assert_eq!(meets(&ask(), &answer(503, &[], "db\n down")), Err("HTTP 503: db down".into()));
        let only = HttpAsk { status: vec![204], ..ask() };
        assert!(meets(&only, &answer(200, &[], "")).is_err());
    }

    #[test]
    fn a_redirect_says_where_to() {
        assert_eq!(meets(&ask(), &answer(301, &[("location", "/up/")], "")), Err("HTTP 301 to /up/".into()));
    }

    #[test]
    fn headers_and_body_must_match() {
        let ask =
            HttpAsk { headers: vec![("X-Color".into(), "green".into())], body: Some("ok".into()), ..ask() };
        assert_eq!(meets(&ask, &answer(200, &[("x-color", "green")], "all ok")), Ok(()));
        assert_eq!(
            meets(&ask, &answer(200, &[("x-color", "blue")], "ok")),
            Err("HTTP 200 with X-Color: blue, not green".into())
        );
        assert!(meets(&ask, &answer(200, &[], "ok")).is_err());
        assert!(meets(&ask, &answer(200, &[("x-color", "green")], "no")).is_err());
    }
}
