//! Memory that a restored process gives back has to be zero when it is used again.
//!
//! jemalloc gives memory back with `MADV_DONTNEED` and takes it for zeroed from then on. In a private mapping of a file madvise(2)
//! brings back what the file has. So in the image the C library's `madvise` leads to a function of the dumper's
//! (`snapshotter/dumper`, `capture/archive_memory.rs`), which sees to it. Where it cannot, and jemalloc is linked into a library (polars, duckdb and
//! Arrow bring it along), all anonymous memory has to be anonymous again. glibc and mimalloc do not count on zeros.

use glowplug_archive::redirection;

use super::found::Capture;
use super::libraries;
use super::memory::Memory;
use super::surroundings::Surroundings;

/// What jemalloc puts before its messages (`src/malloc_io.c`); it is in each build.
const JEMALLOC: &[u8] = b"<jemalloc>";

/// Has `madvise` lead to the dumper's function; whether anonymous memory may be mapped from the archive then.
///
/// With `shared_text` the C library's code is better left as it is in its file, unless there is an allocator that counts on zeros.
pub fn redirect(
    capture: &Capture,
    memory: &mut Memory<'_>,
    surroundings: &Surroundings,
    shared_text: bool,
) -> bool {
    let counts_on_zeros = libraries::with(JEMALLOC, capture, surroundings).is_some();
    if shared_text && !counts_on_zeros {
        return true;
    }
    write_redirection(capture, memory) || !counts_on_zeros
}

/// Writes it at the function's beginning, if that is the code of a file and long enough.
fn write_redirection(capture: &Capture, memory: &mut Memory<'_>) -> bool {
    let [function, replacement, _] = capture.state.madvise;
    let is_code = |address: u64| {
        memory.area(address).is_some_and(|area| area.inode != 0 && area.permissions.starts_with("r-x"))
    };
    if function == 0 || !is_code(function) || !is_code(replacement) {
        return false;
    }
    let mut landing = [0; redirection::LANDING.len()];
    let has_landing = memory.read(function, &mut landing) && landing == redirection::LANDING;
    let address = function + if has_landing { landing.len() as u64 } else { 0 };
    let code = redirection::to(replacement);
    memory.write(address, &code);
    let mut written = [0; redirection::LENGTH];
    memory.read(address, &mut written) && written == code
}
