//! The pack: what this start is going to touch, in one piece, where the page cache is cold.
//!
//! The image's mappings are in place by then. New anonymous memory comes over those pages of them that the pack has,
//! so that none of them is read from where the mapping has it.

use glowplug_records::header::PAGE;
use glowplug_records::image::{Mapping, Packed, mapping_kind};
use xxhash_rust::xxh3::xxh3_64;

use super::Reason;
use super::calls;
use super::section::Image;

const DAMAGED: Reason<'_> = Reason::new(b"the image's pack is damaged", b"");
/// What unpacking needs.
const WRITABLE: u8 = calls::READ | calls::WRITE;

/// Begins to read the pack.
pub fn read_ahead(image: &Image<'_>) {
    image.file.read_ahead(image.pack, image.header.pack_length);
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
    let at = calls::map_read_only(image.file, image.pack, length)
        .map_err(|e| Reason::failed(b"the archive cannot be read", e))?;
    // SAFETY: mapped until the end of this function; inside the file, and archives are never written in place.
    let mut rest = unsafe { core::slice::from_raw_parts(at, length as usize) };
    if xxh3_64(rest) != image.header.pack_checksum {
        return Err(DAMAGED);
    }
    let mappings: &[Mapping] = image.records(image.header.mappings)?;
    let mut mappings = mappings.iter().filter(|m| m.kind == mapping_kind::IMAGE).peekable();
    for pages in packed {
        let (start, end) = (pages.address, pages.address.saturating_add(pages.length.into()));
        // Both are in the order of addresses.
        while mappings.next_if(|m| m.address + m.length <= start).is_some() {}
        let mapping = mappings.peek().filter(|m| m.address <= start && end <= m.address + m.length);
        let (Some(mapping), Some((stored, behind))) = (mapping, rest.split_at_checked(pages.stored as usize))
        else {
            return Err(DAMAGED);
        };
        if pages.length == 0 || !(start | end).is_multiple_of(PAGE as u64) {
            return Err(DAMAGED);
        }
        rest = behind;
        let failed = |e| Reason::failed(b"the image's memory cannot be mapped", e);
        // SAFETY: over a mapping of the image's, which nobody refers to yet.
        unsafe { calls::map_at(start, pages.length.into(), WRITABLE, None, true) }.map_err(failed)?;
        // Where that is not possible the pages come one by one.
        let _ = calls::populate(start, pages.length.into());
        // SAFETY: just mapped, writable, and nobody else's.
        let place = unsafe { core::slice::from_raw_parts_mut(start as *mut u8, pages.length as usize) };
        if stored.len() == place.len() {
            place.copy_from_slice(stored);
        } else if !lz4_flex::block::decompress_into(stored, place).is_ok_and(|filled| filled == place.len()) {
            return Err(DAMAGED);
        }
        if mapping.protection != WRITABLE {
            // SAFETY: nobody refers to the memory any more.
            unsafe { calls::protect(start, pages.length.into(), mapping.protection) }.map_err(failed)?;
        }
    }
    // SAFETY: mapped above; the last reference was `rest`.
    unsafe { calls::unmap(at as u64, length.next_multiple_of(PAGE as u64)) };
    Ok(())
}
