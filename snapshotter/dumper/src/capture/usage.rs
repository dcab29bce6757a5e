//! Which memory of this process is in use. To find that out must not use any itself: everything is
//! read into memory of its own that was not there before, and the heap stays as it is until the end.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use glowplug_archive::header::PAGE;

/// Entries of `/proc/self/pagemap` read at once.
const ENTRIES: usize = 1 << 16;
/// `/proc/self/maps` is at most so long: the most areas that a process may have, with paths of 150 bytes.
const TEXT: usize = 16 << 20;
/// Most ranges.
const RANGES: usize = 1 << 16;
/// A page is in memory (the kernel's Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;
/// It is a file's, or shared.
const OF_A_FILE: u64 = 1 << 61;

/// A piece of memory that is in use: address, length, and whether it is this process's own, not a file's.
pub type Used = (u64, u64, bool);

/// The memory that this works in.
struct Scratch {
    entries: [u64; ENTRIES],
    text: [u8; TEXT],
    ranges: [Used; RANGES],
}

/// The pages that are in memory, as ranges.
///
/// # Errors
/// What mapping and reading give.
pub fn touched() -> io::Result<Vec<Used>> {
    // SAFETY: new memory, at an address of the kernel's choice.
    let at = unsafe {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        libc::mmap(core::ptr::null_mut(), size_of::<Scratch>(), protection, flags, -1, 0)
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: large enough and aligned to a page; zero bytes are numbers; nobody else has it.
    let found = scan(unsafe { &mut *at.cast::<Scratch>() }).map(<[Used]>::to_vec);
    // SAFETY: mapped above, and the result is a copy.
    unsafe { libc::munmap(at, size_of::<Scratch>()) };
    found
}

fn scan(scratch: &mut Scratch) -> io::Result<&[Used]> {
    let Scratch { entries, text, ranges } = scratch;
    let maps = open(c"/proc/self/maps")?;
    let mut length = 0;
    loop {
        let read = read(&maps, &mut text[length..], None)?;
        length += read;
        if read == 0 || length == TEXT {
            break;
        }
    }
    let pagemap = open(c"/proc/self/pagemap")?;
    let mut count = 0_usize;
    for line in text[..length].split(|byte| *byte == b'\n') {
        let Some((start, end)) = bounds(line) else { continue };
        // [vsyscall] is the kernel's, and beyond what pagemap has.
        let mut page = start / PAGE as u64;
        let last = if start >> 63 == 1 { page } else { end / PAGE as u64 };
        while page < last {
            let wanted = ENTRIES.min((last - page) as usize);
            // SAFETY: any bytes are numbers.
            let bytes =
                unsafe { core::slice::from_raw_parts_mut(entries.as_mut_ptr().cast::<u8>(), 8 * wanted) };
            let got = read(&pagemap, bytes, Some(8 * page))? / 8;
            if got == 0 {
                break;
            }
            for (number, entry) in entries[..got].iter().enumerate() {
                if entry & PRESENT == 0 {
                    continue;
                }
                let (address, own) = ((page + number as u64) * PAGE as u64, entry & OF_A_FILE == 0);
                match count.checked_sub(1).map(|before| &mut ranges[before]) {
                    Some((start, length, same)) if *start + *length == address && *same == own => {
                        *length += PAGE as u64;
                    }
                    _ if count < RANGES => {
                        ranges[count] = (address, PAGE as u64, own);
                        count += 1;
                    }
                    _ => return Err(io::Error::other("memory in too many pieces")),
                }
            }
            page += got as u64;
        }
    }
    Ok(&ranges[..count])
}

/// `7f00-7f01 ...`
fn bounds(line: &[u8]) -> Option<(u64, u64)> {
    let range = core::str::from_utf8(line.split(|byte| *byte == b' ').next()?).ok()?;
    let (start, end) = range.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

fn open(path: &core::ffi::CStr) -> io::Result<OwnedFd> {
    // SAFETY: the path is zero-terminated.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

/// Reads at a place, or where the file stands.
fn read(file: &OwnedFd, buffer: &mut [u8], offset: Option<u64>) -> io::Result<usize> {
    let (file, to, length) = (file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the kernel writes at most `length` bytes.
    let read = unsafe {
        match offset {
            Some(offset) => libc::pread(file, to, length, offset.cast_signed()),
            None => libc::read(file, to, length),
        }
    };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}
