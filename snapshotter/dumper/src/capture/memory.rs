//! The memory of a frozen copy: its areas, and the pages that have something in them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use glowplug_archive::header::PAGE;
use glowplug_archive::image::RESTORER;
use serde::Serialize;

use super::freeze::Copy;

const PAGE_BYTES: u64 = PAGE as u64;
/// Bits of an entry of `/proc/PID/pagemap` (the kernel's Documentation/admin-guide/mm/pagemap.rst).
pub const PRESENT: u64 = 1 << 63;
pub const SWAPPED: u64 = 1 << 62;
/// How much is read at once.
const CHUNK_PAGES: u64 = 256;

/// A mapped area as proc_pid_smaps(5) tells it.
#[derive(Debug, Serialize)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// `rwxp`.
    pub permissions: String,
    /// Offset in the file.
    pub offset: u64,
    /// Inode of the file; 0: none.
    pub inode: u64,
    /// The file, or a name in brackets.
    pub path: String,
    /// `VmFlags`.
    pub flags: Vec<String>,
    /// What is stored: page number within the area, how many, and the number of the first in `pages.bin`.
    pub runs: Vec<[u64; 3]>,
    /// Pages that nobody may touch: number within the area, and how many.
    pub guards: Vec<[u64; 2]>,
}

impl Area {
    /// Not what the kernel makes anew, nor a restorer that restored this process itself.
    pub fn is_wanted(&self) -> bool {
        let special = ["[vvar]", "[vvar_vclock]", "[vsyscall]"];
        let is_restorer = RESTORER.start <= self.start && self.end <= RESTORER.end;
        !is_restorer && !special.contains(&self.path.as_str())
    }

    fn add_guard(&mut self, page: u64) {
        match self.guards.last_mut() {
            Some([start, length]) if *start + *length == page => *length += 1,
            _ => self.guards.push([page, 1]),
        }
    }

    /// Where the restorer is going to be, nothing can be restored.
    fn check(&self) -> io::Result<()> {
        if self.start < RESTORER.end && RESTORER.start < self.end {
            let (start, end, path) = (self.start, self.end, &self.path);
            return Err(io::Error::other(format!(
                "{path} lies at {start:x}-{end:x}, where the restorer has to be: this interpreter cannot be imaged"
            )));
        }
        Ok(())
    }
}

/// Saves the pages of all areas that are wanted. `stacks` are addresses in the threads' stacks.
///
/// # Errors
/// What reading and writing give; areas that cannot be imaged.
pub fn save(copy: &Copy, stacks: &[u64], out: File) -> io::Result<Vec<Area>> {
    let mut areas = areas(&copy.file("smaps"))?;
    areas.retain(Area::is_wanted);
    areas.iter().try_for_each(Area::check)?;
    let memory = File::open(copy.file("mem"))?;
    let pagemap = File::open(copy.file("pagemap"))?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let mut stored = 0;
    let code: Vec<Range<u64>> =
        areas.iter().filter(|area| area.permissions.contains('x')).map(|area| area.start..area.end).collect();
    for area in &mut areas {
        let is_stack = stacks.iter().any(|stack| (area.start..area.end).contains(stack));
        let signed = cfg!(target_arch = "aarch64") && is_stack;
        let code = if signed { &*code } else { &[] };
        save_area(area, &memory, &pagemap, code, &mut out, &mut stored).map_err(|e| {
            io::Error::new(e.kind(), format!("{:x}-{:x} {}: {e}", area.start, area.end, area.path))
        })?;
    }
    out.flush()?;
    Ok(areas)
}

fn save_area(
    area: &mut Area,
    memory: &File,
    pagemap: &File,
    code: &[Range<u64>],
    out: &mut BufWriter<File>,
    stored: &mut u64,
) -> io::Result<()> {
    let count = (area.end - area.start) / PAGE_BYTES;
    let mut bytes = vec![0; PAGE * CHUNK_PAGES as usize];
    let mut first = 0;
    while first < count {
        let pages = CHUNK_PAGES.min(count - first);
        let entries = entries(pagemap, area.start / PAGE_BYTES + first, pages)?;
        for (page, entry) in (first..).zip(entries) {
            // Of a file's pages also those are wanted that nobody has touched yet.
            if area.inode == 0 && entry & (PRESENT | SWAPPED) == 0 && !area.path.starts_with("[vdso") {
                continue;
            }
            let page_bytes = &mut bytes[..PAGE];
            match memory.read_exact_at(page_bytes, area.start + page * PAGE_BYTES) {
                Ok(()) => {}
                // Behind the end of the file, or memory that nobody may touch (MADV_GUARD_INSTALL, which glibc uses
                // for the stacks of threads from 2.42 on).
                Err(error) if error.raw_os_error() == Some(libc::EIO) => {
                    if area.inode == 0 {
                        area.add_guard(page);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            if page_bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            if !code.is_empty() {
                take_off_signatures(page_bytes, code);
            }
            out.write_all(page_bytes)?;
            match area.runs.last_mut() {
                Some([start, length, _]) if *start + *length == page => *length += 1,
                _ => area.runs.push([page, 1, *stored]),
            }
            *stored += 1;
        }
        first += pages;
    }
    Ok(())
}

/// Return addresses as they are without the signatures that 64-bit ARM processors put into their upper bits
/// (Arm Architecture Reference Manual, "Pointer authentication"). The key is the process's, and nobody may read it;
/// so the restored process goes on without, which the restorer sees to.
fn take_off_signatures(page: &mut [u8], code: &[Range<u64>]) {
    const ADDRESS: u64 = (1 << 48) - 1;
    // In the addresses of processes it is never set.
    const KERNEL: u64 = 1 << 55;
    for bytes in page.chunks_exact_mut(size_of::<u64>()) {
        let word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        let address = word & ADDRESS;
        if word != address && word & KERNEL == 0 && code.iter().any(|range| range.contains(&address)) {
            bytes.copy_from_slice(&address.to_le_bytes());
        }
    }
}

/// What a pagemap says of some pages, by their numbers.
///
/// # Errors
/// What reading gives.
pub fn entries(pagemap: &File, first: u64, count: u64) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; 8 * count as usize];
    pagemap.read_exact_at(&mut bytes, 8 * first)?;
    Ok(bytes.chunks_exact(8).map(|b| u64::from_ne_bytes(b.try_into().expect("eight bytes"))).collect())
}

/// The areas of a process, from its `smaps`.
///
/// # Errors
/// What reading gives.
pub fn areas(smaps: &Path) -> io::Result<Vec<Area>> {
    let mut found: Vec<Area> = Vec::new();
    for line in fs::read_to_string(smaps)?.lines() {
        if let Some(area) = parse_area(line) {
            found.push(area);
        } else if let Some(flags) = line.strip_prefix("VmFlags:")
            && let Some(area) = found.last_mut()
        {
            area.flags = flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    Ok(found)
}

/// `7f00-7f01 r-xp 00000000 08:01 1234    /usr/lib/x.so`
fn parse_area(line: &str) -> Option<Area> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = (address(start)?, address(end)?);
    let permissions = words.next()?.to_owned();
    let offset = address(words.next()?)?;
    let _device = words.next()?;
    let inode = words.next()?.parse().ok()?;
    let path = words.next().unwrap_or_default().trim_start().to_owned();
    Some(Area {
        start,
        end,
        permissions,
        offset,
        inode,
        path,
        flags: Vec::new(),
        runs: Vec::new(),
        guards: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_taken_off_addresses_of_code_alone() {
        let code = [0x40_0000..0x50_0000, 0xffff_8000_0000..0xffff_8001_0000];
        let words = |words: [u64; 6]| words.map(u64::to_le_bytes).concat();
        let mut page = words([
            0x0013_0000_0040_1234, // signed
            0x0040_ffff_8000_0010, // signed
            0x0000_0000_0040_1234, // not signed
            0x0013_0000_0060_1234, // of no code
            0x0093_0000_0040_1234, // the kernel's
            0xffff_ffff_ffff_ffff,
        ]);
        take_off_signatures(&mut page, &code);
        let expected = words([
            0x0000_0000_0040_1234,
            0x0000_ffff_8000_0010,
            0x0000_0000_0040_1234,
            0x0013_0000_0060_1234,
            0x0093_0000_0040_1234,
            0xffff_ffff_ffff_ffff,
        ]);
        assert_eq!(page, expected);
    }
}
