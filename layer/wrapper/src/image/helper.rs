//! A second thread of this program's own, for work that two processors do in half the time.
//!
//! It is there only during [`beside`]: the restored process never sees it. Where there can be none (a limit, a filter of system
//! calls), the work is done without it.

use core::cell::UnsafeCell;
use core::ptr::null;
use core::sync::atomic::{AtomicU32, Ordering};

use syscalls::{Sysno, syscall};

use super::threads::block_signals;
use crate::arch;

/// CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD, _SYSVSEM, _PARENT_SETTID, _CHILD_CLEARTID (clone(2)).
const FLAGS: usize = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000 | 0x10_0000 | 0x20_0000;
const FUTEX_WAIT: usize = 0;
const STACK: usize = 64 << 10;

#[repr(align(16))]
struct Stack(UnsafeCell<[u8; STACK]>);
// SAFETY: only the helper uses it, and there is one at a time.
unsafe impl Sync for Stack {}

static HELPERS: Stack = Stack(UnsafeCell::new([0; STACK]));
/// The helper's number as long as it is there: the kernel writes both that and the zero.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// What the helper does, and with what.
struct Task<W> {
    act: fn(&W),
    work: *const W,
}

/// Calls `own`, and in another thread `other`, if there can be one; returns when both are done.
pub fn beside<W: Sync, R>(work: &W, other: fn(&W), own: impl FnOnce() -> R) -> R {
    let task = Task { act: other, work };
    // SAFETY: the task stays where it is until the helper has ended; it is waited for below, and nothing here unwinds.
    unsafe { start(&task) };
    let result = own();
    wait_for_end();
    result
}

/// # Safety
/// The task outlives the helper, and there is no other helper.
unsafe fn start<W: Sync>(task: &Task<W>) {
    // Whatever signal comes is the main thread's.
    let before = block_signals(u64::MAX);
    let top = HELPERS.0.get() as u64 + STACK as u64;
    let place = top - 64;
    let number = NUMBER.as_ptr() as u64;
    // SAFETY: inside the helper's stack, which nobody uses yet; this program has no thread pointer.
    unsafe {
        (place as *mut *const Task<W>).write(task);
        arch::start_thread(FLAGS, place, number, number, 0, begin::<W>);
    }
    block_signals(before);
}

/// The helper's first and only function.
unsafe extern "C" fn begin<W>(place: u64) -> ! {
    // SAFETY: written by `start`, and both outlive this thread.
    let (act, work) = unsafe {
        let task: *const Task<W> = *(place as *const *const Task<W>);
        ((*task).act, &*(*task).work)
    };
    act(work);
    loop {
        // SAFETY: ends this thread alone; the kernel then clears `NUMBER`.
        let _ = unsafe { syscall!(Sysno::exit, 0) };
    }
}

fn wait_for_end() {
    loop {
        let number = NUMBER.load(Ordering::Acquire);
        if number == 0 {
            return;
        }
        // Not a private one: so the kernel wakes it (kernel/fork.c, mm_release).
        // SAFETY: a word of this program's.
        let _ = unsafe { syscall!(Sysno::futex, NUMBER.as_ptr(), FUTEX_WAIT, number, null::<u8>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often `count` was called, and in which threads.
    struct Calls {
        count: AtomicU32,
        threads: [AtomicU32; 2],
    }

    fn count(calls: &Calls) {
        // SAFETY: no memory is involved.
        let thread = unsafe { syscall!(Sysno::gettid) }.unwrap_or(0) as u32;
        let number = calls.count.fetch_add(1, Ordering::SeqCst);
        calls.threads[number as usize].store(thread, Ordering::SeqCst);
    }

    #[test]
    fn both_have_ended_when_it_returns_and_were_two_threads() {
        for _ in 0..100 {
            let calls = Calls { count: AtomicU32::new(0), threads: [const { AtomicU32::new(0) }; 2] };
            let result = beside(&calls, count, || {
                count(&calls);
                7
            });
            let [one, other] = calls.threads.map(AtomicU32::into_inner);
            assert_eq!((result, calls.count.into_inner()), (7, 2));
            assert!(one != other && one != 0 && other != 0, "{one} {other}");
            assert_eq!(NUMBER.load(Ordering::SeqCst), 0);
        }
    }
}
