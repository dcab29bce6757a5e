//! x86-64.

use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use glowplug_records::image::{Context, Restored};
use glowplug_records::redirection;
use syscalls::{Errno, Sysno, syscall};

/// asm/prctl.h.
const ARCH_SET_FS: usize = 0x1002;

/// Sets the FS base.
///
/// # Errors
/// That of arch_prctl(2).
pub fn set_thread_pointer(address: u64) -> Result<(), Errno> {
    // SAFETY: nothing in this program uses FS.
    unsafe { syscall!(Sysno::arch_prctl, ARCH_SET_FS, address) }.map(|_| ())
}

/// Goes on where the image was taken.
///
/// # Safety
/// The memory of the image is in place, and `context` is its.
pub unsafe fn enter(context: &Context, restored: *const Restored) -> ! {
    // SAFETY: the caller's word. This program's stack is left for good.
    unsafe {
        asm!(
            "mov rsp, {stack}",
            "jmp {resume}",
            stack = in(reg) context.stack_pointer,
            resume = in(reg) context.resume,
            in("rdi") restored,
            options(noreturn),
        )
    }
}

/// Makes a thread (clone(2)) that runs `begin` on `stack`, whose address is its argument. Returns its number, or a negative error.
///
/// # Safety
/// `stack` is a multiple of 16 with writable memory below it that nobody else uses, `thread_pointer` a
/// thread control block with the two words, and the flags ask for a thread of this process. `begin` never returns.
#[unsafe(naked)]
pub unsafe extern "C" fn start_thread(
    flags: usize,
    stack: u64,
    parent_tid: u64,
    child_tid: u64,
    thread_pointer: u64,
    begin: unsafe extern "C" fn(u64) -> !,
) -> isize {
    naked_asm!(
        // clone(flags, stack, parent_tid, child_tid, tls)
        "mov r10, rcx",
        "mov eax, 56",
        "syscall",
        "test rax, rax",
        "jz 2f",
        "ret",
        "2:",
        "xor ebp, ebp",
        "mov rdi, rsp",
        "call r9",
        "ud2",
    )
}

/// Adds to a number that other threads add to as well; returns what it was.
pub fn fetch_add(number: &AtomicU64, amount: u64) -> u64 {
    number.fetch_add(amount, Ordering::Relaxed)
}

/// Goes on where a signal frame says (rt_sigreturn(2)).
///
/// # Safety
/// `frame` is where the stack pointer has to be for a frame of this thread's.
pub unsafe fn return_from_signal(frame: u64) -> ! {
    // SAFETY: the caller's word. What is below the frame is left for good.
    unsafe {
        asm!("mov rsp, {frame}", "mov eax, 15", "syscall", "ud2", frame = in(reg) frame, options(noreturn))
    }
}

/// These processors do not sign addresses.
///
/// # Errors
/// None here.
pub fn sign_nothing(_features: u64) -> Result<(), Errno> {
    Ok(())
}

/// Makes the function at `function` lead to `target`.
///
/// # Safety
/// `function` is valid for writing [`redirection::LENGTH`] bytes.
pub unsafe fn redirect(function: *mut u8, target: u64) {
    let code = redirection::to(target);
    // SAFETY: the caller's word.
    unsafe { function.copy_from_nonoverlapping(code.as_ptr(), code.len()) };
}

macro_rules! plain_call {
    ($name:ident, $number:literal) => {
        #[unsafe(naked)]
        extern "C" fn $name() {
            naked_asm!(concat!("mov eax, ", $number), "syscall", "ret")
        }
    };
}

plain_call!(clock_gettime, 228);
plain_call!(clock_getres, 229);
plain_call!(gettimeofday, 96);
plain_call!(time, 201);
plain_call!(getcpu, 309);

/// -ENOSYS: the C library then takes the system call itself.
#[unsafe(naked)]
extern "C" fn no_such_call() {
    naked_asm!("mov rax, -38", "ret")
}

/// What stands in for a function that this kernel's vDSO does not have.
#[must_use]
pub fn fallback(name: &[u8]) -> u64 {
    let function: extern "C" fn() = match name.strip_prefix(b"__vdso_").unwrap_or(name) {
        b"clock_gettime" => clock_gettime,
        b"clock_getres" => clock_getres,
        b"gettimeofday" => gettimeofday,
        b"time" => time,
        b"getcpu" => getcpu,
        _ => no_such_call,
    };
    function as usize as u64
}
