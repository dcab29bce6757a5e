//! A frozen copy of this process: a fork that sleeps where this thread called, so that its memory
//! can be read at leisure while this process goes on.

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
mod processor;

use std::io;

use glowplug_archive::image::Restored;

/// Where the frozen thread is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Place {
    /// The stack pointer.
    pub stack_pointer: u64,
    /// Where a restored process goes on.
    pub resume: u64,
    /// FS base, TPIDR_EL0.
    pub thread_pointer: u64,
}

/// What [`processor::freeze`] answers, in two registers.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Frozen {
    /// The copy's process number; a negative error; 0 in a restored process.
    process: i64,
    /// In a restored process what the restorer says, else null.
    restored: *const Restored,
}

/// In which process the call returned.
pub enum Outcome {
    /// In the one that called. The copy is killed when this is dropped.
    Taken(Copy, Place),
    /// In one that was restored from an image of the copy.
    Restored(*const Restored),
}

/// Freezes a copy of this process.
///
/// # Errors
/// That of clone(2).
pub fn freeze() -> io::Result<Outcome> {
    let mut place = Place::default();
    // SAFETY: `place` is this frame's, which both processes have. The copy runs nothing but its
    // sleep, so nothing here happens twice; the fork is the kernel's alone, no handlers run.
    let frozen = unsafe { processor::freeze(&raw mut place) };
    if !frozen.restored.is_null() {
        return Ok(Outcome::Restored(frozen.restored));
    }
    if frozen.process < 0 {
        let error = i32::try_from(-frozen.process).unwrap_or(libc::EAGAIN);
        return Err(io::Error::from_raw_os_error(error));
    }
    let process = i32::try_from(frozen.process).map_err(io::Error::other)?;
    Ok(Outcome::Taken(Copy { process }, place))
}

/// A sleeping copy of this process.
pub struct Copy {
    process: i32,
}

impl Copy {
    /// A file of the copy's folder in `/proc`.
    #[must_use]
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        format!("/proc/{}/{name}", self.process).into()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: a child of this process that nobody else waits for; no memory is involved.
        unsafe {
            libc::kill(self.process, libc::SIGKILL);
            libc::waitpid(self.process, core::ptr::null_mut(), 0);
        }
    }
}
