//! What a failure means for the exit status.

use std::path::Path;
use std::process::ExitCode;

/// Statuses of the command; clap itself ends with 2 for wrong usage.
pub mod status {
    /// Glowplug failed, or (`verify`) the archive is damaged.
    pub const FAILED: u8 = 1;
    /// The command line cannot be followed.
    pub const USAGE: u8 = 2;
    /// The target failed.
    pub const TARGET: u8 = 3;
    /// `verify`: sources on disk are not those in the archive.
    pub const SOURCES: u8 = 4;
}

/// The program that was snapshotted failed; its own words are on stderr already.
#[derive(Debug)]
pub struct TargetFailed(pub String);

/// The command line is well-formed but cannot be followed.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for TargetFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetFailed {}
impl std::error::Error for Usage {}

/// An archive's error with its path, which errors of files name themselves, in one line.
pub fn of_archive(path: &Path, error: &glowplug_archive::Error) -> anyhow::Error {
    use glowplug_archive::Error::{Io, NotAFile};
    match error {
        Io { .. } | NotAFile(_) => anyhow::anyhow!("{error}"),
        _ => anyhow::anyhow!("{}: {error}; build it again with `glowplug snapshot`", path.display()),
    }
}

/// The exit status for an error.
pub fn status_of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(if error.is::<TargetFailed>() {
        status::TARGET
    } else if error.is::<Usage>() {
        status::USAGE
    } else {
        status::FAILED
    })
}
