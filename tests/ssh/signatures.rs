//! A server that agrees on one kind of signature for its RSA key, and then makes another.

use std::process::Command;

use bgctl::model::Endpoint;
use bgctl::remote::ssh::{Settings, SshFleet};
use bgctl::remote::{KeyVerdict, RemoteError};
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::ssh_key::{Signature, private::KeypairData};
use russh::keys::{HashAlg, PrivateKey};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::hosts;
use crate::sshd::run;

const BANNER: &str = "SSH-2.0-old";
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
const KEXDH_INIT: u8 = 30;
const KEXDH_REPLY: u8 = 31;

/// A string as SSH has it.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// The first string of a text, without its length.
fn first(text: &[u8]) -> Vec<u8> {
    let length = u32::from_be_bytes(text[..4].try_into().unwrap()) as usize;
    text[4..4 + length].to_vec()
}

async fn read_packet(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u32().await.unwrap() as usize;
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await.unwrap();
    packet[1..length - packet[0] as usize].to_vec()
}

async fn write_packet(stream: &mut TcpStream, payload: &[u8]) {
    let padding = 8 + (8 - (5 + payload.len()) % 8) % 8;
    let length = u32::try_from(1 + payload.len() + padding).unwrap();
    let head = [&length.to_be_bytes()[..], &[u8::try_from(padding).unwrap()]].concat();
    stream.write_all(&[&head, payload, &vec![0; padding]].concat()).await.unwrap();
}

fn kexinit() -> Vec<u8> {
    let lists = [
        "diffie-hellman-group14-sha256",
        "rsa-sha2-512",
        "aes256-ctr",
        "aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let lists = lists.map(|list| string(list.as_bytes())).concat();
    [&[KEXINIT][..], &[0; 16], &lists, &[0; 5]].concat()
}

/// Makes the key exchange, whose secret exponent is 1: what the client sends is then the secret itself. Signs with this
/// hash, `None` for SHA-1, and waits until the client says or ends something.
async fn exchange(
    mut stream: TcpStream,
    key: RsaKeypair,
    host_key: Vec<u8>,
    hash: Option<HashAlg>,
) -> Vec<u8> {
    stream.write_all(format!("{BANNER}\r\n").as_bytes()).await.unwrap();
    let mut banner = Vec::new();
    while !banner.ends_with(b"\r\n") {
        banner.push(stream.read_u8().await.unwrap());
    }
    let ours = kexinit();
    write_packet(&mut stream, &ours).await;
    let theirs = read_packet(&mut stream).await;
    let init = read_packet(&mut stream).await;
    assert_eq!(init[0], KEXDH_INIT);
    let (sent, generator) = (first(&init[1..]), [2]);
    let texts =
        [&banner[..banner.len() - 2], BANNER.as_bytes(), &theirs, &ours, &host_key, &sent, &generator, &sent];
    let signed = Sha256::digest(texts.map(string).concat());
    let signature: Signature = russh::keys::signature::Signer::sign(&(&key, hash), &signed[..]);
    let signature =
        [string(signature.algorithm().as_str().as_bytes()), string(signature.as_bytes())].concat();
    let reply = [&[KEXDH_REPLY][..], &string(&host_key), &string(&generator), &string(&signature)].concat();
    write_packet(&mut stream, &reply).await;
    write_packet(&mut stream, &[NEWKEYS]).await;
    let mut rest = Vec::new();
    // The client may be gone already.
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

/// How a client finds this server, which signs with `hash`, and what it sent after the key exchange.
async fn met(hash: Option<HashAlg>, checking: bool) -> (RemoteError, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("host");
    run(Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(&path));
    let private = PrivateKey::from_openssh(std::fs::read_to_string(&path).unwrap()).unwrap();
    let KeypairData::Rsa(key) = private.key_data().clone() else { panic!() };
    let host_key = private.public_key().to_bytes().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let known = dir.path().join("known_hosts");
    let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    std::fs::write(&known, format!("[127.0.0.1]:{port} {line}")).unwrap();
    let endpoint = Endpoint {
        known_hosts: vec![known],
        host_key_checking: checking,
        timeout: std::time::Duration::from_secs(2),
        ..hosts::endpoint(port)
    };
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        exchange(stream, key, host_key, hash).await
    };
    let connecting = async {
        let (_, mut failed) = SshFleet::connect(vec![endpoint], Settings::default()).await;
        failed.remove(0).1
    };
    tokio::join!(connecting, serving)
}

#[tokio::test]
async fn a_host_that_signs_with_sha1_after_it_agreed_on_sha2_is_refused_before_anybody_logs_in() {
    for checking in [true, false] {
        let (error, _) = met(None, checking).await;
        let RemoteError::Untrusted(untrusted) = &error else { panic!("{error}") };
        let unproved = KeyVerdict::Unproved { agreed: "rsa-sha2-512".into(), used: "ssh-rsa".into() };
        assert_eq!(untrusted.verdict, unproved);
        assert!(error.to_string().contains("signed with ssh-rsa"), "{error}");
    }
    // Not even another hash of the same family will do.
    let (error, _) = met(Some(HashAlg::Sha256), true).await;
    assert!(error.to_string().contains("signed with rsa-sha2-256"), "{error}");
}

#[tokio::test]
async fn the_same_host_is_believed_where_it_signs_as_it_agreed() {
    let (error, sent) = met(Some(HashAlg::Sha512), true).await;
    let RemoteError::Unreachable { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("no end of the login"), "{reason}");
    assert!(!sent.is_empty());
}
