//! The dumper's large allocations are mappings of their own.
//!
//! In the C library's heap, what the target allocates meanwhile would come to lie behind them, and where they are freed a
//! hole would be left, which the image would have. (`M_MMAP_THRESHOLD` does that for the whole process, and for good.)

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

/// From so many bytes on.
const LARGE: usize = 32 << 10;
const PAGE: usize = 4096;

/// The C library's allocator for what is small, mmap(2) for what is large.
pub struct OwnMappings;

impl OwnMappings {
    fn is_mapped(layout: Layout) -> bool {
        layout.size() >= LARGE && layout.align() <= PAGE
    }
}

// SAFETY: memory from mmap(2) is zeroed, aligned to pages, and nobody else's until it is unmapped; by its layout, which
// callers have to name again, each allocation goes back where it came from.
unsafe impl GlobalAlloc for OwnMappings {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !Self::is_mapped(layout) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: no address is asked for, so nothing that is mapped is replaced.
        let found = unsafe { libc::mmap(ptr::null_mut(), layout.size(), access, kind, -1, 0) };
        if found == libc::MAP_FAILED { ptr::null_mut() } else { found.cast() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { if Self::is_mapped(layout) { self.alloc(layout) } else { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if Self::is_mapped(layout) {
            // SAFETY: `alloc` has mapped just that; nobody uses it any more.
            unsafe { libc::munmap(memory.cast(), layout.size()) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}
