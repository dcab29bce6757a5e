//! A system call that a signal ended is made again, as if nothing had been.
//!
//! The kernel itself restarts some calls after a handler with SA_RESTART; others answer EINTR (signal(7)). Which call it
//! was is in no register on x86-64 then, so it is asked for before the signal is sent (`/proc/self/task/TID/syscall`).

use crate::frame::{self, Registers};

/// What a thread was doing before it was sent the signal (proc_pid_syscall(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The system call that it waited in.
    pub number: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// The stack pointer.
    pub stack_pointer: u64,
    /// The instruction behind the call.
    pub program_counter: u64,
}

/// Where the signal found a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// At a system call that it is going to make (again).
    AtCall,
    /// Behind one that answered EINTR and has to be made again, with this number and these arguments.
    Ended(u64, [u64; 6]),
    /// Somewhere else: it was not waiting.
    Elsewhere,
}

const EINTR: i64 = -4;
/// Calls have numbers below this.
const NUMBERS: u64 = 1024;
/// Operations of futex(2) that wait for a time: FUTEX_WAIT and FUTEX_WAIT_BITSET, without their flags.
const FUTEX_WAITS: [u64; 2] = [0, 9];
const FUTEX_FLAGS: u64 = 128 | 256;

/// Says where the signal found a thread: `before` is the code that ends at the program counter, `next` the code there.
#[must_use]
pub fn found(registers: &Registers, seen: Option<&Seen>, before: &[u8], next: &[u8]) -> Found {
    if next.starts_with(frame::CALL) && registers.number < NUMBERS && registers.result != EINTR {
        return Found::AtCall;
    }
    if registers.result != EINTR || !before.ends_with(frame::CALL) {
        return Found::Elsewhere;
    }
    let same = |seen: &&Seen| {
        // Where the answer takes the place of the first argument, the others tell.
        let from = usize::from(frame::ALWAYS_THE_NUMBER);
        seen.program_counter == registers.program_counter
            && seen.stack_pointer == registers.stack_pointer
            && seen.arguments[from..] == registers.arguments[from..]
    };
    let restarted = libc::SYS_restart_syscall.cast_unsigned();
    match seen.filter(same) {
        Some(seen) if seen.number != restarted => Found::Ended(seen.number, seen.arguments),
        // It had been stopped and continued, which hides the call's number.
        Some(seen) => {
            hidden(seen, before).map_or(Found::Elsewhere, |number| Found::Ended(number, seen.arguments))
        }
        // In another call than the one that was seen.
        None if frame::ALWAYS_THE_NUMBER => Found::Elsewhere,
        None => frame::call_number_in_code(before)
            .map_or(Found::Elsewhere, |number| Found::Ended(number, registers.arguments)),
    }
}

/// The number of a call that the kernel was about to restart by itself: these are timed waits.
fn hidden(seen: &Seen, before: &[u8]) -> Option<u64> {
    let [word, operation, _, timeout, ..] = seen.arguments;
    let is_futex = word != 0
        && word.is_multiple_of(4)
        && timeout > NUMBERS
        && FUTEX_WAITS.contains(&(operation & !FUTEX_FLAGS));
    frame::call_number_in_code(before).or(is_futex.then_some(libc::SYS_futex.cast_unsigned()))
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    const BEHIND_SYSCALL: &[u8] = &[0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x0f, 0x05];
    const BEHIND_EPOLL_WAIT: &[u8] = &[0x90, 0xb8, 232, 0, 0, 0, 0x0f, 0x05];
    const ARGUMENTS: [u64; 6] = [0x7000, 128 | 9, 3, 0x7100, 0, u64::MAX];
    const NO_CODE: &[u8] = &[0xc3];

    fn interrupted() -> Registers {
        Registers {
            program_counter: 0x4008,
            stack_pointer: 0x7fff,
            result: EINTR,
            number: EINTR.cast_unsigned(),
            arguments: ARGUMENTS,
        }
    }

    fn seen(number: u64) -> Seen {
        Seen { number, arguments: ARGUMENTS, stack_pointer: 0x7fff, program_counter: 0x4008 }
    }

    #[test]
    fn the_call_that_was_seen_is_made_again() {
        let found = found(&interrupted(), Some(&seen(202)), BEHIND_SYSCALL, NO_CODE);
        assert_eq!(found, Found::Ended(202, ARGUMENTS));
    }

    #[test]
    fn another_call_at_the_same_place_is_not_taken_for_it() {
        let mut other = seen(202);
        other.arguments[2] = 4;
        assert_eq!(found(&interrupted(), Some(&other), BEHIND_SYSCALL, NO_CODE), Found::Elsewhere);
        assert_eq!(
            found(&interrupted(), Some(&other), BEHIND_EPOLL_WAIT, NO_CODE),
            Found::Ended(232, ARGUMENTS)
        );
    }

    #[test]
    fn a_call_that_the_kernel_restarts_by_itself_is_left_to_it() {
        let registers = Registers { result: 202, number: 202, ..interrupted() };
        assert_eq!(found(&registers, Some(&seen(202)), BEHIND_SYSCALL, &[0x0f, 0x05]), Found::AtCall);
    }

    #[test]
    fn a_call_that_was_hidden_by_a_stop_is_found_by_its_arguments() {
        let hidden = libc::SYS_restart_syscall.cast_unsigned();
        let found_it = found(&interrupted(), Some(&seen(hidden)), BEHIND_SYSCALL, NO_CODE);
        assert_eq!(found_it, Found::Ended(202, ARGUMENTS));
        let poll = [0x7000, 1, 20_000, 0, 0, 0];
        let registers = Registers { arguments: poll, ..interrupted() };
        let seen = Seen { arguments: poll, ..seen(hidden) };
        assert_eq!(found(&registers, Some(&seen), BEHIND_SYSCALL, NO_CODE), Found::Elsewhere);
    }

    #[test]
    fn a_call_that_has_been_answered_is_not_made_again() {
        for result in [0, 1, -110, -11] {
            let registers = Registers { result, number: i64::cast_unsigned(result), ..interrupted() };
            assert_eq!(found(&registers, Some(&seen(202)), BEHIND_SYSCALL, NO_CODE), Found::Elsewhere);
        }
    }

    #[test]
    fn a_computation_is_no_call() {
        let registers = Registers { result: 17, number: 17, ..interrupted() };
        assert_eq!(found(&registers, None, &[0x90; 8], NO_CODE), Found::Elsewhere);
    }
}
