//! Allocators whose memory has to be anonymous after a restore.
//!
//! jemalloc gives memory back with `MADV_DONTNEED` and takes it for zeroed from then on (`src/extent.c`, 5.3,
//! `extent_dalloc_wrapper`). In a private mapping of a file madvise(2) brings back what the file has, so `calloc` would give
//! out what was there when the image was taken. polars, duckdb and Arrow bring it along, linked in. glibc and mimalloc
//! do not count on that.

use std::collections::BTreeSet;
use std::fs::File;

use memmap2::Mmap;

use super::found::Capture;
use super::surroundings::Surroundings;

/// What jemalloc puts before its messages (`src/malloc_io.c`); it is in each build.
const JEMALLOC: &[u8] = b"<jemalloc>";

/// Whether the code of an allocator that counts on zeros is mapped.
pub fn count_on_zeros(capture: &Capture, surroundings: &Surroundings) -> bool {
    let code = capture.areas.iter().filter(|area| area.inode != 0 && area.permissions.contains('x'));
    let files: BTreeSet<&str> = code.map(|area| area.path.as_str()).collect();
    files.into_iter().any(|path| {
        let Ok(file) = File::open(surroundings.real(path)) else { return false };
        // SAFETY: it is looked through only; whoever shortens an installed library meanwhile ends this command.
        unsafe { Mmap::map(&file) }.is_ok_and(|bytes| contains(&bytes, JEMALLOC))
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_wherever_it_is() {
        assert!(contains(b"text <jemalloc>: error", JEMALLOC));
        assert!(contains(JEMALLOC, JEMALLOC));
        assert!(!contains(b"<jemallo", JEMALLOC));
        assert!(!contains(b"<jemalloc ", JEMALLOC));
    }
}
