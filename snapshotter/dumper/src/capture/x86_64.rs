//! Freezing on x86-64.

use core::arch::naked_asm;

use super::{Frozen, Place};

/// Saves where this thread is and forks: see the module above.
///
/// What a function call keeps is saved on the stack, the stack pointer and the address to go on at
/// in `place`. The child sleeps for good, killed with its parent.
///
/// # Safety
/// `place` is valid for writing. What is answered to the restored process is the restorer's.
#[unsafe(naked)]
pub unsafe extern "C" fn freeze(place: *mut Place) -> Frozen {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdi], rsp",
        "lea rax, [rip + 2f]",
        "mov [rdi + 8], rax",
        "mov rax, fs:[0]",
        "mov [rdi + 16], rax",
        // clone(SIGCHLD, 0, 0, 0, 0)
        "mov eax, 56",
        "mov edi, 17",
        "xor esi, esi",
        "xor edx, edx",
        "xor r10d, r10d",
        "xor r8d, r8d",
        "syscall",
        "xor edx, edx",
        "test rax, rax",
        "jnz 3f",
        // prctl(PR_SET_PDEATHSIG, SIGKILL), then pause() for ever.
        "mov eax, 157",
        "mov edi, 1",
        "mov esi, 9",
        "syscall",
        "4:",
        "mov eax, 34",
        "syscall",
        "jmp 4b",
        // The restored process: what the restorer has to say is in rdi.
        "2:",
        "xor eax, eax",
        "mov rdx, rdi",
        "3:",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}
