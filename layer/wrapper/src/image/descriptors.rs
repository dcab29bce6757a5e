//! Open files that live wholly inside the process are made again at their numbers.

use glowplug_records::image::{Descriptor, EpollTarget, descriptor_kind as kind};
use syscalls::{Errno, Sysno, syscall};

use super::Reason;
use super::calls::File;
use super::section::Image;
use crate::process::Text;

// fcntl.h, sys/epoll.h, sys/socket.h: the same on x86-64 and 64-bit ARM.
const F_GETFD: usize = 1;
const F_SETFL: usize = 4;
const F_DUPFD_CLOEXEC: usize = 1030;
const O_CLOEXEC: usize = 0o2_000_000;
/// Also SOCK_NONBLOCK.
const O_NONBLOCK: usize = 0o4_000;
const AF_UNIX: usize = 1;
const EPOLL_CTL_ADD: usize = 1;
/// New files are out of the way of the numbers that are wanted.
const OUT_OF_THE_WAY: usize = 400;

/// Makes all of them.
///
/// # Errors
/// What cannot be made, after those that were made have been closed again.
pub fn make<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    // From here on only memory is needed of the archive, and its number may be one that is wanted.
    image.file.close();
    let wanted: &[Descriptor] = image.records(image.header.descriptors)?;
    for descriptor in wanted {
        for fd in numbers(descriptor) {
            // SAFETY: no memory is involved.
            if unsafe { syscall!(Sysno::fcntl, fd, F_GETFD) } != Err(Errno::EBADF) {
                return Err(Reason::new(b"a descriptor number that it needs is in use here", b""));
            }
        }
    }
    let made =
        wanted.iter().try_for_each(|descriptor| make_one(image, descriptor)).and_then(|()| watch(image));
    if made.is_err() {
        for fd in wanted.iter().flat_map(numbers) {
            File(fd).close();
        }
    }
    made
}

/// The one or two numbers that a record takes.
fn numbers(descriptor: &Descriptor) -> impl Iterator<Item = i32> + use<> {
    let pair = matches!(descriptor.kind, kind::PIPE | kind::SOCKET_PAIR);
    let peer = if pair { descriptor.peer } else { -1 };
    [descriptor.fd, peer].into_iter().filter(|fd| *fd >= 0)
}

fn make_one<'a>(image: &Image<'a>, descriptor: &Descriptor) -> Result<(), Reason<'a>> {
    let failed = |error| Reason::failed(b"an open file cannot be made again", error);
    // It does not block while it is filled: a user with many pipes gets smaller ones (pipe(7), pipe-user-pages-soft).
    let not_filled = |error| match error {
        Errno::EAGAIN => Reason::new(b"a pipe or socket pair cannot hold what it held", b""),
        error => failed(error),
    };
    let [on_exec, peer_on_exec] = [1, 2].map(|bit| descriptor.close_on_exec & bit != 0);
    let flags = descriptor.flags as usize;
    // SAFETY: the calls below are given numbers and zero-terminated texts only, and the pairs'
    // results are written to `ends`.
    let made = |call: Result<usize, Errno>| call.map(|fd| File(fd as i32));
    let mut ends = [-1_i32; 2];
    let file = match descriptor.kind {
        kind::FILE => {
            let (path, content) = (image.text(descriptor.path)?, image.bytes(descriptor.content)?);
            let file = match File::open(path, flags) {
                Err(_) if !content.is_empty() => in_memory(path, content),
                opened => opened,
            };
            let file = file.map_err(failed)?;
            // SAFETY: no memory is involved. A device may have no offset.
            let _ = unsafe { syscall!(Sysno::lseek, file.0, descriptor.number, 0) };
            file
        }
        // SAFETY: no memory is involved, here and in the next two.
        kind::EPOLL => made(unsafe { syscall!(Sysno::epoll_create1, O_CLOEXEC) }).map_err(failed)?,
        kind::EVENTFD => {
            // SAFETY: as above.
            made(unsafe { syscall!(Sysno::eventfd2, descriptor.number, flags | O_CLOEXEC) })
                .map_err(failed)?
        }
        kind::TIMERFD => {
            // SAFETY: as above.
            let file = made(unsafe { syscall!(Sysno::timerfd_create, descriptor.number, flags | O_CLOEXEC) });
            arm(file.map_err(failed)?, descriptor).map_err(failed)?
        }
        kind::MEMFD => {
            let (name, content) = (image.text(descriptor.path)?, image.bytes(descriptor.content)?);
            let file = in_memory(name, content).map_err(failed)?;
            // SAFETY: no memory is involved.
            let _ = unsafe { syscall!(Sysno::lseek, file.0, descriptor.number, 0) };
            file
        }
        kind::PIPE => {
            // SAFETY: the kernel writes two numbers.
            unsafe { syscall!(Sysno::pipe2, ends.as_mut_ptr(), O_CLOEXEC | O_NONBLOCK) }.map_err(failed)?;
            write_all(File(ends[1]), image.bytes(descriptor.content)?).map_err(not_filled)?;
            File(ends[0])
        }
        kind::SOCKET_PAIR => {
            let kind = descriptor.number as usize | O_CLOEXEC | O_NONBLOCK;
            // SAFETY: as for a pipe.
            unsafe { syscall!(Sysno::socketpair, AF_UNIX, kind, 0, ends.as_mut_ptr()) }.map_err(failed)?;
            write_all(File(ends[1]), image.bytes(descriptor.content)?).map_err(not_filled)?;
            write_all(File(ends[0]), image.bytes(descriptor.peer_content)?).map_err(not_filled)?;
            File(ends[0])
        }
        kind::SOCKET => {
            let (family, kind) = (descriptor.number >> 32, descriptor.number as u32 as usize | O_CLOEXEC);
            // SAFETY: as above.
            let file = made(unsafe { syscall!(Sysno::socket, family, kind, descriptor.timer[0]) })
                .map_err(failed)?;
            set_flags(file, descriptor.flags).map_err(failed)?;
            for option in image.bytes(descriptor.content)?.chunks_exact(12) {
                let word = |at: usize| {
                    i32::from_le_bytes([option[at], option[at + 1], option[at + 2], option[at + 3]])
                };
                // SAFETY: the kernel reads four bytes.
                unsafe { syscall!(Sysno::setsockopt, file.0, word(0), word(4), option[8..].as_ptr(), 4) }
                    .map_err(failed)?;
            }
            file
        }
        kind::DUPLICATE => {
            return duplicate(descriptor.peer, descriptor.fd, on_exec).map_err(failed);
        }
        _ => return Err(Reason::new(b"it has an open file of a kind that this version does not know", b"")),
    };
    if ends[1] >= 0 {
        let moved = [file, File(ends[1])].map(|end| out_of_the_way(image, end, OUT_OF_THE_WAY));
        let [file, peer] = [moved[0].map_err(failed)?, moved[1].map_err(failed)?];
        set_flags(file, descriptor.flags).map_err(failed)?;
        set_flags(peer, descriptor.peer_flags).map_err(failed)?;
        settle(file, descriptor.fd, on_exec).map_err(failed)?;
        return settle(peer, descriptor.peer, peer_on_exec).map_err(failed);
    }
    settle(out_of_the_way(image, file, OUT_OF_THE_WAY).map_err(failed)?, descriptor.fd, on_exec)
        .map_err(failed)
}

/// An anonymous file with some content.
fn in_memory(name: Text<'_>, content: &[u8]) -> Result<File, Errno> {
    // memfd_create(2) takes at most 249 bytes: of a path the end.
    let bytes = name.to_bytes();
    let end = bytes.len().saturating_sub(200);
    // SAFETY: the rest of a zero-terminated text; the kernel reads it.
    let file = File(unsafe { syscall!(Sysno::memfd_create, name.as_ptr().add(end), 1) }? as i32);
    write_all(file, content).map(|()| file)
}

/// Gives a file a number that the image does not want: from `first` on, or where the limit of open files (RLIMIT_NOFILE)
/// is lower than that, any.
///
/// # Errors
/// That of fcntl(2); the file is closed then too.
pub fn out_of_the_way(image: &Image<'_>, file: File, first: usize) -> Result<File, Errno> {
    let wanted: &[Descriptor] = image.records(image.header.descriptors).unwrap_or_default();
    let highest = wanted.iter().flat_map(numbers).max().unwrap_or(0);
    let free = highest.cast_unsigned() as usize + 1;
    // SAFETY: no memory is involved.
    let moved = |first: usize| unsafe { syscall!(Sysno::fcntl, file.0, F_DUPFD_CLOEXEC, first) };
    let moved = match moved(first.max(free)) {
        // Above the limit (fcntl(2)).
        Err(Errno::EINVAL) => moved(free).map_err(|e| if e == Errno::EINVAL { Errno::EMFILE } else { e }),
        moved => moved,
    };
    file.close();
    moved.map(|fd| File(fd as i32))
}

/// Gives a file its number; -1: that end was closed.
fn settle(file: File, number: i32, on_exec: bool) -> Result<(), Errno> {
    let done = if number < 0 { Ok(()) } else { duplicate(file.0, number, on_exec) };
    file.close();
    done
}

fn duplicate(from: i32, to: i32, on_exec: bool) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { syscall!(Sysno::dup3, from, to, if on_exec { O_CLOEXEC } else { 0 }) }.map(|_| ())
}

fn set_flags(file: File, flags: u32) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { syscall!(Sysno::fcntl, file.0, F_SETFL, flags) }.map(|_| ())
}

fn write_all(file: File, mut content: &[u8]) -> Result<(), Errno> {
    while !content.is_empty() {
        // SAFETY: the kernel reads what `content` covers.
        let written = unsafe { syscall!(Sysno::write, file.0, content.as_ptr(), content.len()) }?;
        content = content.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Sets a timer as it was, if it was armed.
fn arm(file: File, descriptor: &Descriptor) -> Result<File, Errno> {
    const SECOND: u64 = 1_000_000_000;
    let [value, interval, flags] = descriptor.timer;
    if value != 0 {
        // struct itimerspec: interval, value.
        let times = [interval / SECOND, interval % SECOND, value / SECOND, value % SECOND];
        // SAFETY: the kernel reads the record.
        unsafe { syscall!(Sysno::timerfd_settime, file.0, flags, times.as_ptr(), 0) }?;
    }
    Ok(file)
}

/// Has the epoll instances watch what they watched.
fn watch<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    for target in image.records::<EpollTarget>(image.header.epoll_targets)? {
        // struct epoll_event: packed on x86-64, 16 bytes elsewhere (sys/epoll.h).
        let (low, high) = (target.data as u32, (target.data >> 32) as u32);
        #[cfg(target_arch = "x86_64")]
        let event = [target.events, low, high, 0];
        #[cfg(not(target_arch = "x86_64"))]
        let event = [target.events, 0, low, high];
        // SAFETY: the kernel reads the record.
        unsafe { syscall!(Sysno::epoll_ctl, target.epoll, EPOLL_CTL_ADD, target.fd, event.as_ptr()) }
            .map_err(|error| Reason::failed(b"an epoll instance cannot watch what it watched", error))?;
    }
    Ok(())
}
