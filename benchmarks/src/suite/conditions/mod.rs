//! The conditions of starts: one file and one line in the list for each.

use anyhow::Result;

use super::invocation::Launch;
use super::workplace::Workplace;
use crate::process::Command;

mod cold;
mod cpu;
mod memory;
mod storage;
mod warm;

/// All conditions, in the order of the report.
pub const ALL: &[&dyn Condition] = &[
    &warm::Warm,
    &cold::Cold,
    &storage::Storage,
    &memory::Memory { name: "memory-128", megabytes: 128 },
    &memory::Memory { name: "memory-256", megabytes: 256 },
    &memory::Memory { name: "memory-512", megabytes: 512 },
    &memory::Memory { name: "memory-1024", megabytes: 1024 },
    &memory::Memory { name: "memory-1769", megabytes: 1769 },
    &memory::Memory { name: "memory-3008", megabytes: 3008 },
];

/// The memory size where the condition is not about it: Lambda gives one vCPU at this size ("Configure
/// Lambda function memory").
pub const MEGABYTES: u32 = 1769;

/// Under what starts happen.
pub trait Condition {
    /// Name in options, tables and results.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn title(&self) -> String;

    /// Says why there is no such condition on this machine, if there is none.
    ///
    /// # Errors
    /// The reason.
    fn available(&self, _: &Workplace) -> Result<(), String> {
        Ok(())
    }

    /// Whether files come from storage, so that processes outside of the sandbox would be at an advantage.
    fn reads_storage(&self) -> bool {
        false
    }

    /// Makes a start happen under the condition.
    ///
    /// # Errors
    /// When that cannot be prepared.
    fn apply(&self, place: &Workplace, launch: &Launch) -> Result<Applied>;
}

/// A start under a condition.
pub struct Applied {
    /// The start, changed where that was needed.
    pub launch: Launch,
    /// Options of `glowplug invoke`.
    pub options: Vec<String>,
    /// What puts processes under a limit, if that is part of the condition.
    pub limit: Option<cpu::Share>,
}

impl Applied {
    /// With options only.
    pub fn with(launch: &Launch, options: &[&str]) -> Self {
        let mut options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        if !options.iter().any(|option| option == "--memory") {
            options.extend(["--memory".to_owned(), MEGABYTES.to_string()]);
        }
        Self { launch: launch.clone(), options, limit: None }
    }

    /// The command, as it is to be run.
    ///
    /// # Errors
    /// When the limit cannot be set.
    pub fn limited(&self, command: Command) -> Result<Command> {
        match &self.limit {
            Some(share) => share.limit(&command),
            None => Ok(command),
        }
    }
}
