//! Process A: the target runs in an interpreter of its own and is recorded (`python/trace.py`).

use std::io::{BufRead as _, BufReader, PipeReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use glowplug_archive::manifest::{DataFile, LeftOut, StalePyc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{TargetFailed, status};
use crate::progress::Progress;
use crate::target::Target;

/// How long output is waited for after the target has ended: its children may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a failed target means for a snapshot.
pub const NOTHING_WRITTEN: &str = "nothing was written";

/// What was recorded, as far as this program reads it itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recording {
    /// Modules from `.py` files, in the order in which they first ran.
    pub modules: Vec<Module>,
    /// Extension modules, in import order.
    pub extensions: Vec<Module>,
    /// Imported modules that cannot be in an archive.
    pub left_out: Vec<LeftOut>,
    /// Modules without a good `.pyc`.
    pub stale_pyc: Vec<StalePyc>,
    /// Shared libraries mapped at the end.
    pub shared_libraries: Vec<String>,
    /// Other files read.
    pub data_files: Vec<DataFile>,
    /// Facts about the interpreter.
    pub python: Python,
}

/// A module that was imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct Module {
    /// Full dotted name.
    pub name: String,
    /// Its file, absolute.
    pub path: String,
    /// Whether it is a package.
    pub package: bool,
}

/// Facts about the interpreter.
#[derive(Debug, Serialize, Deserialize)]
pub struct Python {
    /// `sys.version`.
    pub version: String,
    /// `sys.base_prefix`.
    pub base_prefix: String,
    /// `sys.executable`.
    pub executable: String,
    /// `sys.flags.optimize`.
    pub optimize: u8,
}

/// Runs the target and records it. `scripts` is where the scripts are unpacked; the complete
/// recording is left in `out`.
///
/// # Errors
/// [`TargetFailed`] where the target fails; its output has been shown.
pub fn record(target: &Target, scripts: &Path, out: &Path, progress: &Progress) -> Result<Recording> {
    let spec = scripts.join("spec.json");
    let handler = target.handler.as_ref();
    let text = json!({
        "root": target.root,
        "argv": target.argv(),
        "imports": target.imports,
        "handler": handler.map(|h| [&h.module, &h.function]),
        "events": target.events,
        "program": target.program,
        "run_on": target.run_on,
        "name": handler.map_or("function", |h| &h.module),
    });
    std::fs::write(&spec, text.to_string()).with_context(|| format!("cannot write {}", spec.display()))?;

    let mut command = Command::new(&target.python.executable);
    target.environment.apply(&mut command);
    command.args(target.options()).args([scripts.join("trace.py"), spec, out.to_owned()]);
    let status = run_shown(command, progress)?;
    check(status, NOTHING_WRITTEN)?;

    let text = std::fs::read_to_string(out).map_err(|_| {
        TargetFailed("the target ended its process before it was done (os._exit?)".to_owned())
    })?;
    serde_json::from_str(&text).context("the recording cannot be read")
}

/// Runs a command whose output is shown as it comes, and waits for its end.
pub fn run_shown(mut command: Command, progress: &Progress) -> Result<ExitStatus> {
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
    tracing::debug!("{command:?}");
    let mut child =
        command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    drop(command); // and with it this side's ends of the pipe
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || forward(reader, &sender));
    pass_on(&lines, || child.try_wait(), progress).context("waiting for the target")
}

/// Reads the target's output line by line.
fn forward(reader: PipeReader, sender: &mpsc::Sender<Vec<u8>>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        if sender.send(std::mem::take(&mut line)).is_err() {
            return;
        }
    }
}

/// Shows lines until the target has ended and nothing more comes.
fn pass_on(
    lines: &mpsc::Receiver<Vec<u8>>,
    mut ended: impl FnMut() -> std::io::Result<Option<ExitStatus>>,
    progress: &Progress,
) -> std::io::Result<ExitStatus> {
    let mut end: Option<(ExitStatus, Instant)> = None;
    let mut open = true;
    loop {
        if open {
            match lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => progress.print(&line),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => open = false,
            }
        } else if end.is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if end.is_none() {
            end = ended()?.map(|status| (status, Instant::now()));
        }
        if let Some((status, since)) = end
            && (!open || since.elapsed() > LAST_WORDS)
        {
            return Ok(status);
        }
    }
}

/// An error where the target failed, and so `lost`.
pub fn check(ended: ExitStatus, lost: &str) -> Result<()> {
    use std::os::unix::process::ExitStatusExt as _;
    if ended.success() {
        return Ok(());
    }
    if ended.code() == Some(status::TARGET.into()) {
        return Err(TargetFailed(format!("{lost}, because the target failed")).into());
    }
    if let Some(signal) = ended.signal() {
        return Err(TargetFailed(format!("the target was ended by signal {signal}")).into());
    }
    bail!("{lost}: running the target failed ({ended}): see above")
}
