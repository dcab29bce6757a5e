//! The archive's objects in this process: mapping the heap and bringing ranges of it to life.
//!
//! Nothing is touched until a module is imported. Then its range is made writable at one go (all
//! of its pages will be written), verified against its checksum, and its words are replaced as
//! `glowplug_archive::heap` describes.

use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

use glowplug_archive::Archive;
use glowplug_archive::header::StringMark;
use glowplug_archive::heap::{
    EXTERN_LIMIT, KIND_CELL, KIND_SHIFT, KIND_STRING, POOL_CHUNK, RangeRecord, TYPE_WORD, range_checksum,
};
use pyo3::ffi;
use zerocopy::IntoBytes as _;

use crate::externs::Externs;

const PAGE: usize = glowplug_archive::header::PAGE;
/// `MADV_POPULATE_WRITE`, Linux 5.14 (madvise(2)).
const POPULATE_WRITE: libc::c_int = 23;

/// No string object is shorter, in bytes; the header's string mark lies below this too.
const SHORTEST_STRING: usize = 40;

/// What became of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    /// Being relocated. Seen only by a re-entrant import (a finalizer run by the collector).
    Busy,
    Ready,
    Bad,
}

/// The mapped heap.
pub struct Heap {
    base: *mut u8,
    length: usize,
    file_offset: u64,
    /// What internal pointers must be moved by.
    shift: u64,
    states: Vec<State>,
    pool_chunks: usize,
    externs: Externs,
    mark: StringMark,
    /// Of the range being brought in.
    bitmaps: Vec<u64>,
    /// Whether the kernel knows `MADV_POPULATE_WRITE`.
    populates: bool,
}

/// Why a range cannot be used.
pub type Refusal = String;

impl Heap {
    /// Maps the heap of `archive`, privately and at its preferred address if that is free.
    pub fn map(archive: &Archive) -> Result<Self, Refusal> {
        let (file_offset, length) = archive.heap_span();
        let preferred = archive.header().preferred_base;
        let mut base = std::ptr::null_mut();
        if length > 0 {
            // SAFETY: a new private mapping of our own file; the address is a hint only, so no
            // mapping of the process is replaced.
            base = unsafe {
                libc::mmap(
                    preferred as *mut libc::c_void,
                    length,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_NORESERVE,
                    archive.file().as_raw_fd(),
                    file_offset as libc::off_t,
                )
            };
            if base == libc::MAP_FAILED {
                return Err(format!("cannot map the objects: {}", std::io::Error::last_os_error()));
            }
        }
        Ok(Self {
            base: base.cast(),
            length,
            file_offset,
            shift: (base as u64).wrapping_sub(preferred),
            states: vec![State::Untouched; archive.ranges().len()],
            pool_chunks: archive.ranges().iter().take_while(|r| r.pool != 0).count(),
            externs: Externs::new(),
            mark: archive.header().string_mark,
            bitmaps: Vec::new(),
            populates: true,
        })
    }

    /// Where the heap is mapped.
    pub fn addresses(&self) -> std::ops::Range<usize> {
        self.base as usize..self.base as usize + self.length
    }

    /// The object at `offset` of range `number`, which is brought to life first. `file_name` is
    /// what becomes the `co_filename` of its code objects.
    ///
    /// The reference is borrowed: archived objects are never freed.
    ///
    /// # Safety
    /// The GIL must be held, and `archive` be the one this heap was mapped from.
    pub unsafe fn object(
        &mut self,
        archive: &Archive,
        number: u32,
        offset: u32,
        file_name: *mut ffi::PyObject,
    ) -> Result<*mut ffi::PyObject, Refusal> {
        let number = number as usize;
        let range = archive.ranges()[number];
        match self.states[number] {
            State::Ready => {}
            State::Untouched => {
                self.states[number] = State::Busy;
                // SAFETY: by the caller.
                let done = unsafe { self.relocate(archive, &range, file_name) };
                self.states[number] = if done.is_ok() { State::Ready } else { State::Bad };
                done?;
            }
            State::Busy => return Err("the module is being loaded already".to_owned()),
            State::Bad => return Err("its objects were found damaged before".to_owned()),
        }
        // SAFETY: `Archive::open` saw that the range lies in the heap and the offset in the range.
        Ok(unsafe { self.base.add(range.offset as usize + offset as usize) }.cast())
    }

    /// Makes the pages of a range writable, reads its bitmaps into `self.bitmaps`, and checks both.
    fn bring_in(&mut self, archive: &Archive, range: &RangeRecord) -> Result<(), Refusal> {
        let (start, length) = (range.offset as usize, range.length as usize);
        // SAFETY: `Archive::open` saw that the range lies in the heap.
        let first = unsafe { self.base.add(start) };
        let mut present = false;
        if self.populates {
            let page = first.map_addr(|a| a & !(PAGE - 1));
            let span = first.addr() - page.addr() + length;
            // SAFETY: the pages belong to our mapping; they are only made present and writable.
            let answer = unsafe { libc::madvise(page.cast(), span, POPULATE_WRITE) };
            present = answer == 0;
            if !present {
                match std::io::Error::last_os_error().raw_os_error() {
                    Some(libc::EINVAL | libc::ENOSYS | libc::EPERM) => self.populates = false,
                    Some(libc::EFAULT) => return Err("the archive was cut short".to_owned()),
                    _ => {}
                }
            }
        }
        if !present {
            // The kernel copies the content over itself: pages become ours, and a file cut short
            // is a short read instead of a signal.
            let at = (self.file_offset + range.offset) as libc::off_t;
            // SAFETY: the range belongs to our writable mapping and nothing refers to it yet.
            let read = unsafe { libc::pread(archive.file().as_raw_fd(), first.cast(), length, at) };
            if usize::try_from(read) != Ok(length) {
                return Err("the archive was cut short".to_owned());
            }
        }
        // Read, not mapped: they are needed once, and a map would keep them in memory.
        let (at, bytes) = archive.bitmaps_span(range);
        self.bitmaps.resize(bytes / 8, 0);
        if archive.file().read_exact_at(self.bitmaps.as_mut_bytes(), at).is_err() {
            return Err("the archive was cut short".to_owned());
        }
        // SAFETY: present, ours, and not yet written to by anybody.
        let objects = unsafe { std::slice::from_raw_parts(first, length) };
        if range_checksum(objects, self.bitmaps.as_bytes()) == range.checksum {
            Ok(())
        } else {
            Err("checksum mismatch in its objects".to_owned())
        }
    }

    /// # Safety
    /// As [`Heap::object`].
    unsafe fn relocate(
        &mut self,
        archive: &Archive,
        range: &RangeRecord,
        file_name: *mut ffi::PyObject,
    ) -> Result<(), Refusal> {
        self.bring_in(archive, range)?;
        self.externs.set_file_name(file_name);
        // SAFETY: the range lies in the heap and is 16-byte aligned in a page-aligned mapping.
        let words: *mut u64 = unsafe { self.base.add(range.offset as usize) }.cast();
        let bitmaps = std::mem::take(&mut self.bitmaps);
        let (symbols, internals) = bitmaps.split_at(bitmaps.len() / 2);
        let count = range.length as usize / 8;
        if self.shift != 0 {
            for at in set_bits(internals).take_while(|at| *at < count) {
                // SAFETY: `at` is a word of the range.
                unsafe { *words.add(at) = (*words.add(at)).wrapping_add(self.shift) };
            }
        }
        let mut cells = Vec::new();
        for at in set_bits(symbols).take_while(|at| *at < count) {
            // SAFETY: `at` is a word of the range.
            let word = unsafe { *words.add(at) };
            let object = if word < EXTERN_LIMIT {
                self.externs.get(word as usize)
            } else if word >> KIND_SHIFT == KIND_STRING {
                // SAFETY: by the caller.
                unsafe { self.string(archive, word & !(u64::MAX << KIND_SHIFT)) }?
            } else {
                cells.push(at);
                continue;
            };
            if object.is_null() {
                return Err(format!("unknown symbol {word:#x}"));
            }
            // SAFETY: as above.
            unsafe { *words.add(at) = object as u64 };
        }
        self.bitmaps = bitmaps;
        if cells.is_empty() {
            return Ok(());
        }
        // Sets last, when their elements are real objects.
        // SAFETY: the GIL is held. Without collection an allocation runs no Python code (before
        // CPython 3.12 it could run finalizers), so nothing re-enters while this is borrowed.
        let collecting = unsafe { ffi::PyGC_Disable() } != 0;
        // SAFETY: by the caller; `cells` are words of the range.
        let done = cells.iter().try_for_each(|at| unsafe { self.settle(range, &cells, *at, 0) });
        if collecting {
            // SAFETY: the GIL is held.
            unsafe { ffi::PyGC_Enable() };
        }
        done
    }

    /// The process's own string for the archived one at `offset`.
    ///
    /// # Safety
    /// The GIL must be held.
    #[inline]
    unsafe fn string(&mut self, archive: &Archive, offset: u64) -> Result<*mut ffi::PyObject, Refusal> {
        let offset = offset as usize;
        if offset >= self.length.saturating_sub(SHORTEST_STRING) || !offset.is_multiple_of(8) {
            return Err(format!("string outside of the heap at {offset:#x}"));
        }
        let chunk = offset / POOL_CHUNK;
        if chunk < self.pool_chunks && self.states[chunk] != State::Ready {
            if self.states[chunk] == State::Bad {
                return Err("damaged strings".to_owned());
            }
            let range = archive.ranges()[chunk];
            let done = self.bring_in(archive, &range);
            self.states[chunk] = if done.is_ok() { State::Ready } else { State::Bad };
            done?;
        }
        // SAFETY: inside of the heap, checked above.
        let object: *mut ffi::PyObject = unsafe { self.base.add(offset) }.cast();
        // SAFETY: as above; the word is aligned.
        let memo: *mut u64 = unsafe { self.base.add(offset + TYPE_WORD) }.cast();
        // SAFETY: as above.
        match unsafe { *memo } {
            0 => {
                let mut canonical = object;
                // SAFETY: with its type the object is a complete `str` that is not interned. The
                // interpreter either takes it as its own or replaces `canonical` by the one it
                // has, giving us a reference, which is kept for good.
                unsafe {
                    *memo = &raw mut ffi::PyUnicode_Type as u64;
                    ffi::PyUnicode_InternInPlace(&raw mut canonical);
                    if canonical == object {
                        let state: *mut u32 = self.base.add(offset + self.mark.offset as usize).cast();
                        *state |= self.mark.bits;
                    } else {
                        // Odd: forwarded. The copy itself is never used.
                        *memo = canonical as u64 | 1;
                    }
                }
                Ok(canonical)
            }
            forwarded if forwarded & 1 == 1 => Ok((forwarded & !1) as *mut ffi::PyObject),
            _ => Ok(object),
        }
    }

    /// Replaces word `at` of `range`, a cell's symbol, by the cell's frozenset. `cells` are all such
    /// words of the range, ascending: those among the set's own elements are settled first.
    ///
    /// # Safety
    /// The GIL must be held, `at` and `cells` be words of the range, all others be relocated.
    unsafe fn settle(
        &self,
        range: &RangeRecord,
        cells: &[usize],
        at: usize,
        depth: u32,
    ) -> Result<(), Refusal> {
        // SAFETY: the range lies in the heap; `at` is one of its words.
        let word: *mut u64 = unsafe { self.base.add(range.offset as usize).cast::<u64>().add(at) };
        // SAFETY: as above.
        let symbol = unsafe { *word };
        if symbol >> KIND_SHIFT == 0 {
            return Ok(()); // settled as an element of another set
        }
        let offset = symbol & !(u64::MAX << KIND_SHIFT);
        let inside = offset >= range.offset && offset + 16 <= range.offset + u64::from(range.length);
        if symbol >> KIND_SHIFT != KIND_CELL || !inside || !offset.is_multiple_of(8) || depth > 100 {
            return Err(format!("unknown symbol {symbol:#x}"));
        }
        // SAFETY: inside of this range, checked above.
        let cell: *mut *mut ffi::PyObject = unsafe { self.base.add(offset as usize) }.cast();
        // SAFETY: a cell is two words; its first one is the tuple, relocated as an internal
        // pointer, its second one ours. The reference made here is kept for good.
        unsafe {
            if (*cell.add(1)).is_null() {
                let tuple = *cell;
                let first = (tuple.addr().wrapping_sub(self.base.addr() + range.offset as usize)) / 8;
                // Header, hash and items.
                let end = first.saturating_add(4 + usize::try_from(ffi::PyTuple_Size(tuple)).unwrap_or(0));
                let inner =
                    &cells[cells.partition_point(|c| *c < first)..cells.partition_point(|c| *c < end)];
                for element in inner {
                    self.settle(range, cells, *element, depth + 1)?;
                }
                let set = ffi::PyFrozenSet_New(tuple);
                if set.is_null() {
                    ffi::PyErr_Clear();
                    return Err("a frozenset could not be made".to_owned());
                }
                *cell.add(1) = set;
            }
            *word = *cell.add(1) as u64;
        }
        Ok(())
    }
}

/// Numbers of the set bits of a bitmap, ascending.
fn set_bits(bitmap: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bitmap.iter().enumerate().flat_map(|(index, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(index * 64 + bit)
        })
    })
}
