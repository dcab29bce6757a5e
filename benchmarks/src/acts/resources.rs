//! A wrapper before the runtime that says what the runtime used when it ends.
//!
//! It starts the runtime as a child, so it adds a process to the start: such starts are not timed.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::wrapped;

/// The name it is executed by.
pub const NAME: &str = "bench-resources";
/// The wrapper that is to come next, if there is one.
pub const NEXT: &str = "GLOWPLUG_BENCH_NEXT";
/// What its line in the log begins with.
pub const PREFIX: &str = "bench-resources: ";

/// Sector size that `ru_inblock` counts in (getrusage(2); the kernel's `task_io_get_inblock`).
const BLOCK: f64 = 512.0;
const MIB: f64 = 1048576.0;

/// The runtime, to which a signal is passed on.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// What a runtime used in its life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Peak resident set, MiB.
    pub peak_rss: f64,
    /// Page faults without reading.
    pub minor_faults: f64,
    /// Page faults that waited for storage.
    pub major_faults: f64,
    /// MiB read from storage.
    pub read: f64,
}

/// The line of the log that says it.
pub fn read(log: &str) -> Option<Resources> {
    let line = log.lines().find_map(|line| line.strip_prefix(PREFIX))?;
    serde_json::from_str(line).ok()
}

/// Runs the command and reports.
pub fn run() -> Result<ExitCode> {
    let command = wrapped()?;
    let mut command = match std::env::var_os(NEXT).filter(|next| !next.is_empty()) {
        Some(next) => {
            let mut outer = std::process::Command::new(next);
            outer.arg(command.get_program()).args(command.get_args());
            outer
        }
        None => command,
    };
    let handler: extern "C" fn(libc::c_int) = pass_on;
    // SAFETY: the handler only loads an atomic and calls kill(2), which is async-signal-safe.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let child = command.env_remove(NEXT).spawn().context("cannot run the runtime")?;
    CHILD.store(i32::try_from(child.id())?, Ordering::SeqCst);
    let (status, usage) = wait(i32::try_from(child.id())?)?;
    #[allow(clippy::cast_precision_loss)]
    let resources = Resources {
        peak_rss: usage.ru_maxrss as f64 * 1024.0 / MIB,
        minor_faults: usage.ru_minflt as f64,
        major_faults: usage.ru_majflt as f64,
        read: usage.ru_inblock as f64 * BLOCK / MIB,
    };
    eprintln!("\n{PREFIX}{}", serde_json::to_string(&resources)?);
    Ok(if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

extern "C" fn pass_on(signal: libc::c_int) {
    let child = CHILD.load(Ordering::SeqCst);
    if child > 0 {
        // SAFETY: no pointers are passed; the child is only reaped when this program is about to end.
        unsafe { libc::kill(child, signal) };
    }
}

/// Waits for the child, whatever signals come.
fn wait(child: i32) -> Result<(libc::c_int, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live values of the right types.
        if unsafe { libc::wait4(child, &raw mut status, 0, &raw mut usage) } == child {
            return Ok((status, usage));
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error).context("wait4");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_in_a_log() {
        let used = Resources { peak_rss: 30.5, minor_faults: 4000.0, major_faults: 2.0, read: 0.0 };
        let log = format!("START\n{PREFIX}{}\n", serde_json::to_string(&used).unwrap());
        assert_eq!(read(&log), Some(used));
        assert_eq!(read("START\n"), None);
    }
}
