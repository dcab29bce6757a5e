//! Checksums of what was read of the archive.
//!
//! The file is not mapped: one that is cut short meanwhile is a short read here, where a map would
//! end the process by SIGBUS, and with it the environment.

use std::io;
use std::os::unix::fs::FileExt as _;

use glowplug_archive::checksum;
use glowplug_archive::header::{SectionKind, SectionRecord};
use glowplug_archive::heap::RangeRecord;
use glowplug_archive::plan::Planned;
use zerocopy::FromBytes as _;

/// Longest part that is verified, in bytes. A module's range is some kilobytes.
const LONGEST: u64 = 64 << 20;

/// What was verified.
#[derive(Debug, Default)]
pub struct Verified {
    /// Bytes whose checksum is right.
    pub bytes: u64,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

/// Verifies parts of an archive as they have been read.
pub struct Verifier<'a> {
    archive: &'a Planned,
    heap: Option<SectionRecord>,
    /// Read when first needed; empty where it is damaged.
    ranges: Option<Vec<RangeRecord>>,
    buffer: Vec<u8>,
    found: Verified,
}

impl<'a> Verifier<'a> {
    /// For one archive.
    pub fn new(archive: &'a Planned) -> Self {
        let place = |kind| archive.header().section(kind).copied();
        Self {
            archive,
            heap: place(SectionKind::Heap),
            ranges: None,
            buffer: Vec::new(),
            found: Verified::default(),
        }
    }

    /// What was found.
    pub fn found(self) -> Verified {
        self.found
    }

    /// Verifies the index sections and the heap's ranges that lie in `offset..offset + length` of
    /// the file as a whole. `go_on` is asked before each.
    pub fn check(&mut self, offset: u64, length: u64, mut go_on: impl FnMut() -> bool) {
        let end = offset.saturating_add(length);
        let index = SectionKind::ALL.into_iter().filter(|kind| kind.verified_at_open());
        for kind in index {
            let Some(section) = self.archive.header().section(kind).copied() else { continue };
            if section.offset >= offset && section.offset + section.length <= end && go_on() {
                self.check_section(kind, &section);
            }
        }
        let Some(heap) = self.heap else { return };
        if heap.offset >= end || heap.offset + heap.length <= offset {
            return;
        }
        let ranges = match self.ranges.take() {
            Some(ranges) => ranges,
            None => self.read_ranges().unwrap_or_default(),
        };
        for (number, range) in ranges.iter().enumerate() {
            let start = heap.offset.saturating_add(range.stored);
            if start < offset || start.saturating_add(stored_length(range)) > end {
                continue;
            }
            if !go_on() {
                break;
            }
            self.check_range(number, range, &heap);
        }
        self.ranges = Some(ranges);
    }

    fn check_section(&mut self, kind: SectionKind, section: &SectionRecord) {
        let sum = self.read(section.offset, section.length).map(checksum::of);
        self.judge(sum, section.checksum, section.length, || format!("the {} section", kind.name()));
    }

    fn check_range(&mut self, number: usize, range: &RangeRecord, heap: &SectionRecord) {
        let length = stored_length(range);
        if range.stored.checked_add(length).is_none_or(|end| end > heap.length) {
            self.found.faults.push(format!("range {number} is out of bounds"));
            return;
        }
        let sum = self.read(heap.offset + range.stored, length).map(checksum::of);
        self.judge(sum, range.checksum, length, || format!("range {number}"));
    }

    fn judge(&mut self, found: io::Result<u64>, expected: u64, length: u64, what: impl Fn() -> String) {
        match found {
            Ok(sum) if sum == expected => self.found.bytes += length,
            Ok(_) => self.found.faults.push(format!("checksum mismatch in {}", what())),
            Err(error) => self.found.faults.push(format!("{} cannot be read: {error}", what())),
        }
    }

    /// The table of ranges, if it is sound.
    fn read_ranges(&mut self) -> Option<Vec<RangeRecord>> {
        let section = *self.archive.header().section(SectionKind::Ranges)?;
        if section.length > LONGEST {
            return None;
        }
        let bytes = self.read(section.offset, section.length).ok()?;
        if checksum::of(bytes) != section.checksum {
            return None;
        }
        let records = bytes.chunks_exact(size_of::<RangeRecord>());
        records.map(|record| RangeRecord::read_from_bytes(record).ok()).collect()
    }

    fn read(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        if length > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = length as usize;
        if self.buffer.len() < length {
            self.buffer.try_reserve_exact(length - self.buffer.len())?;
            self.buffer.resize(length, 0);
        }
        let bytes = &mut self.buffer[..length];
        self.archive.file().read_exact_at(bytes, offset)?;
        Ok(bytes)
    }
}

/// Bytes of a range in the file.
fn stored_length(range: &RangeRecord) -> u64 {
    u64::from(range.stored_objects) + u64::from(range.stored_bitmaps)
}
