//! Archives of images on this machine: cut, forged, compressed, and no archives at all.

use std::io::Write;
use std::path::PathBuf;

use bgctl::cmd::archive;
use tempfile::TempDir;

use crate::drive::{self, Target};
use crate::mutate::{Corpus, Rng};

const MANIFEST: &str = r#"[{"Config":"blobs/sha256/c1","RepoTags":["app:1","registry.lab/app:1"],"Layers":["blobs/sha256/l1"]}]"#;
const INDEX: &str = r#"{"manifests":[{"digest":"sha256:m1","annotations":{"io.containerd.image.name":"docker.io/library/app:1"}}]}"#;
/// What a tar archive is made of.
const BLOCK: usize = 512;

/// `cmd::archive::read`.
pub(crate) struct Archives {
    corpus: Corpus,
    path: PathBuf,
    _folder: TempDir,
}

/// One entry, whatever its header says.
fn entry(kind: tar::EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(name).unwrap();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let padding = vec![0; content.len().next_multiple_of(BLOCK) - content.len()];
    [header.as_bytes(), content, &padding].concat()
}

fn sparse() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_path("sparse").unwrap();
    header.set_size(BLOCK as u64);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.isextended = [1];
    gnu.realsize = *b"00000002000\0";
    (gnu.sparse[0].offset, gnu.sparse[0].numbytes) = (*b"00000001000\0", *b"00000001000\0");
    header.set_cksum();
    [&header.as_bytes()[..], &[0; BLOCK], &[b'x'; BLOCK]].concat()
}

impl Archives {
    pub(crate) fn new() -> Self {
        let regular = |name: &str, content: &[u8]| entry(tar::EntryType::Regular, name, content);
        let tables = [
            regular("blobs/sha256/c1", b"{}"),
            regular("manifest.json", MANIFEST.as_bytes()),
            regular("./index.json", INDEX.as_bytes()),
        ]
        .concat();
        let whole = [&tables[..], &regular("blobs/sha256/l1", &[b'x'; 700]), &[0; 2 * BLOCK]].concat();
        let long = "n".repeat(300);
        let pax =
            format!("{} path={long}\n27 mtime=1772323201.000001\n19 size=00000000003\n", long.len() + 10);
        let odd = [
            entry(tar::EntryType::GNULongName, "././@LongLink", long.as_bytes()),
            regular("short", b"x"),
            entry(tar::EntryType::XHeader, "pax", pax.as_bytes()),
            regular("short", b"abc"),
            entry(tar::EntryType::GNULongLink, "././@LongLink", long.as_bytes()),
            entry(tar::EntryType::Symlink, "link", b""),
            entry(tar::EntryType::XGlobalHeader, "global", b"19 comment=abcdefg\n"),
            sparse(),
            whole.clone(),
        ]
        .concat();
        let words = [
            "manifest.json",
            "index.json",
            "blobs/sha256/c1",
            "00000000000",
            "77777777777",
            "ustar  \0",
            "path=",
        ];
        let folder = drive::scratch();
        Self {
            corpus: Corpus::new([whole, odd, tables], &words),
            path: folder.path().join("a.tar"),
            _folder: folder,
        }
    }
}

/// Makes headers fit again, where a block was one: what is wrong in them is believed then.
fn mend(rng: &mut Rng, text: &mut [u8]) {
    for block in text.chunks_exact_mut(BLOCK) {
        if &block[257..262] == b"ustar" && !rng.one_in(8) {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().copied().map(u32::from).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Other numbers in a header.
fn forge(rng: &mut Rng, text: &mut [u8]) {
    let blocks = text.len() / BLOCK;
    let start = rng.below(blocks) * BLOCK;
    let Some(block) = text.get_mut(start..start + BLOCK) else { return };
    // Size, kind, sparse parts, real size, and a size in base 256.
    match rng.below(6) {
        0 => block[124..136].copy_from_slice(b"77777777777\0"),
        1 => block[156] = b"01234567LKxgSVD\0"[rng.below(16)],
        2 => block[386 + rng.below(96)] = b'7',
        3 => block[483..495].copy_from_slice(b"77777777777\0"),
        4 => {
            block[124..136].fill(0xff);
            block[124] = 0x80;
        }
        _ => block[482] ^= 1,
    }
}

impl Target for Archives {
    fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let mut input = self.corpus.text(rng);
        while rng.one_in(2) {
            forge(rng, &mut input);
        }
        if !rng.one_in(3) {
            self.corpus.change(rng, &mut input);
        }
        mend(rng, &mut input);
        if rng.one_in(4) {
            input = gzip(&input);
            if rng.one_in(4) {
                self.corpus.change(rng, &mut input);
            }
        }
        input
    }

    fn take(&mut self, input: &[u8]) -> u64 {
        std::fs::write(&self.path, input).unwrap();
        match archive::read(&self.path) {
            Ok(archive) => {
                assert_eq!(archive.size, input.len() as u64);
                for name in archive.names() {
                    assert!(archive.ids(name).is_some(), "{name}");
                }
            }
            Err(why) => assert!(why.len() < 3 * BLOCK + input.len(), "{} bytes of words", why.len()),
        }
        1
    }
}
