//! What a thread does that was sent the signal: it notes where it is and sleeps until the gate opens.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use syscalls::{Errno, Sysno, syscall};

use crate::frame::{self, Registers};
use crate::restart::{self, Found};
use crate::slots::{self, Notes};
use crate::{gate, tasks};

/// The C library's own (SIGSETXID of glibc), which programs do not use and do not block: jemalloc's threads block all others.
/// The C library sends it when a thread changes the process's user, which no thread does while this one holds the process.
pub const SIGNAL: usize = 33;
/// Bytes of the kernel's set of signals.
const SIGNAL_SET: usize = 8;
const SA_SIGINFO: u64 = 4;
const SA_RESTORER: u64 = 0x0400_0000;
const SA_RESTART: u64 = 0x1000_0000;
const PR_GET_NAME: usize = 16;
const PR_GET_TID_ADDRESS: usize = 40;

/// The kernel's `struct sigaction`: handler, flags, restorer, mask.
type Action = [u64; 4];

/// The action that was there before.
struct Before(UnsafeCell<Action>);

// SAFETY: used by the thread that parks the others, which is one (`park`).
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new([0; 4]));
/// Addresses at which no thread can go on later: start and end, start and end...
static FORBIDDEN: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

/// Puts the handler in place.
///
/// # Errors
/// That of rt_sigaction(2).
pub fn install(forbidden: &[core::ops::Range<u64>]) -> Result<(), Errno> {
    let bounds = forbidden.iter().flat_map(|range| [range.start, range.end]).chain(core::iter::repeat(0));
    for (place, bound) in FORBIDDEN.iter().zip(bounds) {
        place.store(bound, Ordering::Relaxed);
    }
    // All signals are blocked meanwhile. Not on the alternate stack: the frame has to lie below what the thread has in use.
    let flags = SA_SIGINFO | SA_RESTORER | SA_RESTART;
    let action: Action = [park_here as *const () as u64, flags, sigreturn as *const () as u64, u64::MAX];
    // SAFETY: the kernel reads one action and writes the other; one thread parks.
    unsafe { syscall!(Sysno::rt_sigaction, SIGNAL, action.as_ptr(), BEFORE.0.get(), SIGNAL_SET) }.map(|_| ())
}

/// Puts back what was there before.
pub fn remove() {
    // SAFETY: the kernel reads the action.
    let _ = unsafe { syscall!(Sysno::rt_sigaction, SIGNAL, BEFORE.0.get(), 0, SIGNAL_SET) };
}

/// What a handler returns to.
#[unsafe(naked)]
unsafe extern "C" fn sigreturn() {
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!("mov eax, 15", "syscall");
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!("mov x8, #139", "svc #0");
}

/// Runs in the middle of anything: system calls and this crate's own memory only, and nothing that sets errno.
unsafe extern "C" fn park_here(_signal: i32, information: u64, context: u64) {
    let round = gate::round();
    let Some(slot) = slots::of(tasks::own()).filter(|slot| round != 0 && slot.state() == slots::SENT) else {
        return;
    };
    // SAFETY: the kernel put the frame there for this handler.
    let bytes = unsafe { core::slice::from_raw_parts_mut(context as *mut u8, frame::LENGTH) };
    let registers = Registers::read(bytes);
    let found = if is_forbidden(registers.program_counter) {
        Found::Elsewhere
    } else {
        // SAFETY: the thread was about to run what is there, and its code does not begin with the mapping it is in.
        let (before, next) = unsafe {
            let at = registers.program_counter as *const u8;
            (core::slice::from_raw_parts(at.sub(8), 8), core::slice::from_raw_parts(at, frame::CALL.len()))
        };
        restart::found(&registers, slot.seen().as_ref(), before, next)
    };
    if let Found::Ended(number, arguments) = found {
        frame::prepare_restart(bytes, number, arguments);
    }
    slot.note(notes(frame::stack_pointer(information, context), context));
    slot.set_state(if found == Found::Elsewhere { slots::ELSEWHERE } else { slots::PARKED });
    gate::pass(round);
}

fn is_forbidden(address: u64) -> bool {
    let bound = |number: usize| FORBIDDEN[number].load(Ordering::Relaxed);
    (0..FORBIDDEN.len()).step_by(2).any(|first| (bound(first)..bound(first + 1)).contains(&address))
}

fn notes(frame: u64, context: u64) -> Notes {
    let mut notes =
        Notes { frame, context, thread_pointer: thread_pointer(), second_base: second_base(), ..Notes::NONE };
    let [list, length] = &mut notes.robust_list;
    // SAFETY: the kernel writes what it is asked for into these notes, at most as much as there is room for.
    unsafe {
        let _ = syscall!(Sysno::prctl, PR_GET_NAME, notes.name.as_mut_ptr());
        let _ = syscall!(Sysno::prctl, PR_GET_TID_ADDRESS, &raw mut notes.tid_address);
        let _ = syscall!(Sysno::get_robust_list, 0, core::ptr::from_mut(list), core::ptr::from_mut(length));
        let room = notes.processors.len();
        let set = syscall!(Sysno::sched_getaffinity, 0, room, notes.processors.as_mut_ptr());
        notes.processors_length = set.unwrap_or(0);
    }
    notes
}

fn thread_pointer() -> u64 {
    let address: u64;
    // SAFETY: reads a register, or the word that the ABI has there.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("mov {}, fs:[0]", out(reg) address);
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) address);
    }
    address
}

/// The base of gs of the calling thread (arch_prctl(2)); 0 where that is denied, or there is no such thing.
#[must_use]
pub fn second_base() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        const ARCH_GET_GS: usize = 0x1004;
        let mut base = 0_u64;
        // SAFETY: the kernel writes eight bytes.
        let _ = unsafe { syscall!(Sysno::arch_prctl, ARCH_GET_GS, &raw mut base) };
        base
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}
