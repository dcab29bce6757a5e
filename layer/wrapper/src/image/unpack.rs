//! The pack: what this start is going to touch, in one piece, where the page cache is cold.
//!
//! The image's mappings are in place by then. New anonymous memory comes over those pages of them that the pack has,
//! so that none of them is read from where the mapping has it. To fill it takes as long as storage takes to give the pack, so
//! it begins with what has come, and two threads do it ([`super::helper`]).

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use glowplug_records::header::PAGE;
use glowplug_records::image::{Mapping, Packed, mapping_kind};
use syscalls::Errno;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Reason;
use super::calls::{self, Page};
use super::helper::beside;
use super::section::Image;
use crate::arch;

const DAMAGED: Reason<'_> = Reason::new(b"the image's pack is damaged", b"");
/// What unpacking needs.
const WRITABLE: u8 = calls::READ | calls::WRITE;

/// Begins to read the pack, unless the extension has: were both to ask for the same pages at the same time, each would get some, and
/// storage many small requests.
fn read_ahead(image: &Image<'_>) {
    let mut begun = false;
    image.file.look_for(0, core::iter::once(image.pack), |page| begun = page == Page::Cached);
    if !begun {
        image.file.read_ahead(image.pack, image.header.pack_length);
    }
}

/// Unpacks all of it.
///
/// # Errors
/// What is wrong; what was mapped by then stays.
pub fn unpack<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let packed: &[Packed] = image.records(image.header.packed)?;
    let length = image.header.pack_length;
    if packed.is_empty() || length == 0 {
        return Ok(());
    }
    let mappings: &[Mapping] = image.records(image.header.mappings)?;
    if packed.iter().map(|pages| u64::from(pages.stored)).sum::<u64>() != length {
        return Err(DAMAGED);
    }
    read_ahead(image);
    let at = calls::map_read_only(image.file, image.pack, length)
        .map_err(|e| Reason::failed(b"the archive cannot be read", e))?;
    // SAFETY: mapped until the end of this function; inside the file, and archives are never written in place.
    let stored = unsafe { core::slice::from_raw_parts(at, length as usize) };
    // First all of the memory, then what is in it: the kernel lets nobody change the mappings while another fills pages.
    each_with_mapping(packed, mappings, |pages, _| {
        // SAFETY: over a mapping of the image's, which nobody refers to yet.
        unsafe { calls::map_at(pages.address, pages.length.into(), WRITABLE, None, true) }.map_err(unmappable)
    })?;
    let (taken, checksum, is_damaged) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let work = Work { packed, stored, taken, checksum, is_damaged };
    beside(&work, fill, || fill(&work));
    if work.is_damaged.into_inner() || work.checksum.into_inner() != image.header.pack_checksum {
        return Err(DAMAGED);
    }
    each_with_mapping(packed, mappings, |pages, mapping| {
        if mapping.protection == WRITABLE {
            return Ok(());
        }
        // SAFETY: nobody refers to the memory any more.
        unsafe { calls::protect(pages.address, pages.length.into(), mapping.protection) }.map_err(unmappable)
    })?;
    // SAFETY: mapped above, and not used any more.
    unsafe { calls::unmap(at as u64, length.next_multiple_of(PAGE as u64)) };
    Ok(())
}

fn unmappable<'a>(error: Errno) -> Reason<'a> {
    Reason::failed(b"the image's memory cannot be mapped", error)
}

/// Does something with each of the packed pages and the mapping that they are in. No two have memory in common.
fn each_with_mapping<'a>(
    packed: &[Packed],
    mappings: &[Mapping],
    mut act: impl FnMut(&Packed, &Mapping) -> Result<(), Reason<'a>>,
) -> Result<(), Reason<'a>> {
    let mut mappings = mappings.iter().filter(|m| m.kind == mapping_kind::IMAGE).peekable();
    let mut free = 0;
    for pages in packed {
        let (start, end) = (pages.address, pages.address.saturating_add(pages.length.into()));
        // Both are in the order of addresses.
        while mappings.next_if(|m| m.address + m.length <= start).is_some() {}
        let mapping = mappings.peek().filter(|m| m.address <= start && end <= m.address + m.length);
        match mapping {
            Some(mapping) if free <= start && start < end && (start | end).is_multiple_of(PAGE as u64) => {
                act(pages, mapping)?;
                free = end;
            }
            _ => return Err(DAMAGED),
        }
    }
    Ok(())
}

/// What two threads do together.
struct Work<'a> {
    packed: &'a [Packed],
    stored: &'a [u8],
    /// So many have been taken to be filled, by either thread.
    taken: AtomicU64,
    /// Of what has been unpacked.
    checksum: AtomicU64,
    is_damaged: AtomicBool,
}

/// Fills pages until none are left.
fn fill(work: &Work<'_>) {
    let (mut rest, mut passed) = (work.stored, 0);
    loop {
        let number = arch::fetch_add(&work.taken, 1) as usize;
        let Some(pages) = work.packed.get(number) else { return };
        // Between them the other thread has taken some.
        let behind: usize = work.packed[passed..number].iter().map(|pages| pages.stored as usize).sum();
        passed = number + 1;
        let stored = rest.get(behind..).and_then(|rest| rest.split_at_checked(pages.stored as usize));
        let Some((stored, behind)) = stored else {
            return work.is_damaged.store(true, Ordering::Relaxed);
        };
        rest = behind;
        arch::fetch_add(&work.checksum, xxh3_64_with_seed(stored, number as u64));
        // Where that is not possible the pages come one by one.
        let _ = calls::populate(pages.address, pages.length.into());
        // SAFETY: mapped, writable, and of nobody but the thread that has taken it: `each_with_mapping` has seen that it is apart.
        let place =
            unsafe { core::slice::from_raw_parts_mut(pages.address as *mut u8, pages.length as usize) };
        if stored.len() == place.len() {
            place.copy_from_slice(stored);
        } else if !lz4_flex::block::decompress_into(stored, place).is_ok_and(|filled| filled == place.len()) {
            work.is_damaged.store(true, Ordering::Relaxed);
        }
    }
}
