//! How much of a range of a file is in the page cache.

use std::fs::File;
use std::os::fd::AsRawFd as _;

/// The same on all machines (Linux, `include/uapi/asm-generic/unistd.h`).
const CACHESTAT: libc::c_long = 451;

/// cachestat(2).
#[repr(C)]
struct Range {
    offset: u64,
    length: u64,
}

/// cachestat(2), `struct cachestat`; all in pages.
#[repr(C)]
#[derive(Default)]
struct Pages {
    cached: u64,
    dirty: u64,
    in_write_back: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// The bytes of the range that are in the page cache or on their way there, to the page; `None` where the kernel does not
/// tell: before Linux 6.5, and for files that are not ours.
pub fn bytes(file: &File, offset: u64, length: u64) -> Option<u64> {
    let range = Range { offset, length };
    let mut pages = Pages::default();
    // SAFETY: the kernel reads one record and fills the other, which are as it lays them out.
    let answer = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut pages, 0) };
    // SAFETY: asks for a constant.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    (answer == 0).then(|| (pages.cached * page).min(length))
}
