//! What this program does as part of a start, when it is executed by another name.
//!
//! The sandbox runs programs of the layer: a wrapper before the runtime, extensions beside it. The
//! suite puts copies of its own program there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

pub mod answer;
pub mod burst;
pub mod criu;
pub mod fork;
pub mod resources;

/// An act: the name it is executed by, and what it does.
type Act = (&'static str, fn() -> Result<ExitCode>);

/// All acts.
const ACTS: &[Act] = &[
    (answer::NAME, answer::run),
    (burst::NAME, burst::run),
    (criu::NAME, criu::run),
    (fork::NAME, fork::run),
    (resources::NAME, resources::run),
];

/// Does what the program's name asks for, if it is that of an act.
pub fn perform() -> Option<ExitCode> {
    let name = std::env::args_os().next().map(PathBuf::from)?;
    let (name, act) = ACTS.iter().find(|(act, _)| name.file_name().is_some_and(|name| name == *act))?;
    Some(act().unwrap_or_else(|error| {
        eprintln!("{name}: {error:#}");
        ExitCode::FAILURE
    }))
}

/// Puts this program into a folder, to be executed by the name of an act.
///
/// # Errors
/// When it cannot be copied.
pub fn place(act: &str, folder: &Path) -> Result<PathBuf> {
    let target = folder.join(act);
    std::fs::create_dir_all(folder)?;
    let _ = std::fs::remove_file(&target);
    // Not by its name: the file may have been replaced by a newer one meanwhile.
    std::fs::copy("/proc/self/exe", &target).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(target)
}

/// The command that a wrapper is given: program and arguments.
fn wrapped() -> Result<std::process::Command> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("nothing to run")?;
    let mut command = std::process::Command::new(program);
    command.args(words);
    Ok(command)
}
