//! Asking for the archive's objects before they are needed.

use std::os::fd::AsRawFd as _;

use glowplug_archive::Archive;
use glowplug_archive::header::SectionKind;

/// Bytes that are asked for at once: of more the kernel may take a part only (mm/readahead.c, force_page_cache_ra).
const PIECE: u64 = 1 << 20;

/// Has the kernel read the objects and the regular expressions, without waiting for it, and nothing around what is read
/// of the file later: sources and manifest are not needed by a start.
///
/// All of them are used by the start that the archive was recorded from. Where the extension has asked for them already,
/// or they are in the page cache, nothing is read. A process that was restored from the archive's image needs few.
pub fn begin(archive: &Archive) {
    let place = |kind: SectionKind| archive.header().section(kind).copied();
    if place(SectionKind::Image).is_some() {
        return;
    }
    let descriptor = archive.file().as_raw_fd();
    let advise = |offset: u64, length: u64, advice: libc::c_int| {
        // SAFETY: advice about an open file; no memory is involved. Advice that is not taken is no loss.
        unsafe { libc::posix_fadvise(descriptor, offset.cast_signed(), length.cast_signed(), advice) };
    };
    advise(0, 0, libc::POSIX_FADV_RANDOM);
    for section in [SectionKind::Regexes, SectionKind::Heap].into_iter().filter_map(place) {
        let end = section.offset + section.length;
        for offset in (section.offset..end).step_by(PIECE as usize) {
            advise(offset, PIECE.min(end - offset), libc::POSIX_FADV_WILLNEED);
        }
    }
}
