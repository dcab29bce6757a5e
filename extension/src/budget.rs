//! How much may be read: the page cache is the function's memory too.

use std::time::{Duration, Instant};

use crate::settings::Settings;
use crate::stop::Reason;

/// The share of the free memory that is read into: one half.
const SHARE: u64 = 2;
/// Taken where nothing is known about the memory, in bytes.
const UNKNOWN: u64 = 64 << 20;

/// What is left of memory and time.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    end: Instant,
}

impl Budget {
    /// For a process that began at `begun`.
    pub fn new(settings: &Settings, begun: Instant) -> Self {
        let available = std::fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(available);
        let far = Duration::from_secs(24 * 3600);
        let end = begun + settings.time_limit.min(far);
        Self { bytes: share(settings.memory, available), end }
    }

    /// Takes `bytes` out of the memory's share.
    ///
    /// # Errors
    /// The reason to stop.
    pub fn take(&mut self, bytes: u64) -> Result<(), Reason> {
        if Instant::now() >= self.end {
            return Err(Reason::Time);
        }
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Reason::Memory)?;
        Ok(())
    }

    /// Whether the time is over.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// Half of what is free, and of what the function may have at all.
fn share(function: Option<u64>, available: Option<u64>) -> u64 {
    function.into_iter().chain(available).min().map_or(UNKNOWN, |least| least / SHARE)
}

/// `MemAvailable` in bytes (proc(5), `/proc/meminfo`).
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    #[test]
    fn half_of_the_smaller_of_function_size_and_free_memory_is_used() {
        assert_eq!(share(Some(128 * MB), Some(1024 * MB)), 64 * MB);
        assert_eq!(share(Some(1024 * MB), Some(60 * MB)), 30 * MB);
        assert_eq!(share(None, None), UNKNOWN);
    }

    #[test]
    fn meminfo_is_read_in_its_own_form() {
        let text = "MemTotal:       251904 kB\nMemFree:  1 kB\nMemAvailable:   201504 kB\n";
        assert_eq!(available(text), Some(201_504 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert_eq!(available("MemAvailable: lots\n"), None);
    }

    #[test]
    fn the_budget_ends_with_its_bytes_or_its_time() {
        let now = Instant::now();
        let mut budget = Budget { bytes: 100, end: now + Duration::from_secs(60) };
        assert_eq!(budget.take(60), Ok(()));
        assert_eq!(budget.take(60), Err(Reason::Memory));
        assert_eq!(Budget { bytes: 100, end: now }.take(1), Err(Reason::Time));
    }
}
