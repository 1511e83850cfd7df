//! Medians, and how they are shown.

use std::fmt;
use std::time::Duration;

/// A duration that stands for several.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure(Duration);

impl Figure {
    /// The median of `times` goes at it. One more goes first, uncounted: it warms caches.
    pub(crate) fn median(times: usize, mut act: impl FnMut() -> Duration) -> Self {
        act();
        Self::of((0..times).map(|_| act()).collect())
    }

    /// The median of these.
    pub(crate) fn of(mut values: Vec<Duration>) -> Self {
        values.sort();
        Self(values.get(values.len() / 2).copied().unwrap_or_default())
    }

    /// How many times as long as another, in words.
    pub(crate) fn over(self, other: Self) -> String {
        format!("{:.2} ×", self.0.as_secs_f64() / other.0.as_secs_f64())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} ms", self.0.as_secs_f64() * 1000.0))
    }
}

/// A row for each thing that was measured, a column for each round trip; printed row by row.
pub(crate) struct Table {
    near: Duration,
    far: Duration,
}

impl Table {
    /// Prints the head.
    pub(crate) fn begin([near, far]: &[Duration; 2]) -> Self {
        let at = |round_trip: &Duration| format!("at {} ms", round_trip.as_millis());
        println!("\n{:<40} {:>12} {:>12} {:>12}", "", at(near), at(far), "round trips");
        Self { near: *near, far: *far }
    }

    /// Prints a row and gives its figures back.
    pub(crate) fn row(&self, what: &str, figures: [Figure; 2]) -> [Figure; 2] {
        let [here, there] = figures;
        // What a longer way adds, it adds once for each round trip on the critical path.
        let added = there.0.as_secs_f64() - here.0.as_secs_f64();
        let trips = added / self.far.saturating_sub(self.near).as_secs_f64();
        println!("{what:<40} {here:>12} {there:>12} {trips:>12.1}");
        figures
    }
}
