//! Gives back the memory that only activation needed: pages of files, mapped and clean, which the
//! kernel maps again from its page cache where they are still used. Parts that imports hardly use are
//! made mappings of their own, because the kernel maps 64 kB around what is touched, but nothing of
//! another mapping (Linux, mm/memory.c, `do_fault_around`).

use std::ffi::{c_int, c_void};

use glowplug_archive::Archive;

const PAGE: usize = glowplug_archive::header::PAGE;

/// What is known of this shared object, in bytes.
#[derive(Default)]
struct Own {
    /// The parts that are not written to: where they begin and end.
    parts: Vec<(usize, usize)>,
    /// Where the tables for unwinding begin, behind all other data (`.eh_frame_hdr`, `.eh_frame`).
    unwinding: Option<usize>,
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
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `found` is the `Own` of `own_parts`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Own>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let start = |h: &libc::Elf64_Phdr| (info.dlpi_addr + h.p_vaddr) as usize;
    let parts = headers
        .iter()
        .filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0)
        .map(|h| (start(h), start(h) + h.p_memsz as usize));
    *found = Own {
        parts: parts.collect(),
        unwinding: headers.iter().find(|h| h.p_type == libc::PT_GNU_EH_FRAME).map(start),
    };
    let own = own_parts as *const () as usize;
    c_int::from(found.parts.iter().any(|(start, end)| (*start..*end).contains(&own)))
}

fn own_parts() -> Option<Own> {
    let mut own = Own::default();
    // SAFETY: `visit` keeps to its contract and `own` outlives the call.
    let found = unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut own).cast()) };
    (found != 0).then_some(own)
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

/// Gives back what activation touched of this shared object and of the archive's index.
pub fn shrink(archive: &Archive) {
    let index = archive.index_bytes();
    advise(index.as_ptr().addr(), index.as_ptr().addr() + index.len(), libc::MADV_DONTNEED);
    let Some(own) = own_parts() else { return };
    for (start, end) in own.parts {
        for (first, last) in own.unwinding.map(used).into_iter().flatten() {
            if start <= first && first < last && last <= end {
                // A mapping of other advice is another mapping.
                advise(start, first & !(PAGE - 1), libc::MADV_RANDOM);
                advise(last.next_multiple_of(PAGE), end, libc::MADV_RANDOM);
            }
        }
        // Only now: this very code is touched again at once.
        advise(start, end, libc::MADV_DONTNEED);
    }
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
