//! Speaking HTTP through a connection that the host opens for us.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use russh::client::Msg;
use russh::{ChannelOpenFailure, ChannelStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::link::Link;
use super::{fault, tls};
use crate::remote::{Answer, HttpRequest, HttpResponse, Probe, RemoteError};

/// A body is kept up to this size.
pub(super) const BODY_CAP: usize = 64 << 10;

/// The server forbids forwarding: the host's own tools have to ask.
pub(super) struct Forbidden;

/// Probes through the connection's own forwarding.
pub(super) async fn probe(link: &Arc<Link>, probe: &Probe) -> Result<Result<Answer, Forbidden>, RemoteError> {
    let stream = match open(link, probe).await {
        Ok(stream) => stream,
        Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
            return Ok(Err(Forbidden));
        }
        Err(russh::Error::ChannelOpenFailure(_)) => {
            let target = fault::address(&probe.host, probe.port);
            return Ok(Ok(Answer::Failed(format!("no connection to {target}: nothing accepts it there"))));
        }
        Err(error) => return Err(link.gone(&error)),
    };
    Ok(Ok(match &probe.http {
        None => Answer::Connected,
        Some(http) => get(stream, probe, http).await.map_or_else(Answer::Failed, Answer::Http),
    }))
}

/// Opens the forwarding in a task: when the probe is given up, the stream that still comes is closed.
async fn open(link: &Arc<Link>, probe: &Probe) -> Result<ChannelStream<Msg>, russh::Error> {
    let (opened, result) = oneshot::channel();
    let (on, host, port) = (Arc::clone(link), probe.host.clone(), probe.port);
    link.tasks.spawn(async move {
        let stream = on.forward(host, port).await.map(russh::Channel::into_stream);
        drop(opened.send(stream));
    });
    result.await.unwrap_or(Err(russh::Error::Disconnect))
}

async fn get(stream: ChannelStream<Msg>, probe: &Probe, http: &HttpRequest) -> Result<HttpResponse, String> {
    match &http.tls {
        None => exchange(stream, probe, http).await,
        Some(tls) => {
            let target = fault::address(&probe.host, probe.port);
            exchange(tls::secure(stream, &target, tls).await?, probe, http).await
        }
    }
}

async fn exchange<S>(stream: S, probe: &Probe, http: &HttpRequest) -> Result<HttpResponse, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let request = request(probe, http)?;
    let no_http = |error: hyper::Error| format!("no usable HTTP answer: {}", chain(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_http)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(no_http)?;
        let (status, headers) = (response.status().as_u16(), headers(response.headers()));
        Ok(HttpResponse { status, headers, body: body(response).await.map_err(no_http)? })
    };
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        // The connection may be done first; what it left is still to be read.
        _ = connection => asking.await,
    }
}

fn request(probe: &Probe, http: &HttpRequest) -> Result<Request<Empty<Bytes>>, String> {
    let mut request = Request::get(&http.path).header(CONNECTION, "close");
    for (name, value) in &http.headers {
        request = request.header(name, value);
    }
    let has_host = http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !has_host {
        request = request.header(HOST, authority(probe));
    }
    request.body(Empty::new()).map_err(|error| format!("no HTTP request can be made of this probe: {error}"))
}

/// The `Host` of a request to the probe's address.
pub(super) fn authority(probe: &Probe) -> String {
    let full = fault::address(&probe.host, probe.port);
    let secure = probe.http.as_ref().is_some_and(|http| http.tls.is_some());
    let usual = if secure { ":443" } else { ":80" };
    full.strip_suffix(usual).map_or_else(|| full.clone(), str::to_owned)
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

async fn body(response: Response<hyper::body::Incoming>) -> Result<Vec<u8>, hyper::Error> {
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while body.len() < BODY_CAP {
        let Some(frame) = incoming.frame().await else { break };
        if let Ok(data) = frame?.into_data() {
            let room = (BODY_CAP - body.len()).min(data.len());
            body.extend_from_slice(data.get(..room).unwrap_or_default());
        }
    }
    Ok(body)
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
