//! `glowplug run`: a Python command with an archive active.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, anyhow};

use crate::cli::{Mode, RunArguments};
use crate::payload;
use crate::python_arguments::{self, Program, Split};

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
    let Split { options, program } = python_arguments::split(arguments);
    let (flag, rest) = match program {
        Program::Command(rest) => (Some("-c"), rest),
        Program::Module(rest) => (Some("-m"), rest),
        Program::File(rest) => (None, rest),
        Program::Other => {
            tracing::info!("no program that a start script could run: Python is started as it is");
            command.args(arguments);
            return Ok(command);
        }
    };
    let folder = payload::start_folder()?;
    command.args(options).arg(folder.join(payload::START_SCRIPT)).args(flag).args(rest);
    command.env("GLOWPLUG_START", folder);
    Ok(command)
}

/// The Python and its arguments that a command comes down to: itself, or the script that it names
/// where that script says so in its first line (`#!`). `None` for what is not Python.
fn python_command(program: &OsStr, arguments: &[OsString]) -> Option<(OsString, Vec<OsString>)> {
    if is_python(program) {
        return Some((program.to_owned(), arguments.to_vec()));
    }
    let script = find(program)?;
    let mut words = interpreter_line(&script)?;
    if Path::new(words.first()?).file_name()? == "env" {
        words.remove(0);
    }
    let python = words.first().filter(|p| is_python(p))?.clone();
    let options = words.split_off(1).into_iter();
    Some((python, options.chain([script.into()]).chain(arguments.iter().cloned()).collect()))
}

/// Whether a path's last part names a Python: `python`, `python3`, `python3.12`.
fn is_python(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default().as_bytes();
    name.strip_prefix(b"python").is_some_and(|rest| rest.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
}

/// A program as `execvp` finds it.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The words after `#!` in a file's first line (execve(2): the interpreter, then one argument).
fn interpreter_line(file: &Path) -> Option<Vec<OsString>> {
    let mut line = Vec::new();
    let reader = BufReader::new(std::fs::File::open(file).ok()?);
    std::io::Read::take(reader, 256).read_until(b'\n', &mut line).ok()?;
    let text = line.strip_prefix(b"#!")?.trim_ascii();
    let mut words = text.splitn(2, |b| *b == b' ' || *b == b'\t').map(<[u8]>::trim_ascii);
    let found: Vec<OsString> = words.by_ref().map(|w| OsStr::from_bytes(w).to_owned()).collect();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_are_known_by_their_names() {
        for name in ["python", "python3", "/usr/bin/python3.12", "./python"] {
            assert!(is_python(OsStr::new(name)), "{name}");
        }
        for name in ["pythonw", "ipython", "node", "", "python3-config"] {
            assert!(!is_python(OsStr::new(name)), "{name}");
        }
    }

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
