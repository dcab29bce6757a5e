//! The system calls of a restore.

use syscalls::{Errno, Sysno, syscall};

use crate::process::Text;

const AT_FDCWD: isize = -100;
const NO_FILE: isize = -1;
const O_CLOEXEC: usize = 0o2_000_000;
// mman.h; the same on x86-64 and 64-bit ARM.
const MAP_PRIVATE: usize = 0x02;
const MAP_FIXED: usize = 0x10;
const MAP_ANONYMOUS: usize = 0x20;
const MAP_NORESERVE: usize = 0x4000;
const MAP_FIXED_NOREPLACE: usize = 0x10_0000;
/// PROT_READ.
pub const READ: u8 = 1;
/// PROT_WRITE.
pub const WRITE: u8 = 2;
/// PROT_EXEC.
pub const EXECUTE: u8 = 4;

/// MADV_RANDOM and POSIX_FADV_RANDOM.
pub const RANDOM: usize = 1;

/// CLOCK_MONOTONIC in nanoseconds.
#[must_use]
pub fn now() -> u64 {
    let mut time = [0_u64; 2];
    // SAFETY: the kernel writes a timespec.
    let _ = unsafe { syscall!(Sysno::clock_gettime, 1, time.as_mut_ptr()) };
    time[0] * 1_000_000_000 + time[1]
}

/// What is known of a page of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// It is in the page cache; or the kernel cannot tell (before 4.14).
    Cached,
    /// It took so long to find that it may not have been: the kernel begins to read a page that is missing, and storage may have
    /// given it before the kernel looks again (mm/filemap.c, `filemap_get_pages`).
    Late,
    /// It was not, and is being read now.
    Missing,
}

/// An open file. It stays open unless it is closed: what executes next closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File(pub i32);

impl File {
    /// Opens a file by its zero-terminated path.
    ///
    /// # Errors
    /// That of open(2).
    pub fn open(path: Text<'_>, flags: usize) -> Result<Self, Errno> {
        // SAFETY: the kernel reads the path.
        unsafe { syscall!(Sysno::openat, AT_FDCWD, path.as_ptr(), flags | O_CLOEXEC, 0o600) }
            .map(|fd| Self(fd as i32))
    }

    /// Closes it.
    pub fn close(self) {
        // SAFETY: no memory is involved.
        let _ = unsafe { syscall!(Sysno::close, self.0) };
    }

    /// Has reads of this file and of its mappings bring nothing but what is asked for.
    pub fn read_nothing_ahead(self) {
        // SAFETY: no memory is involved.
        let _ = unsafe { syscall!(Sysno::fadvise64, self.0, 0, 0, RANDOM) };
    }

    /// Has reads of this file read ahead again.
    pub fn read_ahead_again(self) {
        const NORMAL: usize = 0;
        // SAFETY: no memory is involved.
        let _ = unsafe { syscall!(Sysno::fadvise64, self.0, 0, 0, NORMAL) };
    }

    /// Looks for pages in the page cache. What lies around them is not read because of that. `known` is a place in the file that was
    /// read a moment ago.
    pub fn look_for(self, known: u64, offsets: impl Iterator<Item = u64>, mut found: impl FnMut(Page)) {
        // To copy a byte takes a microsecond, on machines as they are, to have storage begin to read some twenty.
        const LONG: u64 = 10_000;
        self.read_nothing_ahead();
        // The shortest of three: another program may come in between.
        let usual = [(); 3].map(|()| self.timed(known).1).into_iter().min().unwrap_or(0);
        for offset in offsets {
            found(match self.timed(offset) {
                (false, _) => Page::Missing,
                (true, took) if took > LONG + 4 * usual => Page::Late,
                (true, _) => Page::Cached,
            });
        }
        self.read_ahead_again();
    }

    /// [`File::is_there`], and the nanoseconds that it took.
    fn timed(self, offset: u64) -> (bool, u64) {
        let begun = now();
        (self.is_there(offset), now().saturating_sub(begun))
    }

    /// Whether a page is in the page cache, or has come there in no time. Where the kernel cannot tell (before 4.14), it is taken to be.
    fn is_there(self, offset: u64) -> bool {
        const RWF_NOWAIT: usize = 8;
        let mut byte = 0_u8;
        let place = [&raw mut byte as u64, 1];
        // SAFETY: the kernel writes one byte to `byte`.
        let read = unsafe { syscall!(Sysno::preadv2, self.0, place.as_ptr(), 1, offset, 0, RWF_NOWAIT) };
        read != Err(Errno::EAGAIN)
    }

    /// Begins to read pages into the page cache. The kernel may cut what is asked for at once (mm/readahead.c,
    /// force_page_cache_ra), so it is asked in pieces.
    pub fn read_ahead(self, offset: u64, length: u64) {
        const WILL_NEED: usize = 3;
        const PIECE: u64 = 1 << 20;
        let end = offset.saturating_add(length);
        for at in (offset..end).step_by(PIECE as usize) {
            // SAFETY: no memory is involved.
            let _ = unsafe { syscall!(Sysno::fadvise64, self.0, at, PIECE.min(end - at), WILL_NEED) };
        }
    }

    /// Reads at a place, as much as there is up to the buffer's length.
    ///
    /// # Errors
    /// That of pread(2).
    pub fn read_at(self, buffer: &mut [u8], offset: u64) -> Result<&mut [u8], Errno> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            // SAFETY: the kernel writes at most `rest.len()` bytes.
            let got = unsafe {
                syscall!(Sysno::pread64, self.0, rest.as_mut_ptr(), rest.len(), offset + filled as u64)
            };
            match got {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&mut buffer[..filled])
    }

    /// Size in bytes and modification time in nanoseconds since 1970.
    ///
    /// # Errors
    /// That of fstat(2).
    pub fn size_and_time(self) -> Result<(u64, u64), Errno> {
        // struct stat is 144 bytes on x86-64 and 128 on 64-bit ARM; size and time stand at the same
        // places (asm/stat.h, asm-generic/stat.h).
        let mut stat = [0_u64; 18];
        // SAFETY: the kernel writes a struct stat.
        unsafe { syscall!(Sysno::fstat, self.0, stat.as_mut_ptr()) }?;
        Ok((stat[6], stat[11].wrapping_mul(1_000_000_000).wrapping_add(stat[12])))
    }

    /// Reads one run of bytes into several places: as much as the kernel gives at once.
    ///
    /// # Errors
    /// That of preadv(2).
    ///
    /// # Safety
    /// Each of `places`, address and length, is writable memory that nobody refers to.
    pub unsafe fn read_into(self, places: &[[u64; 2]], offset: u64) -> Result<usize, Errno> {
        // SAFETY: the caller's word. Both halves of the offset: the second is ignored on 64 bits.
        unsafe { syscall!(Sysno::preadv, self.0, places.as_ptr(), places.len(), offset, 0) }
    }
}

/// Maps a file's pages read-only, wherever there is room.
///
/// # Errors
/// That of mmap(2).
pub fn map_read_only(file: File, offset: u64, length: u64) -> Result<*const u8, Errno> {
    // SAFETY: a new mapping, at an address of the kernel's choice.
    unsafe { syscall!(Sysno::mmap, 0, length, READ, MAP_PRIVATE, file.0, offset) }.map(|at| at as *const u8)
}

/// Maps memory at a fixed address: anonymous, or of a file. Without `over` nothing may be there yet.
///
/// # Errors
/// That of mmap(2); EEXIST where something is there.
///
/// # Safety
/// With `over`, nobody refers to what is there.
pub unsafe fn map_at(
    address: u64,
    length: u64,
    protection: u8,
    file: Option<(File, u64)>,
    over: bool,
) -> Result<(), Errno> {
    let fixed = if over { MAP_FIXED } else { MAP_FIXED_NOREPLACE };
    let (flags, descriptor, offset) = match file {
        Some((file, offset)) => (0, file.0 as isize, offset),
        None => (MAP_ANONYMOUS, NO_FILE, 0),
    };
    let flags = MAP_PRIVATE | MAP_NORESERVE | fixed | flags;
    // SAFETY: the caller's word.
    let mapped = unsafe { syscall!(Sysno::mmap, address, length, protection, flags, descriptor, offset) }?;
    if mapped as u64 == address {
        return Ok(());
    }
    // A kernel before 4.17 takes the address for a hint.
    // SAFETY: just mapped, and nobody refers to it.
    let _ = unsafe { syscall!(Sysno::munmap, mapped, length) };
    Err(Errno::EEXIST)
}

/// Puts zeroed memory over what is at an address, with its pages there already (MAP_POPULATE), as far as the kernel can.
///
/// # Errors
/// That of mmap(2).
///
/// # Safety
/// Nobody refers to what is there.
pub unsafe fn map_ready(address: u64, length: u64, protection: u8) -> Result<(), Errno> {
    const MAP_POPULATE: usize = 0x8000;
    let flags = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED | MAP_ANONYMOUS | MAP_POPULATE;
    // SAFETY: the caller's word.
    unsafe { syscall!(Sysno::mmap, address, length, protection, flags, NO_FILE, 0) }.map(|_| ())
}

/// munmap(2).
///
/// # Safety
/// Nobody refers to the memory.
pub unsafe fn unmap(address: u64, length: u64) {
    // SAFETY: the caller's word.
    let _ = unsafe { syscall!(Sysno::munmap, address, length) };
}

/// mprotect(2).
///
/// # Errors
/// Its error.
///
/// # Safety
/// Nobody refers to the memory in a way that it no longer allows.
pub unsafe fn protect(address: u64, length: u64, protection: u8) -> Result<(), Errno> {
    // SAFETY: the caller's word.
    unsafe { syscall!(Sysno::mprotect, address, length, protection) }.map(|_| ())
}

/// madvise(2). Advice that the kernel does not know is not taken.
///
/// # Safety
/// The advice does not take memory away that somebody refers to.
pub unsafe fn advise(address: u64, length: u64, advice: usize) -> bool {
    // SAFETY: the caller's word.
    unsafe { syscall!(Sysno::madvise, address, length, advice) }.is_ok()
}

/// Has the kernel make pages ready to be written to (madvise(2), since Linux 5.14). What is in them stays.
///
/// # Errors
/// EINVAL where the kernel does not know how; else what a fault would have found.
pub fn populate(address: u64, length: u64) -> Result<(), Errno> {
    const MADV_POPULATE_WRITE: usize = 23;
    // SAFETY: takes no memory away, and changes nothing in it.
    unsafe { syscall!(Sysno::madvise, address, length, MADV_POPULATE_WRITE) }.map(|_| ())
}

/// Soft limit of a resource (getrlimit(2)); the highest number where there is none.
#[must_use]
pub fn limit(resource: usize) -> u64 {
    let mut limits = [u64::MAX; 2];
    // SAFETY: the kernel writes a struct rlimit.
    let _ = unsafe { syscall!(Sysno::prlimit64, 0, resource, 0, limits.as_mut_ptr()) };
    limits[0]
}

/// Replaces this process by `path`, with another name and the arguments that follow it. Returns where
/// that fails.
pub fn execute_again(path: *const u8, name: *const u8, arguments: &[Text<'_>], environment: &[Text<'_>]) {
    const MOST: usize = 1024;
    let mut list = [core::ptr::null(); MOST];
    if arguments.len() >= MOST {
        return;
    }
    list[0] = name;
    for (place, argument) in list[1..].iter_mut().zip(&arguments[1..]) {
        *place = argument.as_ptr().cast();
    }
    // SAFETY: all texts are zero-terminated; `list` ends with a null, and so does the kernel's
    // environment.
    let _ = unsafe { syscall!(Sysno::execve, path, list.as_ptr(), environment.as_ptr()) };
}
