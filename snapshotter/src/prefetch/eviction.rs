//! Emptying the page cache of certain files, and asking what is in it.
//!
//! No privilege is needed. `POSIX_FADV_DONTNEED` drops pages that are clean and that nobody maps;
//! mincore(2) tells what is there, for files that are ours (for others it says "all", since Linux
//! 5.2). The kernel's read-ahead cannot be switched off for another process without privilege, so
//! what is found resident afterwards is a little more than what was asked for.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::recording::Recording;

/// Pages of this size are what mincore counts where the archive's are; only their number matters.
const PAGE: usize = glowplug_archive::header::PAGE;

/// Which files are out of the page cache.
#[derive(Debug, Default)]
pub struct Evicted {
    files: HashMap<PathBuf, bool>,
}

impl Evicted {
    /// Whether this file was evicted completely.
    pub fn holds(&self, path: &Path) -> bool {
        self.files.get(path).copied().unwrap_or(false)
    }

    /// How many files could not be evicted.
    pub fn refused(&self) -> usize {
        self.files.values().filter(|evicted| !**evicted).count()
    }
}

/// The files that a start of the target will read, as far as they are known.
pub fn candidates(recording: &Recording, archive: &Path) -> Vec<PathBuf> {
    let data = recording.data_files.iter().map(|f| &f.path);
    let extensions = recording.extensions.iter().map(|m| &m.path);
    let mut found: Vec<PathBuf> =
        recording.shared_libraries.iter().chain(extensions).chain(data).map(PathBuf::from).collect();
    found.push(archive.to_owned());
    found.sort();
    found.dedup();
    found
}

/// Drops the files from the page cache.
pub fn evict(paths: &[PathBuf]) -> Evicted {
    let one = |path: &PathBuf| (path.clone(), evict_one(path).unwrap_or(false));
    Evicted { files: paths.iter().map(one).collect() }
}

fn evict_one(path: &Path) -> std::io::Result<bool> {
    let file = File::open(path)?;
    // What was written a moment ago (a function's directory) must be on disk to be dropped.
    file.sync_data()?;
    // SAFETY: advice about an open file; no memory is involved.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    Ok(resident(&file)?.is_empty())
}

/// The ranges of a file that are in the page cache, as offset and length in bytes.
pub fn resident_ranges(path: &Path) -> std::io::Result<Vec<(u64, u64)>> {
    resident(&File::open(path)?)
}

fn resident(file: &File) -> std::io::Result<Vec<(u64, u64)>> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the map is never read, only asked about.
    let map = unsafe { Mmap::map(file) }?;
    let mut pages = vec![0_u8; map.len().div_ceil(PAGE)];
    // SAFETY: the map is as long as is said, and there is a byte for each of its pages (more where
    // pages are larger).
    let answer = unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), map.len(), pages.as_mut_ptr()) };
    if answer != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let page = page_size();
    let mut found: Vec<(u64, u64)> = Vec::new();
    for (start, _) in (0..length).step_by(page).zip(pages).filter(|(_, flags)| flags & 1 == 1) {
        let end = (start + page as u64).min(length);
        match found.last_mut() {
            Some((offset, held)) if *offset + *held == start => *held = end - *offset,
            _ => found.push((start, end - start)),
        }
    }
    Ok(found)
}

fn page_size() -> usize {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_is_resident_until_it_is_evicted() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a folder on a disk");
        let path = folder.path().join("file");
        std::fs::write(&path, vec![1; 100_000]).expect("written");
        assert_eq!(resident_ranges(&path).expect("asked"), [(0, 100_000)]);
        let evicted = evict(&[path.clone(), folder.path().join("none")]);
        assert_eq!(evicted.holds(&path), resident_ranges(&path).expect("asked").is_empty());
        assert!(!evicted.holds(&folder.path().join("none")));
    }

    #[test]
    fn an_empty_file_is_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "").expect("written");
        assert_eq!(resident_ranges(&path).expect("asked"), []);
    }
}
