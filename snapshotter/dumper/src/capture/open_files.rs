//! The open files and how much is in them: whether other threads have changed that since they were described.
//!
//! Asked for while threads are stopped too, so nothing is allocated.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;

/// Bytes of a directory's entries, of a link and of a file in `/proc/self/fdinfo` that are looked at.
const LENGTH: usize = 4096;

/// What a description of the open files says.
#[derive(Debug)]
pub struct Described {
    /// [`digest`] before they were described.
    pub digest: u64,
    /// Descriptors of pipes and stream sockets, and how many bytes can be read there.
    pub readable: Vec<(i32, i32)>,
    /// Descriptors of eventfds, and their counts.
    pub counts: Vec<(i32, u64)>,
}

impl Described {
    /// Whether it is so.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.digest == digest()
            && self.readable.iter().all(|(fd, length)| readable(*fd) == *length)
            && self.counts.iter().all(|(fd, wanted)| count(*fd) == Some(*wanted))
    }
}

/// How many bytes can be read (ioctl(2), FIONREAD).
fn readable(fd: i32) -> i32 {
    let mut waiting = 0_i32;
    // SAFETY: the kernel writes a number.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut waiting) };
    waiting
}

/// The count of an eventfd (proc_pid_fdinfo(5)).
fn count(fd: i32) -> Option<u64> {
    let mut content = [0_u8; LENGTH];
    let line = information(fd, &mut content).find_map(|line| line.strip_prefix(b"eventfd-count:"))?;
    u64::from_str_radix(core::str::from_utf8(line).ok()?.trim(), 16).ok()
}

/// The lines of a descriptor's file in `/proc/self/fdinfo`.
fn information(fd: i32, content: &mut [u8; LENGTH]) -> impl Iterator<Item = &[u8]> {
    let file = open(path("fdinfo", fd).as_ptr().cast());
    // SAFETY: the kernel writes at most that many bytes.
    let length = unsafe { libc::read(file, content.as_mut_ptr().cast(), LENGTH) };
    // SAFETY: opened above, or -1.
    unsafe { libc::close(file) };
    content[..usize::try_from(length).unwrap_or(0)].split(|byte| *byte == b'\n')
}

/// What kind of file each descriptor is of, and what `/proc/self/fdinfo` says of it; of pipes and sockets also how much can be read.
#[must_use]
pub fn digest() -> u64 {
    let mut hasher = DefaultHasher::new();
    let list = open(c"/proc/self/fd".as_ptr());
    let mut entries = [0_u8; LENGTH];
    loop {
        // SAFETY: the kernel writes at most that many bytes.
        let length = unsafe { libc::syscall(libc::SYS_getdents64, list, entries.as_mut_ptr(), LENGTH) };
        let Ok(length @ 1..) = usize::try_from(length) else { break };
        let mut rest = &entries[..length.min(LENGTH)];
        // struct linux_dirent64: inode and offset (8 each), length of the entry (2), type (1), name.
        while rest.len() > 19 {
            let size = usize::from(u16::from_ne_bytes([rest[16], rest[17]])).clamp(1, rest.len());
            let digits = rest[19..].iter().take_while(|byte| byte.is_ascii_digit());
            let fd = digits.clone().fold(0_i32, |sum, digit| sum * 10 + i32::from(*digit - b'0'));
            if digits.count() > 0 && fd != list {
                add(&mut hasher, fd);
            }
            rest = &rest[size..];
        }
    }
    // SAFETY: opened above.
    unsafe { libc::close(list) };
    hasher.finish()
}

fn add(hasher: &mut DefaultHasher, fd: i32) {
    let mut content = [0_u8; LENGTH];
    hasher.write_i32(fd);
    let link = path("fd", fd);
    // SAFETY: a zero-terminated path.
    let length = unsafe { libc::readlink(link.as_ptr().cast(), content.as_mut_ptr().cast(), LENGTH) };
    let target = &content[..usize::try_from(length).unwrap_or(0)];
    hasher.write(target);
    // What is in the standard streams is read and written by others.
    if fd > 2 && (target.starts_with(b"pipe:") || target.starts_with(b"socket:")) {
        hasher.write_i32(readable(fd));
    }
    for line in information(fd, &mut content) {
        // The time that a timer has left goes by.
        if !line.starts_with(b"it_value") {
            hasher.write(line);
        }
    }
}

fn path(folder: &str, fd: i32) -> [u8; 64] {
    let mut path = [0; 64];
    // It fits.
    let _ = write!(&mut path[..63], "/proc/self/{folder}/{fd}");
    path
}

fn open(path: *const libc::c_char) -> i32 {
    // SAFETY: the callers' paths are zero-terminated.
    unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) }
}
