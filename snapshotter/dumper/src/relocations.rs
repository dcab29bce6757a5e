//! Relocations that the dynamic linker has done, left out of the image.
//!
//! `DT_RELA` is read once, when an object is loaded (ELF gABI, *Dynamic section*; glibc's `elf/dl-reloc.c`); libpython has
//! 0.9 MB of it. `DT_JMPREL` is read whenever a function is bound that was not called yet, and stays. Pages of nothing
//! but the former are put out of use: whoever reads them finds relocations of no type (`R_X86_64_NONE`, `R_AARCH64_NONE`).

use std::ffi::{c_int, c_void};

use glowplug_archive::header::PAGE;
use pyo3::prelude::*;

/// Tags of the dynamic section (`<elf.h>`).
const DT_PLTRELSZ: i64 = 2;
const DT_RELA: i64 = 7;
const DT_RELASZ: i64 = 8;
const DT_JMPREL: i64 = 23;
/// Each object costs a mapping or two, so only large ones are worth it, in bytes.
const WORTH_IT: usize = 128 << 10;

/// An entry of the dynamic section (`Elf64_Dyn`).
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

/// Puts relocations that were done out of use, of all loaded objects that have many; returns how many bytes.
#[pyfunction]
pub fn forget_relocations() -> usize {
    let mut found: Vec<(usize, usize)> = Vec::new();
    // SAFETY: `visit` keeps to its contract and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
    let dropped = found.iter().filter(|(start, end)| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
        // SAFETY: pages of relocations and nothing else, of an object that is relocated: nobody needs what is
        // there. They stay mapped and readable.
        let place = unsafe { libc::mmap(*start as *mut c_void, end - start, libc::PROT_READ, flags, -1, 0) };
        place != libc::MAP_FAILED
    });
    dropped.map(|(start, end)| end - start).sum()
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `found` is the vector of `forget_relocations`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Vec<(usize, usize)>>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let start = |h: &libc::Elf64_Phdr| (info.dlpi_addr + h.p_vaddr) as usize;
    let Some(dynamic) = headers.iter().find(|h| h.p_type == libc::PT_DYNAMIC) else { return 0 };
    let count = dynamic.p_memsz as usize / size_of::<Dynamic>();
    // SAFETY: the object's dynamic section, which is loaded with it.
    let entries = unsafe { std::slice::from_raw_parts(start(dynamic) as *const Dynamic, count) };
    let value = |tag| entries.iter().find(|e| e.tag == tag).map(|e| e.value);
    let (Some(first), Some(length)) = (value(DT_RELA), value(DT_RELASZ)) else { return 0 };
    let (first, mut end) = (first.next_multiple_of(PAGE), first + length);
    if let (Some(bound), Some(size)) = (value(DT_JMPREL), value(DT_PLTRELSZ)) {
        // They may be the end of the others.
        if bound < end && first < bound + size {
            end = bound;
        }
    }
    end &= !(PAGE - 1);
    // glibc makes addresses of what is an offset in the file; where a loader does not, this is not one.
    let is_constant = headers.iter().any(|h| {
        let is_read_only = h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0;
        is_read_only && start(h) <= first && end <= start(h) + h.p_memsz as usize
    });
    if is_constant && end > first && end - first >= WORTH_IT {
        found.push((first, end));
    }
    0
}
