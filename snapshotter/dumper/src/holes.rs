//! Free memory between what is in use, put out of use before the image is taken.
//!
//! What a process allocates first it finds in the holes that freed objects left, each in another page; in a restored process
//! each of these pages has to be copied. So the holes are allocated and never freed, and what is allocated after the restore lies together. What
//! was in them is overwritten with zeros: pages of nothing else are not in the image, nor what somebody freed there.
//!
//! Sources: CPython's `Objects/obmalloc.c` and `Include/internal/pycore_obmalloc.h` (3.10 to 3.14) for pools; mallinfo(3), malloc_trim(3), sbrk(2).

use std::ops::Range;

use pyo3::ffi::{PyObject_Free, PyObject_Malloc};
use pyo3::prelude::*;

/// `ALIGNMENT`: what sizes are rounded up to.
const CLASS: usize = 16;
/// `SMALL_REQUEST_THRESHOLD`: more is malloc(3)'s.
const LARGEST: usize = 512;
/// `POOL_SIZE` where there is a radix tree of arenas (all 64-bit machines from 3.10 on), which pools are aligned to.
const POOL: usize = 1 << 14;
/// Offset of `szidx` in `struct pool_header`; its first word begins with the number of blocks in use.
const CLASS_NUMBER: usize = 36;
/// Offset of `maxnextoffset` there: where a pool's last block begins.
const LAST_BLOCK: usize = 44;
/// `POOL_OVERHEAD`: the header's size.
const HEADER: usize = 48;

/// Sizes of malloc(3)'s holes: large ones first, so that they are not cut up. More may be a mapping of its own (`M_MMAP_THRESHOLD`).
const HALVED: Range<u32> = 11..17;
/// The largest size that has a list of its own (`in_smallbin_range` of glibc's `malloc/malloc.c`), and the steps.
const SMALL: usize = 1032;
const STEP: usize = 16;
/// So much stays at the heap's end, in bytes: a restored process need not ask the kernel for more at once.
const LEFT_AT_END: usize = 256 << 10;
const SMALLEST: usize = 24;

/// Fills the holes in this process's memory; returns how many bytes, of Python's allocator and of the C library's.
///
/// Where the allocators are others, nothing is done.
#[pyfunction]
pub fn fill_holes() -> (usize, usize) {
    let python: usize = (CLASS..=LARGEST).step_by(CLASS).map(fill_pools).sum();
    (python, fill_heap())
}

/// Allocates blocks of a size until one comes from a pool that had none in use.
fn fill_pools(size: usize) -> usize {
    let mut filled = 0;
    loop {
        // SAFETY: the interpreter's lock is held.
        let block = unsafe { PyObject_Malloc(size) }.cast::<u8>();
        if block.is_null() {
            return filled;
        }
        let first = block.map_addr(|address| address & !(POOL - 1));
        let is_pool = block.addr() - first.addr() >= HEADER && is_readable(first);
        // SAFETY: the header of a pool, if it is one; that its page can be read was looked at.
        let field = |at| if is_pool { unsafe { first.add(at).cast::<u32>().read() as usize } } else { 0 };
        let (used, class, last) = (field(0), field(CLASS_NUMBER), field(LAST_BLOCK));
        if used <= 1 || used > POOL / size || class != size / CLASS - 1 || last != POOL - size {
            // SAFETY: allocated above.
            unsafe { PyObject_Free(block.cast()) };
            return filled;
        }
        // SAFETY: as long as was asked for.
        unsafe { block.write_bytes(0, size) };
        filled += size;
    }
}

/// Whether a page is mapped: mincore(2) says ENOMEM where it is not.
fn is_readable(page: *mut u8) -> bool {
    let mut state = 0;
    // SAFETY: one page, aligned, and its one byte.
    unsafe { libc::mincore(page.cast(), 1, &raw mut state) == 0 }
}

/// Allocates from malloc(3) until it gives out what lies behind all that was ever in use.
fn fill_heap() -> usize {
    // What was freed at the heap's end is in nobody's way, but it is in memory; glibc keeps megabytes there.
    // SAFETY: gives memory back that is not in use.
    unsafe { libc::malloc_trim(LEFT_AT_END) };
    let Some(used) = used_heap() else { return 0 };
    let large = HALVED.rev().map(|power| 1 << power);
    let small = (SMALLEST..=SMALL).rev().step_by(STEP);
    large.chain(small).map(|size| fill_below(&used, size)).sum()
}

/// The heap up to what is left at its end, `None` where the C library does not know.
fn used_heap() -> Option<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[heap]"))?;
    let start = usize::from_str_radix(line.split('-').next()?, 16).ok()?;
    drop(maps);
    // SAFETY: asks only.
    let (end, left) = unsafe { (libc::sbrk(0).addr(), libc::mallinfo().keepcost) };
    let used = start..end.checked_sub(usize::try_from(left).ok()?)?;
    (left > 0 && !used.is_empty()).then_some(used)
}

fn fill_below(used: &Range<usize>, size: usize) -> usize {
    let mut filled = 0;
    loop {
        // SAFETY: any size is allowed.
        let block = unsafe { libc::malloc(size) };
        if !used.contains(&block.addr()) {
            // SAFETY: allocated above, or null.
            unsafe { libc::free(block) };
            return filled;
        }
        // SAFETY: as long as was asked for.
        unsafe { block.cast::<u8>().write_bytes(0, size) };
        filled += size;
    }
}
