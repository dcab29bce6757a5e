//! The signal frame that the kernel leaves on a thread's stack, as far as it is read and changed here.

#[cfg_attr(target_arch = "x86_64", path = "frame_x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "frame_aarch64.rs")]
mod processor;

pub use processor::{
    ALWAYS_THE_NUMBER, CALL, KEPT_REGISTERS, LENGTH, call_number_in_code, portable, prepare_restart,
    stack_pointer,
};
use processor::{ARGUMENTS, NUMBER, PROGRAM_COUNTER, RESULT, STACK_POINTER};

/// Where a thread is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Registers {
    /// The next instruction.
    pub program_counter: u64,
    /// The stack pointer.
    pub stack_pointer: u64,
    /// What the last system call answered, if it was one.
    pub result: i64,
    /// Number of the system call that the next instruction makes, if it makes one.
    pub number: u64,
    /// Arguments of a system call.
    pub arguments: [u64; 6],
}

impl Registers {
    /// From the first [`LENGTH`] bytes of a frame's `ucontext`.
    #[must_use]
    pub fn read(context: &[u8]) -> Self {
        Self {
            program_counter: word(context, PROGRAM_COUNTER),
            stack_pointer: word(context, STACK_POINTER),
            result: word(context, RESULT).cast_signed(),
            number: word(context, NUMBER),
            arguments: ARGUMENTS.map(|at| word(context, at)),
        }
    }
}

/// The word at a place of some memory; 0 behind its end.
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..at + 8).and_then(|word| word.try_into().ok()) {
        Some(word) => u64::from_ne_bytes(word),
        None => 0,
    }
}

pub(crate) fn set_word(bytes: &mut [u8], at: usize, value: u64) {
    if let Some(word) = bytes.get_mut(at..at + 8) {
        word.copy_from_slice(&value.to_ne_bytes());
    }
}
