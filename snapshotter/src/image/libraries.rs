//! What the libraries have in them whose code is mapped.

use std::collections::BTreeSet;
use std::fs::File;

use memchr::memmem;
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
        unsafe { Mmap::map(&file) }.is_ok_and(|bytes| memmem::find(&bytes, mark).is_some())
    })
}
