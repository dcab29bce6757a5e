//! The memory that a restored process has mapped from the archive, private: where it is not what memory without a file is.
//!
//! - `MADV_DONTNEED` makes anonymous memory zero, and allocators count on that (jemalloc: `src/extent.c`, 5.3,
//!   `extent_dalloc_wrapper`). This memory would get back what was there when the image was taken. So what is given back becomes
//!   anonymous: [`madvise`] stands for the C library's function. The snapshot step has that lead here, in the image only.
//! - Where the page cache was cold at the start, nothing is read around what is touched; [`read_around_again`] takes that back.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU64, Ordering};

use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Mapping, mapping_kind};
use pyo3::prelude::*;

/// The archive's table of mappings: address and number of records. The restorer writes both before any of this process runs.
static MAPPINGS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// The C library's function, what stands for it, and where the restorer writes the two words: for the snapshot step.
pub fn addresses() -> [u64; 3] {
    // SAFETY: looks a name up.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"madvise".as_ptr()) };
    [function as u64, madvise as *const () as u64, MAPPINGS.as_ptr() as u64]
}

/// madvise(2), for the memory of a restored process. Allocates nothing and takes no lock: it is called by allocators.
unsafe extern "C" fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    let start = address as u64;
    if advice == libc::MADV_DONTNEED && start.is_multiple_of(PAGE as u64) {
        let end = start.saturating_add(length as u64).next_multiple_of(PAGE as u64);
        let is_writable = |mapping: &&Mapping| i32::from(mapping.protection) & libc::PROT_WRITE != 0;
        for mapping in of_archive().filter(is_writable) {
            let (first, last) = (start.max(mapping.address), end.min(mapping.address + mapping.length));
            // The program may have unmapped it, and have something else there.
            if first >= last || !is_still_of_archive(first, last) {
                continue;
            }
            // SAFETY: the caller gives this memory's content up.
            if !unsafe { make_anonymous(first, last - first, mapping) } {
                return -1;
            }
        }
    }
    // SAFETY: the caller's call.
    unsafe { libc::syscall(libc::SYS_madvise, address, length, advice) as c_int }
}

/// Whether all areas in a range that have a file are private ones of an archive (proc_pid_maps(5)). Where that cannot be read, it is
/// taken to be so.
fn is_still_of_archive(start: u64, end: u64) -> bool {
    // SAFETY: a path with a zero at its end.
    let file = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return true;
    }
    let (mut buffer, mut filled, mut found) = ([0_u8; 6144], 0, true);
    loop {
        let rest = &mut buffer[filled..];
        // SAFETY: at most that many bytes are written.
        let read = unsafe { libc::read(file, rest.as_mut_ptr().cast(), rest.len()) };
        let Ok(read @ 1..) = usize::try_from(read) else { break };
        filled += read;
        let mut done = 0;
        while let Some(length) = buffer[done..filled].iter().position(|byte| *byte == b'\n') {
            found &= area_may_be_of_archive(&buffer[done..done + length], start, end);
            done += length + 1;
        }
        buffer.copy_within(done..filled, 0);
        filled -= done;
    }
    // SAFETY: opened above.
    unsafe { libc::close(file) };
    found
}

/// The same of one line: an area elsewhere, one without a file, or one of an archive.
fn area_may_be_of_archive(line: &[u8], start: u64, end: u64) -> bool {
    let Ok(line) = core::str::from_utf8(line) else { return !line.contains(&b'/') };
    let mut fields = line.split_ascii_whitespace();
    let (Some(range), Some(permissions)) = (fields.next(), fields.next()) else { return true };
    let Some((first, last)) = range.split_once('-') else { return true };
    let [first, last] = [first, last].map(|number| u64::from_str_radix(number, 16).unwrap_or(0));
    let has_file = fields.nth(2).is_some_and(|inode| inode != "0");
    let is_elsewhere = last <= start || end <= first;
    is_elsewhere
        || !has_file
        || (permissions.ends_with('p') && line.trim_end_matches(" (deleted)").ends_with(".glow"))
}

/// Has the kernel read around what is touched of the archive, as it does of other files.
#[pyfunction]
pub fn read_around_again() {
    for mapping in of_archive() {
        let (start, length) = (mapping.address as *mut c_void, mapping.length as usize);
        // SAFETY: takes no memory away, whatever is there now.
        unsafe { libc::syscall(libc::SYS_madvise, start, length, libc::MADV_NORMAL) };
    }
}

/// Mappings of the archive.
fn of_archive() -> impl Iterator<Item = &'static Mapping> {
    let [address, count] = &MAPPINGS;
    let (address, count) = (address.load(Ordering::Acquire), count.load(Ordering::Acquire));
    let table: &[Mapping] = if address == 0 {
        &[]
    } else {
        // SAFETY: the restorer's word: the table stays mapped, and nobody writes to it.
        unsafe { core::slice::from_raw_parts(address as *const Mapping, count as usize) }
    };
    table.iter().filter(|mapping| mapping.kind == mapping_kind::IMAGE)
}

/// Puts zeroed memory in the place of some that is part of `mapping`; `errno` says why not.
///
/// # Safety
/// Nobody counts on what is in it.
unsafe fn make_anonymous(start: u64, length: u64, mapping: &Mapping) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the caller's word.
    let placed =
        unsafe { libc::mmap(start as *mut c_void, length as usize, mapping.protection.into(), flags, -1, 0) };
    placed != libc::MAP_FAILED
}
