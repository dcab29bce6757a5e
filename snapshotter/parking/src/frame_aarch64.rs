//! 64-bit ARM: `struct ucontext` and `struct sigcontext` of the kernel's arch/arm64/include/uapi/asm/{ucontext,sigcontext}.h,
//! the frame of arch/arm64/kernel/signal.c.

use super::{set_word, word};

/// Bytes of a `ucontext` up to the records behind the registers.
pub const LENGTH: usize = 464;
/// The instruction of a system call: `svc #0`.
pub const CALL: &[u8] = &[0x01, 0x00, 0x00, 0xd4];
/// Whether the number of a system call is still there when it has answered: in x8.
pub const ALWAYS_THE_NUMBER: bool = true;
const X0: usize = 184;
/// Where a frame has the registers that a function keeps for its caller: x19 to x28.
pub const KEPT_REGISTERS: [usize; 10] = [336, 344, 352, 360, 368, 376, 384, 392, 400, 408];
pub(super) const ARGUMENTS: [usize; 6] = [X0, X0 + 8, X0 + 16, X0 + 24, X0 + 32, X0 + 40];
pub(super) const RESULT: usize = X0;
pub(super) const NUMBER: usize = X0 + 64;
pub(super) const STACK_POINTER: usize = 432;
pub(super) const PROGRAM_COUNTER: usize = 440;

/// What the stack pointer has to be for rt_sigreturn(2), given the handler's second and third argument.
#[must_use]
pub const fn stack_pointer(information: u64, _context: u64) -> u64 {
    information
}

/// Not needed here: x8 has the number.
#[must_use]
pub const fn call_number_in_code(_code: &[u8]) -> Option<u64> {
    None
}

/// Has the thread make its system call again. Its answer has taken the place of the first argument.
pub fn prepare_restart(context: &mut [u8], number: u64, arguments: [u64; 6]) {
    let after = word(context, PROGRAM_COUNTER);
    set_word(context, RESULT, arguments[0]);
    set_word(context, NUMBER, number);
    set_word(context, PROGRAM_COUNTER, after - CALL.len() as u64);
}

/// The record of the floating point registers, which comes first.
const FLOATING_POINT: u32 = 0x4650_8001;

/// Makes the state in a frame one that any processor can take back: what follows the floating point registers (the
/// length of SVE's vectors, which differ) is left out. In a system call there is nothing in it.
pub fn portable(context: u64, read: impl Fn(u64, &mut [u8]) -> bool, mut write: impl FnMut(u64, &[u8])) {
    let mut head = [0; 8];
    let records = context + LENGTH as u64;
    if !read(records, &mut head) {
        return;
    }
    let [kind, size] = [word(&head, 0) as u32, (word(&head, 0) >> 32) as u32];
    if kind == FLOATING_POINT {
        write(records + u64::from(size), &[0; 8]);
    }
}
