//! What the kernel holds for a process: set to what the image's process had.

use glowplug_records::header::PAGE;
use glowplug_records::image::{BREAK_MOVED, Context, SignalAction};
use syscalls::{Errno, Sysno, syscall};

use super::Reason;
use super::calls;
use super::section::Image;
use crate::arch;
use crate::process::Start;

/// Bytes of the kernel's set of signals.
const SIGNAL_SET: usize = 8;
const SIG_SETMASK: usize = 2;
const SIGKILL: usize = 9;
const SIGSTOP: usize = 19;
/// An alternate stack that is not there (sigaltstack(2)).
const SS_DISABLE: u64 = 2;
// prctl(2).
const PR_SET_NAME: usize = 15;
const PR_SET_MM: usize = 35;
const PR_SET_MM_MAP: usize = 14;
/// What a C library finds in its rseq area where registering failed (linux/rseq.h, `cpu_id`).
const RSEQ_NOT_REGISTERED: u32 = (-2_i32).cast_unsigned();

/// What would fail after the point of no return, and what can be seen to fail: where the heap ends.
///
/// # Errors
/// What is damaged, or in the way.
pub fn check<'a>(image: &Image<'a>, start: &Start<'_>) -> Result<(), Reason<'a>> {
    let context = &image.header.context;
    let aligned = context.stack_pointer.is_multiple_of(8) && context.tid_address.is_multiple_of(4);
    if !aligned || context.resume == 0 || context.tid_address == 0 {
        return Err(Reason::new(b"the image's context is damaged", b""));
    }
    if set_memory(context, start).is_err() {
        meet_break(image).map_err(|e| Reason::failed(b"the heap has no room to grow", e))?;
    }
    Ok(())
}

/// Sets all of it. What a filter of system calls denies here has a way round it: see each step.
///
/// # Safety
/// The image's memory is in place, and the process goes on with it right away.
pub unsafe fn take_over(image: &Image<'_>) {
    let context = &image.header.context;
    for (signal, action) in (1..).zip(&image.header.signals) {
        if signal != SIGKILL && signal != SIGSTOP && *action != SignalAction::default() {
            // SAFETY: handlers are the image's code, which is in place.
            let _ =
                unsafe { syscall!(Sysno::rt_sigaction, signal, core::ptr::from_ref(action), 0, SIGNAL_SET) };
        }
    }
    let [stack, flags, size] = context.alternate_stack;
    if flags & SS_DISABLE == 0 && stack != 0 {
        let record = [stack, 0, size];
        // SAFETY: the stack is the image's.
        let _ = unsafe { syscall!(Sysno::sigaltstack, record.as_ptr(), 0) };
    }
    // Without it every call through the thread pointer fails; it cannot be refused (arch_prctl(2)
    // has no error for an address of this process), and a filter that does ends this process here.
    if arch::set_thread_pointer(context.thread_pointer).is_err() {
        crate::system::exit(crate::CANNOT_EXECUTE);
    }
    // SAFETY: the word is the image's, in its thread control block.
    let _ = unsafe { syscall!(Sysno::set_tid_address, context.tid_address) };
    let [list, length] = context.robust_list;
    // SAFETY: the list's head is in the thread control block. Refused: robust mutexes are not
    // released by the kernel if this process dies, which frees them with the process.
    let _ = unsafe { syscall!(Sysno::set_robust_list, list, length) };
    // SAFETY: the area is in the thread control block.
    unsafe { register_sequences(context.rseq) };
    // SAFETY: the name has a zero at its end.
    let _ = unsafe { syscall!(Sysno::prctl, PR_SET_NAME, context.name.as_ptr()) };
    let mask = context.signal_mask;
    // SAFETY: the kernel reads eight bytes.
    let _ = unsafe { syscall!(Sysno::rt_sigprocmask, SIG_SETMASK, &raw const mask, 0, SIGNAL_SET) };
}

/// Restartable sequences. Refused: the C library finds that they are not registered.
///
/// # Safety
/// The area is writable memory, and the calling thread's.
pub unsafe fn register_sequences([area, length, signature]: [u64; 3]) {
    if length == 0 {
        return;
    }
    // SAFETY: struct rseq: u32 cpu_id_start, u32 cpu_id, u64 rseq_cs, u32 flags, and what later kernels
    // fill in.
    unsafe {
        (area as *mut u32).write(0);
        ((area + 4) as *mut u32).write(u32::MAX);
        ((area + 8) as *mut u64).write(0);
        if syscall!(Sysno::rseq, area, length, 0, signature).is_err() {
            ((area + 4) as *mut u32).write(RSEQ_NOT_REGISTERED);
        }
    }
}

/// Where the heap ends, and what `/proc/self` shows. Needs CONFIG_CHECKPOINT_RESTORE.
fn set_memory(context: &Context, start: &Start<'_>) -> Result<(), Errno> {
    let [start_code, end_code, start_data, end_data, start_brk, brk] = context.memory;
    let ends = |texts: &[crate::process::Text<'_>]| {
        let first = texts.first().map_or(0, |text| text.as_ptr() as u64);
        let last = texts.last().map_or(0, |text| text.as_ptr() as u64 + text.to_bytes().len() as u64 + 1);
        [first, last]
    };
    // This program's own name is left out: what is started is what follows.
    let [arguments, arguments_end] = ends(start.arguments().get(1..).unwrap_or_default());
    let [environment, environment_end] = ends(start.environment());
    let [_, stack] = context.stack;
    // struct prctl_mm_map (linux/prctl.h); the last word is auxv_size and exe_fd, -1.
    let map = [
        start_code,
        end_code,
        start_data,
        end_data,
        start_brk,
        brk,
        stack - 8,
        arguments,
        arguments_end,
        environment,
        environment_end,
        0,
        0xffff_ffff_0000_0000,
    ];
    // SAFETY: the kernel reads the record and checks it.
    unsafe { syscall!(Sysno::prctl, PR_SET_MM, PR_SET_MM_MAP, map.as_ptr(), size_of_val(&map), 0) }
        .map(|_| ())
}

/// Has the C library get along with this process's own break, which is to stay. If it lies below the image's, the first request
/// for a larger heap fails, and from then on the C library takes its memory from mmap(2) (glibc, malloc/malloc.c, `sysmalloc`);
/// it does not give memory back by brk(2) before, as the break was moved on (snapshotter/dumper, capture/state.rs).
///
/// If it lies above, brk(2) answers with it, and the C library believes to have got all up to there: so it gets that, behind
/// what its heap has. It must not see the break moved on then, or it would count the first request alone.
fn meet_break(image: &Image<'_>) -> Result<(), Errno> {
    const READ_WRITE: u8 = 3;
    let [.., end] = image.header.context.memory;
    // SAFETY: asks where it is.
    let own = unsafe { syscall!(Sysno::brk, 0) }? as u64;
    let start = end.next_multiple_of(PAGE as u64);
    if end == 0 || own <= start {
        return Ok(());
    }
    let word = image.header.break_word as *mut u64;
    // SAFETY: a variable of the C library's in the image, which is in place; the metadata that names it was verified.
    if word.is_null() || !word.is_aligned() || unsafe { word.read() } != end {
        return Err(Errno::EEXIST);
    }
    // SAFETY: over nothing.
    unsafe { calls::map_at(start, own.next_multiple_of(PAGE as u64) - start, READ_WRITE, None, false) }?;
    // SAFETY: as above; nobody else runs yet.
    unsafe { word.write(end - BREAK_MOVED) };
    Ok(())
}
