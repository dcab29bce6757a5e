//! What the kernel and the C library hold for this process, as far as a restorer sets it again.

use std::ffi::CStr;
use std::fs;

use glowplug_archive::image::{BREAK_MOVED, SIGNALS};
use serde::Serialize;

use super::archive_memory;

/// State of the process and its calling thread; the names are those of the archive's record
/// (`glowplug_archive::image::Context`).
#[derive(Debug, Serialize)]
pub struct State {
    tid_address: u64,
    robust_list: [u64; 2],
    rseq: [u64; 3],
    alternate_stack: [u64; 3],
    signal_mask: u64,
    /// Handler, flags, restorer and mask of the signals from 1 on.
    signals: Vec<[u64; 4]>,
    memory: [u64; 6],
    /// Where the C library keeps the break.
    break_word: u64,
    /// The C library's `madvise`, what stands for it in a restored process, and where that is told of the mappings.
    madvise: [u64; 3],
    /// Soft limit of the stack's size, in bytes.
    stack_limit: u64,
    /// Where the vDSO is; 0: nowhere.
    vdso: u64,
    name: String,
    folder: String,
}

/// Bytes of the kernel's set of signals.
const SIGNAL_SET: usize = 8;
/// prctl(2); not in every libc's headers.
const PR_GET_TID_ADDRESS: i32 = 40;
/// The signature that glibc registers restartable sequences with (sysdeps/unix/sysv/linux/*/bits/rseq.h).
#[cfg(target_arch = "x86_64")]
const RSEQ_SIGNATURE: u64 = 0x5305_3053;
#[cfg(target_arch = "aarch64")]
const RSEQ_SIGNATURE: u64 = 0xd428_bc00;
/// Length that glibc 2.35 and later register (`struct rseq` before the kernel extended it).
const RSEQ_LENGTH: u64 = 32;

impl State {
    /// Asks for all of it.
    ///
    /// # Errors
    /// What could not be found out.
    pub fn of_this_process() -> Result<Self, String> {
        let folder = std::env::current_dir().map_err(|e| format!("the current folder: {e}"))?;
        let folder = folder.into_os_string().into_string().map_err(|_| "the current folder is not UTF-8")?;
        let name = fs::read_to_string("/proc/self/comm").map_err(|e| format!("/proc/self/comm: {e}"))?;
        // SAFETY: no memory is involved.
        let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
        Ok(Self {
            tid_address: tid_address()?,
            robust_list: robust_list()?,
            rseq: rseq(),
            alternate_stack: alternate_stack()?,
            signal_mask: signal_mask()?,
            signals: (1..=SIGNALS).map(signal_action).collect::<Result<_, _>>()?,
            memory: memory()?,
            // SAFETY: looks a name up; glibc has had it since 2.2.5, though not for everybody.
            break_word: unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__curbrk".as_ptr()) } as u64,
            madvise: archive_memory::addresses(),
            stack_limit: stack_limit()?,
            vdso,
            name: name.trim_end().to_owned(),
            folder,
        })
    }
}

impl State {
    /// Asks once more for what other threads may change: where the heap ends. Allocates nothing: for while they are stopped.
    pub fn refresh(&mut self) {
        // SAFETY: asks for the current end: 0 is refused.
        self.memory[5] = unsafe { libc::syscall(libc::SYS_brk, 0) }.cast_unsigned();
    }

    /// The area of restartable sequences of another thread.
    #[must_use]
    pub fn rseq_of(&self, thread: u64) -> [u64; 3] {
        let [area, length, signature] = self.rseq;
        let offset = area.wrapping_sub(thread_pointer() as u64);
        if length == 0 { [0; 3] } else { [thread.wrapping_add(offset), length, signature] }
    }
}

/// Moves the end of the heap on, beyond what malloc(3) knows as its own, so that it does not shorten the heap in a restored
/// process. Where that has another break, which cannot be changed (prctl(2), `PR_SET_MM`), brk(2) answers a request to
/// give memory back with that other break, and glibc takes what lies between for given back (malloc/malloc.c, `systrim`): its
/// heap is destroyed. With somebody else's memory at its end it does not try, and can still ask for more.
/// Allocates nothing: for while the other threads are stopped.
///
/// # Errors
/// That of brk(2).
pub fn move_break() -> std::io::Result<()> {
    // SAFETY: adds memory that nobody uses.
    if unsafe { libc::sbrk(BREAK_MOVED as isize) } as isize == -1 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn failed(call: &str) -> String {
    format!("{call}: {}", std::io::Error::last_os_error())
}

/// The address of the thread's number in its control block (set_tid_address(2)).
fn tid_address() -> Result<u64, String> {
    let mut address = 0_u64;
    // SAFETY: the kernel writes a pointer.
    if unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut address) } == 0 && address != 0 {
        return Ok(address);
    }
    Err(format!("{}: this kernel has no CONFIG_CHECKPOINT_RESTORE", failed("prctl(PR_GET_TID_ADDRESS)")))
}

/// Address and length of the calling thread's list of robust mutexes (get_robust_list(2)).
///
/// # Errors
/// Why it cannot be had.
pub fn robust_list() -> Result<[u64; 2], String> {
    let (mut head, mut length) = (0_u64, 0_u64);
    // SAFETY: the kernel writes both.
    if unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) } != 0 {
        return Err(failed("get_robust_list"));
    }
    Ok([head, length])
}

/// The area of restartable sequences, if the C library registered one (glibc's `__rseq_offset`
/// and `__rseq_size`, from 2.35 on).
fn rseq() -> [u64; 3] {
    let symbol = |name: &CStr| {
        // SAFETY: looks a name up.
        unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
    };
    let (offset, size) = (symbol(c"__rseq_offset"), symbol(c"__rseq_size"));
    if offset.is_null() || size.is_null() {
        return [0; 3];
    }
    // SAFETY: `const ptrdiff_t` and `const unsigned int` by glibc's documentation.
    let (offset, size) = unsafe { (*offset.cast::<isize>(), *size.cast::<u32>()) };
    if size == 0 {
        return [0; 3];
    }
    [(thread_pointer() as u64).wrapping_add_signed(offset as i64), RSEQ_LENGTH, RSEQ_SIGNATURE]
}

fn thread_pointer() -> usize {
    let address: usize;
    // SAFETY: reads a register, or the word that the ABI has there.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("mov {}, fs:[0]", out(reg) address);
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) address);
    }
    address
}

fn alternate_stack() -> Result<[u64; 3], String> {
    let mut stack = libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: the kernel writes `stack`.
    if unsafe { libc::sigaltstack(core::ptr::null(), &raw mut stack) } != 0 {
        return Err(failed("sigaltstack"));
    }
    Ok([stack.ss_sp as u64, u64::from(stack.ss_flags.cast_unsigned()), stack.ss_size as u64])
}

fn signal_mask() -> Result<u64, String> {
    let mut mask = 0_u64;
    let none = core::ptr::null::<u64>();
    // SAFETY: the kernel writes eight bytes.
    let asked =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, none, &raw mut mask, SIGNAL_SET) };
    if asked != 0 { Err(failed("rt_sigprocmask")) } else { Ok(mask) }
}

/// As the kernel has it, with the C library's own signals.
fn signal_action(signal: usize) -> Result<[u64; 4], String> {
    let mut action = [0_u64; 4];
    let none = core::ptr::null::<u64>();
    // SAFETY: the kernel writes its `struct sigaction`: four words on both architectures.
    let asked =
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, none, action.as_mut_ptr(), SIGNAL_SET) };
    if asked != 0 { Err(failed("rt_sigaction")) } else { Ok(action) }
}

/// Where code, data and heap are (proc_pid_stat(5), fields 26, 27 and 45 to 47), and where the heap ends.
fn memory() -> Result<[u64; 6], String> {
    let text = fs::read_to_string("/proc/self/stat").map_err(|e| format!("/proc/self/stat: {e}"))?;
    // The name, field 2, may contain anything.
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<u64> = after.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
    let field =
        |number: usize| fields.get(number - 3).copied().ok_or("a field of /proc/self/stat is missing");
    // SAFETY: asks for the current end: 0 is refused.
    let end = unsafe { libc::syscall(libc::SYS_brk, 0) };
    Ok([field(26)?, field(27)?, field(45)?, field(46)?, field(47)?, end.cast_unsigned()])
}

fn stack_limit() -> Result<u64, String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the C library writes `limit`.
    if unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit) } != 0 {
        return Err(failed("getrlimit"));
    }
    Ok(limit.rlim_cur)
}
