//! Bringing ranges of files into the page cache.
//!
//! Each range is cut into pieces. A piece is first read without waiting, which copies what is in the
//! cache already and tells how much that is; for the rest read-ahead is submitted, and much later it is
//! read for good. Submitting is quick, and it is what counts: the disk gets the requests in the plan's
//! order, and the runtime, which comes to the same pages a little later, waits for a request that has
//! been made instead of making one of its own, which would bring in what lies around the page too.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Bytes of a piece: one request to the disk.
const PIECE: u64 = 1 << 20;
/// Bytes that the disk is given ahead of what is waited for: an ordinary plan as a whole. What has been submitted is in
/// the page cache, if only as pages that are waited for; so the runtime's own faults do not read around it.
const AHEAD: u64 = 64 << 20;

/// What has been read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that were not in the page cache.
    pub read: u64,
    /// Bytes that were: the beginning of each piece as far as it was complete.
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
    /// Whether the kernel reads without waiting (`RWF_NOWAIT`: Linux 4.14, and the file system).
    peeks: bool,
    counts: Counts,
}

impl Reader {
    /// `None` without memory for its buffer.
    pub fn new() -> Option<Self> {
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(PIECE as usize).ok()?;
        buffer.resize(PIECE as usize, 0);
        let (waiting, counts) = (VecDeque::new(), Counts::default());
        Some(Self { waiting, submitted: 0, given: 0, finished: 0, buffer, peeks: true, counts })
    }

    /// What has been read so far; how much was resident is not known on every system.
    pub fn counts(&self) -> (Counts, bool) {
        (self.counts, self.peeks)
    }

    /// A mark for what has been taken in so far: see [`Reader::has_finished`].
    pub fn mark(&self) -> u64 {
        self.given
    }

    /// Whether all that had been taken in at a mark has been read.
    pub fn has_finished(&self, mark: u64) -> bool {
        self.finished >= mark
    }

    /// Takes a range in: nothing of it needs to be read when this returns. `go_on` is asked before
    /// each piece.
    pub fn add<E>(
        &mut self,
        file: &Rc<File>,
        offset: u64,
        length: u64,
        mut go_on: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for (offset, length) in pieces(offset, length) {
            go_on(length)?;
            let resident = self.peek(file, offset, length);
            self.counts.resident += resident;
            let (offset, length) = (offset + resident, length - resident);
            if length > 0 {
                submit(file, offset, length);
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
        self.counts.read += done;
        self.counts.cut_short += u64::from(done < length);
    }

    /// Reads what is in the page cache already; says how much that is.
    fn peek(&mut self, file: &File, offset: u64, length: u64) -> u64 {
        let mut done = 0;
        while self.peeks && done < length {
            let buffer = &mut self.buffer[..(length - done) as usize];
            match preadv2(file, &mut [IoSliceMut::new(buffer)], offset + done, ReadWriteFlags::NOWAIT) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(read) => done += read as u64,
                Err(Errno::INTR) => {}
                Err(_) => self.peeks = false,
            }
        }
        done
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
        reader.add(&file, 0, 700_000, all).expect("read");
        reader.add(&file, 690_000, 20_000, all).expect("read");
        reader.finish(|| Ok::<(), ()>(())).expect("read");
        let (counts, known) = reader.counts();
        assert_eq!(counts.read + counts.resident, 710_000);
        assert_eq!(counts.cut_short, 1);
        assert!(!known || counts.resident == 710_000);
    }

    #[test]
    fn reading_stops_when_told_to() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![1; 2 * PIECE as usize]).expect("written");
        let mut reader = Reader::new().expect("memory");
        let mut left = 1;
        let stopped = reader.add(&Rc::new(file), 0, 2 * PIECE, |_| {
            left -= 1;
            if left < 0 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped, Err("enough"));
    }
}
