//! Archives of images on this machine: what each says it holds. Only its table and two small entries are kept, and no
//! more of it is read than an archive of images can have.

mod meter;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use fs_err as fs;

use self::meter::{Gauge, Over, metered};
use crate::model::Archive;

/// An entry that says what the archive holds is no larger.
const LARGEST: u64 = 4 << 20;
/// A name of an entry is no longer.
const LONGEST_NAME: usize = 4096;
/// What an archive says of one entry, beside its content, is no longer.
const LONGEST_HEADER: u64 = 256 << 10;
/// All names together are no longer.
const ALL_NAMES: usize = 16 << 20;
/// An archive has no more entries: an image has some for each of its layers, which are 127 at most.
const MOST_ENTRIES: usize = 100_000;
/// An archive is no larger, and expands to no more.
const MOST_BYTES: u64 = 256 << 30;
const NO_ARCHIVE: &str = "it is no archive of images: make one with `docker save NAME >FILE`";
const CUT_OFF: &str = "it was cut off: save or copy it again";

/// What the entries of an archive come to.
#[derive(Default)]
struct Table {
    entries: BTreeSet<String>,
    count: usize,
    names: usize,
    manifest: Option<String>,
    index: Option<String>,
}

/// Reads what an archive says of itself.
pub fn read(path: &Path) -> Result<Archive, String> {
    let mut file = fs::File::open(path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    let mut magic = [0; 6];
    let known = file.read(&mut magic).and_then(|_| file.rewind());
    known.map_err(|error| error.to_string())?;
    let table = match magic {
        [0x1f, 0x8b, ..] => compressed(file, MOST_BYTES)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return Err(packed("zstd")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return Err(packed("xz")),
        [b'B', b'Z', b'h', ..] => return Err(packed("bzip2")),
        _ => plain(file, size)?,
    };
    let manifest = table.manifest.ok_or(NO_ARCHIVE)?;
    let path = fs::canonicalize(path).map_err(|error| error.to_string())?;
    Archive::read((path, size), &manifest, table.index.as_deref(), &table.entries)
}

fn packed(how: &str) -> String {
    format!("it is compressed with {how}: gzip, or no compression, is read here")
}

/// Entry by entry, without reading what lies between.
fn plain(file: fs::File, size: u64) -> Result<Table, String> {
    if size > MOST_BYTES {
        return Err(format!("it is larger than {}", shown(MOST_BYTES)));
    }
    let mut table = Table::default();
    let (file, gauge) = metered(file, MOST_BYTES);
    gauge.allow(LONGEST_HEADER);
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek().map_err(|error| error.to_string())? {
        let mut entry =
            entry.map_err(|_| too_much(&gauge, MOST_BYTES).unwrap_or_else(|| NO_ARCHIVE.to_owned()))?;
        if entry.raw_file_position().saturating_add(entry.size()) > size {
            return Err(CUT_OFF.to_owned());
        }
        table.add(&mut entry, &gauge)?;
        gauge.allow(LONGEST_HEADER);
    }
    Ok(table)
}

fn compressed(file: fs::File, most: u64) -> Result<Table, String> {
    let mut table = Table::default();
    let (unpacked, gauge) = metered(MultiGzDecoder::new(file), most);
    gauge.allow(LONGEST_HEADER);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| {
            too_much(&gauge, most).unwrap_or_else(|| match error.kind() {
                ErrorKind::UnexpectedEof => CUT_OFF.to_owned(),
                _ => format!("{NO_ARCHIVE} ({error})"),
            })
        })?;
        table.add(&mut entry, &gauge)?;
        // What is left of it lies before the next one.
        gauge
            .allow(entry.size().max(entry.header().entry_size().unwrap_or(0)).saturating_add(LONGEST_HEADER));
    }
    Ok(table)
}

/// Which limit of an archive was met, in words.
fn too_much(gauge: &Gauge, most: u64) -> Option<String> {
    Some(match gauge.over()? {
        Over::Now => format!("it says more than {} of an entry beside its content", shown(LONGEST_HEADER)),
        Over::Whole => format!("the archive expands to more than {}", shown(most)),
    })
}

fn shown(bytes: u64) -> String {
    match bytes {
        0..=0xf_ffff => format!("{} KiB", bytes >> 10),
        0x10_0000..=0x3fff_ffff => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

impl Table {
    fn add<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, gauge: &Gauge) -> Result<(), String> {
        let name = entry.path_bytes();
        self.count += 1;
        self.names += name.len();
        if name.len() > LONGEST_NAME {
            return Err(format!("a name in it is longer than {LONGEST_NAME} bytes"));
        }
        if self.count > MOST_ENTRIES || self.names > ALL_NAMES {
            return Err(format!("it has more than {MOST_ENTRIES} entries, or very long names: {NO_ARCHIVE}"));
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let place = match name.as_str() {
            "manifest.json" => Some(&mut self.manifest),
            "index.json" => Some(&mut self.index),
            _ => None,
        };
        if let Some(place) = place {
            gauge.allow(LARGEST + 1);
            let text = small(entry).map_err(|error| format!("its {name} cannot be read: {error}"))?;
            *place = Some(text);
        }
        self.entries.insert(name);
        Ok(())
    }
}

/// The text of an entry that is small enough to be kept.
fn small<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<String> {
    let mut text = String::new();
    entry.take(LARGEST + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= LARGEST) {
        return Ok(text);
    }
    Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {}", shown(LARGEST))))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    const MANIFEST: &str = r#"[{"Config":"c1.json","RepoTags":["app:1"],"Layers":["l1/layer.tar"]}]"#;

    fn tar(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn whole() -> Vec<u8> {
        tar(&[("c1.json", "{}"), ("manifest.json", MANIFEST), ("l1/layer.tar", &"x".repeat(5000))])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Archive, String> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn an_archive_is_read_whether_compressed_or_not() {
        for bytes in [whole(), gzip(&whole())] {
            let archive = read_bytes(&bytes).unwrap();
            assert_eq!(archive.ids("app:1").unwrap(), ["sha256:c1"]);
            assert_eq!(archive.size, bytes.len() as u64);
        }
    }

    #[test]
    fn one_that_was_cut_off_is_told() {
        let bytes = whole();
        let end = bytes.len() - 4000;
        let error = read_bytes(&bytes[..end]).unwrap_err();
        assert!(error.contains("cut off"), "{error}");
        let packed = gzip(&bytes);
        let error = read_bytes(&packed[..packed.len() - 20]).unwrap_err();
        assert!(error.contains("cut off"), "{error}");
    }

    #[test]
    fn what_is_no_archive_is_told_with_what_makes_one() {
        for bytes in [tar(&[("readme", "x")]), b"hello".repeat(200), Vec::new()] {
            assert!(read_bytes(&bytes).unwrap_err().contains("docker save"), "{}", bytes.len());
        }
        assert!(read_bytes(b"\x28\xb5\x2f\xfd....").unwrap_err().contains("zstd"));
        assert!(read(Path::new("/no/such.tar")).unwrap_err().contains("/no/such.tar"));
    }

    /// One entry, whatever its header says.
    fn entry(kind: tar::EntryType, name: &str, size: u64, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
        [header.as_bytes(), content, &padding].concat()
    }

    /// An archive that begins with these bytes and is a whole one after them.
    fn after(bytes: &[u8]) -> [Vec<u8>; 2] {
        let all = [bytes, &whole()].concat();
        [gzip(&all), all]
    }

    #[test]
    fn a_name_of_any_length_is_not_taken_in() {
        let long = vec![b'a'; 4 << 20];
        for kind in [tar::EntryType::GNULongName, tar::EntryType::GNULongLink, tar::EntryType::XHeader] {
            for bytes in after(&entry(kind, "long", long.len() as u64, &long)) {
                let error = read_bytes(&bytes).unwrap_err();
                assert_eq!(error, "it says more than 256 KiB of an entry beside its content", "{kind:?}");
            }
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for bytes in after(&entry(tar::EntryType::GNULongName, "long", long.len() as u64, long.as_bytes())) {
            assert!(read_bytes(&bytes).unwrap_err().contains("longer than 4096 bytes"));
        }
        // As long as that, it is the name of what follows.
        let long = &long[1..];
        for bytes in after(&entry(tar::EntryType::GNULongName, "long", long.len() as u64, long.as_bytes())) {
            assert_eq!(read_bytes(&bytes).unwrap_err(), "it lacks c1.json: was it cut off?");
        }
    }

    #[test]
    fn a_sparse_entry_without_end_is_not_taken_in() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_path("sparse").unwrap();
        header.set_size(0);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.isextended = [1];
        gnu.realsize = *b"00000000000\0";
        header.set_cksum();
        let mut more = [0; 512];
        more[504] = 1;
        let bytes = [&header.as_bytes()[..], &more.repeat(10_000)].concat();
        for bytes in after(&bytes) {
            assert!(read_bytes(&bytes).unwrap_err().contains("beside its content"));
        }
    }

    #[test]
    fn no_more_entries_are_counted_than_an_archive_has() {
        let empty = entry(tar::EntryType::Regular, "x", 0, &[]);
        for bytes in after(&empty.repeat(MOST_ENTRIES)) {
            assert!(read_bytes(&bytes).unwrap_err().contains("more than 100000 entries"));
        }
        let name = "a".repeat(4000);
        let named = [entry(tar::EntryType::GNULongName, "l", 4000, name.as_bytes()), empty].concat();
        for bytes in after(&named.repeat(5000)) {
            assert!(read_bytes(&bytes).unwrap_err().contains("very long names"));
        }
    }

    #[test]
    fn what_expands_without_end_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.tar.gz");
        let zeros = entry(tar::EntryType::Regular, "zeros", 16 << 20, &vec![0; 16 << 20]);
        std::fs::write(&path, gzip(&zeros)).unwrap();
        let read = |most| compressed(fs::File::open(&path).unwrap(), most).map(|table| table.count);
        assert_eq!(read(MOST_BYTES), Ok(1));
        assert_eq!(read(10 << 20), Err("the archive expands to more than 10 MiB".to_owned()));
        // A size that no file has is no reason to believe it.
        let huge = gzip(&entry(tar::EntryType::Regular, "huge", u64::MAX >> 2, b"x"));
        assert!(read_bytes(&huge).is_err());
    }

    #[test]
    fn a_table_that_is_too_large_is_told_and_not_cut() {
        let large = format!("[{}", " ".repeat(usize::try_from(LARGEST).unwrap()));
        for bytes in [tar(&[("manifest.json", &large)]), gzip(&tar(&[("manifest.json", &large)]))] {
            let error = read_bytes(&bytes).unwrap_err();
            assert!(error.contains("its manifest.json cannot be read: it is larger than 4 MiB"), "{error}");
        }
        let deep = "[".repeat(1 << 20);
        assert!(read_bytes(&tar(&[("manifest.json", &deep)])).unwrap_err().contains("makes no sense"));
    }
}
