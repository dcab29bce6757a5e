//! x86-64.

use core::arch::naked_asm;

/// The entry point. The stack holds argc; it is aligned as a call expects, with no frame above.
///
/// # Safety
/// Entered by the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {begin}",
        "ud2",
        begin = sym crate::begin,
    )
}
