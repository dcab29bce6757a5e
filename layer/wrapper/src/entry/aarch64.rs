//! 64-bit ARM.

use core::arch::naked_asm;

/// The entry point. The stack holds argc, and is aligned already.
///
/// # Safety
/// Entered by the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x0, sp",
        "bl {begin}",
        "brk #1",
        begin = sym crate::begin,
    )
}
