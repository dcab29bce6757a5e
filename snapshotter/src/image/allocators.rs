//! Allocators whose memory has to be anonymous after a restore.
//!
//! jemalloc gives memory back with `MADV_DONTNEED` and takes it for zeroed from then on (`src/extent.c`, 5.3,
//! `extent_dalloc_wrapper`). In a private mapping of a file madvise(2) brings back what the file has, so `calloc` would give
//! out what was there when the image was taken. polars, duckdb and Arrow bring it along, linked in. glibc and mimalloc
//! do not count on that.

use super::found::Capture;
use super::libraries;
use super::surroundings::Surroundings;

/// What jemalloc puts before its messages (`src/malloc_io.c`); it is in each build.
const JEMALLOC: &[u8] = b"<jemalloc>";

/// Whether the code of an allocator that counts on zeros is mapped.
pub fn count_on_zeros(capture: &Capture, surroundings: &Surroundings) -> bool {
    libraries::with(JEMALLOC, capture, surroundings).is_some()
}
