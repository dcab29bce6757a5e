//! The line that says what was read.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::reading::Counts;
use crate::stop::Reason;

/// Faults in the line; the others are counted.
const SHOWN: usize = 3;

/// What the prefetch did.
#[derive(Debug)]
pub struct Report {
    /// File names of the archives whose plans were followed.
    pub archives: Vec<String>,
    /// Files that were read from, archives included.
    pub files: u64,
    /// Planned files that are nowhere to be found.
    pub missing: u64,
    /// Planned files that have another size now.
    pub different: u64,
    /// Bytes of the plans.
    pub planned: u64,
    /// What was read.
    pub counts: Counts,
    /// Whether the resident bytes are known.
    pub residency_known: bool,
    /// Bytes whose checksum was verified.
    pub verified: u64,
    /// What is wrong with archives.
    pub faults: Vec<String>,
    /// From the process's begin to the end of reading.
    pub time: Duration,
    /// What ended the reading.
    pub stopped: Reason,
}

impl Report {
    /// The fields of the line.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        put("archive", json!(self.archives.join(",")));
        put("files", json!(self.files));
        put("planned_bytes", json!(self.planned));
        put("read_bytes", json!(self.counts.read));
        put("resident_bytes", if self.residency_known { json!(self.counts.resident) } else { Value::Null });
        put("verified_bytes", json!(self.verified));
        put("microseconds", json!(self.time.as_micros() as u64));
        put("stopped_by", json!(self.stopped.name()));
        for (key, count) in
            [("missing", self.missing), ("different", self.different), ("cut_short", self.counts.cut_short)]
        {
            if count > 0 {
                put(key, json!(count));
            }
        }
        if !self.faults.is_empty() {
            let mut text = self.faults[..self.faults.len().min(SHOWN)].join("; ");
            if self.faults.len() > SHOWN {
                text.push_str(&format!("; and {} more", self.faults.len() - SHOWN));
            }
            put("faults", json!(text));
        }
        fields
    }
}
