//! 64-bit ARM.

use core::arch::{asm, naked_asm};
use core::sync::atomic::AtomicU64;

use glowplug_records::image::{Context, Restored};
use glowplug_records::redirection;
use syscalls::{Errno, Sysno, syscall};

/// Sets TPIDR_EL0.
///
/// # Errors
/// None here.
pub fn set_thread_pointer(address: u64) -> Result<(), Errno> {
    // SAFETY: nothing in this program uses the register.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) address) };
    Ok(())
}

/// Goes on where the image was taken.
///
/// # Safety
/// The memory of the image is in place, and `context` is its.
pub unsafe fn enter(context: &Context, restored: *const Restored) -> ! {
    // SAFETY: the caller's word. This program's stack is left for good.
    unsafe {
        asm!(
            "mov sp, {stack}",
            "br {resume}",
            stack = in(reg) context.stack_pointer,
            resume = in(reg) context.resume,
            in("x0") restored,
            options(noreturn),
        )
    }
}

/// As on x86-64.
///
/// # Safety
/// As there.
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
        // clone(flags, stack, parent_tid, tls, child_tid)
        "mov x6, x3",
        "mov x3, x4",
        "mov x4, x6",
        "mov x8, #220",
        "svc #0",
        "cbz x0, 2f",
        "ret",
        "2:",
        "mov x29, #0",
        "mov x30, #0",
        "mov x0, sp",
        "br x5",
    )
}

/// Adds to a number that other threads add to as well; returns what it was.
///
/// What the compiler would put here asks the C library which processor this is (outline atomics), and there is none.
pub fn fetch_add(number: &AtomicU64, amount: u64) -> u64 {
    let before: u64;
    // SAFETY: reads and writes the number alone, at once or again.
    unsafe {
        asm!(
            "2:",
            "ldxr {before}, [{number}]",
            "add {after}, {before}, {amount}",
            "stxr {failed:w}, {after}, [{number}]",
            "cbnz {failed:w}, 2b",
            number = in(reg) number.as_ptr(),
            amount = in(reg) amount,
            before = out(reg) before,
            after = out(reg) _,
            failed = out(reg) _,
            options(nostack),
        );
    }
    before
}

/// Goes on where a signal frame says (rt_sigreturn(2)).
///
/// # Safety
/// `frame` is where the stack pointer has to be for a frame of this thread's.
pub unsafe fn return_from_signal(frame: u64) -> ! {
    // SAFETY: the caller's word. What is below the frame is left for good.
    unsafe {
        asm!("mov sp, {frame}", "mov x8, #139", "svc #0", "brk #1", frame = in(reg) frame, options(noreturn))
    }
}

/// Has this process neither sign return addresses nor check them (prctl(2)): those of the image are without. The next
/// execve(2) undoes it. `features` is AT_HWCAP.
///
/// # Errors
/// The processor signs, and the kernel (before 5.13) does not let it be.
pub fn sign_nothing(features: u64) -> Result<(), Errno> {
    /// asm/hwcap.h.
    const HWCAP_PACA: u64 = 1 << 30;
    // linux/prctl.h; the four keys for addresses of code and of data.
    const PR_PAC_SET_ENABLED_KEYS: usize = 60;
    const KEYS: usize = 0xf;
    if features & HWCAP_PACA == 0 {
        return Ok(());
    }
    // SAFETY: this program is built without signatures.
    unsafe { syscall!(Sysno::prctl, PR_PAC_SET_ENABLED_KEYS, KEYS, 0, 0, 0) }.map(|_| ())
}

/// Makes the function at `function` lead to `target`.
///
/// # Safety
/// `function` is valid for writing [`redirection::LENGTH`] bytes, and nobody runs them before the
/// instruction cache has seen them.
pub unsafe fn redirect(function: *mut u8, target: u64) {
    let code = redirection::to(target);
    // SAFETY: the caller's word; the cache is told line by line (16 bytes never span more than two).
    unsafe {
        function.copy_from_nonoverlapping(code.as_ptr(), code.len());
        asm!("dc cvau, {0}", "dsb ish", "ic ivau, {0}", "dsb ish", "isb", in(reg) function);
        asm!("dc cvau, {0}", "dsb ish", "ic ivau, {0}", "dsb ish", "isb", in(reg) function.add(15));
    }
}

macro_rules! plain_call {
    ($name:ident, $number:literal) => {
        #[unsafe(naked)]
        extern "C" fn $name() {
            naked_asm!(concat!("mov x8, #", $number), "svc #0", "ret")
        }
    };
}

plain_call!(clock_gettime, 113);
plain_call!(clock_getres, 114);
plain_call!(gettimeofday, 169);

/// -ENOSYS: the C library then takes the system call itself.
#[unsafe(naked)]
extern "C" fn no_such_call() {
    naked_asm!("mov x0, #-38", "ret")
}

/// What stands in for a function that this kernel's vDSO does not have.
#[must_use]
pub fn fallback(name: &[u8]) -> u64 {
    let function: extern "C" fn() = match name.strip_prefix(b"__kernel_").unwrap_or(name) {
        b"clock_gettime" => clock_gettime,
        b"clock_getres" => clock_getres,
        b"gettimeofday" => gettimeofday,
        _ => no_such_call,
    };
    function as usize as u64
}
