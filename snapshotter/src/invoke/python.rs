//! What the sandbox has to know of the Python that runs the function.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;

/// Prints the version, whether the runtime client is there, and places, one a line.
const QUESTIONS: &str = "import sys, importlib.util as u
print('%d.%d' % sys.version_info[:2], u.find_spec('awslambdaric') is not None, sys.executable, sep='\\n')
print(*dict.fromkeys([sys.prefix, sys.base_prefix]), '', *sys.path, sep='\\n')";

/// An interpreter with the runtime client.
pub struct Python {
    pub executable: PathBuf,
    /// Such as `3.12`.
    pub minor: String,
    /// Its prefixes and the directories of its `sys.path`.
    pub folders: Vec<PathBuf>,
    /// The directories of its `sys.path`.
    pub modules: Vec<PathBuf>,
}

/// Asks the interpreter.
pub fn probe(python: &Path) -> Result<Python> {
    let mut command = Command::new(python);
    Environment::default().apply(&mut command);
    let output = command
        .args(["-I", "-c", QUESTIONS])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}: name another Python with --python", python.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let (Some(minor), Some(client), Some(executable)) = (lines.next(), lines.next(), lines.next()) else {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{} does not answer as a Python ({}): {}", python.display(), output.status, words.trim());
    };
    if client != "True" {
        bail!(
            "{} has no awslambdaric, the runtime client of Lambda's Python: install it there (pip install \
             awslambdaric), or name another Python with --python",
            python.display()
        );
    }
    let directories = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_dir());
    let prefixes: Vec<PathBuf> =
        lines.by_ref().take_while(|line| !line.is_empty()).filter_map(directories).collect();
    let modules: Vec<PathBuf> = lines.filter_map(directories).collect();
    let folders = prefixes.iter().chain(&modules).cloned().collect();
    Ok(Python { executable: executable.into(), minor: minor.to_owned(), folders, modules })
}
