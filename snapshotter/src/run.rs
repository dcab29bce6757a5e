//! `glowplug run`: a Python command with an archive active.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, anyhow};

use glowplug_python_command::{first_line, is_python, split};

use crate::cli::{Mode, RunArguments};
use crate::payload;

/// Runs the command; returns only where it cannot be executed.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let (program, rest) = arguments.command.split_first().context("name a command after --")?;
    let mut command = match python_command(program, rest) {
        Some((python, rest)) if arguments.mode != Some(Mode::Off) => started(&python, &rest)?,
        found => {
            if found.is_none() {
                tracing::warn!(
                    "{} is not Python: it is run with the archive's place in its environment only",
                    Path::new(program).display()
                );
            }
            let mut command = Command::new(program);
            command.args(rest);
            command
        }
    };
    set_environment(&mut command, arguments)?;
    tracing::debug!("{command:?}");
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

/// The interpreter and its arguments with the start script put before the program.
fn started(python: &OsStr, arguments: &[OsString]) -> Result<Command> {
    let mut command = Command::new(python);
    let texts: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
    let Some(place) = split(&texts) else {
        tracing::info!("no program that a start script could run: Python is started as it is");
        command.args(arguments);
        return Ok(command);
    };
    let (options, program) = arguments.split_at(place.options);
    command.args(options);
    if place.shared > 0 {
        command.arg(OsStr::from_bytes(&texts[place.options][..place.shared]));
    }
    let folder = payload::start_folder()?;
    command.arg(folder.join(payload::START_SCRIPT)).arg("--").args(program);
    Ok(command)
}

/// The Python and its arguments that a command comes down to: itself, or the script that it names
/// where that script says so in its first line (`#!`). `None` for what is not Python.
fn python_command(program: &OsStr, arguments: &[OsString]) -> Option<(OsString, Vec<OsString>)> {
    if is_python(program.as_bytes()) {
        return Some((program.to_owned(), arguments.to_vec()));
    }
    let script = find(program)?;
    let mut start = Vec::new();
    std::fs::File::open(&script).ok()?.take(256).read_to_end(&mut start).ok()?;
    let (python, option) = first_line(&start).filter(|(python, _)| is_python(python))?;
    let text = |bytes| OsStr::from_bytes(bytes).to_owned();
    let rest = option.map(text).into_iter().chain([script.into()]).chain(arguments.iter().cloned());
    Some((text(python), rest.collect()))
}

/// A program as `execvp` finds it.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_run_by_the_python_of_its_first_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("tool");
        for (line, python) in
            [("#!/opt/venv/bin/python", "/opt/venv/bin/python"), ("#!/usr/bin/env python3", "python3")]
        {
            std::fs::write(&script, format!("{line}\npass\n")).expect("written");
            let found = python_command(script.as_os_str(), &["a".into()]).expect("a Python script");
            assert_eq!(found, (python.into(), vec![script.clone().into(), "a".into()]));
        }
    }

    #[test]
    fn other_programs_are_not_python() {
        assert_eq!(python_command(OsStr::new("/bin/sh"), &[]), None);
    }
}
