//! A cold page cache: evicting exactly the files that a start reads, and checking that they are gone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use memmap2::Mmap;

/// Files that starts open or map.
#[derive(Debug, Default)]
pub struct FileSet {
    files: Vec<PathBuf>,
}

/// What was evicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Eviction {
    /// Pages of all the files.
    pub pages: usize,
    /// Pages that are resident all the same: other processes have them mapped (libc, mostly).
    pub left: usize,
}

impl FileSet {
    /// Adds files, each once; what is not a regular file is left out.
    pub fn add(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        let kernel = ["/proc", "/sys", "/dev"];
        let regular = |f: &PathBuf| {
            f.is_absolute() && f.is_file() && !kernel.iter().any(|folder| f.starts_with(folder))
        };
        self.files.extend(files.into_iter().filter_map(|f| f.canonicalize().ok()).filter(regular));
        self.files.sort_unstable();
        self.files.dedup();
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes the files out of the page cache by `POSIX_FADV_DONTNEED` (posix_fadvise(2)): clean
    /// pages that nobody has mapped. Dirty ones are written first.
    ///
    /// # Errors
    /// When a file cannot be opened or asked about.
    pub fn evict(&self) -> Result<Eviction> {
        let mut eviction = Eviction::default();
        for path in &self.files {
            let (pages, left) = evict(path).with_context(|| format!("evicting {}", path.display()))?;
            eviction.pages += pages;
            eviction.left += left;
        }
        Ok(eviction)
    }
}

/// Drops the whole machine's page cache, inodes and directory entries (proc_sys_vm(5)).
///
/// # Errors
/// When not permitted: it needs root.
pub fn drop_everything() -> Result<()> {
    // SAFETY: sync(2) takes nothing and cannot fail.
    unsafe { libc::sync() };
    let file = OpenOptions::new().write(true).open("/proc/sys/vm/drop_caches");
    file.and_then(|mut f| f.write_all(b"3")).context("dropping the machine's caches needs root")
}

/// Evicts one file. Returns its pages, and how many are still resident.
fn evict(path: &Path) -> Result<(usize, usize)> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok((0, 0));
    }
    file.sync_data()?;
    // SAFETY: the descriptor is open for the duration of the call; no pointers are passed.
    let error = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    if error != 0 {
        return Err(std::io::Error::from_raw_os_error(error).into());
    }
    let resident = resident(&file)?;
    Ok((resident.len(), resident.iter().filter(|&&r| r).count()))
}

/// Which pages of a file are in the page cache: mincore(2) on a mapping of it that is never touched.
fn resident(file: &File) -> Result<Vec<bool>> {
    // SAFETY: the mapping is only asked about, never read, so it does not matter if the file changes.
    let map = unsafe { Mmap::map(file) }?;
    let mut states = vec![0_u8; map.len().div_ceil(page_size())];
    // SAFETY: the range is that of a live mapping, and `states` has a byte for each of its pages.
    let result = unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), map.len(), states.as_mut_ptr()) };
    if result != 0 {
        return Err(std::io::Error::last_os_error()).context("mincore");
    }
    Ok(states.into_iter().map(|state| state & 1 != 0).collect())
}

fn page_size() -> usize {
    // SAFETY: sysconf takes no pointers.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file on a disk: files in memory (tmpfs) cannot be evicted.
    fn file(name: &str, pages: usize) -> PathBuf {
        let path = std::env::current_exe().unwrap().with_file_name(name);
        std::fs::write(&path, vec![1_u8; pages * page_size()]).unwrap();
        path
    }

    #[test]
    fn an_evicted_file_is_not_resident() {
        let path = file("page-cache-evicted", 10);
        assert!(resident(&File::open(&path).unwrap()).unwrap().iter().all(|&r| r));
        assert_eq!(evict(&path).unwrap(), (10, 0));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_is_counted_once_and_a_device_never() {
        let path = file("page-cache-counted", 1);
        let mut files = FileSet::default();
        files.add([path.clone(), path.clone(), "/dev/null".into(), "/no/such".into(), "/".into()]);
        assert_eq!(files.len(), 1);
        assert_eq!(files.evict().unwrap(), Eviction { pages: 1, left: 0 });
        std::fs::remove_file(path).unwrap();
    }
}
