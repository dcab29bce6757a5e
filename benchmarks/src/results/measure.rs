//! What is measured of a start: names, units, and how they are put together.

use super::Series;

/// A measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Name in the results.
    pub name: &'static str,
    /// Unit of its samples.
    pub unit: &'static str,
    /// What tables call it.
    pub title: &'static str,
}

const fn milliseconds(name: &'static str, title: &'static str) -> Measure {
    Measure { name, unit: "ms", title }
}

/// From the exec of the first process of the environment to the first response: the cold start.
pub const START: Measure = milliseconds("start", "exec to first response");
/// From sending the second event to its response: what a warm function costs.
pub const SECOND: Measure = milliseconds("second", "second response");

/// The parts of [`START`], in order; they add up to it.
pub const PHASES: [Measure; 6] = [
    milliseconds("extensions", "extensions start and register"),
    milliseconds("rung", "runtime exec to the rung decided (plain: nothing is decided)"),
    milliseconds("import", "that to handler ready (imported or restored)"),
    milliseconds("first next", "handler ready to the runtime's first next"),
    milliseconds("extensions ready", "waiting for the extensions' next"),
    milliseconds("invocation", "event to first response"),
];

/// Peak resident set of the runtime.
pub const PEAK_RSS: Measure = Measure { name: "peak rss", unit: "MiB", title: "peak RSS" };
/// Page faults of the runtime that were served without reading.
pub const MINOR_FAULTS: Measure = Measure { name: "minor faults", unit: "", title: "minor faults" };
/// Page faults of the runtime that waited for storage.
pub const MAJOR_FAULTS: Measure = Measure { name: "major faults", unit: "", title: "major faults" };
/// What the runtime had read from storage.
pub const READ: Measure = Measure { name: "read", unit: "MiB", title: "read from storage" };

/// What the runtime used, taken in starts of their own.
pub const RESOURCES: [Measure; 4] = [PEAK_RSS, MINOR_FAULTS, MAJOR_FAULTS, READ];

/// Of a start on Lambda: `Init Duration`.
pub const INIT_DURATION: Measure = milliseconds("init duration", "Init Duration");
/// Of a start on Lambda with SnapStart: `Restore Duration`.
pub const RESTORE_DURATION: Measure = milliseconds("restore duration", "Restore Duration");
/// Of a cold invocation on Lambda: `Duration`.
pub const COLD_DURATION: Measure = milliseconds("cold duration", "Duration, cold");
/// Of a warm invocation on Lambda: `Duration`.
pub const WARM_DURATION: Measure = milliseconds("warm duration", "Duration, warm");
/// Of an invocation on Lambda: `Max Memory Used`.
pub const MAX_MEMORY: Measure = Measure { name: "max memory", unit: "MB", title: "Max Memory Used" };

/// Of starts on Lambda, besides [`START`].
pub const CLOUD: [Measure; 5] = [INIT_DURATION, RESTORE_DURATION, COLD_DURATION, WARM_DURATION, MAX_MEMORY];

impl Measure {
    /// Samples of this measure.
    pub fn series(self, samples: Vec<f64>) -> Series {
        Series { measure: self.name.to_owned(), unit: self.unit.to_owned(), samples }
    }
}
