//! Reading no more than an archive may hold: the format itself has no limits, and gzip makes very little of very much.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// A reader that stops where its gauge says.
pub(super) struct Meter<R> {
    inner: R,
    gauge: Rc<Gauge>,
}

/// What may still be read, and whether more was wanted.
#[derive(Debug)]
pub(super) struct Gauge {
    now: Cell<u64>,
    whole: Cell<u64>,
    over: Cell<Option<Over>>,
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// What was allowed for now.
    Now,
    /// What the whole may come to.
    Whole,
}

/// A reader of so many bytes, and its gauge.
pub(super) fn metered<R>(inner: R, whole: u64) -> (Meter<R>, Rc<Gauge>) {
    let gauge = Rc::new(Gauge { now: Cell::new(0), whole: Cell::new(whole), over: Cell::new(None) });
    (Meter { inner, gauge: Rc::clone(&gauge) }, gauge)
}

impl Gauge {
    /// Allows so many bytes from now on.
    pub(super) fn allow(&self, bytes: u64) {
        self.now.set(bytes);
    }

    /// The limit that was met.
    pub(super) fn over(&self) -> Option<Over> {
        self.over.get()
    }

    fn room(&self, wanted: usize) -> io::Result<usize> {
        let over = match (self.now.get(), self.whole.get()) {
            (_, 0) => Over::Whole,
            (0, _) => Over::Now,
            (now, whole) => return Ok(usize::try_from(now.min(whole)).unwrap_or(usize::MAX).min(wanted)),
        };
        self.over.set(Some(over));
        Err(io::Error::other("a limit was met"))
    }

    fn took(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.now.set(self.now.get().saturating_sub(bytes));
        self.whole.set(self.whole.get().saturating_sub(bytes));
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let room = self.gauge.room(buffer.len())?;
        let read = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.gauge.took(read);
        Ok(read)
    }
}

impl<R: Seek> Seek for Meter<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
