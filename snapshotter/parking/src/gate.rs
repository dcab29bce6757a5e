//! Where stopped threads wait, by raw futex(2): nothing of the C library is used, whose state the signal may have found
//! in the middle of a change.

use core::sync::atomic::{AtomicU32, Ordering};

use syscalls::{Sysno, syscall};

const WAIT: usize = 128;
const WAKE: usize = 129;

/// The round whose threads are to wait; 0: nobody is.
static CLOSED: AtomicU32 = AtomicU32::new(0);
/// How many threads have stopped, ever.
static ARRIVED: AtomicU32 = AtomicU32::new(0);
/// Number of the last round.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

/// Closes the gate: a new round.
pub fn close() {
    let round = ROUNDS.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
    CLOSED.store(round, Ordering::Release);
}

/// Opens it for all.
pub fn open() {
    CLOSED.store(0, Ordering::Release);
    wake(&CLOSED, i32::MAX as usize);
}

/// The round that is closed now.
pub fn round() -> u32 {
    CLOSED.load(Ordering::Acquire)
}

/// A thread has arrived and waits for the end of the round.
pub fn pass(round: u32) {
    ARRIVED.fetch_add(1, Ordering::Release);
    wake(&ARRIVED, 1);
    while round != 0 && CLOSED.load(Ordering::Acquire) == round {
        // SAFETY: the kernel reads the word.
        let _ = unsafe { syscall!(Sysno::futex, CLOSED.as_ptr(), WAIT, round, 0) };
    }
}

/// How many have arrived, for [`wait_for_more`].
pub fn arrived() -> u32 {
    ARRIVED.load(Ordering::Acquire)
}

/// Waits until more than `known` have arrived, for at most a millisecond.
pub fn wait_for_more(known: u32) {
    let timeout = [0_i64, 1_000_000];
    // SAFETY: the kernel reads the word and the time.
    let _ = unsafe { syscall!(Sysno::futex, ARRIVED.as_ptr(), WAIT, known, timeout.as_ptr()) };
}

fn wake(word: &AtomicU32, most: usize) {
    // SAFETY: no memory is read or written.
    let _ = unsafe { syscall!(Sysno::futex, word.as_ptr(), WAKE, most) };
}
