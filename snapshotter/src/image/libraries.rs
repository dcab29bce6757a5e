//! What the libraries have in them whose code is mapped.

use std::collections::BTreeSet;
use std::fs::File;

use memmap2::Mmap;

use super::found::Capture;
use super::surroundings::Surroundings;

/// The path of one that has these bytes in it.
pub fn with<'a>(mark: &[u8], capture: &'a Capture, surroundings: &Surroundings) -> Option<&'a str> {
    let code = capture.areas.iter().filter(|area| area.inode != 0 && area.permissions.contains('x'));
    let files: BTreeSet<&str> = code.map(|area| area.path.as_str()).collect();
    files.into_iter().find(|path| {
        let Ok(file) = File::open(surroundings.real(path)) else { return false };
        // SAFETY: it is looked through only; whoever shortens an installed library meanwhile ends this command.
        unsafe { Mmap::map(&file) }.is_ok_and(|bytes| contains(&bytes, mark))
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &[u8] = b"<jemalloc>";

    #[test]
    fn the_mark_is_found_wherever_it_is() {
        assert!(contains(b"text <jemalloc>: error", MARK));
        assert!(contains(MARK, MARK));
        assert!(!contains(b"<jemallo", MARK));
        assert!(!contains(b"<jemalloc ", MARK));
    }
}
