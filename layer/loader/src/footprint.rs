//! Gives back memory that only the start until here needed: pages of files, mapped and clean, which the
//! kernel maps again from its page cache where they are still used. They are those of this shared object,
//! of the archive's index, and of the interpreter with its libraries: much of them only initialises it. The
//! same is done again while imports run, with the libraries that these have brought.
//!
//! Parts of this object that imports hardly use are made mappings of their own, because the kernel maps
//! 64 kB around what is touched, but nothing of another mapping (Linux, mm/memory.c, `do_fault_around`).

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use glowplug_archive::Archive;
use pyo3::ffi;
use zerocopy::IntoBytes as _;

const PAGE: usize = glowplug_archive::header::PAGE;

/// A loaded object, in bytes.
struct Object {
    /// The parts that are not written to: where they begin and end.
    parts: Vec<(usize, usize)>,
    /// Where the tables for unwinding begin, behind all other data (`.eh_frame_hdr`, `.eh_frame`).
    unwinding: Option<usize>,
}

impl Object {
    /// Whether an address lies in it.
    fn holds(&self, address: usize) -> bool {
        self.parts.iter().any(|(start, end)| (*start..*end).contains(&address))
    }
}

#[cfg(not(test))]
unsafe extern "C" {
    /// Where the constants begin, behind what only the dynamic linker reads (`order.ld`).
    static glowplug_constants: u8;
    /// Where the code begins and ends that imports run.
    static glowplug_hot_begin: u8;
    static glowplug_hot_end: u8;
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `found` is the vector of `objects`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Vec<Object>>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let start = |h: &libc::Elf64_Phdr| (info.dlpi_addr + h.p_vaddr) as usize;
    let parts = headers
        .iter()
        .filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0)
        .map(|h| (start(h), start(h) + h.p_memsz as usize));
    found.push(Object {
        parts: parts.collect(),
        unwinding: headers.iter().find(|h| h.p_type == libc::PT_GNU_EH_FRAME).map(start),
    });
    0
}

/// All loaded objects.
fn objects() -> Vec<Object> {
    let mut found = Vec::new();
    // SAFETY: `visit` keeps to its contract and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
    found
}

/// Where what imports use begins and ends: constants, whose end is another one's beginning, and code.
fn used(unwinding: usize) -> [(usize, usize); 2] {
    #[cfg(not(test))]
    return [
        ((&raw const glowplug_constants).addr(), unwinding),
        ((&raw const glowplug_hot_begin).addr(), (&raw const glowplug_hot_end).addr()),
    ];
    #[cfg(test)]
    [(0, unwinding); 2]
}

/// Gives back what was touched of the archive's index and of all loaded objects: done when the archive is
/// activated.
pub fn shrink(archive: &Archive) {
    let Ok(pagemap) = File::open("/proc/self/pagemap") else { return };
    let index = archive.index_bytes();
    give_back(&pagemap, index.as_ptr().addr(), index.as_ptr().addr() + index.len());
    let (ours, others) = own_and_others();
    give_back_parts(&pagemap, &others);
    // This object last: its code is touched again at once.
    for object in &ours {
        let used = object.unwinding.map(used).into_iter().flatten();
        for ((start, end), (first, last)) in
            object.parts.iter().flat_map(|p| used.clone().map(move |u| (*p, u)))
        {
            if start <= first && first < last && last <= end {
                // A mapping of other advice is another mapping.
                advise(start, first & !(PAGE - 1), libc::MADV_RANDOM);
                advise(last.next_multiple_of(PAGE), end, libc::MADV_RANDOM);
            }
        }
    }
    give_back_parts(&pagemap, &ours);
}

/// Gives back what was touched until now of libraries and extension modules: much of one is used once, to
/// initialise it. The interpreter's own code is used on and on: its pages would all be mapped again.
///
/// The GIL must be held: what patches code of a library, from Python, is not at it meanwhile.
pub fn shrink_again() {
    let Ok(pagemap) = File::open("/proc/self/pagemap") else { return };
    let mut others = own_and_others().1;
    others.retain(|o| !o.holds(ffi::Py_IsInitialized as *const () as usize));
    give_back_parts(&pagemap, &others);
}

/// This object, and all others that are loaded.
fn own_and_others() -> (Vec<Object>, Vec<Object>) {
    let own = objects as *const () as usize;
    objects().into_iter().partition(|o| o.holds(own))
}

fn give_back_parts(pagemap: &File, objects: &[Object]) {
    for (start, end) in objects.iter().flat_map(|o| &o.parts) {
        give_back(pagemap, *start, *end);
    }
}

/// Gives back the pages of a file's mapping, if all of them still are the file's: a debugger may have
/// written to them, and a program may have moved its code to other memory.
fn give_back(pagemap: &File, start: usize, end: usize) {
    // proc_pid_pagemap(5): 8 bytes a page.
    const OF_FILE: u64 = 1 << 61;
    const SWAPPED: u64 = 1 << 62;
    const PRESENT: u64 = 1 << 63;
    let mut page = start / PAGE;
    let mut entries = [0_u64; 256];
    while page < end.div_ceil(PAGE) {
        let wanted = entries.len().min(end.div_ceil(PAGE) - page);
        if pagemap.read_exact_at(entries[..wanted].as_mut_bytes(), page as u64 * 8).is_err()
            || entries[..wanted].iter().any(|e| e & (PRESENT | SWAPPED) != 0 && e & OF_FILE == 0)
        {
            return;
        }
        page += wanted;
    }
    advise(start, end, libc::MADV_DONTNEED);
}

/// madvise(2) on the pages that `start` to `end` lie in.
fn advise(start: usize, end: usize, advice: c_int) {
    let first = start & !(PAGE - 1);
    let end = end.next_multiple_of(PAGE);
    if first < end {
        // SAFETY: these are mappings of files that nobody writes to (no text relocations, a read-only
        // map), so dropping their pages changes nothing of what is read there; neither does the order
        // in which the kernel reads ahead.
        unsafe { libc::madvise(first as *mut c_void, end - first, advice) };
    }
}
