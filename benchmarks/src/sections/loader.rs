//! Import of the `_glowplug` module alone, beside a C extension that does nothing: both lie in a
//! folder of their own, first in `sys.path`, so that both are found in the same way.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Measure, add, milliseconds};
use crate::process::Command;
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::{Bound, Findings};
use crate::sections::rounds::{self, Job};
use crate::statistics::Estimate;

/// Prints the time that an import takes.
const LOADER: &str = include_str!("probes/loader.py");
/// The least C extension.
const MINIMAL: &str = include_str!("probes/minimal.c");
/// Prints the folder of `Python.h`, and where `_glowplug` is installed.
const PLACES: &str = "import sysconfig, importlib.util as u; \
                      print(sysconfig.get_path('include')); print(u.find_spec('_glowplug').origin)";

/// The measure's name.
const TIME: &str = "import [ms]";
/// Milliseconds for the loader's import.
const BAR: f64 = 0.4;
/// Name of the loader's series.
const GLOWPLUG: &str = "_glowplug";

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    let python = bench.command(&interpreter.python);
    let mut jobs = Vec::new();
    let mut contest = |variant: &'static str, module: &str, folder: Result<PathBuf>| match folder {
        Ok(folder) => jobs.push(Job {
            variant,
            command: import(&python, module, &folder),
            read: milliseconds,
            expected: String::new(),
        }),
        Err(error) => findings.void("", variant, &format!("{error:#}")),
    };
    contest(GLOWPLUG, GLOWPLUG, glowplug(bench, interpreter));
    contest("minimal C extension", "minimal", minimal(bench, interpreter));
    if jobs.is_empty() {
        return Ok(());
    }
    let title = format!("{} loader", interpreter.label);
    let taken = rounds::run(bench, &title, &jobs, rounds::WARM_UPS, &|| Ok(()))?;
    add(findings, "", &taken, &[Measure(TIME, |t| *t)]);
    if let Some(samples) = findings.samples("", GLOWPLUG, TIME) {
        // Held against one millisecond, the ratio is the time.
        let samples = samples.to_vec();
        let time: Estimate = bench.random(|random| crate::statistics::ratio(&samples, &[1.0], random));
        findings.bar("import of _glowplug [ms]", time, Bound::AtMost(BAR));
    }
    Ok(())
}

fn import(python: &Command, module: &str, folder: &Path) -> Command {
    let mut command = python.clone();
    command.argument("-c").argument(LOADER).argument(module).argument(folder);
    command
}

/// A folder with a copy of the installed loader.
fn glowplug(bench: &Bench, interpreter: &Interpreter) -> Result<PathBuf> {
    let installed = places(bench, interpreter)?.1;
    let folder = bench.folder(interpreter, &["loader", "glowplug"])?;
    let name = installed.file_name().context("the loader is built in")?;
    std::fs::copy(&installed, folder.join(name))?;
    Ok(folder)
}

/// A folder with the C extension, compiled for this interpreter.
fn minimal(bench: &Bench, interpreter: &Interpreter) -> Result<PathBuf> {
    let include = places(bench, interpreter)?.0;
    anyhow::ensure!(include.join("Python.h").is_file(), "this Python has no headers installed");
    let (folder, sources) = (
        bench.folder(interpreter, &["loader", "minimal"])?,
        bench.folder(interpreter, &["loader", "source"])?,
    );
    let source = sources.join("minimal.c");
    std::fs::write(&source, MINIMAL)?;
    let mut compile = bench.command(Path::new("cc"));
    compile.argument("-O2").argument("-shared").argument("-fPIC").argument("-I").argument(include);
    compile.argument(source).argument("-o").argument(folder.join("minimal.so"));
    compile.output().context("compiling the minimal extension")?;
    Ok(folder)
}

/// The folder of `Python.h`, and the file of the installed loader.
fn places(bench: &Bench, interpreter: &Interpreter) -> Result<(PathBuf, PathBuf)> {
    let printed = bench.command(&interpreter.python).argument("-c").argument(PLACES).output();
    let printed = printed.context("is the wheel installed?")?;
    let (include, loader) = printed.trim().split_once('\n').context("two lines were expected")?;
    Ok((include.into(), loader.into()))
}
