//! What the layer's programs say of their own moments (`GLOWPLUG_MOMENTS`), taken out of the function's log.

use std::time::{Duration, Instant};

/// A moment: what happened, and when.
pub type Said = (String, Instant);

/// The log without the lines about moments, and when the rung was decided last: `glowplug: rung code at 123 ns`, of
/// CLOCK_MONOTONIC, which [`Instant`] is too.
pub fn take(log: &str) -> (String, Option<Said>) {
    let (mut rest, mut found) = (String::with_capacity(log.len()), None);
    for line in log.split_inclusive('\n') {
        match read(line) {
            Some((rung, at)) => {
                found = Some((format!("rung decided: {rung}"), instant(at)));
            }
            None => rest.push_str(line),
        }
    }
    (rest, found)
}

fn read(line: &str) -> Option<(&str, u64)> {
    let (rung, at) = line.trim_end().strip_prefix("glowplug: rung ")?.split_once(" at ")?;
    Some((rung, at.strip_suffix(" ns")?.parse().ok()?))
}

/// The instant at which CLOCK_MONOTONIC said that, which is not later than now.
///
/// Both clocks are read several times, as this thread may lose the processor in between.
pub fn instant(at: u64) -> Instant {
    let read = |_| {
        let before = Instant::now();
        let now = nanoseconds();
        (before.elapsed(), before, now)
    };
    let (_, here, now) = (0..8).map(read).min().expect("it was read");
    here.checked_sub(Duration::from_nanos(now.saturating_sub(at))).unwrap_or(here)
}

/// CLOCK_MONOTONIC (clock_gettime(2)).
pub fn nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live value of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_decision_counts_and_the_log_is_the_functions_own() {
        let (earlier, later) = (nanoseconds() - 9_000_000, nanoseconds() - 5_000_000);
        let log = format!(
            "one\nglowplug: rung image at {earlier} ns\nglowplug: rung code at {later} ns\nglowplug: rung is nice\n"
        );
        let (rest, found) = take(&log);
        let (what, at) = found.unwrap();
        assert_eq!((rest.as_str(), what.as_str()), ("one\nglowplug: rung is nice\n", "rung decided: code"));
        let before = at.elapsed();
        assert!((5.0..1000.0).contains(&(before.as_secs_f64() * 1e3)), "{before:?}");
    }

    #[test]
    fn a_log_without_moments_stays_as_it_is() {
        assert_eq!(take("one\ntwo"), ("one\ntwo".to_owned(), None));
    }
}
