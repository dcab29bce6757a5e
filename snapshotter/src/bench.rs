//! `glowplug bench`: runs the benchmark suite, a program of its own that the wheel brings beside this one.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::cli::BenchArguments;

/// The suite's program.
const PROGRAM: &str = "glowplug-bench";

/// Executes the suite; returns only where that cannot be done.
pub fn bench(arguments: &BenchArguments) -> Result<ExitCode> {
    let own = std::env::current_exe().context("this program's own file")?;
    let beside = Some(own.with_file_name(PROGRAM)).filter(|path| path.is_file());
    let Some(program) = beside.or_else(in_path) else {
        bail!(
            "{PROGRAM} is neither beside {} nor in PATH: the wheel brings it, and `cargo build -p {PROGRAM}` builds it",
            own.display()
        );
    };
    let error = Command::new(&program).args(&arguments.arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file())
}
