//! The archive's objects in this process: bringing ranges of the heap to life.
//!
//! Nothing is touched until a module is imported. Then its persistent range is unpacked to its place in
//! a reserved piece of memory, and its transient one into [`Scratch`] memory; both are verified against
//! their checksums, and their words are replaced as `glowplug_archive::heap` describes. When the module has been executed, the transient range is given up again.

use std::os::unix::fs::FileExt as _;

use glowplug_archive::Archive;
use glowplug_archive::header::StringMark;
use glowplug_archive::heap::{
    EXTERN_LIMIT, KIND_CELL, KIND_SHIFT, KIND_STRING, POOL_CHUNK, RangeKind, RangeRecord, TRANSIENT_COUNT,
    TYPE_WORD, WATCHED_FRAME, bitmap_words, externs,
};
use pyo3::ffi;

use crate::externs::Externs;
use crate::scratch::Scratch;

const PAGE: usize = glowplug_archive::header::PAGE;
/// `MADV_POPULATE_WRITE`, Linux 5.14 (madvise(2)).
const POPULATE_WRITE: libc::c_int = 23;

/// No string object is shorter, in bytes; the header's string mark lies below this too.
const SHORTEST_STRING: usize = 40;

const NO_MEMORY: &str = "no memory for its objects";

/// What became of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    /// Being relocated. Seen only by a re-entrant import (a finalizer run by the collector).
    Busy,
    Ready,
    /// A transient range at its own place in the heap, for good.
    Settled,
    Bad,
}

/// The heap.
pub struct Heap {
    base: *mut u8,
    length: usize,
    /// What internal pointers must be moved by.
    shift: u64,
    states: Vec<State>,
    pool_chunks: usize,
    /// From the number of a transient range to that of its persistent part.
    distance: usize,
    /// Where transient ranges live, and stored ones until they are unpacked; from the first range on.
    scratch: Option<Scratch>,
    /// Transient ranges that somebody referred to when they were done with.
    held: Vec<usize>,
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
    /// Reserves memory for the heap of `archive`, at its preferred address if that is free.
    pub fn reserve(archive: &Archive) -> Result<Self, Refusal> {
        let length = usize::try_from(archive.heap_length()).map_err(|e| e.to_string())?;
        let preferred = archive.header().preferred_base;
        let mut base = std::ptr::null_mut();
        if length > 0 {
            // SAFETY: a new private mapping; the address is a hint only, so no mapping of the process
            // is replaced.
            base = unsafe {
                libc::mmap(
                    preferred as *mut libc::c_void,
                    length,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                    -1,
                    0,
                )
            };
            if base == libc::MAP_FAILED {
                return Err(format!("no memory for the objects: {}", std::io::Error::last_os_error()));
            }
        }
        Ok(Self {
            base: base.cast(),
            length,
            shift: (base as u64).wrapping_sub(preferred),
            states: vec![State::Untouched; archive.ranges().len()],
            pool_chunks: archive.ranges().iter().take_while(|r| r.is(RangeKind::Pool)).count(),
            distance: archive.persistent_distance(),
            scratch: None,
            held: Vec::new(),
            externs: Externs::new(),
            mark: archive.header().string_mark,
            bitmaps: Vec::new(),
            populates: true,
        })
    }

    /// Where the heap is.
    pub fn addresses(&self) -> std::ops::Range<usize> {
        self.base as usize..self.base as usize + self.length
    }

    /// The object at `offset` of the transient range `number`, which is brought to life first, and its
    /// persistent part with it. `file_name` is what becomes the `co_filename` of its code objects.
    ///
    /// The reference is borrowed: archived objects are never freed. It is good until
    /// [`Heap::release`] finds that nobody holds a reference. With `stays` it is good for ever: the range is
    /// not put into scratch memory, of which it would keep a page each.
    ///
    /// # Safety
    /// The GIL must be held, and `archive` be the one this heap was reserved for.
    pub unsafe fn object(
        &mut self,
        archive: &Archive,
        number: u32,
        offset: u32,
        file_name: *mut ffi::PyObject,
        stays: bool,
    ) -> Result<*mut ffi::PyObject, Refusal> {
        let number = number as usize;
        for part in [number - self.distance, number] {
            match self.states[part] {
                State::Ready | State::Settled => {}
                State::Untouched => {
                    self.states[part] = State::Busy;
                    // SAFETY: by the caller.
                    let done = unsafe { self.bring_to_life(archive, part, file_name, stays) };
                    self.states[part] = match done {
                        Ok(()) if stays => State::Settled,
                        Ok(()) => State::Ready,
                        Err(_) => State::Bad,
                    };
                    done?;
                }
                State::Busy => return Err("the module is being loaded already".to_owned()),
                State::Bad => return Err("its objects were found damaged before".to_owned()),
            }
        }
        let place = if self.states[number] == State::Settled {
            // SAFETY: the heap was reserved for all ranges.
            unsafe { self.base.add(archive.ranges()[number].offset as usize) }
        } else {
            self.scratch.as_ref().and_then(|s| s.find(number)).ok_or("its objects are gone")?
        };
        // SAFETY: `Archive::open` saw that the offset lies in the range.
        Ok(unsafe { place.add(offset as usize) }.cast())
    }

    /// Gives up the transient range `number`, if it is in use and nobody refers to its objects. Returns
    /// whether somebody does. What was held before may not be any more (by an exception that was on its
    /// way), and is given up then.
    ///
    /// # Safety
    /// The GIL must be held.
    pub unsafe fn release(&mut self, number: u32) -> bool {
        let number = number as usize;
        let Some(scratch) = self.scratch.as_mut().filter(|_| self.states.get(number) == Some(&State::Ready))
        else {
            return false;
        };
        // SAFETY: by the caller; what is ready has been relocated.
        let released = unsafe { scratch.release(number, TRANSIENT_COUNT) };
        if released {
            self.states[number] = State::Untouched;
        }
        self.held.retain(|other| {
            // SAFETY: as above.
            let done = *other == number || unsafe { scratch.release(*other, TRANSIENT_COUNT) };
            if done && *other != number {
                self.states[*other] = State::Untouched;
            }
            !done
        });
        if !released {
            self.held.push(number);
        }
        !released
    }

    /// # Safety
    /// As [`Heap::object`].
    unsafe fn bring_to_life(
        &mut self,
        archive: &Archive,
        number: usize,
        file_name: *mut ffi::PyObject,
        stays: bool,
    ) -> Result<(), Refusal> {
        let range = archive.ranges()[number];
        if range.length == 0 {
            return Ok(());
        }
        self.externs.set_file_name(file_name);
        if !range.is(RangeKind::Transient) {
            let place = self.bring_in(archive, &range)?;
            // SAFETY: by the caller; the range is there.
            return unsafe { self.relocate(archive, &range, place, &range) }.map(|_| ());
        }
        let persistent = archive.ranges()[number - self.distance];
        if stays {
            let place = self.bring_in(archive, &range)?;
            // SAFETY: by the caller; the range is there.
            return unsafe { self.relocate(archive, &range, place, &persistent) }.map(|_| ());
        }
        let length = range.length as usize;
        let place = self.scratch(archive)?.place(length).ok_or(NO_MEMORY)?;
        self.read(archive, &range, place)?;
        // SAFETY: by the caller; the range is there.
        let words = unsafe { self.relocate(archive, &range, place, &persistent) }?;
        if let Some(scratch) = &mut self.scratch {
            scratch.keep(number, length, words);
        }
        Ok(())
    }

    /// Unpacks a range to its place in the heap, which is returned, and its bitmaps.
    fn bring_in(&mut self, archive: &Archive, range: &RangeRecord) -> Result<*mut u8, Refusal> {
        // SAFETY: the heap was reserved for all ranges.
        let place = unsafe { self.base.add(range.offset as usize) };
        if self.populates {
            let page = place.map_addr(|a| a & !(PAGE - 1));
            let span = place.addr() - page.addr() + range.length as usize;
            // SAFETY: the pages belong to our mapping; they are only made present and writable, all at
            // once, which is cheaper than one by one.
            if unsafe { libc::madvise(page.cast(), span, POPULATE_WRITE) } != 0 {
                self.populates = false;
            }
        }
        self.read(archive, range, place)?;
        Ok(place)
    }

    fn scratch(&mut self, archive: &Archive) -> Result<&mut Scratch, Refusal> {
        if self.scratch.is_none() {
            let transients = archive.ranges().iter().filter(|r| r.is(RangeKind::Transient));
            let stored = archive.ranges().iter().map(|r| archive.stored_span(r).1).max();
            self.scratch =
                Scratch::reserve(transients.map(|r| r.length as usize).sum(), stored.unwrap_or_default());
        }
        self.scratch.as_mut().ok_or_else(|| NO_MEMORY.to_owned())
    }

    /// Reads a range, verifies it, and unpacks it to `place` and its bitmaps into `self.bitmaps`.
    fn read(&mut self, archive: &Archive, range: &RangeRecord, place: *mut u8) -> Result<(), Refusal> {
        let (at, length) = archive.stored_span(range);
        let stored = self.scratch(archive)?.stage(length).ok_or(NO_MEMORY)?;
        // SAFETY: scratch memory, as long as the stored range; nothing refers to it.
        let stored = unsafe { std::slice::from_raw_parts_mut(stored, length) };
        if archive.file().read_exact_at(stored, at).is_err() {
            return Err("the archive was cut short".to_owned());
        }
        self.bitmaps.resize(2 * bitmap_words(range.length), 0);
        // SAFETY: `place` is memory of ours, as long as the range, zero or written to by an earlier
        // range that was given up; nothing refers to it.
        let objects = unsafe { std::slice::from_raw_parts_mut(place, range.length as usize) };
        archive.unpack(range, stored, objects, &mut self.bitmaps).map_err(|e| e.to_string())
    }

    /// Replaces the words of `range`, which was brought to `place`. Cells lie in the range
    /// `persistent`. Returns the numbers of the words that hold reference counts, that are watched and
    /// that may hold a frame, of a transient range.
    ///
    /// # Safety
    /// As [`Heap::object`].
    unsafe fn relocate(
        &mut self,
        archive: &Archive,
        range: &RangeRecord,
        place: *mut u8,
        persistent: &RangeRecord,
    ) -> Result<[Vec<u32>; 3], Refusal> {
        let transient = range.is(RangeKind::Transient);
        let words: *mut u64 = place.cast();
        let bitmaps = std::mem::take(&mut self.bitmaps);
        let (symbols, internals) = bitmaps.split_at(bitmaps.len() / 2);
        let count = range.length as usize / 8;
        let own = archive.header().preferred_base + range.offset;
        if self.shift != 0 || transient {
            for at in set_bits(internals).take_while(|at| *at < count) {
                // SAFETY: `at` is a word of the range.
                let word = unsafe { &mut *words.add(at) };
                let offset = word.wrapping_sub(own);
                *word = if transient && offset < u64::from(range.length) {
                    place as u64 + offset
                } else {
                    word.wrapping_add(self.shift)
                };
            }
        }
        let [mut counts, mut watched, mut frames] = [const { Vec::new() }; 3];
        if transient {
            let both: Vec<u64> = symbols.iter().zip(internals).map(|(s, i)| s & i).collect();
            for at in set_bits(&both).take_while(|at| *at < count) {
                // SAFETY: `at` is a word of the range.
                let word = unsafe { &mut *words.add(at) };
                // Moved above, as all internal words are.
                let frame = word.wrapping_sub(self.shift) == WATCHED_FRAME;
                if frame { &mut frames } else { &mut watched }.push(at as u32);
                *word = 0;
            }
        }
        let mut cells = Vec::new();
        let symbols = symbols.iter().zip(internals).map(|(s, i)| if transient { s & !i } else { *s });
        for at in set_bits_of(symbols).take_while(|at| *at < count) {
            // SAFETY: `at` is a word of the range.
            let word = unsafe { *words.add(at) };
            let object = if word < EXTERN_LIMIT {
                if transient && (externs::TYPE_STR..=externs::TYPE_SLICE).contains(&(word as u16)) {
                    counts.push((at as u32).saturating_sub(1));
                }
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
            return Ok([counts, watched, frames]);
        }
        // Sets last, when their elements are real objects. Sets within sets of the persistent part
        // have been settled with it.
        let inner = if transient { &[][..] } else { &cells };
        // SAFETY: the GIL is held. Without collection an allocation runs no Python code (before
        // CPython 3.12 it could run finalizers), so nothing re-enters while this is borrowed.
        let collecting = unsafe { ffi::PyGC_Disable() } != 0;
        // SAFETY: by the caller; `cells` are words of the range.
        let done =
            cells.iter().try_for_each(|at| unsafe { self.settle(persistent, inner, words.add(*at), 0) });
        if collecting {
            // SAFETY: the GIL is held.
            unsafe { ffi::PyGC_Enable() };
        }
        done.map(|()| [counts, watched, frames])
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
            let done = self.bring_in(archive, &range).map(|_| ());
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

    /// Replaces a word, the symbol of a cell in `range`, by the cell's frozenset. `cells` are all such
    /// words of the range that are not settled, ascending: those among the set's own elements come
    /// first.
    ///
    /// # Safety
    /// The GIL must be held, `word` be valid, `cells` be words of the range, all others be relocated.
    unsafe fn settle(
        &self,
        range: &RangeRecord,
        cells: &[usize],
        word: *mut u64,
        depth: u32,
    ) -> Result<(), Refusal> {
        // SAFETY: by the caller.
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
                let words: *mut u64 = self.base.add(range.offset as usize).cast();
                for element in inner {
                    self.settle(range, cells, words.add(*element), depth + 1)?;
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
    set_bits_of(bitmap.iter().copied())
}

/// Numbers of the set bits of a bitmap's words, ascending.
fn set_bits_of(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(index, word)| {
        let mut rest = word;
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
