//! An audit module of the dynamic linker (rtld-audit(7), `LD_AUDIT`): cuts what is mapped of executables and libraries
//! into pages, before anything of them is used.
//!
//! On a fault the kernel maps up to 64 KiB around the page, as far as the mapping goes (mm/memory.c, do_fault_around). In
//! a mapping of one page it maps that page. So `/proc/self/pagemap` tells afterwards which pages were touched, to the
//! page, without any privilege. Neighbouring pages are kept apart by advice that only one of the two has.

#![no_std]

use core::sync::atomic::{AtomicUsize, Ordering};

use syscalls::{Sysno, syscall};

/// Pages that are cut apart at most, in all files together: a process has 65530 mappings (vm.max_map_count), and the
/// target needs some. What comes later is seen as the kernel maps it.
const AT_MOST: usize = 32 << 10;

/// madvise(2): told apart from no advice, and otherwise without effect on pages that are in the page cache.
const SEQUENTIAL: usize = 2;
const DONT_NEED: usize = 4;
/// getauxval(3), as in `/proc/self/auxv`.
const PROGRAM_HEADERS: usize = 3;
const PROGRAM_HEADER_COUNT: usize = 5;
const PAGE_SIZE: usize = 6;
/// elf(5).
const PT_LOAD: u32 = 1;
const PF_W: u32 = 2;
const MAGIC: [u8; 4] = *b"\x7fELF";

/// `struct link_map` (link.h): the part that is public.
#[repr(C)]
pub struct LinkMap {
    /// What addresses of the file are moved by.
    base: usize,
    name: *const u8,
    dynamic: *const u8,
    next: *const LinkMap,
    previous: *const LinkMap,
}

/// The beginning of `Elf64_Ehdr` (elf(5)).
#[repr(C)]
struct FileHeader {
    magic: [u8; 4],
    other: [u8; 28],
    program_headers: u64,
    sections: u64,
    flags: u32,
    size: u16,
    program_header_size: u16,
    program_header_count: u16,
}

/// `Elf64_Phdr` (elf(5)).
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
}

/// Pages that may still be cut apart.
static LEFT: AtomicUsize = AtomicUsize::new(AT_MOST);

/// The dynamic linker asks which version of its interface the module was made for: any, as little is used of it.
#[unsafe(no_mangle)]
pub extern "C" fn la_version(version: u32) -> u32 {
    version
}

/// An object has been mapped and not been touched yet. Returns that its symbol bindings are of no interest.
///
/// # Safety
/// `map` is what the dynamic linker gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn la_objopen(map: *const LinkMap, _namespace: isize, _cookie: *mut usize) -> u32 {
    // SAFETY: by the caller.
    let base = unsafe { (*map).base };
    let (own, page) = program_headers();
    let headers = if base == 0 {
        own // an executable that is not moved
    } else {
        // SAFETY: a shared object's file is mapped from its beginning; `FileHeader` is the layout of it. Where the
        // first segment is not the file's beginning, the magic number is not there.
        let file = unsafe { &*(base as *const FileHeader) };
        if file.magic != MAGIC || usize::from(file.program_header_size) != size_of::<ProgramHeader>() {
            return 0;
        }
        (base + file.program_headers as usize, usize::from(file.program_header_count))
    };
    for number in 0..headers.1 {
        // SAFETY: the table has so many entries, and is mapped.
        let header = unsafe { &*(headers.0 as *const ProgramHeader).add(number) };
        if header.kind == PT_LOAD {
            let start = (base + header.address as usize) & !(page - 1);
            let end = (base + (header.address + header.file_size) as usize).next_multiple_of(page);
            cut(start, end, page, header.flags & PF_W != 0);
        }
    }
    0
}

/// Cuts a mapping into pages, and has those forgotten that were touched already.
fn cut(start: usize, end: usize, page: usize, writable: bool) {
    let pages = (end - start) / page;
    let enough = |left: usize| left.checked_sub(pages);
    if LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).is_err() {
        return;
    }
    for address in (start..end).step_by(2 * page) {
        // SAFETY: advice that does not change what the memory holds.
        let _ = unsafe { syscall!(Sysno::madvise, address, page, SEQUENTIAL) };
    }
    if !writable {
        // SAFETY: a private mapping of a file that is not written to: what is dropped is read from the file again.
        let _ = unsafe { syscall!(Sysno::madvise, start, end - start, DONT_NEED) };
    }
}

/// Address and number of the executable's program headers, and the size of a page, by `/proc/self/auxv`.
fn program_headers() -> ((usize, usize), usize) {
    const OPEN_AT_CURRENT: isize = -100;
    let (mut found, mut page) = ((0, 0), 4096);
    // SAFETY: a C string; no flags: read only.
    let file = unsafe {
        syscall!(Sysno::openat, OPEN_AT_CURRENT.cast_unsigned(), c"/proc/self/auxv".as_ptr() as usize, 0, 0)
    };
    let Ok(file) = file else { return (found, page) };
    let mut pair = [0_usize; 2];
    loop {
        // SAFETY: `pair` has that many bytes.
        let read = unsafe { syscall!(Sysno::read, file, pair.as_mut_ptr() as usize, size_of_val(&pair)) };
        if read != Ok(size_of_val(&pair)) {
            break;
        }
        match pair[0] {
            PROGRAM_HEADERS => found.0 = pair[1],
            PROGRAM_HEADER_COUNT => found.1 = pair[1],
            PAGE_SIZE => page = pair[1],
            _ => {}
        }
    }
    // SAFETY: opened above, and not used any more.
    let _ = unsafe { syscall!(Sysno::close, file) };
    if found.0 == 0 { ((0, 0), page) } else { (found, page) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        // SAFETY: ends the process, which is the snapshot step's.
        let _ = unsafe { syscall!(Sysno::exit_group, 70) };
    }
}

/// Named by the tables that `core` is compiled with; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
