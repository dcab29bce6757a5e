//! Process C: the target is started from the archive, and its use of files recorded
//! (`python/prefetch.py`).

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::interpreter::optimize_options;
use crate::payload::AUDITOR_NAME;
use crate::target::Target;

/// rtld-audit(7). `prefetch.py` takes it out of the target's environment.
const AUDIT: &str = "LD_AUDIT";

/// What a start from the archive used.
#[derive(Debug, Deserialize)]
pub struct Start {
    /// Files in the order of first use.
    pub order: Vec<Used>,
    /// The files that were mapped.
    pub mapped: Vec<Mapped>,
}

/// A file that was used.
#[derive(Debug, Deserialize)]
pub struct Used {
    /// Absolute.
    pub path: String,
    /// Names of the modules imported last by then, the latest first; `None` before the archive was
    /// active.
    pub modules: Option<Vec<String>>,
}

/// A mapped file.
#[derive(Debug, Deserialize)]
pub struct Mapped {
    /// Absolute, without links.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// What was touched: offset and length in bytes.
    pub ranges: Vec<(u64, u64)>,
}

/// Starts the target from the archive. `took` is how long it took without.
///
/// The auditor lets the pages of libraries be seen that were touched, and no others. Where the target does not start with
/// it, it is started without, and the pages that the kernel maps along with those count too.
pub fn start(target: &Target, archive: &Path, scripts: &Path, took: Duration) -> Result<Start> {
    let auditor = scripts.join(AUDITOR_NAME);
    start_audited(target, archive, scripts, took, Some(&auditor)).or_else(|error| {
        tracing::debug!("with the auditor: {error:#}");
        start_audited(target, archive, scripts, took, None)
    })
}

fn start_audited(
    target: &Target,
    archive: &Path,
    scripts: &Path,
    took: Duration,
    auditor: Option<&Path>,
) -> Result<Start> {
    let out = scripts.join("prefetch.json");
    let mut command = Command::new(&target.python.executable);
    target.environment.apply(&mut command);
    command
        .args(optimize_options(target.optimize.unwrap_or(0)))
        .args([&scripts.join("prefetch.py"), &scripts.join("spec.json")])
        .args([archive, &out])
        // What the target has to say it has said when it was recorded.
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(auditor) = auditor {
        command.env(AUDIT, auditor);
    }
    tracing::debug!("{command:?}");
    let mut child =
        command.spawn().with_context(|| format!("cannot run {}", target.python.executable.display()))?;
    let limit = Duration::from_secs(30) + 10 * took;
    let Some(status) = wait(&mut child, limit)? else {
        bail!("the target did not end when it was started from the archive");
    };
    if !status.success() {
        bail!("the target failed when it was started from the archive ({status})");
    }
    let text = std::fs::read(&out).context("the target ended its process when it was started again")?;
    serde_json::from_slice(&text).context("the recording cannot be read")
}

/// Waits until a process has ended; one that takes longer than `limit` is killed.
fn wait(child: &mut std::process::Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
