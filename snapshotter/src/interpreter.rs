//! The Python interpreter that archives are built for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;

/// Minor versions of CPython 3 that archives can be built for.
const SUPPORTED: std::ops::RangeInclusive<u32> = 10..=14;

/// Prints one fact a line.
const QUESTIONS: &str = "import sys
print(sys.implementation.name, *sys.version_info[:2], getattr(sys, 'abiflags', ''), sys.executable or '', sep='\\n')";

/// An interpreter that was asked what it is.
#[derive(Debug)]
pub struct Interpreter {
    /// What to execute.
    pub executable: PathBuf,
    /// Its version, such as `3.12`.
    pub minor: String,
}

impl Interpreter {
    /// Starts `python` and asks it; refuses what archives cannot be built for.
    pub fn probe(python: &Path, environment: &Environment) -> Result<Self> {
        let mut command = Command::new(python);
        environment.apply(&mut command);
        let output =
            command.args(["-I", "-S", "-c", QUESTIONS]).stdin(Stdio::null()).output().with_context(|| {
                format!("cannot run {}: name another Python with --python", python.display())
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let facts: Vec<&str> = text.lines().collect();
        let (true, [implementation, major, minor, flags, executable]) = (output.status.success(), &facts[..])
        else {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{} does not answer as a Python 3 ({}): {}", python.display(), output.status, words.trim());
        };
        tracing::info!("{} is {implementation} {major}.{minor}{flags}", python.display());
        let supported = *major == "3" && minor.parse().is_ok_and(|m: u32| SUPPORTED.contains(&m));
        if *implementation != "cpython" || !supported {
            bail!(
                "{} is {implementation} {major}.{minor}; archives are for CPython 3.{} to 3.{}",
                python.display(),
                SUPPORTED.start(),
                SUPPORTED.end()
            );
        }
        if flags.contains(['t', 'd']) {
            bail!("{}: free-threaded and debug builds of Python are not supported", python.display());
        }
        let executable = if executable.is_empty() { python } else { Path::new(executable) };
        Ok(Self { executable: executable.to_owned(), minor: format!("{major}.{minor}") })
    }
}

/// The options that set an optimisation level.
pub fn optimize_options(level: u8) -> &'static [&'static str] {
    match level {
        0 => &[],
        1 => &["-O"],
        _ => &["-OO"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_python_is_refused() {
        let error = Interpreter::probe(Path::new("/bin/echo"), &Environment::default());
        assert!(error.expect_err("echo is no Python").to_string().contains("does not answer"));
    }

    #[test]
    fn a_missing_python_is_named() {
        let error = Interpreter::probe(Path::new("/no/such/python"), &Environment::default());
        assert!(error.expect_err("there is none").to_string().contains("/no/such/python"));
    }
}
