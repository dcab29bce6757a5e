//! x86-64: `struct ucontext` and `struct sigcontext` of asm/ucontext.h and asm/sigcontext.h, the state of the floating
//! point unit as the kernel's arch/x86/kernel/fpu/signal.c writes and checks it.

use super::{set_word, word};

/// Bytes of a `ucontext` that matter here: up to the signal mask's end.
pub const LENGTH: usize = 304;
/// The instruction of a system call: `syscall`.
pub const CALL: &[u8] = &[0x0f, 0x05];
/// Whether the number of a system call is still there when it has answered.
pub const ALWAYS_THE_NUMBER: bool = false;
/// Where a frame has the registers that a function keeps for its caller: rbx, rbp, r12 to r15.
pub const KEPT_REGISTERS: [usize; 6] = [128, 120, 72, 80, 88, 96];
pub(super) const ARGUMENTS: [usize; 6] = [104, 112, 136, 56, 40, 48];
pub(super) const RESULT: usize = 144;
pub(super) const NUMBER: usize = RESULT;
pub(super) const STACK_POINTER: usize = 160;
pub(super) const PROGRAM_COUNTER: usize = 168;
const FLOATING_POINT: usize = 224;

/// What the stack pointer has to be for rt_sigreturn(2), given the handler's second and third argument.
#[must_use]
pub const fn stack_pointer(_information: u64, context: u64) -> u64 {
    // The kernel looks for the frame 8 bytes below, where the handler's return address was.
    context
}

/// The number that `mov eax, number` right before the system call gives it; `code` ends with the call.
#[must_use]
pub fn call_number_in_code(code: &[u8]) -> Option<u64> {
    let [.., 0xb8, a, b, c, d, 0x0f, 0x05] = code else { return None };
    Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d])))
}

/// Has the thread make its system call again.
pub fn prepare_restart(context: &mut [u8], number: u64, _arguments: [u64; 6]) {
    let after = word(context, PROGRAM_COUNTER);
    set_word(context, RESULT, number);
    set_word(context, PROGRAM_COUNTER, after - CALL.len() as u64);
}

/// Magic words of an extended state and of its end.
const MAGIC: [u32; 2] = [0x4650_5853, 0x4650_5845];
/// The state that is kept: x87, SSE and AVX, which lie at the same places on every processor.
const KEPT: u64 = 7;
/// Bytes of it: FXSAVE's 512, the header's 64, AVX's 256.
const KEPT_SIZE: u32 = 832;
/// Where the kernel keeps its own words, in the state.
const RESERVED: usize = 464;
/// The header: which state there is.
const HEADER: usize = 512;

/// Makes the state in a frame one that any processor with AVX can take back: what processors keep at different places
/// is left out (AVX-512, protection keys, AMX). `read` and `write` are of the image's memory; `context` is the frame's address.
/// A processor without AVX takes back what is before it: the kernel sees to that.
pub fn portable(context: u64, read: impl Fn(u64, &mut [u8]) -> bool, mut write: impl FnMut(u64, &[u8])) {
    let mut bytes = [0; LENGTH];
    let mut state = [0; HEADER + 64];
    if !read(context, &mut bytes) {
        return;
    }
    let at = word(&bytes, FLOATING_POINT);
    if at == 0 || !read(at, &mut state) {
        return;
    }
    let half = |at: usize| word(&state, at) as u32;
    if half(RESERVED) != MAGIC[0] || half(RESERVED + 16) < KEPT_SIZE {
        return;
    }
    let features = word(&state, RESERVED + 8) & KEPT;
    write(at + RESERVED as u64 + 4, &(KEPT_SIZE + 4).to_ne_bytes());
    write(at + RESERVED as u64 + 8, &features.to_ne_bytes());
    write(at + RESERVED as u64 + 16, &KEPT_SIZE.to_ne_bytes());
    write(at + HEADER as u64, &(word(&state, HEADER) & KEPT).to_ne_bytes());
    write(at + u64::from(KEPT_SIZE), &MAGIC[1].to_ne_bytes());
}
