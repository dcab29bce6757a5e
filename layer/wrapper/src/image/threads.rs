//! The other threads: started before the process goes on, each where it waited in a system call.
//!
//! A thread's signal frame is on its own stack, in the image; the kernel takes it back as at the end of a signal's handler.
//! All are made before any of them goes on, as that may fail: then the command is started otherwise, and
//! execve(2) ends them.

use core::sync::atomic::{AtomicU32, Ordering};

use glowplug_records::threads::{CachedTid, Deadline, Thread};
use syscalls::{Sysno, syscall};

use super::Reason;
use super::kernel::register_sequences;
use super::section::Image;
use crate::arch;

/// CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD, _SYSVSEM, _SETTLS, _PARENT_SETTID, _CHILD_CLEARTID (clone(2)).
const FLAGS: usize = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x10_0000 | 0x20_0000;
/// Of a frame's stack, what is left alone below it: what a function may use without moving the stack pointer.
const RED_ZONE: u64 = 128;
const SIG_SETMASK: usize = 2;
const PR_SET_NAME: usize = 15;
const FUTEX_WAIT_PRIVATE: usize = 128;
const FUTEX_WAKE_PRIVATE: usize = 129;
const SECOND: i128 = 1_000_000_000;

/// 1 when the threads may go on.
static GATE: AtomicU32 = AtomicU32::new(0);

/// What a new thread needs.
struct Start<'a> {
    thread: Thread,
    /// The set of processors, where it is not the process's.
    processors: &'a [u8],
}

/// Makes all of them. They wait.
///
/// # Errors
/// What is damaged; that there can be no more threads.
pub fn make<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let threads: &[Thread] = image.records(image.header.threads)?;
    let tids: &[CachedTid] = image.records(image.header.cached_tids)?;
    let deadlines: &[Deadline] = image.records(image.header.deadlines)?;
    let is_sound = |thread: &Thread| {
        let words = [thread.tid_word, thread.tid_address];
        thread.frame.is_multiple_of(8)
            && thread.frame != 0
            && words.iter().all(|at| at.is_multiple_of(4) && *at != 0)
    };
    if !threads.iter().all(is_sound) || tids.iter().any(|tid| tid.thread as usize > threads.len()) {
        return Err(Reason::new(b"the image's threads are damaged", b""));
    }
    // SAFETY: the addresses are of the image's memory, which is in place, and no thread uses it yet.
    unsafe { put_off(deadlines, image.header.clocks) };
    if !threads.is_empty() {
        start_all(image, threads)?;
    }
    for cached in tids {
        let number = match cached.thread.checked_sub(1).and_then(|number| threads.get(number as usize)) {
            // SAFETY: clone(2) has written the thread's number there.
            Some(thread) => unsafe { (thread.tid_word as *const u32).read() },
            // SAFETY: no memory is involved.
            None => unsafe { syscall!(Sysno::gettid) }.map_or(0, |tid| tid as u32),
        };
        // SAFETY: a word in the image's memory.
        unsafe { (cached.address as *mut u32).write_unaligned(number) };
    }
    Ok(())
}

fn start_all<'a>(image: &Image<'a>, threads: &[Thread]) -> Result<(), Reason<'a>> {
    // Until a thread is where it was, no handler is to run on it: each takes its own mask back then, and so does the main one.
    let before = block_signals(u64::MAX);
    for thread in threads {
        let start = Start { thread: *thread, processors: image.bytes(thread.processors)? };
        // It gets the name that this one has.
        // SAFETY: the name has a zero at its end. Stack and control block are the thread's own.
        let started = unsafe {
            let _ = syscall!(Sysno::prctl, PR_SET_NAME, thread.name.as_ptr());
            start_one(&start)
        };
        if let Err(error) = started {
            block_signals(before);
            return Err(Reason::failed(b"its threads cannot be started", error));
        }
    }
    Ok(())
}

/// Lets them go on.
pub fn release() {
    GATE.store(1, Ordering::Release);
    // SAFETY: no memory is read or written.
    let _ = unsafe { syscall!(Sysno::futex, GATE.as_ptr(), FUTEX_WAKE_PRIVATE, i32::MAX) };
}

/// # Safety
/// The thread's stack and control block are in place, and nobody runs on that stack.
unsafe fn start_one(start: &Start<'_>) -> Result<(), syscalls::Errno> {
    let thread = &start.thread;
    // Below its frame: what the handler had there is of no use any more.
    let place = (thread.frame - RED_ZONE - size_of::<Start<'_>>() as u64) & !15;
    // SAFETY: that memory is the thread's, and aligned. It stays as it is until the thread goes on.
    let made = unsafe {
        (place as *mut Start<'_>).write(Start { thread: *thread, processors: start.processors });
        arch::start_thread(FLAGS, place, thread.tid_word, thread.tid_address, thread.thread_pointer, begin)
    };
    if made < 0 { Err(syscalls::Errno::new(-made as i32)) } else { Ok(()) }
}

/// The new thread's first and only function of this program.
unsafe extern "C" fn begin(start: u64) -> ! {
    // SAFETY: written by `start_one`, above this function's frame.
    let Start { thread, processors } = unsafe { &*(start as *const Start<'_>) };
    // SAFETY: all of it is this thread's. What a filter of system calls denies is as for the main thread.
    unsafe {
        let [list, length] = thread.robust_list;
        let _ = syscall!(Sysno::set_robust_list, list, length);
        register_sequences(thread.rseq);
        if !processors.is_empty() {
            // Refused where this machine has none of them.
            let _ = syscall!(Sysno::sched_setaffinity, 0, processors.len(), processors.as_ptr());
        }
        while GATE.load(Ordering::Acquire) == 0 {
            let _ = syscall!(Sysno::futex, GATE.as_ptr(), FUTEX_WAIT_PRIVATE, 0, 0);
        }
        arch::return_from_signal(thread.frame)
    }
}

/// Waits last as long as they had left when the image was taken.
///
/// # Safety
/// Each deadline's address is that of a `struct timespec` in the image's memory.
unsafe fn put_off(deadlines: &[Deadline], taken: [u64; 2]) {
    let now = [0, 1].map(clock);
    for deadline in deadlines {
        let clock = usize::from(deadline.clock != 0);
        let time = deadline.address as *mut [i64; 2];
        // SAFETY: the caller's word.
        let [seconds, nanoseconds] = unsafe { time.read_unaligned() };
        let then = i128::from(seconds) * SECOND + i128::from(nanoseconds);
        let wanted = (then + i128::from(now[clock]) - i128::from(taken[clock])).max(0);
        let seconds = i64::try_from(wanted / SECOND).unwrap_or(i64::MAX);
        // SAFETY: as above.
        unsafe { time.write_unaligned([seconds, (wanted % SECOND) as i64]) };
    }
}

/// Sets the mask; returns what it was.
pub fn block_signals(mask: u64) -> u64 {
    let mut before = 0_u64;
    // SAFETY: the kernel reads and writes eight bytes.
    let _ = unsafe { syscall!(Sysno::rt_sigprocmask, SIG_SETMASK, &raw const mask, &raw mut before, 8) };
    before
}

/// What a clock says, in nanoseconds.
fn clock(number: usize) -> u64 {
    let mut time = [0_u64; 2];
    // SAFETY: the kernel writes a timespec.
    let _ = unsafe { syscall!(Sysno::clock_gettime, number, time.as_mut_ptr()) };
    time[0] * 1_000_000_000 + time[1]
}
