//! The threads of this process, as the kernel lists them, without any allocation.

use core::fmt::Write as _;

use syscalls::{Errno, Sysno, syscall};

use crate::restart::Seen;

const AT_FDCWD: isize = -100;
const O_CLOEXEC: usize = 0o2_000_000;
/// Bytes of directory entries read at once.
const LIST: usize = 4096;

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It runs, or is about to.
    Running,
    /// It waits in a system call.
    Waiting(Seen),
    /// Not to be found out, or it waits for something that is no system call.
    Unknown,
}

/// Number of the calling thread.
pub fn own() -> i32 {
    // SAFETY: no memory is involved.
    unsafe { syscall!(Sysno::gettid) }.map_or(0, |tid| tid as i32)
}

/// A path in `/proc/self/task`, with a zero behind it.
struct Path {
    bytes: [u8; 64],
    length: usize,
}

impl core::fmt::Write for Path {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        if end < self.bytes.len() { Ok(()) } else { Err(core::fmt::Error) }
    }
}

struct File(usize);

impl File {
    fn open(path: *const u8) -> Result<Self, Errno> {
        // SAFETY: the callers' paths are zero-terminated.
        unsafe { syscall!(Sysno::openat, AT_FDCWD, path, O_CLOEXEC) }.map(Self)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: no memory is involved.
        let _ = unsafe { syscall!(Sysno::close, self.0) };
    }
}

/// Calls `each` with every thread but the calling one.
///
/// # Errors
/// What reading the list gives; ENOENT where the calling thread is not in it.
pub fn others(mut each: impl FnMut(i32)) -> Result<(), Errno> {
    let file = File::open(c"/proc/self/task".as_ptr().cast())?;
    let own = own();
    let mut is_there = false;
    let mut entries = [0_u8; LIST];
    loop {
        // SAFETY: the kernel writes at most that many bytes.
        let length = unsafe { syscall!(Sysno::getdents64, file.0, entries.as_mut_ptr(), entries.len()) }?;
        if length == 0 {
            return if is_there { Ok(()) } else { Err(Errno::ENOENT) };
        }
        let mut rest = &entries[..length];
        // struct linux_dirent64: inode and offset (8 each), length of the entry (2), type (1), name.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, a, b, _, name @ ..] = rest {
            let tid = number(name);
            is_there |= tid == own;
            if tid > 0 && tid != own {
                each(tid);
            }
            rest = rest.get(usize::from(u16::from_ne_bytes([*a, *b])).max(1)..).unwrap_or_default();
        }
    }
}

/// A decimal number; 0 where it is none.
fn number(name: &[u8]) -> i32 {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_i32, |sum, digit| sum.wrapping_mul(10).wrapping_add(i32::from(*digit - b'0')))
}

/// What a thread is doing (proc_pid_syscall(5)). `None`: there is no such thread.
pub fn doing(tid: i32) -> Option<Doing> {
    let mut path = Path { bytes: [0; 64], length: 0 };
    let _ = write!(path, "/proc/self/task/{tid}/syscall");
    let file = match File::open(path.bytes.as_ptr()) {
        Ok(file) => file,
        Err(_) if is_there(tid) => return Some(Doing::Unknown),
        Err(_) => return None,
    };
    let mut text = [0_u8; 256];
    // SAFETY: the kernel writes at most that many bytes.
    match unsafe { syscall!(Sysno::read, file.0, text.as_mut_ptr(), text.len()) } {
        Ok(length) => Some(parse(&text[..length])),
        Err(Errno::ESRCH) => None,
        Err(_) => Some(Doing::Unknown),
    }
}

/// `running`, or `202 0x7f.. 0x80 0x0 0x0 0x0 0x0 0x7ffd.. 0x7f..`.
fn parse(text: &[u8]) -> Doing {
    if text.starts_with(b"running") {
        return Doing::Running;
    }
    let mut words = [0_u64; 9];
    let mut count = 0;
    let text = core::str::from_utf8(text).unwrap_or_default();
    for (word, place) in text.split_ascii_whitespace().zip(&mut words) {
        let parsed = match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        let Ok(parsed) = parsed else { return Doing::Unknown };
        *place = parsed;
        count += 1;
    }
    if count < words.len() {
        return Doing::Unknown;
    }
    let [number, a, b, c, d, e, f, stack_pointer, program_counter] = words;
    Doing::Waiting(Seen { number, arguments: [a, b, c, d, e, f], stack_pointer, program_counter })
}

/// Whether there is such a thread.
pub fn is_there(tid: i32) -> bool {
    send(tid, 0).is_ok()
}

/// Sends a thread of this process a signal (tgkill(2)).
///
/// # Errors
/// ESRCH where it has ended.
pub fn send(tid: i32, signal: usize) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe {
        let process = syscall!(Sysno::getpid)?;
        syscall!(Sysno::tgkill, process, tid, signal).map(|_| ())
    }
}
