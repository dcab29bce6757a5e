//! Gives back the memory that only activation needed: pages of files, mapped and clean, which the
//! kernel maps again from its page cache where they are still used.

use std::ffi::{c_int, c_void};

use glowplug_archive::Archive;

/// The parts of this shared object that are not written to: address and length in bytes.
type Parts = Vec<(usize, usize)>;

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `found` is the `Parts` of `own_parts`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Parts>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let own = own_parts as *const () as usize;
    let parts = headers
        .iter()
        .filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0)
        .map(|h| ((info.dlpi_addr + h.p_vaddr) as usize, h.p_memsz as usize));
    *found = parts.collect();
    c_int::from(found.iter().any(|(start, length)| (*start..start + length).contains(&own)))
}

fn own_parts() -> Parts {
    let mut parts = Parts::new();
    // SAFETY: `visit` keeps to its contract and `parts` outlives the call.
    let found = unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut parts).cast()) };
    if found == 0 { Parts::new() } else { parts }
}

/// Gives back what activation touched of this shared object and of the archive's index.
pub fn shrink(archive: &Archive) {
    let index = archive.index_bytes();
    let page = glowplug_archive::header::PAGE;
    for (start, length) in own_parts().into_iter().chain([(index.as_ptr().addr(), index.len())]) {
        let first = start & !(page - 1);
        let end = (start + length).next_multiple_of(page);
        // SAFETY: these are mappings of files that nobody writes to (no text relocations, a read-only
        // map), so dropping their pages changes nothing of what is read there.
        unsafe { libc::madvise(first as *mut c_void, end - first, libc::MADV_DONTNEED) };
    }
}
