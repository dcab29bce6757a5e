//! The threads of a process image beside the main one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::image::Text;

/// A thread that is started again, where it waited in a system call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Thread {
    /// The stack pointer with which rt_sigreturn(2) takes it back: its signal frame is on its stack.
    pub frame: u64,
    /// FS base, TPIDR_EL0.
    pub thread_pointer: u64,
    /// Where the C library keeps the thread's number (clone(2), CLONE_PARENT_SETTID).
    pub tid_word: u64,
    /// What the kernel clears when the thread ends (set_tid_address(2)): up to glibc 2.41 the same.
    pub tid_address: u64,
    /// set_robust_list(2): address and length.
    pub robust_list: [u64; 2],
    /// rseq(2): address, length (0: not registered), signature.
    pub rseq: [u64; 3],
    /// prctl(2), PR_SET_NAME.
    pub name: [u8; 16],
    /// sched_setaffinity(2): the set's bytes; empty where it is the main thread's.
    pub processors: Text,
}

/// A word in which a library keeps a thread's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CachedTid {
    /// Address of the four bytes.
    pub address: u64,
    /// Whose it is: 0 the main thread's, n the n-th thread's of the table.
    pub thread: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// A point in time until which a thread waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Deadline {
    /// Address of a `struct timespec`.
    pub address: u64,
    /// By which clock: 0 CLOCK_REALTIME, 1 CLOCK_MONOTONIC.
    pub clock: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
