//! A process in which the function is initialised, to be forked or checkpointed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::suite::package::Package;
use crate::suite::workplace::{Workplace, last_line};

/// Initialises the function and does what it is told then.
const SCRIPT: &str = include_str!("warm_process.py");

/// The process; killed when dropped.
pub struct WarmProcess {
    child: Child,
}

impl WarmProcess {
    /// Starts it and waits until it is ready. `folder` gets its log.
    ///
    /// # Errors
    /// When the function cannot be initialised.
    pub fn start(
        place: &Workplace,
        package: &Package,
        folder: &Path,
        way: &str,
        path: &Path,
    ) -> Result<Self> {
        let log = folder.join("warm-process.log");
        let mut command = std::process::Command::new(place.runtime());
        command.arg("-c").arg(SCRIPT).arg(&package.root).arg(&package.function.handler).arg(way).arg(path);
        command.env_clear().envs(package.command(place, &place.runtime()).environment());
        command
            .current_dir(&package.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        // A checkpoint of a process takes its whole session.
        // SAFETY: between fork and exec only setsid(2) is called.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, || {
                libc::setsid();
                Ok(())
            });
        }
        let mut process = Self { child: command.spawn()? };
        let mut line = String::new();
        let output = process.child.stdout.take().context("a pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        let said = || last_line(&std::fs::read_to_string(&log).unwrap_or_default());
        ensure!(line == "ready\n", "the warm process did not become ready: {}", said());
        Ok(process)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for WarmProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
