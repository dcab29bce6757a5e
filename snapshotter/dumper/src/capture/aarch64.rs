//! Freezing on 64-bit ARM.

use core::arch::naked_asm;

use super::{Frozen, Place};

/// As on x86-64.
///
/// # Safety
/// `place` is valid for writing. What is answered to the restored process is the restorer's.
#[unsafe(naked)]
pub unsafe extern "C" fn freeze(place: *mut Place) -> Frozen {
    naked_asm!(
        "sub sp, sp, #176",
        "stp x29, x30, [sp, #0]",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mrs x9, fpcr",
        "str x9, [sp, #160]",
        "mov x9, sp",
        "str x9, [x0, #0]",
        "adr x9, 2f",
        "str x9, [x0, #8]",
        "mrs x9, tpidr_el0",
        "str x9, [x0, #16]",
        // clone(SIGCHLD, 0, 0, 0, 0)
        "mov x8, #220",
        "mov x0, #17",
        "mov x1, #0",
        "mov x2, #0",
        "mov x3, #0",
        "mov x4, #0",
        "svc #0",
        "mov x1, #0",
        "cbnz x0, 3f",
        // prctl(PR_SET_PDEATHSIG, SIGKILL), then ppoll(0, 0, 0, 0) for ever.
        "mov x8, #167",
        "mov x0, #1",
        "mov x1, #9",
        "svc #0",
        "4:",
        "mov x8, #73",
        "mov x0, #0",
        "mov x1, #0",
        "mov x2, #0",
        "mov x3, #0",
        "svc #0",
        "b 4b",
        // The restored process: what the restorer has to say is in x0.
        "2:",
        "mov x1, x0",
        "mov x0, #0",
        "3:",
        "ldr x9, [sp, #160]",
        "msr fpcr, x9",
        "ldp d14, d15, [sp, #144]",
        "ldp d12, d13, [sp, #128]",
        "ldp d10, d11, [sp, #112]",
        "ldp d8, d9, [sp, #96]",
        "ldp x27, x28, [sp, #80]",
        "ldp x25, x26, [sp, #64]",
        "ldp x23, x24, [sp, #48]",
        "ldp x21, x22, [sp, #32]",
        "ldp x19, x20, [sp, #16]",
        "ldp x29, x30, [sp, #0]",
        "add sp, sp, #176",
        "ret",
    )
}
