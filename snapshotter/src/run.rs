//! `glowplug run`: a Python command with an archive active. The wrapper, which is part of the
//! payload, does the work, as it does on Lambda.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, absolute};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, anyhow};

use crate::cli::RunArguments;
use crate::payload;

/// Runs the command; returns only where it cannot be executed.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let (program, rest) = arguments.command.split_first().context("name a command after --")?;
    let mut command = Command::new(payload::start_folder()?.join(payload::WRAPPER_NAME));
    command.arg(program).args(rest);
    set_environment(&mut command, arguments)?;
    tracing::debug!("{command:?}");
    let error = command.exec();
    tracing::warn!("{}: {error}; starting the plain way", Path::new(command.get_program()).display());
    let mut command = Command::new(program);
    command.args(rest);
    set_environment(&mut command, arguments)?;
    let error = command.exec();
    Err(anyhow!(error).context(format!("cannot run {}", Path::new(program).display())))
}

fn set_environment(command: &mut Command, arguments: &RunArguments) -> Result<()> {
    let full = |path: &Path| absolute(path).with_context(|| format!("no such path: {}", path.display()));
    if let Some(archive) = &arguments.archive {
        command.env("GLOWPLUG_ARCHIVE", full(archive)?).env_remove("GLOWPLUG_ARCHIVE_DIR");
    } else if let Some(folder) = &arguments.archive_dir {
        command.env("GLOWPLUG_ARCHIVE_DIR", full(folder)?).env_remove("GLOWPLUG_ARCHIVE");
    } else if !["GLOWPLUG_ARCHIVE", "GLOWPLUG_ARCHIVE_DIR"].iter().any(|n| std::env::var_os(n).is_some()) {
        command.env("GLOWPLUG_ARCHIVE_DIR", full(Path::new("."))?);
    }
    if let Some(mode) = arguments.mode {
        command.env("GLOWPLUG_MODE", mode.name());
    }
    if let Some(root) = &arguments.root {
        command.env("GLOWPLUG_ROOT", full(root)?);
    }
    Ok(())
}
