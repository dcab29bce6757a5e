//! The crash latch: a file in `/tmp` that says that a restore is under way. The restored process
//! takes the mark away when its first work is done; one that finds a mark of a process that is gone
//! starts from the code archive instead.
//!
//! A process holds a lock on the file for as long as it is in between (flock(2), which ends with the
//! process). Others that start meanwhile go on without a mark: changing a lock's kind is not atomic, so a
//! shared one would let a third start see the mark of a process that is alive and alone.

use syscalls::{Errno, Sysno, syscall};

use super::Reason;
use super::calls::File;
use super::descriptors::out_of_the_way;
use super::section::Image;
use crate::arena::Arena;
use crate::settings::Settings;

const O_RDWR: usize = 2;
const O_CREAT: usize = 0o100;
#[cfg(target_arch = "x86_64")]
const O_NOFOLLOW: usize = 0o400_000;
#[cfg(target_arch = "aarch64")]
const O_NOFOLLOW: usize = 0o100_000;
const LOCK_EX: usize = 2;
const LOCK_NB: usize = 4;
/// Numbers from here on are nobody's.
const OUT_OF_THE_WAY: usize = 200;

/// An armed latch.
#[derive(Debug, Clone, Copy)]
pub struct Latch(Option<File>);

/// Arms the latch. Where there can be none (a read-only `/tmp`), the start goes on without.
///
/// # Errors
/// Where the last restore on this machine crashed.
pub fn arm<'a>(
    image: &Image<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Result<Latch, Reason<'a>> {
    let name = image.bytes(image.header.latch)?;
    let Some(path) = arena.join(&[settings.temporary, b"/", name]) else { return Ok(Latch(None)) };
    let Ok(low) = File::open(path, O_RDWR | O_CREAT | O_NOFOLLOW) else { return Ok(Latch(None)) };
    let Ok(file) = out_of_the_way(image, low, OUT_OF_THE_WAY) else { return Ok(Latch(None)) };
    if lock(file, LOCK_EX).is_err() {
        // Another start is in between, and its mark stands for both.
        file.close();
        return Ok(Latch(None));
    }
    if file.size_and_time().is_ok_and(|(size, _)| size > 0) {
        file.close();
        return Err(Reason::new(
            b"the last start from it crashed (remove this file to try again): ",
            path.to_bytes(),
        ));
    }
    // SAFETY: the kernel reads one byte.
    let marked = unsafe { syscall!(Sysno::pwrite64, file.0, b"1".as_ptr(), 1, 0) };
    if marked.is_err() {
        file.close();
        return Ok(Latch(None));
    }
    Ok(Latch(Some(file)))
}

fn lock(file: File, kind: usize) -> Result<usize, Errno> {
    // SAFETY: no memory is involved.
    unsafe { syscall!(Sysno::flock, file.0, kind | LOCK_NB) }
}

impl Latch {
    /// The open file, for the process that goes on; -1: none.
    #[must_use]
    pub fn descriptor(self) -> i64 {
        self.0.map_or(-1, |file| i64::from(file.0))
    }

    /// The restore ends without a crash.
    pub fn disarm(self) {
        let Some(file) = self.0 else { return };
        // SAFETY: no memory is involved.
        let _ = unsafe { syscall!(Sysno::ftruncate, file.0, 0) };
        file.close();
    }
}
