//! A cold page cache for exactly the files that a start reads.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What was evicted.
#[derive(Debug, Default, Serialize)]
pub struct Eviction {
    pub files: usize,
    pub bytes: u64,
    /// Bytes that stayed in the page cache (mincore(2)).
    pub left: u64,
    /// The files that they are of: running processes map them, or a file system has no disk. The
    /// largest part first.
    pub kept: Vec<Kept>,
}

/// A file that stayed in the page cache, or a part of it did.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub path: PathBuf,
    pub bytes: u64,
}

/// Takes these files out of the page cache, and looks what stayed.
pub fn evict(files: &BTreeSet<PathBuf>) -> Eviction {
    let mut done = Eviction::default();
    for path in files {
        let Ok(size) = evict_one(path) else { continue };
        done.files += 1;
        done.bytes += size;
    }
    // Asked when all have been evicted: one file's read-ahead cannot bring back another.
    for path in files {
        let bytes = resident(path).unwrap_or(0);
        if bytes > 0 {
            done.left += bytes;
            done.kept.push(Kept { path: path.clone(), bytes });
        }
    }
    done.kept.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    done
}

fn evict_one(path: &Path) -> std::io::Result<u64> {
    let file = File::open(path)?;
    // What is not on the disk yet is not dropped.
    file.sync_data()?;
    // SAFETY: an open descriptor; 0, 0 is the whole file.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    Ok(file.metadata()?.len())
}

/// Bytes of the file that are in the page cache.
fn resident(path: &Path) -> std::io::Result<u64> {
    const PAGE: usize = 4096;
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    if length == 0 {
        return Ok(0);
    }
    let mut pages = vec![0_u8; length.div_ceil(PAGE)];
    // SAFETY: a fresh mapping, unmapped again below; `pages` has a byte for each of its pages.
    let answered = unsafe {
        let map =
            libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        if map == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let answered = libc::mincore(map, length, pages.as_mut_ptr());
        libc::munmap(map, length);
        answered
    };
    let there = pages.iter().filter(|page| *page & 1 == 1).count();
    Ok(if answered == 0 { (there * PAGE) as u64 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_by_a_process_is_named() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a folder on a disk");
        let (free, mapped) = (folder.path().join("free"), folder.path().join("mapped"));
        for path in [&free, &mapped] {
            std::fs::write(path, vec![1; 8192]).expect("written");
        }
        let file = File::open(&mapped).expect("opened");
        file.sync_all().expect("on the disk");
        // SAFETY: the file is not changed while it is mapped.
        let map = unsafe { memmap2::MmapOptions::new().populate().map(&file) }.expect("mapped");
        let done = evict(&BTreeSet::from([free, mapped.clone(), folder.path().join("none")]));
        assert_eq!((done.files, done.bytes), (2, 16384));
        assert_eq!(done.kept, [Kept { path: mapped, bytes: 8192 }]);
        drop(map);
    }
}
