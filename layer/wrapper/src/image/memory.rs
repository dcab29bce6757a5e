//! Putting the image's memory in place.

use glowplug_records::header::PAGE;
use glowplug_records::image::{FileGuard, Load, Mapping, Pages, RESTORER, Range, advice, mapping_kind};
use syscalls::Errno;

use super::Reason;
use super::calls::{self, File, Page};
use super::section::Image;
use super::unpack;
use crate::process::Text;

/// Most places of one preadv(2) (UIO_MAXIOV).
const PLACES: usize = 1024;
/// Addresses below this are a process's, unless it asks for others (the kernel's Documentation/arch/x86/x86_64/mm.rst
/// and Documentation/arch/arm64/memory.rst).
const ADDRESS_LIMIT: u64 = if cfg!(target_arch = "aarch64") { 1 << 48 } else { 1 << 47 };

/// So often memory is cut to record what is touched: each makes two areas more, and a process may have 65,530 of them.
const CUTS: usize = 30_000;

const DAMAGED: Reason<'_> = Reason::new(b"the image's tables are damaged", b"");

/// Maps and fills all of it; says whether the page cache was cold. To `record`, only what is touched is read, and nothing around it.
///
/// Where the page cache is cold, nothing is read around what is touched either: what a start needs is read as such, and the kernel would
/// read megabytes around each stray page (`read_ahead_kb`). The process takes that back when its first work is done.
///
/// # Errors
/// What is wrong; what was mapped by then stays.
pub fn place<'a>(image: &Image<'a>, record: bool) -> Result<bool, Reason<'a>> {
    let is_cold = !record && is_cold(image)?;
    let is_packed = is_cold && image.header.packed.count > 0;
    if is_cold && !is_packed {
        read_ahead(image)?;
    }
    let mappings: &[Mapping] = image.records(image.header.mappings)?;
    let mut within = 0..0;
    let mut cuts = CUTS;
    for mapping in mappings {
        let end = mapping.address.checked_add(mapping.length).ok_or(DAMAGED)?;
        let aligned =
            [mapping.address, mapping.length, mapping.source].iter().all(|n| n.is_multiple_of(PAGE as u64));
        if !aligned || end > ADDRESS_LIMIT || (mapping.address < RESTORER.end && end > RESTORER.start) {
            return Err(DAMAGED);
        }
        let over = mapping.over == 1;
        if !over {
            within = mapping.address..end;
        } else if mapping.address < within.start || end > within.end {
            return Err(DAMAGED);
        }
        map(image, mapping, over)?;
        if record && mapping.kind != mapping_kind::ANONYMOUS {
            cuts = advise_to_record(mapping, cuts);
        } else if is_cold && mapping.kind == mapping_kind::IMAGE {
            // SAFETY: takes no memory away.
            unsafe { calls::advise(mapping.address, mapping.length, calls::RANDOM) };
        }
    }
    if is_packed {
        unpack::unpack(image)?;
    }
    // Behind the pack in the file, so that it comes after that.
    fill(image)?;
    tell_of_mappings(image, mappings);
    // What is going to be written to is in the pack.
    if !record && !is_packed {
        copy_written(image)?;
    }
    Ok(is_cold)
}

fn map<'a>(image: &Image<'a>, mapping: &Mapping, over: bool) -> Result<(), Reason<'a>> {
    let file = match mapping.kind {
        mapping_kind::ANONYMOUS => None,
        mapping_kind::GUARD if over => {
            // SAFETY: inside a mapping that was made just before, which nobody refers to.
            return unsafe { guard(mapping) }
                .map_err(|e| Reason::failed(b"a guard of the image's memory cannot be set", e));
        }
        mapping_kind::IMAGE => {
            let end = mapping.source.checked_add(mapping.length);
            if end.is_none_or(|end| end > image.data_length.next_multiple_of(PAGE as u64)) {
                return Err(DAMAGED);
            }
            Some((image.file, image.data + mapping.source))
        }
        mapping_kind::FILE => Some((open_guarded(image, mapping.file)?, mapping.source)),
        _ => return Err(DAMAGED),
    };
    // SAFETY: over nothing but a mapping that was made just before.
    unsafe { calls::map_at(mapping.address, mapping.length, mapping.protection, file, over) }
        .map_err(|e| Reason::failed(b"the image's memory cannot be mapped", e))?;
    if let Some((file, _)) = file
        && file != image.file
    {
        file.close();
    }
    for (bit, value) in [
        (advice::DONT_FORK, 10),
        (advice::WIPE_ON_FORK, 18),
        (advice::HUGE_PAGE, 14),
        (advice::NO_HUGE_PAGE, 15),
    ] {
        if mapping.advice & bit == 0 {
            continue;
        }
        // SAFETY: none of these takes memory away from this process.
        let taken = unsafe { calls::advise(mapping.address, mapping.length, value) };
        // Libraries count on it that a child does not have this memory, for random numbers that must not repeat.
        let needed = bit & (advice::DONT_FORK | advice::WIPE_ON_FORK) != 0;
        if needed && !taken && mapping.kind == mapping_kind::ANONYMOUS {
            return Err(Reason::new(b"memory cannot be kept from child processes (madvise)", b""));
        }
    }
    Ok(())
}

/// Makes memory untouchable as it was; before Linux 6.13 by its protection, which does the same for less lightly.
///
/// # Safety
/// Nobody refers to the memory.
unsafe fn guard(mapping: &Mapping) -> Result<(), Errno> {
    const MADV_GUARD_INSTALL: usize = 102;
    // SAFETY: the caller's word.
    unsafe {
        if calls::advise(mapping.address, mapping.length, MADV_GUARD_INSTALL) {
            return Ok(());
        }
        calls::protect(mapping.address, mapping.length, 0)
    }
}

fn open_guarded<'a>(image: &Image<'a>, number: u32) -> Result<File, Reason<'a>> {
    let guards: &[FileGuard] = image.records(image.header.files)?;
    let path: Text<'_> = image.text(guards.get(number as usize).ok_or(DAMAGED)?.path)?;
    File::open(path, 0).map_err(|e| Reason::failed(b"a mapped file cannot be opened", e))
}

/// Says in the image's memory where the table of mappings is, for the process to know which of its memory is the archive's.
fn tell_of_mappings(image: &Image<'_>, mappings: &[Mapping]) {
    let words = image.header.mappings_words as *mut [u64; 2];
    if !words.is_null() && words.is_aligned() {
        // SAFETY: variables of the dumper's in the image, which is in place; the metadata that names them was verified, and stays
        // mapped.
        unsafe { words.write([mappings.as_ptr() as u64, mappings.len() as u64]) };
    }
}

/// Has each page come into memory by itself: each is made an area of its own, which the kernel does not look beyond, neither for
/// what is in the page cache nor to read ahead. `cuts` are left for that; returns what is left then.
fn advise_to_record(mapping: &Mapping, cuts: usize) -> usize {
    const SEQUENTIAL: usize = 2;
    // SAFETY: takes no memory away.
    unsafe { calls::advise(mapping.address, mapping.length, calls::RANDOM) };
    let mut left = cuts;
    for page in (mapping.address..mapping.address + mapping.length).step_by(2 * PAGE).take(cuts) {
        left -= 1;
        // SAFETY: the same; areas with other advice are not joined.
        unsafe { calls::advise(page, PAGE as u64, SEQUENTIAL) };
    }
    left
}

/// Whether the page cache is cold: of some pages that this start is going to touch one is not in it, or two take long to find (one
/// may, for other reasons).
///
/// To look at a page brings it in: others are looked at each time, by the clock.
fn is_cold<'a>(image: &Image<'a>) -> Result<bool, Reason<'a>> {
    const SAMPLES: usize = 5;
    let touched: &[Range] = image.records(image.header.touched)?;
    let (mut missing, mut late) = (false, 0);
    let mut number = calls::now() | 1;
    let samples = (0..SAMPLES).filter_map(|_| {
        // Xorshift (Marsaglia, "Xorshift RNGs").
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        let range = touched.get((number >> 32) as usize % touched.len().max(1))?;
        let within = number as u32 as u64 % range.length.max(1);
        Some(image.data.saturating_add(range.offset.saturating_add(within)))
    });
    image.file.look_for(0, samples, |page| match page {
        Page::Cached => {}
        Page::Late => late += 1,
        Page::Missing => missing = true,
    });
    Ok(missing || late > 1)
}

/// Has the kernel begin to read what this start is going to touch.
fn read_ahead<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let touched: &[Range] = image.records(image.header.touched)?;
    for range in touched {
        image.file.read_ahead(image.data.saturating_add(range.offset), range.length);
    }
    Ok(())
}

/// Reads what is not mapped, in as few calls as there can be.
fn fill<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let loads: &[Load] = image.records(image.header.loads)?;
    let mut offset = image.data;
    let mut places = [[0_u64; 2]; PLACES];
    for group in loads.chunks(PLACES) {
        if !inside(image, group)? {
            return Err(DAMAGED);
        }
        for (place, load) in places.iter_mut().zip(group) {
            *place = [load.address, load.length];
        }
        let mut rest = behind(&mut places[..group.len()], 0);
        while !rest.is_empty() {
            // SAFETY: each place lies in an anonymous mapping of the image's, writable, as was just seen.
            match unsafe { image.file.read_into(rest, offset) } {
                Ok(0) => return Err(Reason::new(b"the archive is cut short", b"")),
                // Less than was asked for: more than 2 GiB, or a file system that reads in pieces.
                Ok(read) => {
                    offset += read as u64;
                    rest = behind(rest, read as u64);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EFAULT) => return Err(DAMAGED),
                Err(error) => return Err(Reason::failed(b"the image cannot be read", error)),
            }
        }
    }
    Ok(())
}

/// What is left of places, each an address and a length, when so many bytes have been read into them.
fn behind(places: &mut [[u64; 2]], mut read: u64) -> &mut [[u64; 2]] {
    let mut full = 0;
    for [address, length] in &mut *places {
        let part = read.min(*length);
        (*address, *length, read) = (*address + part, *length - part, read - part);
        if *length > 0 {
            break;
        }
        full += 1;
    }
    &mut places[full..]
}

/// Makes the pages ready that this start is going to write to: with a call for several where there is such a thing (Linux
/// 5.14), else by touching each.
fn copy_written<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let written: &[Pages] = image.records(image.header.written)?;
    for (number, pages) in written.iter().enumerate() {
        match calls::populate(pages.address, pages.length) {
            Ok(()) => {}
            Err(error @ (Errno::EFAULT | Errno::EIO | Errno::ENOMEM | Errno::EHWPOISON)) => {
                return Err(Reason::failed(b"the image cannot be read", error));
            }
            Err(_) => return touch(image, &written[number..]),
        }
    }
    Ok(())
}

/// The same where the kernel has no call for it.
fn touch<'a>(image: &Image<'a>, written: &[Pages]) -> Result<(), Reason<'a>> {
    const NEEDED: u8 = calls::READ | calls::WRITE;
    let mappings: &[Mapping] = image.records(image.header.mappings)?;
    for Pages { address, length } in written {
        let end = address.saturating_add(*length);
        let holds = |mapping: &Mapping| {
            mapping.address <= *address
                && end <= mapping.address + mapping.length
                && mapping.protection & NEEDED == NEEDED
        };
        if !mappings.iter().any(holds) {
            return Err(DAMAGED);
        }
        for page in (*address..end).step_by(PAGE) {
            let byte = page as *mut u8;
            // SAFETY: in a mapping of the image's that allows it; nobody else runs yet, and the byte stays as it is.
            unsafe { byte.write_volatile(byte.read_volatile()) };
        }
    }
    Ok(())
}

/// Whether each load lies inside a mapping of the image that is not this program's.
fn inside<'a>(image: &Image<'a>, loads: &[Load]) -> Result<bool, Reason<'a>> {
    let mappings: &[Mapping] = image.records(image.header.mappings)?;
    let mut bases = mappings.iter().filter(|m| m.over == 0).peekable();
    for load in loads {
        let Some(end) = load.address.checked_add(load.length) else { return Ok(false) };
        // Both are in the order of addresses.
        while bases.peek().is_some_and(|base| base.address + base.length <= load.address) {
            bases.next();
        }
        let holds = |base: &&Mapping| base.address <= load.address && end <= base.address + base.length;
        if !bases.peek().is_some_and(holds) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_on_where_it_stopped() {
        let places = || [[0x1000, 8], [0x2000, 0], [0x3000, 8]];
        assert_eq!(behind(&mut places(), 0), places());
        assert_eq!(behind(&mut places(), 3), [[0x1003, 5], [0x2000, 0], [0x3000, 8]]);
        assert_eq!(behind(&mut places(), 8), [[0x3000, 8]]);
        assert_eq!(behind(&mut places(), 15), [[0x3007, 1]]);
        assert!(behind(&mut places(), 16).is_empty());
    }
}
