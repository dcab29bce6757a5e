//! Checksums of what was read of the archive.
//!
//! The file is not mapped: one that is cut short meanwhile is a short read here, where a map would
//! end the process by SIGBUS, and with it the environment.

use std::io;
use std::os::unix::fs::FileExt as _;

use glowplug_archive::checksum;
use glowplug_archive::header::{SectionKind, SectionRecord};
use glowplug_archive::heap::{RangeRecord, bitmap_words, range_checksum};
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
    relocations: Option<SectionRecord>,
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
            relocations: place(SectionKind::Relocations),
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
        let first = ranges.partition_point(|r| heap.offset.saturating_add(r.offset) < offset);
        for (number, range) in ranges.iter().enumerate().skip(first) {
            let range_end = heap.offset.saturating_add(range.offset).saturating_add(range.length.into());
            if range_end > end || !go_on() {
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
        let Some(relocations) = self.relocations else { return };
        let bitmaps = 2 * 8 * bitmap_words(range.length) as u64;
        let (objects, length) = (range.offset, u64::from(range.length));
        let inside = objects.checked_add(length).is_some_and(|end| end <= heap.length)
            && range.relocations.checked_add(bitmaps).is_some_and(|end| end <= relocations.length);
        if !inside {
            self.found.faults.push(format!("range {number} is out of bounds"));
            return;
        }
        // Both behind one another in the buffer.
        let sum = self
            .read_two((heap.offset + objects, length), (relocations.offset + range.relocations, bitmaps))
            .map(|(objects, bitmaps)| range_checksum(objects, bitmaps));
        self.judge(sum, range.checksum, length + bitmaps, || format!("range {number}"));
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
        self.read_two((offset, length), (0, 0)).map(|(first, _)| first)
    }

    fn read_two(&mut self, first: (u64, u64), second: (u64, u64)) -> io::Result<(&[u8], &[u8])> {
        let total = first.1 + second.1;
        if total > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (cut, total) = (first.1 as usize, total as usize);
        if self.buffer.len() < total {
            self.buffer.try_reserve_exact(total - self.buffer.len())?;
            self.buffer.resize(total, 0);
        }
        let (objects, rest) = self.buffer.split_at_mut(cut);
        let bitmaps = &mut rest[..total - cut];
        self.archive.file().read_exact_at(objects, first.0)?;
        self.archive.file().read_exact_at(bitmaps, second.0)?;
        Ok((objects, bitmaps))
    }
}
