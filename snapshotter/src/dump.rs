//! Process B: a clean interpreter compiles the recorded modules and writes the archive
//! (`python/dump.py`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use glowplug_archive::header::Validation;
use serde::{Deserialize, Serialize};

use crate::interpreter::optimize_options;
use crate::target::Target;

/// What the archive is to be.
#[derive(Debug, Serialize)]
pub struct Order<'a> {
    /// Version of this program.
    pub glowplug: &'a str,
    /// Folder with the loader and the dumper.
    pub payload: &'a Path,
    /// File with the recording.
    pub trace: &'a Path,
    /// Folder for the archive.
    pub output: &'a Path,
    /// The archive's name.
    pub name: &'a str,
    /// What was snapshotted.
    pub target: &'a str,
    /// How staleness is judged.
    pub validation: Validation,
    /// The function's directory.
    pub root: Option<&'a Path>,
    /// Names of the modules wanted, where the user gives a list.
    pub modules: Option<&'a [String]>,
}

/// What was written.
#[derive(Debug, Deserialize)]
pub struct Dumped {
    /// The archive.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Recorded expressions that could not be kept.
    pub regexes_left_out: u64,
    /// Recorded texts that could not be kept.
    pub texts_left_out: u64,
}

/// Has the archive written. `scripts` is where the scripts are unpacked.
pub fn dump(target: &Target, order: &Order<'_>, optimize: u8, scripts: &Path) -> Result<Dumped> {
    let spec = scripts.join("order.json");
    let result = scripts.join("result.json");
    std::fs::write(&spec, serde_json::to_vec(order)?)
        .with_context(|| format!("cannot write {}", spec.display()))?;
    let mut command = Command::new(&target.python.executable);
    target.environment.apply(&mut command);
    command
        .args(["-I", "-S", "-B"])
        .args(optimize_options(optimize))
        .args([&scripts.join("dump.py"), &spec, &result])
        .stdin(Stdio::null());
    tracing::debug!("{command:?}");
    let output =
        command.output().with_context(|| format!("cannot run {}", target.python.executable.display()))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let words = words.trim();
        let words = words.strip_prefix("glowplug: ").unwrap_or(words);
        bail!("no archive was written ({}): {words}", output.status);
    }
    for line in words.lines() {
        tracing::warn!("{line}");
    }
    let text = std::fs::read(&result).with_context(|| format!("cannot read {}", result.display()))?;
    serde_json::from_slice(&text).context("the dump's result cannot be read")
}
