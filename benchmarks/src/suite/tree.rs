//! Directories: copied, removed, weighed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Removes a directory, if it is there.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Copies a directory, times of files included, without what is called one of `without`.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy(from: &Path, to: &Path, without: &[&str]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        if without.iter().any(|name| entry.file_name() == OsStr::new(name)) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target, without)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
            fs::File::options().write(true).open(&target)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

/// The files of a directory, at any depth, sorted.
///
/// # Errors
/// When a directory cannot be listed.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes of the files of a directory.
///
/// # Errors
/// When a directory cannot be listed.
pub fn bytes(folder: &Path) -> Result<u64> {
    Ok(files(folder)?.iter().filter_map(|file| file.symlink_metadata().ok()).map(|about| about.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_files_and_times_but_for_what_is_left_out() {
        let folder = std::env::temp_dir().join(format!("glowplug-bench-tree-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("a/left")).unwrap();
        fs::write(from.join("a/kept"), "12345").unwrap();
        fs::write(from.join("a/left/out"), "1").unwrap();
        copy(&from, &to, &["left"]).unwrap();
        assert_eq!(files(&to).unwrap(), [to.join("a/kept")]);
        assert_eq!((bytes(&to).unwrap(), bytes(&from).unwrap()), (5, 6));
        let time = |root: &Path| root.join("a/kept").metadata().unwrap().modified().unwrap();
        assert_eq!(time(&to), time(&from));
        remove(&folder).unwrap();
        remove(&folder).unwrap();
    }
}
