//! Why a thread cannot go on in another process, and what can be done about it.

use core::fmt;

/// What stands in the way of carrying a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It holds a robust mutex.
    Robust,
    /// It holds a priority-inheriting mutex.
    Inheriting,
    /// It waits for a priority-inheriting mutex.
    WaitsForInheriting,
    /// It waits by a clock other than CLOCK_REALTIME and CLOCK_MONOTONIC.
    Clock,
    /// It blocks the signal that stops threads.
    Deaf,
    /// It computes.
    Runs,
    /// The C library did not start it, and keeps no number of it.
    Foreign,
    /// It has a second thread pointer: the base of gs, which x86-64's ABI leaves to programs.
    SecondBase,
}

impl Refusal {
    /// What can be done, for who wrote or uses the function.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Robust | Self::Inheriting => {
                "have the thread release it before the image is taken, in a before_snapshot hook, and take it in the \
                 handler; or make it a mutex without that attribute"
            }
            Self::WaitsForInheriting => {
                "have its owner release it before the image is taken, in a before_snapshot hook; or make it a mutex \
                 without that attribute"
            }
            Self::Clock => {
                "have it wait by CLOCK_MONOTONIC, or start the thread in the handler, when it is first needed"
            }
            Self::Deaf => "leave signal 33 out when the thread blocks signals, as sigfillset(3) does",
            Self::Runs => "have it wait for work at the end of init, or end it in a before_snapshot hook",
            Self::Foreign => "start it with pthread_create(3), or in the handler, when it is first needed",
            Self::SecondBase => {
                "end the thread in a before_snapshot hook, or start it in the handler, when it is first needed"
            }
        }
    }
}

/// Behind the thread's name.
impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Robust => "holds a robust mutex, which the kernel releases when its owner ends",
            Self::Inheriting => "holds a priority-inheriting mutex, which the kernel keeps",
            Self::WaitsForInheriting => "waits for a priority-inheriting mutex, which the kernel keeps",
            Self::Clock => "waits by a clock that is this process's or this boot's",
            Self::Deaf => "takes no signal: it blocks signal 33",
            Self::Runs => "does not come to rest: it computes without a pause",
            Self::Foreign => "is not one of the C library's: it keeps no number",
            Self::SecondBase => "has a base of gs of its own, which is not restored",
        })
    }
}
