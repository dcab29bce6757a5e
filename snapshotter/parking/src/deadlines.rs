//! Until when a thread waits, by the system call that it waits in.

use crate::Refusal;

// futex(2): operations, and the flags on them.
const FUTEX_COMMAND: u64 = 127;
const FUTEX_CLOCK_REALTIME: u64 = 256;
const FUTEX_LOCK_PI: u64 = 6;
const FUTEX_WAIT_BITSET: u64 = 9;
const FUTEX_WAIT_REQUEUE_PI: u64 = 11;
const FUTEX_LOCK_PI2: u64 = 13;
const TIMER_ABSTIME: u64 = 1;
const CLOCK_REALTIME: u64 = 0;
const CLOCK_MONOTONIC: u64 = 1;
/// futex_waitv(2), the same number everywhere.
const FUTEX_WAITV: u64 = 449;

/// Address of the absolute time that the system call of this number waits until, and the clock; `None` where it waits for
/// ever, or for a while.
///
/// # Errors
/// A call that cannot be made again in another process.
pub fn waits_until(number: u64, arguments: [u64; 6]) -> Result<Option<(u64, u32)>, Refusal> {
    let is = |other: i64| number == other.cast_unsigned();
    let [first, second, third, fourth, fifth, _] = arguments;
    let (address, clock) = if is(libc::SYS_futex) {
        match second & FUTEX_COMMAND & !FUTEX_CLOCK_REALTIME {
            FUTEX_WAIT_BITSET => {
                (fourth, if second & FUTEX_CLOCK_REALTIME == 0 { CLOCK_MONOTONIC } else { CLOCK_REALTIME })
            }
            FUTEX_LOCK_PI | FUTEX_LOCK_PI2 | FUTEX_WAIT_REQUEUE_PI => {
                return Err(Refusal::WaitsForInheriting);
            }
            _ => return Ok(None),
        }
    } else if is(libc::SYS_clock_nanosleep) && second & TIMER_ABSTIME != 0 {
        (third, first)
    } else if number == FUTEX_WAITV {
        (fourth, fifth)
    } else {
        return Ok(None);
    };
    match clock {
        _ if address == 0 => Ok(None),
        CLOCK_REALTIME | CLOCK_MONOTONIC => Ok(Some((address, clock as u32))),
        _ => Err(Refusal::Clock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: i64, arguments: [u64; 6]) -> (u64, [u64; 6]) {
        (number.cast_unsigned(), arguments)
    }

    fn until((number, arguments): (u64, [u64; 6])) -> Result<Option<(u64, u32)>, Refusal> {
        waits_until(number, arguments)
    }

    #[test]
    fn a_timed_lock_waits_until_a_time_of_the_monotonic_clock() {
        let wait = call(libc::SYS_futex, [0x1000, 128 | 9, 0, 0x7000, 0, u64::MAX]);
        assert_eq!(until(wait), Ok(Some((0x7000, 1))));
    }

    #[test]
    fn the_wall_clocks_times_are_told_apart() {
        let wait = call(libc::SYS_futex, [0x1000, 128 | 256 | 9, 0, 0x7000, 0, u64::MAX]);
        assert_eq!(until(wait), Ok(Some((0x7000, 0))));
    }

    #[test]
    fn who_waits_for_ever_or_for_a_while_has_no_deadline() {
        let ever = call(libc::SYS_futex, [0x1000, 128 | 9, 0, 0, 0, u64::MAX]);
        let a_while = call(libc::SYS_futex, [0x1000, 128, 0, 0x7000, 0, 0]);
        let sleep = call(libc::SYS_clock_nanosleep, [1, 0, 0x7000, 0, 0, 0]);
        let poll = call(libc::SYS_epoll_pwait, [3, 0x7000, 1, 0x7100, 0, 0]);
        for wait in [ever, a_while, sleep, poll] {
            assert_eq!(until(wait), Ok(None));
        }
    }

    #[test]
    fn a_sleep_until_a_time_has_a_deadline() {
        let sleep = call(libc::SYS_clock_nanosleep, [1, 1, 0x7000, 0, 0, 0]);
        assert_eq!(until(sleep), Ok(Some((0x7000, 1))));
        let boot_time = call(libc::SYS_clock_nanosleep, [7, 1, 0x7000, 0, 0, 0]);
        assert_eq!(until(boot_time), Err(Refusal::Clock));
    }

    #[test]
    fn priority_inheriting_mutexes_are_refused() {
        let wait = call(libc::SYS_futex, [0x1000, 128 | 6, 0, 0, 0, 0]);
        assert_eq!(until(wait), Err(Refusal::WaitsForInheriting));
    }
}
