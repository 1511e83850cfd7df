//! Archives of images on this machine: what each says it holds. Only its table and two small entries are read.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use fs_err as fs;

use crate::model::Archive;

/// An entry that says what the archive holds is no larger.
const LARGEST: u64 = 16 << 20;
const NO_ARCHIVE: &str = "it is no archive of images: make one with `docker save NAME >FILE`";
const CUT_OFF: &str = "it was cut off: save or copy it again";

/// What the entries of an archive come to.
#[derive(Default)]
struct Table {
    entries: BTreeSet<String>,
    manifest: Option<String>,
    index: Option<String>,
}

/// Reads what an archive says of itself.
pub(super) fn read(path: &Path) -> Result<Archive, String> {
    let mut file = fs::File::open(path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    let mut magic = [0; 6];
    let known = file.read(&mut magic).and_then(|_| file.rewind());
    known.map_err(|error| error.to_string())?;
    let table = match magic {
        [0x1f, 0x8b, ..] => compressed(file)?,
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
    let mut table = Table::default();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|_| NO_ARCHIVE.to_owned())?;
        if entry.raw_file_position().saturating_add(entry.size()) > size {
            return Err(CUT_OFF.to_owned());
        }
        table.add(&mut entry)?;
    }
    Ok(table)
}

fn compressed(file: fs::File) -> Result<Table, String> {
    let mut table = Table::default();
    let mut archive = tar::Archive::new(MultiGzDecoder::new(file));
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => CUT_OFF.to_owned(),
            _ => format!("{NO_ARCHIVE} ({error})"),
        })?;
        table.add(&mut entry)?;
    }
    Ok(table)
}

impl Table {
    fn add<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), String> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let place = match name.as_str() {
            "manifest.json" => Some(&mut self.manifest),
            "index.json" => Some(&mut self.index),
            _ => None,
        };
        if let Some(place) = place {
            let mut text = String::new();
            let read = entry.take(LARGEST).read_to_string(&mut text);
            read.map_err(|error| format!("its {name} cannot be read: {error}"))?;
            *place = Some(text);
        }
        self.entries.insert(name);
        Ok(())
    }
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
}
