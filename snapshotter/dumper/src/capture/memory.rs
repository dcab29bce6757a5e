//! The memory of a frozen copy: its areas, and the pages that have something in them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use glowplug_archive::header::PAGE;
use glowplug_archive::image::RESTORER;
use serde::Serialize;

use super::freeze::Copy;
use super::state::State;

const PAGE_BYTES: u64 = PAGE as u64;
/// Bits of an entry of `/proc/PID/pagemap` (the kernel's Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
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
    fn is_wanted(&self) -> bool {
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

/// Saves the pages of all areas that are wanted.
///
/// # Errors
/// What reading and writing give; areas that cannot be imaged.
pub fn save(copy: &Copy, _state: &State, out: File) -> io::Result<Vec<Area>> {
    let mut areas = areas(&copy.file("smaps"))?;
    areas.retain(Area::is_wanted);
    areas.iter().try_for_each(Area::check)?;
    let memory = File::open(copy.file("mem"))?;
    let pagemap = File::open(copy.file("pagemap"))?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let mut stored = 0;
    for area in &mut areas {
        save_area(area, &memory, &pagemap, &mut out, &mut stored).map_err(|e| {
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

fn entries(pagemap: &File, first: u64, count: u64) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; 8 * count as usize];
    pagemap.read_exact_at(&mut bytes, 8 * first)?;
    Ok(bytes.chunks_exact(8).map(|b| u64::from_ne_bytes(b.try_into().expect("eight bytes"))).collect())
}

/// The areas of a process, from its `smaps`.
fn areas(smaps: &Path) -> io::Result<Vec<Area>> {
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
