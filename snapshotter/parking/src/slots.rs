//! What is noted of the threads: a table that is there before any of them is stopped.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use crate::restart::Seen;

/// Most threads.
pub const MOST: usize = 1024;
/// Most bytes of a set of processors.
pub const PROCESSORS: usize = 128;

/// The thread was sent the signal.
pub const SENT: u32 = 1;
/// It waits.
pub const PARKED: u32 = 2;
/// It waits, but was found where it cannot go on from later.
pub const ELSEWHERE: u32 = 3;
/// It has ended.
pub const GONE: u32 = 4;

/// What a thread says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Notes {
    pub frame: u64,
    pub context: u64,
    pub thread_pointer: u64,
    pub second_base: u64,
    pub tid_address: u64,
    pub robust_list: [u64; 2],
    pub name: [u8; 16],
    pub processors: [u8; PROCESSORS],
    pub processors_length: usize,
}

impl Notes {
    pub const NONE: Self = Self {
        frame: 0,
        context: 0,
        thread_pointer: 0,
        second_base: 0,
        tid_address: 0,
        robust_list: [0; 2],
        name: [0; 16],
        processors: [0; PROCESSORS],
        processors_length: 0,
    };
}

pub struct Slot {
    /// Who restores an image of this process puts the thread's new number here.
    tid: AtomicI32,
    /// The number that it had when it was stopped.
    tid_then: AtomicI32,
    state: AtomicU32,
    /// Written before the signal is sent.
    seen: UnsafeCell<Option<Seen>>,
    /// Written by the thread before it is parked.
    notes: UnsafeCell<Notes>,
}

// SAFETY: what is not atomic is written by one thread before it stores `state` (Release), and read by another after it
// has loaded that (Acquire).
unsafe impl Sync for Slot {}

static SLOTS: [Slot; MOST] = [const {
    Slot {
        tid: AtomicI32::new(0),
        tid_then: AtomicI32::new(0),
        state: AtomicU32::new(0),
        seen: UnsafeCell::new(None),
        notes: UnsafeCell::new(Notes::NONE),
    }
}; MOST];
static USED: AtomicUsize = AtomicUsize::new(0);

impl Slot {
    pub fn tid(&self) -> i32 {
        self.tid.load(Ordering::Relaxed)
    }

    pub fn tid_then(&self) -> i32 {
        self.tid_then.load(Ordering::Relaxed)
    }

    /// Address of the number.
    pub fn tid_word(&self) -> u64 {
        self.tid.as_ptr() as u64
    }

    pub fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    pub fn set_state(&self, state: u32) {
        self.state.store(state, Ordering::Release);
    }

    /// What the thread was doing before the signal; for that thread, which was sent it afterwards.
    pub fn seen(&self) -> Option<Seen> {
        // SAFETY: written before the state that the caller has seen.
        unsafe { *self.seen.get() }
    }

    /// For the slot's thread, before it sets its state.
    pub fn note(&self, notes: Notes) {
        // SAFETY: only the slot's thread writes, and nobody reads before its state says so.
        unsafe { *self.notes.get() = notes };
    }

    /// Of a thread that is parked.
    pub fn notes(&self) -> Notes {
        // SAFETY: written before the state that the caller has seen.
        unsafe { *self.notes.get() }
    }
}

/// The slots in use.
pub fn used() -> &'static [Slot] {
    &SLOTS[..USED.load(Ordering::Acquire)]
}

/// The slot of a thread.
pub fn of(tid: i32) -> Option<&'static Slot> {
    used().iter().find(|slot| slot.tid() == tid)
}

/// Forgets all of them.
pub fn clear() {
    USED.store(0, Ordering::Release);
}

/// A slot for a thread that is sent the signal next. `None`: there are too many.
pub fn add(tid: i32, seen: Option<Seen>) -> Option<&'static Slot> {
    let number = USED.load(Ordering::Relaxed);
    let slot = SLOTS.get(number)?;
    slot.tid.store(tid, Ordering::Relaxed);
    slot.tid_then.store(tid, Ordering::Relaxed);
    // SAFETY: the slot is not in use.
    unsafe { *slot.seen.get() = seen };
    slot.set_state(SENT);
    USED.store(number + 1, Ordering::Release);
    Some(slot)
}
