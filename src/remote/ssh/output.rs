//! What a script writes, without what its login shell wrote before it.

/// A script's stdout is kept up to this size.
pub(super) const STDOUT_CAP: usize = 16 << 20;
/// A script's stderr is kept up to this size.
pub(super) const STDERR_CAP: usize = 1 << 20;
/// So much of a login shell's greeting is kept, to be shown where no script follows.
const GREETING_CAP: usize = 64 << 10;

/// One stream of a channel: a greeting, the marker's line, and what is kept.
pub(super) struct Stream {
    marker: Vec<u8>,
    greeting: Vec<u8>,
    group: Option<String>,
    kept: Vec<u8>,
    cap: usize,
    cut: bool,
}

impl Stream {
    /// An empty stream that keeps so many bytes after the marker's line.
    pub(super) fn new(marker: &str, cap: usize) -> Self {
        let marker = format!("{marker} ").into_bytes();
        Self { marker, greeting: Vec::new(), group: None, kept: Vec::new(), cap, cut: false }
    }

    /// Takes in bytes; what exceeds the cap is dropped.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.group.is_some() {
            let room = self.cap.saturating_sub(self.kept.len()).min(bytes.len());
            self.cut |= room < bytes.len();
            self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
            return;
        }
        self.greeting.extend_from_slice(bytes);
        if let Some((group, end)) = self.find_marker() {
            self.group = Some(group);
            let rest = self.greeting.split_off(end);
            self.push(&rest);
        } else if self.greeting.len() > GREETING_CAP {
            // The marker may be cut in two here, so its length and a number's stay.
            self.greeting.drain(..self.greeting.len() - self.marker.len() - 32);
        }
    }

    /// The process group that the marker's line reported: it is there once the script's shell has started.
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// What came after the marker, taken out.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Whether more came after the marker than was kept.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// What came before the marker.
    pub(super) fn greeting(&self) -> String {
        String::from_utf8_lossy(&self.greeting).trim().to_owned()
    }

    fn find_marker(&self) -> Option<(String, usize)> {
        let start = self.greeting.windows(self.marker.len()).position(|window| window == self.marker)?;
        let after = start + self.marker.len();
        let line = self.greeting.get(after..)?;
        let length = line.iter().position(|byte| *byte == b'\n')?;
        let group = String::from_utf8_lossy(line.get(..length)?).trim().to_owned();
        Some((group, after + length + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_no_output_however_it_is_cut() {
        let whole = b"Welcome to m-1!\nno newlinem-1 4711\nout\nput";
        for size in 1..whole.len() {
            let mut stream = Stream::new("m-1", 100);
            whole.chunks(size).for_each(|chunk| stream.push(chunk));
            assert_eq!(stream.group(), Some("4711"), "chunks of {size}");
            assert_eq!(stream.take(), b"out\nput", "chunks of {size}");
        }
    }

    #[test]
    fn a_long_greeting_is_cut_but_the_marker_is_found() {
        let mut stream = Stream::new("m-1", 100);
        for _ in 0..1000 {
            stream.push(&[b'x'; 1000]);
        }
        assert!(stream.greeting().len() <= GREETING_CAP + 1000);
        stream.push(b"m-1 7\nout");
        assert_eq!(stream.take(), b"out");
    }

    #[test]
    fn output_is_capped_and_says_so() {
        let mut stream = Stream::new("m", 4);
        stream.push(b"m 1\nabc");
        stream.push(b"d");
        assert!(!stream.is_cut());
        stream.push(b"efg");
        assert!(stream.is_cut());
        assert_eq!(stream.take(), b"abcd");
    }
}
