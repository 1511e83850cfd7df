//! Tests on real hosts: the default lab, which `make lab-up` brings up.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn every_host_of_the_lab_runs_openssh() {
    for host in ["127.0.1.1", "127.0.2.1", "127.0.2.2"] {
        let mut stream = TcpStream::connect((host, 2201)).expect("the lab is up: make lab-up");
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut banner = [0; 15];
        stream.read_exact(&mut banner).unwrap();
        assert_eq!(&banner, b"SSH-2.0-OpenSSH", "{host}");
    }
}
