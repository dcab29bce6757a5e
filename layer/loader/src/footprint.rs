//! Gives back the memory that only activation needed: pages of files, mapped and clean, which the
//! kernel maps again from its page cache where they are still used.

use std::ffi::{c_int, c_void};

use glowplug_archive::Archive;

/// The executable part of this shared object: address and length in bytes.
struct Text {
    start: usize,
    length: usize,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `found` is the `Text` of `own_text`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Text>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_X != 0) {
        let start = (info.dlpi_addr + header.p_vaddr) as usize;
        let length = header.p_memsz as usize;
        if (start..start + length).contains(&(own_text as *const () as usize)) {
            *found = Text { start, length };
            return 1;
        }
    }
    0
}

fn own_text() -> Text {
    let mut text = Text { start: 0, length: 0 };
    // SAFETY: `visit` keeps to its contract and `text` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut text).cast()) };
    text
}

/// Gives back what activation touched of this shared object's code and of the archive's index.
pub fn shrink(archive: &Archive) {
    let text = own_text();
    let index = archive.index_bytes();
    for (start, length) in [(text.start, text.length), (index.as_ptr().addr(), index.len())] {
        let page = glowplug_archive::header::PAGE;
        let first = start & !(page - 1);
        let end = (start + length).next_multiple_of(page);
        if length > 0 {
            // SAFETY: both are mappings of files that nobody writes to (code without text relocations,
            // a read-only map), so dropping their pages changes nothing of what is read there.
            unsafe { libc::madvise(first as *mut c_void, end - first, libc::MADV_DONTNEED) };
        }
    }
}
