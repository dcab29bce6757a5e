//! From exec to the handler's result, without a runtime client: restored from a process image, beside a fork of the
//! initialised process, CRIU's restore of the same process, and plain Python.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::{Measure, add, packages};
use crate::acts;
use crate::acts::answer::NAME;
use crate::process::{Command, Outcome, Running};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::{Bound, Findings};
use crate::sections::rounds::{self, Job};
use crate::sections::variants::PLAIN;
use crate::sections::workload::Workload;

/// The process that answers.
const PROGRAM: &str = include_str!("probes/restore.py");
/// The measures' names.
const ANSWER: &str = "exec to result [ms]";
const RESTORED: &str = "exec to restored [ms]";
/// Restored by Glowplug's wrapper.
pub(super) const IMAGE: &str = "glowplug image";
/// Of the initialised process.
pub(super) const FORK: &str = "fork";
/// Restored by CRIU.
pub(super) const CRIU: &str = "criu";
/// A restored process by a fork: not slower.
const FORK_BAR: f64 = 1.0;
/// CRIU's restore by Glowplug's.
const CRIU_BAR: f64 = 8.0;
/// Where set-up unpacks CRIU, below the target folder.
const UNPACKED: &str = "sid-criu/usr/sbin/criu";

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    let _knowledge = acts::criu::Knowledge;
    for entry in bench.entries(interpreter) {
        let workload = entry.workload;
        let place = Place::new(bench, interpreter, workload)?;
        // What plain Python answers is right.
        let right = place.plain().output()?;
        let right = right.lines().nth(1).unwrap_or_default().to_owned();
        // Processes that have to live as long as there are runs.
        let mut held = Vec::new();
        let mut jobs = Vec::new();
        for (variant, command) in [
            (PLAIN, Ok(place.plain())),
            (IMAGE, place.image()),
            (FORK, place.fork(&mut held)),
            (CRIU, place.criu()),
        ] {
            match command {
                Ok(command) => {
                    jobs.push(Job { variant, command, read: times, expected: right.clone() });
                }
                Err(error) => findings.void(workload.name, variant, &format!("{error:#}")),
            }
        }
        let title = format!("{} {} restore", interpreter.label, workload.name);
        let taken = rounds::run(bench, &title, &jobs, rounds::WARM_UPS, &|| Ok(()))?;
        add(
            findings,
            workload.name,
            &taken,
            &[Measure(ANSWER, |t| t.result), Measure(RESTORED, |t| t.restored)],
        );
    }
    for package in packages(bench, interpreter) {
        if let Some(ratio) = findings.ratio(package, ANSWER, [IMAGE, FORK]) {
            findings.bar(&format!("{package}: image by fork"), ratio, Bound::AtMost(FORK_BAR));
        }
        if let Some(ratio) = findings.ratio(package, RESTORED, [CRIU, IMAGE]) {
            findings.bar(&format!("{package}: criu by image, restored"), ratio, Bound::AtLeast(CRIU_BAR));
        }
    }
    Ok(())
}

/// Milliseconds from when it was asked for.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Until the handler was called: the process is there.
    restored: f64,
    /// Until its result.
    result: f64,
}

/// Both times, if the result is the right one.
fn times(outcome: &Outcome, expected: &str) -> Result<Times> {
    ensure!(outcome.errors.is_empty(), "{}", outcome.errors.trim_end());
    let lines: Vec<&str> = outcome.output.lines().collect();
    let [began, printed, called, ended] = lines[..] else { bail!("four lines were expected, not {lines:?}") };
    ensure!(printed == expected, "answered {printed:?} where {expected:?} is right");
    let began = began.parse::<u128>()?;
    let since = |at: &str| -> Result<f64> {
        let elapsed = at.parse::<u128>()?.checked_sub(began).context("answered before it was asked")?;
        #[allow(clippy::cast_precision_loss)]
        Ok(elapsed as f64 / 1e6)
    };
    Ok(Times { restored: since(called)?, result: since(ended)? })
}

/// One function's folder and commands.
struct Place<'a> {
    bench: &'a Bench,
    interpreter: &'a Interpreter,
    function: PathBuf,
    folder: PathBuf,
    program: PathBuf,
    asking: PathBuf,
}

impl<'a> Place<'a> {
    fn new(bench: &'a Bench, interpreter: &'a Interpreter, workload: &'a Workload) -> Result<Self> {
        let folder = bench.folder(interpreter, &[workload.name, "restore"])?;
        std::fs::remove_dir_all(&folder)?;
        std::fs::create_dir(&folder)?;
        // The functions of the suite go by the names of the workloads' first packages.
        let name = workload.name.split('+').next().unwrap_or_default();
        let function = bench.target.join("../benchmarks/functions").join(name).canonicalize()?;
        let program = folder.join("restore.py");
        std::fs::write(&program, PROGRAM)?;
        let asking = acts::place(NAME, &folder)?;
        Ok(Self { bench, interpreter, function, folder, program, asking })
    }

    /// The program's command line: `python restore.py FUNCTION WAY`.
    fn words(&self, way: &str) -> Vec<PathBuf> {
        [&self.interpreter.python, &self.program, &self.function, &PathBuf::from(way)]
            .map(Clone::clone)
            .into()
    }

    fn ask(&self, way: &str, words: &[PathBuf]) -> Command {
        let mut command = self.bench.command(&self.asking);
        command.argument(way);
        for word in words {
            command.argument(word);
        }
        command
    }

    fn plain(&self) -> Command {
        self.ask("exec", &self.words("plain"))
    }

    fn image(&self) -> Result<Command> {
        #[derive(Deserialize)]
        struct Summary {
            path: PathBuf,
        }
        let glowplug = self.interpreter.installed("glowplug");
        let mut snapshot = self.bench.command(&glowplug);
        snapshot
            .argument("snapshot")
            .argument("--image")
            .argument("--json")
            .argument("--name")
            .argument("restore");
        snapshot.argument("-o").argument(&self.folder);
        let assignments: Vec<_> = snapshot.assignments().collect();
        for assignment in assignments {
            snapshot.argument("--env").argument(assignment);
        }
        snapshot.argument("--");
        for word in self.words("image") {
            snapshot.argument(word);
        }
        let archive = serde_json::from_str::<Summary>(&snapshot.output()?)?.path;
        let layer = self.folder.join("layer");
        let mut make = self.bench.command(&glowplug);
        make.argument("layer").argument("--dir").argument(&layer).output()?;
        let mut words = self.words("image");
        words.insert(0, layer.join("glowplug/exec"));
        let mut command = self.ask("exec", &words);
        command.set("GLOWPLUG_ARCHIVE", archive);
        Ok(command)
    }

    fn fork(&self, held: &mut Vec<Running>) -> Result<Command> {
        let socket = self.folder.join("socket");
        held.push(self.start("fork", &socket)?);
        Ok(self.ask("fork", &[socket]))
    }

    fn criu(&self) -> Result<Command> {
        let program = self.bench.target.join(UNPACKED).canonicalize().ok();
        let program = program.context("CRIU is not there: as root, `make bench-sections` unpacks it")?;
        let (images, file) = (self.folder.join("checkpoint"), self.folder.join("go"));
        std::fs::create_dir(&images)?;
        let process = self.start("checkpoint", &file)?;
        let mut dump = self.bench.command(&program);
        dump.argument("dump").argument("--tree").argument(process.id().to_string());
        dump.argument("--images-dir").argument(&images).argument("--log-file").argument("dump.log");
        dump.output().context("a checkpoint by CRIU needs root")?;
        drop(process);
        std::fs::write(&file, "")?;
        Ok(self.ask("criu", &[program, images, self.folder.join("go.answer")]))
    }

    /// A process that is initialised and waits.
    fn start(&self, way: &str, path: &Path) -> Result<Running> {
        let words = self.words(way);
        let mut command = self.bench.command(&words[0]);
        for word in &words[1..] {
            command.argument(word);
        }
        command.argument(path).start(&self.folder.join(format!("{way}.log")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> Result<Times> {
        let mut command = Command::new(Path::new("/bin/echo"), Path::new("/"));
        times(&command.argument(text).run().unwrap(), "S3")
    }

    #[test]
    fn an_answer_counts_only_if_it_is_right() {
        let Times { restored, result } = answered("1000000\nS3\n2000000\n4000000").unwrap();
        assert!((restored - 1.0).abs() < 1e-9 && (result - 3.0).abs() < 1e-9);
        let wrong = answered("1000000\nEC2\n2000000\n4000000").unwrap_err();
        assert!(wrong.to_string().contains("answered \"EC2\""));
        assert!(answered("4000000\nS3\n4000000\n1000000").is_err());
        assert!(answered("S3").is_err());
    }
}
