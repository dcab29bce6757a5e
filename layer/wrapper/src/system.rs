//! The system calls.

use core::ffi::c_int;
use core::ptr::NonNull;

use syscalls::{Errno, Sysno, syscall};

use crate::arena::Arena;
use crate::command::Command;
use crate::process::{Start, Text};
use crate::settings::Settings;

/// There is no such file.
pub const NO_ENTRY: Errno = Errno::ENOENT;
/// There is not enough memory.
pub const NO_MEMORY: Errno = Errno::ENOMEM;

// From the kernel's headers: uapi/linux/fcntl.h, uapi/asm-generic/fcntl.h, mman-common.h,
// unistd.h; the same on x86-64 and 64-bit ARM, but for O_DIRECTORY.
const AT_FDCWD: isize = -100;
const O_CLOEXEC: usize = 0o2_000_000;
#[cfg(target_arch = "x86_64")]
const O_DIRECTORY: usize = 0o200_000;
#[cfg(target_arch = "aarch64")]
const O_DIRECTORY: usize = 0o40_000;
const PROT_READ_WRITE: usize = 3;
const MAP_PRIVATE_ANONYMOUS: usize = 0x22;
const R_OK: usize = 4;

/// Ends the process.
pub fn exit(status: c_int) -> ! {
    loop {
        // SAFETY: ends every thread, with nothing left to be tidied up.
        let _ = unsafe { syscall!(Sysno::exit_group, status) };
    }
}

/// Writes to stderr. A closed one is no error.
pub fn write_error(line: &[u8]) {
    // SAFETY: the kernel reads what `line` covers.
    let _ = unsafe { syscall!(Sysno::write, 2, line.as_ptr(), line.len()) };
}

/// Fresh memory of `length` bytes, all zero.
#[must_use]
pub fn map_memory(length: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let mapped =
        unsafe { syscall!(Sysno::mmap, 0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1_isize, 0) };
    NonNull::new(mapped.ok()? as *mut u8)
}

/// Whether this process may read a file.
#[must_use]
pub fn is_readable(file: Text<'_>) -> bool {
    // SAFETY: the kernel reads the path.
    unsafe { syscall!(Sysno::faccessat, AT_FDCWD, file.as_ptr(), R_OK) }.is_ok()
}

/// An open file, closed when dropped.
struct File(usize);

impl File {
    fn open(path: Text<'_>, flags: usize) -> Result<Self, Errno> {
        // SAFETY: the kernel reads the path.
        unsafe { syscall!(Sysno::openat, AT_FDCWD, path.as_ptr(), flags | O_CLOEXEC) }.map(Self)
    }

    /// Fills `buffer` by `call`: read(2) or getdents64(2).
    fn fill(&self, call: Sysno, buffer: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the kernel writes at most `buffer.len()` bytes.
        unsafe { syscall!(call, self.0, buffer.as_mut_ptr(), buffer.len()) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        let _ = unsafe { syscall!(Sysno::close, self.0) };
    }
}

/// The first bytes of a file, as many as `buffer` takes and one read gives.
///
/// # Errors
/// That of open(2) or read(2).
pub fn read_start<'b>(file: Text<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let length = File::open(file, 0)?.fill(Sysno::read, buffer)?;
    Ok(&buffer[..length])
}

/// Calls `each` with the names in a folder, until it answers `None`.
///
/// # Errors
/// That of open(2) or getdents64(2).
pub fn list_folder(folder: Text<'_>, mut each: impl FnMut(&[u8]) -> Option<()>) -> Result<(), Errno> {
    // linux_dirent64 (getdents64(2)): u64 inode, u64 offset, u16 length, u8 type, name, zero.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let file = File::open(folder, O_DIRECTORY)?;
    let mut buffer = [0; 8192];
    loop {
        let filled = file.fill(Sysno::getdents64, &mut buffer)?;
        if filled == 0 {
            return Ok(());
        }
        let mut left = &buffer[..filled];
        while left.len() > NAME {
            let length = usize::from(u16::from_ne_bytes([left[LENGTH], left[LENGTH + 1]]));
            let Some((entry, rest)) = left.split_at_checked(length.max(NAME)) else { break };
            let name = entry[NAME..].split(|byte| *byte == 0).next().unwrap_or_default();
            if each(name).is_none() {
                return Ok(());
            }
            left = rest;
        }
    }
}

/// Replaces this process; says why that failed.
pub fn execute<'a>(command: &Command<'a>, settings: &Settings<'a>, arena: &mut Arena<'a>) -> Errno {
    execute_found(command.program, command.arguments.as_ptr().cast(), settings, arena)
}

/// Replaces this process by the command that it was given; says why that failed.
pub fn execute_as_given<'a>(start: &Start<'a>, settings: &Settings<'a>, arena: &mut Arena<'a>) -> Errno {
    let given = &start.arguments()[1..];
    // The kernel's list of arguments has a null at its end.
    given.first().map_or(NO_ENTRY, |program| execute_found(*program, given.as_ptr().cast(), settings, arena))
}

/// As execvp(3): a program without a slash is looked for in `PATH`.
fn execute_found<'a>(
    program: Text<'a>,
    arguments: *const *const u8,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Errno {
    let execute = |path: Text<'_>| {
        // SAFETY: `arguments` ends with a null, and so does the environment, which is the kernel's.
        let done =
            unsafe { syscall!(Sysno::execve, path.as_ptr(), arguments, settings.environment.as_ptr()) };
        done.err().unwrap_or(NO_ENTRY)
    };
    let name = program.to_bytes();
    if name.contains(&b'/') {
        return execute(program);
    }
    let mut failed = NO_ENTRY;
    for folder in settings.path.split(|byte| *byte == b':') {
        let folder = if folder.is_empty() { &b"."[..] } else { folder };
        let Some(path) = arena.join(&[folder, b"/", name]) else { return NO_MEMORY };
        match execute(path) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            Errno::EACCES => failed = Errno::EACCES,
            error => return error,
        }
    }
    failed
}

/// The error in words, where it is one that is to be expected.
#[must_use]
pub const fn describe(error: Errno) -> &'static [u8] {
    match error {
        Errno::ENOENT => b"no such file",
        Errno::EACCES => b"permission denied",
        Errno::ENOEXEC => b"not an executable for this machine",
        Errno::ENOTDIR => b"not a directory",
        Errno::ENOMEM => b"no memory",
        Errno::E2BIG => b"too many arguments",
        _ => b"cannot be executed or read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_many_names_is_listed_whole() {
        let folder = std::env::temp_dir().join(format!("glowplug-wrapper-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("made");
        for number in 0..500 {
            std::fs::write(folder.join(format!("a-rather-long-name-{number}")), "").expect("written");
        }
        let path = std::ffi::CString::new(folder.to_str().expect("text")).expect("no zero");
        let mut seen = 0;
        let listed = list_folder(path.as_c_str().into(), |name| {
            seen += usize::from(name.starts_with(b"a-rather-long-name-"));
            Some(())
        });
        std::fs::remove_dir_all(&folder).expect("removed");
        assert_eq!((listed, seen), (Ok(()), 500));
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert_eq!(list_folder(c"/no/such/folder".into(), |_| Some(())), Err(NO_ENTRY));
    }
}
