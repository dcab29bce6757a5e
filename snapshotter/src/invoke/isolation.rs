//! The sandbox's file system: the layer at `/opt` and the function at `/var/task`, all read-only
//! but for an empty `/tmp`, by bubblewrap.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::plan::{Outcome, Plan};

/// Where this program is inside.
const SELF: &str = "/.glowplug";
/// The subcommand that it runs there.
pub const INSIDE: &str = "invoke-inside";

/// Whether bubblewrap is there and may do its work.
pub fn check() -> Result<()> {
    let output = Command::new("bwrap")
        .args(["--ro-bind", "/", "/", "--tmpfs", "/tmp", "true"])
        .output()
        .context("bubblewrap (bwrap) is not installed")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("bubblewrap may not make a sandbox here: {}", String::from_utf8_lossy(&output.stderr).trim())
}

/// Carries the plan out inside. `folders` are what Python needs to be where it is.
pub fn run(mut plan: Plan, folders: &[PathBuf]) -> Result<Outcome> {
    let mut command = Command::new("bwrap");
    command.args(mounts(&plan.task, plan.layer.as_deref(), folders)?);
    plan.task = "/var/task".into();
    plan.layer = plan.layer.as_ref().map(|_| "/opt".into());
    let program = std::env::current_exe().context("this program's own file")?;
    command.arg("--ro-bind").arg(program).arg(SELF);
    // As on Lambda, also root's processes may read only what file modes allow.
    command.args(["--cap-drop", "ALL", "--die-with-parent", "--chdir", "/var/task", SELF, INSIDE]);
    tracing::debug!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run bubblewrap (bwrap)")?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    stdin.write_all(&serde_json::to_vec(&plan)?).context("the sandbox ended early")?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the sandbox failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the sandbox did not say what happened")
}

/// The machine's files, read-only, with `/opt`, `/var/task`, `/tmp`, `/dev` and `/proc` of its own.
///
/// # Errors
/// Where a folder cannot be listed.
pub fn mounts(task: &Path, layer: Option<&Path>, folders: &[PathBuf]) -> Result<Vec<OsString>> {
    let mut found = Mounts::default();
    found.children(Path::new("/"), &["opt", "var", "tmp", "dev", "proc"])?;
    found.children(Path::new("/var"), &["task"])?;
    let mut taken = Vec::new();
    if let Some(layer) = layer {
        for entry in std::fs::read_dir(layer).with_context(|| format!("cannot list {}", layer.display()))? {
            let entry = entry?;
            found.bind(&entry.path(), &Path::new("/opt").join(entry.file_name()));
            taken.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    found.children(Path::new("/opt"), &taken)?;
    found.bind(task, Path::new("/var/task"));
    found.0.extend(["--tmpfs", "/tmp", "--dev", "/dev", "--proc", "/proc"].map(OsString::from));
    for folder in folders.iter().filter(|folder| folder.starts_with("/tmp")) {
        found.bind(folder, folder);
    }
    Ok(found.0)
}

/// Arguments for bubblewrap.
#[derive(Default)]
struct Mounts(Vec<OsString>);

impl Mounts {
    fn bind(&mut self, from: &Path, to: &Path) {
        self.0.extend(["--ro-bind".into(), from.into(), to.into()]);
    }

    /// Binds what is in `folder` where it is, but for `without`.
    fn children(&mut self, folder: &Path, without: &[&str]) -> Result<()> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default();
            if without.iter().any(|other| name == *other) {
                continue;
            }
            match std::fs::read_link(&path) {
                Ok(target) => self.0.extend(["--symlink".into(), target.into(), path.into()]),
                Err(_) => self.bind(&path, &path),
            }
        }
        Ok(())
    }
}
