//! Bringing ranges of files into the page cache.
//!
//! Each range is cut into pieces, and read-ahead is submitted for each. Submitting is quick, and it is what
//! counts: the disk gets the requests in the plan's order, and the runtime, which comes to the same pages a
//! little later, waits for a request that has been made instead of making one of its own, which would bring
//! in what lies around the page too.
//!
//! Only what is to be verified is read as well, some pieces later. Reading what the runtime has begun to read by
//! itself would have the kernel read ahead of that, in ever larger steps (mm/readahead.c, page_cache_async_ra),
//! and what is in the page cache is asked for without reading for the same reason.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use rustix::fs::Advice;

use crate::residency;

/// Bytes of a piece: one request to the disk.
const PIECE: u64 = 1 << 20;
/// Bytes that the disk is given ahead of what is read: of an ordinary plan all.
const AHEAD: u64 = 64 << 20;

/// What has been read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that were not in the page cache.
    pub read: u64,
    /// Bytes that were, or were being read already.
    pub resident: u64,
    /// Ranges that ended early: their file is shorter than it was, or cannot be read.
    pub cut_short: u64,
}

struct Piece {
    file: Rc<File>,
    offset: u64,
    length: u64,
}

/// Reads pieces in the order in which they are given.
pub struct Reader {
    waiting: VecDeque<Piece>,
    submitted: u64,
    /// Pieces that were put into `waiting`, and those that have left it.
    given: u64,
    finished: u64,
    buffer: Vec<u8>,
    /// Whether it has been possible to tell what is in the page cache.
    residency_known: bool,
    counts: Counts,
}

impl Reader {
    /// `None` without memory for its buffer.
    pub fn new() -> Option<Self> {
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(PIECE as usize).ok()?;
        buffer.resize(PIECE as usize, 0);
        let (waiting, counts) = (VecDeque::new(), Counts::default());
        Some(Self { waiting, submitted: 0, given: 0, finished: 0, buffer, residency_known: true, counts })
    }

    /// What has been read so far; how much was resident is not known on every system.
    pub fn counts(&self) -> (Counts, bool) {
        (self.counts, self.residency_known)
    }

    /// A mark for what has been taken in so far: see [`Reader::has_finished`].
    pub fn mark(&self) -> u64 {
        self.given
    }

    /// Whether all that had been taken in at a mark has been read.
    pub fn has_finished(&self, mark: u64) -> bool {
        self.finished >= mark
    }

    /// Takes a range in: read-ahead of it has been submitted when this returns; if it `is_verified`, it is read later
    /// on. `go_on` is asked before each piece.
    pub fn add<E>(
        &mut self,
        file: &Rc<File>,
        offset: u64,
        length: u64,
        is_verified: bool,
        mut go_on: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = file.metadata().map_or(0, |metadata| metadata.len());
        let there = length.min(end.saturating_sub(offset));
        self.counts.cut_short += u64::from(there < length);
        for (offset, length) in pieces(offset, there) {
            go_on(length)?;
            let resident = residency::bytes(file, offset, length);
            self.residency_known &= resident.is_some();
            let resident = resident.unwrap_or(0);
            self.counts.resident += resident;
            self.counts.read += length - resident;
            submit(file, offset, length);
            if is_verified {
                self.submitted += length;
                self.given += 1;
                self.waiting.push_back(Piece { file: Rc::clone(file), offset, length });
            }
            while self.submitted > AHEAD {
                self.finish_one();
            }
        }
        Ok(())
    }

    /// Reads what is still waiting. `go_on` is asked before each piece.
    pub fn finish<E>(&mut self, mut go_on: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        while !self.waiting.is_empty() {
            go_on()?;
            self.finish_one();
        }
        Ok(())
    }

    fn finish_one(&mut self) {
        let Some(Piece { file, offset, length }) = self.waiting.pop_front() else { return };
        self.submitted -= length;
        self.finished += 1;
        let mut done = 0;
        while done < length {
            match file.read_at(&mut self.buffer[..(length - done) as usize], offset + done) {
                Ok(0) => break,
                Ok(read) => done += read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.counts.cut_short += u64::from(done < length);
    }
}

/// Has the disk start reading; does not wait for it.
pub fn submit(file: &File, offset: u64, length: u64) {
    for (offset, length) in pieces(offset, length) {
        // Advice: what the kernel does not take is read later all the same. The kernel may cut what
        // is asked for at once, so it is asked piece by piece (mm/readahead.c,
        // force_page_cache_ra).
        let _ = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), Advice::WillNeed);
    }
}

/// Has the kernel read what is asked for and nothing around it.
pub fn only_what_is_asked(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, Advice::Random);
}

/// A range in pieces, each ending at a multiple of [`PIECE`] but the last.
fn pieces(offset: u64, length: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = offset.saturating_add(length);
    let mut at = offset;
    std::iter::from_fn(move || {
        let until = (at / PIECE + 1).saturating_mul(PIECE).min(end);
        let piece = (at, until - at);
        at = until;
        (piece.1 > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn pieces_cover_a_range_and_end_at_multiples() {
        let found: Vec<_> = pieces(PIECE - 10, PIECE + 30).collect();
        assert_eq!(found, [(PIECE - 10, 10), (PIECE, PIECE), (2 * PIECE, 20)]);
        assert_eq!(pieces(7, 0).count(), 0);
    }

    #[test]
    fn a_range_that_is_cached_counts_as_resident_and_a_short_file_as_cut() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![1; 700_000]).expect("written");
        let file = Rc::new(file);
        let mut reader = Reader::new().expect("memory");
        let all = |_| Ok::<(), ()>(());
        reader.add(&file, 0, 700_000, true, all).expect("read");
        reader.add(&file, 690_000, 20_000, true, all).expect("read");
        reader.finish(|| Ok::<(), ()>(())).expect("read");
        let (counts, known) = reader.counts();
        assert_eq!(counts.read + counts.resident, 710_000);
        assert_eq!(counts.cut_short, 1);
        assert!(!known || counts.resident == 710_000, "{counts:?}");
    }

    #[test]
    fn reading_stops_when_told_to() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![1; 2 * PIECE as usize]).expect("written");
        let mut reader = Reader::new().expect("memory");
        let mut left = 1;
        let stopped = reader.add(&Rc::new(file), 0, 2 * PIECE, true, |_| {
            left -= 1;
            if left < 0 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped, Err("enough"));
    }
}
