//! A cold page cache for exactly the files that a start may read.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

/// What was evicted.
#[derive(Debug, Default, Serialize)]
pub struct Eviction {
    pub files: usize,
    pub bytes: u64,
    /// Bytes that stayed in the page cache: those mapped by running processes.
    pub left: u64,
}

/// Takes the files in these folders and below out of the page cache, and looks what stayed.
pub fn evict(folders: impl Iterator<Item = PathBuf>) -> Result<Eviction> {
    let mut files = BTreeSet::new();
    for folder in folders {
        collect(&folder.canonicalize()?, &mut files);
    }
    // SAFETY: no preconditions. Dirty pages are not evicted.
    unsafe { libc::sync() };
    let mut done = Eviction::default();
    for path in files {
        let Ok(file) = File::open(&path) else { continue };
        // SAFETY: an open descriptor; 0, 0 is the whole file.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        done.files += 1;
        done.bytes += file.metadata()?.len();
        done.left += resident(&file)?;
    }
    Ok(done)
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, files),
            Ok(kind) if kind.is_file() => drop(files.insert(path)),
            _ => {}
        }
    }
}

/// Bytes of the file that are in the page cache (mincore(2)).
fn resident(file: &File) -> Result<u64> {
    const PAGE: usize = 4096;
    let length = usize::try_from(file.metadata()?.len())?;
    if length == 0 {
        return Ok(0);
    }
    let mut pages = vec![0_u8; length.div_ceil(PAGE)];
    // SAFETY: a fresh mapping, unmapped again below; `pages` has a byte for each of its pages.
    let answered = unsafe {
        let map =
            libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        if map == libc::MAP_FAILED {
            return Ok(0);
        }
        let answered = libc::mincore(map, length, pages.as_mut_ptr());
        libc::munmap(map, length);
        answered
    };
    let there = pages.iter().filter(|page| *page & 1 == 1).count();
    Ok(if answered == 0 { (there * PAGE) as u64 } else { 0 })
}
