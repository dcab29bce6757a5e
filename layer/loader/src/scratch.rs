//! Memory that is used again: where transient ranges are brought to life, and where ranges lie as they
//! are stored until they have been unpacked.
//!
//! Imports nest, so what was placed last is done with first: a stack, with what is stored above its top.

use pyo3::ffi;

/// The objects of a transient range, in use.
pub struct Placed {
    number: usize,
    at: usize,
    length: usize,
    /// Numbers of the words that hold the objects' reference counts.
    pub counts: Vec<u32>,
    /// Numbers of the words that must be 0 when the objects are given up.
    pub watched: Vec<u32>,
    /// Numbers of the words that may then hold a frame to be freed.
    pub frames: Vec<u32>,
    given_up: bool,
}

/// The stack of transient ranges.
pub struct Scratch {
    base: *mut u8,
    room: usize,
    /// In the order of their addresses.
    placed: Vec<Placed>,
    /// Length of the range that was placed and is not kept yet, in bytes.
    coming: usize,
    /// How far memory was written to since it was given back, in bytes.
    reached: usize,
}

/// So much unused memory is kept for the next import, in bytes; more is given back to the kernel.
const SPARE: usize = 32 * 1024;

impl Scratch {
    /// Reserves address space for transient ranges of `length` bytes together, and for `stored` bytes of
    /// one range as it is stored; memory is taken when it is written to. There is room for each twice, for
    /// those that are loaded a second time while their first place lies below others.
    pub fn reserve(length: usize, stored: usize) -> Option<Self> {
        let room = (2 * length).checked_add(stored)?;
        // SAFETY: a new private mapping, at an address that the kernel chooses.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                room.max(1),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        (base != libc::MAP_FAILED).then_some(Self {
            base: base.cast(),
            room,
            placed: Vec::new(),
            coming: 0,
            reached: 0,
        })
    }

    /// Room for a range of `length` bytes, a multiple of 16.
    pub fn place(&mut self, length: usize) -> Option<*mut u8> {
        self.coming = length;
        self.room(self.top(), length)
    }

    /// Room for `length` bytes above all ranges, the one that was placed last included. It is good until
    /// there is a next range.
    pub fn stage(&mut self, length: usize) -> Option<*mut u8> {
        self.room(self.top() + self.coming, length)
    }

    fn room(&mut self, at: usize, length: usize) -> Option<*mut u8> {
        let end = at.checked_add(length).filter(|end| *end <= self.room)?;
        self.reached = self.reached.max(end);
        // SAFETY: inside of the mapping.
        Some(unsafe { self.base.add(at) })
    }

    /// Where the next range is placed.
    fn top(&self) -> usize {
        self.placed.last().map_or(0, |p| p.at + p.length)
    }

    /// Notes that range `number` lives where [`Scratch::place`] said last.
    pub fn keep(&mut self, number: usize, length: usize, words: [Vec<u32>; 3]) {
        let at = self.top();
        let [counts, watched, frames] = words;
        self.coming = 0;
        self.placed.push(Placed { number, at, length, counts, watched, frames, given_up: false });
    }

    /// Where range `number` lives.
    pub fn find(&self, number: usize) -> Option<*mut u8> {
        let placed = self.placed.iter().rev().find(|p| p.number == number && !p.given_up)?;
        // SAFETY: inside of the mapping.
        Some(unsafe { self.base.add(placed.at) })
    }

    /// Gives up the objects of range `number` if nothing refers to them any more, and says whether
    /// that was so.
    ///
    /// # Safety
    /// The GIL must be held, and the objects be relocated.
    pub unsafe fn release(&mut self, number: usize, untouched_count: u64) -> bool {
        let Some(index) = self.placed.iter().rposition(|p| p.number == number && !p.given_up) else {
            return false;
        };
        let placed = &mut self.placed[index];
        // SAFETY: inside of the mapping, aligned to 16.
        let words: *mut u64 = unsafe { self.base.add(placed.at) }.cast();
        // SAFETY: the numbers are those of words of the range.
        let word = |number: &u32| unsafe { *words.add(*number as usize) };
        let unused = placed.counts.iter().all(|number| word(number) == untouched_count)
            && placed.watched.iter().all(|number| word(number) == 0);
        if !unused {
            return false;
        }
        for number in &placed.frames {
            let frame = word(number) as *mut std::ffi::c_void;
            if !frame.is_null() {
                // SAFETY: as `code_dealloc` does (`Objects/codeobject.c`, 3.10): the frame is kept for
                // the next call, refers to nothing, and nobody refers to it but the code object.
                unsafe { ffi::PyObject_GC_Del(frame) };
            }
        }
        placed.given_up = true;
        if index + 1 < self.placed.len() {
            self.give_back_around(index);
        }
        while self.placed.last().is_some_and(|p| p.given_up) {
            self.placed.pop();
        }
        self.shrink();
        true
    }

    /// Gives back range `index`, which was given up, with the pages that it shares with neighbours that
    /// were given up too.
    fn give_back_around(&self, index: usize) {
        let in_use = |p: &Placed| !p.given_up;
        let below = self.placed[..index].iter().rev().take_while(|p| p.given_up).last();
        let start = below.unwrap_or(&self.placed[index]).at;
        let above = self.placed[index + 1..].iter().find(|p| in_use(p));
        let end = above.map_or_else(|| self.top(), |p| p.at);
        self.give_back(start, end);
    }

    /// Gives memory that is not in use back to the kernel, where it is much.
    fn shrink(&mut self) {
        let kept = (self.top() + SPARE / 2).next_multiple_of(glowplug_archive::header::PAGE);
        if self.reached > kept + SPARE {
            self.give_back(kept, self.reached);
            self.reached = kept;
        }
    }

    /// Gives the whole pages from `start` to `end` back to the kernel, of memory that is not in use.
    fn give_back(&self, start: usize, end: usize) {
        let page = glowplug_archive::header::PAGE;
        let (first, last) = (start.next_multiple_of(page), end & !(page - 1));
        if first < last {
            // SAFETY: our own mapping, with no object in use there; what is read there again is zero.
            unsafe { libc::madvise(self.base.add(first).cast(), last - first, libc::MADV_DONTNEED) };
        }
    }
}
