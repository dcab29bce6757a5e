//! Which files are opened below certain directories while a function is started, by inotify(7): it
//! needs no privilege, and what is started does not notice.
//!
//! What other processes open there at the same time is seen too.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The watch; it ends with [`Watch::end`].
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<PathBuf>>,
}

impl Watch {
    /// Watches these directories and all below.
    pub fn begin(folders: &[PathBuf]) -> Result<Self> {
        // SAFETY: no preconditions; the descriptor is owned by the file from here on.
        let events = unsafe {
            let descriptor = libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC);
            if descriptor < 0 {
                return Err(std::io::Error::last_os_error()).context("inotify");
            }
            File::from_raw_fd(descriptor)
        };
        let mut watched = HashMap::new();
        for folder in folders {
            watch(&events, folder, &mut watched).with_context(|| {
                format!("inotify: {} (fs.inotify.max_user_watches limits it)", folder.display())
            })?;
        }
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let thread = std::thread::spawn(move || follow(events, &watched, &flag));
        Ok(Self { over, thread })
    }

    /// The files that were opened.
    pub fn end(self) -> BTreeSet<PathBuf> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn watch(events: &File, folder: &Path, watched: &mut HashMap<i32, PathBuf>) -> std::io::Result<()> {
    let name = CString::new(folder.as_os_str().as_bytes())?;
    let mask = libc::IN_OPEN | libc::IN_ONLYDIR | libc::IN_DONT_FOLLOW;
    // SAFETY: an inotify descriptor and a C string.
    let number = unsafe { libc::inotify_add_watch(events.as_raw_fd(), name.as_ptr(), mask) };
    if number < 0 {
        let error = std::io::Error::last_os_error();
        // A directory that is gone, or not ours to read, holds nothing that a start opens.
        let harmless = [libc::ENOENT, libc::ENOTDIR, libc::EACCES];
        return if error.raw_os_error().is_some_and(|code| harmless.contains(&code)) {
            Ok(())
        } else {
            Err(error)
        };
    }
    watched.insert(number, folder.to_owned());
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            watch(events, &entry.path(), watched)?;
        }
    }
    Ok(())
}

/// Collects until it is over and nothing is left to be read.
fn follow(mut events: File, watched: &HashMap<i32, PathBuf>, over: &AtomicBool) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        // Looked at before reading, so that what came before the end is read.
        let last = over.load(Ordering::Relaxed);
        while let Ok(length @ 1..) = events.read(&mut buffer) {
            let mut rest = &buffer[..length];
            while let Some((watch, mask, name, next)) = event(rest) {
                if mask & libc::IN_ISDIR == 0
                    && let Some(folder) = watched.get(&watch)
                {
                    found.insert(folder.join(OsStr::from_bytes(name)));
                }
                rest = next;
            }
        }
        if last {
            return found;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The first event of a buffer: watch, mask, name, and what follows it (inotify(7), `struct
/// inotify_event`: four 32-bit numbers and the name, filled up with zeros).
fn event(bytes: &[u8]) -> Option<(i32, u32, &[u8], &[u8])> {
    let number = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (watch, mask, length) = (number(0)?, number(4)?, number(12)? as usize);
    let name = bytes.get(16..16 + length)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(length);
    Some((watch.cast_signed(), mask, &name[..end], &bytes[16 + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_opened_are_seen_and_others_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("made");
        for name in ["opened", "left"] {
            std::fs::write(deep.join(name), "x").expect("written");
        }
        let watch = Watch::begin(&[folder.path().to_owned()]).expect("inotify");
        std::fs::read(deep.join("opened")).expect("read");
        assert_eq!(watch.end(), BTreeSet::from([deep.join("opened")]));
    }
}
