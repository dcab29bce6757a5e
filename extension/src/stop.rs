//! Why reading ends before the plan does.

use std::sync::atomic::{AtomicU8, Ordering};

/// What ended the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// The end of the plan.
    Done = 0,
    /// The first invocation: CPU and disk are the function's now.
    Invoke = 1,
    /// The environment shuts down.
    Shutdown = 2,
    /// The time limit.
    Time = 3,
    /// The share of the free memory.
    Memory = 4,
}

impl Reason {
    /// As it stands in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Invoke => "invoke",
            Self::Shutdown => "shutdown",
            Self::Time => "time",
            Self::Memory => "memory",
        }
    }
}

/// Set by the thread that receives events, looked at by the one that reads.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    /// Asks the reader to stop. The first reason stays.
    pub fn request(&self, reason: Reason) {
        // Nothing but the number itself is communicated.
        let _ = self.0.compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The reason to stop, if there is one.
    pub fn requested(&self) -> Option<Reason> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Reason::Invoke),
            _ => Some(Reason::Shutdown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let stop = Stop::default();
        assert_eq!(stop.requested(), None);
        stop.request(Reason::Invoke);
        stop.request(Reason::Shutdown);
        assert_eq!(stop.requested(), Some(Reason::Invoke));
    }
}
