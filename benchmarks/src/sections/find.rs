//! From `find_spec` to the module's code object, for all source modules of a workload in one
//! process, none of them executed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Measure, add, milliseconds, packages, ready};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::{Bound, Findings};
use crate::sections::rounds::{self, Job};
use crate::sections::variants::{GLOWPLUG_CODE, Launch, PLAIN};
use crate::statistics::Estimate;

/// Prints the modules that a statement imports.
const MODULES: &str = include_str!("probes/modules.py");
/// Finds modules and gets their code.
const FIND: &str = include_str!("probes/find.py");

/// The measure's name.
const TIME: &str = "find to code [ms]";
/// Glowplug's time by plain Python's.
const BAR: f64 = 0.1;

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    for entry in bench.entries(interpreter) {
        let package = entry.workload.name;
        let contestants = ready(entry, bench, interpreter, findings);
        let file = bench.folder(interpreter, &[package])?.join("modules");
        let Some(all) = contestants.iter().find(|(name, _)| *name == PLAIN) else { continue };
        let all = imported(all.1, entry.workload.statement)?;
        let common = served_by_all(&contestants, &all, &file, package, findings)?;
        std::fs::write(&file, listing(&common))?;
        findings.note(format!(
            "{package}: {} of {} modules, those that every variant serves",
            common.len(),
            all.len()
        ));
        let job = |&(variant, launch): &(&'static str, &Launch)| Job {
            variant,
            command: launch.run(FIND, &[variant, &file.to_string_lossy(), "time"]),
            read: milliseconds,
            expected: String::new(),
        };
        let jobs: Vec<_> = contestants.iter().map(job).collect();
        let title = format!("{} {package}: find", interpreter.label);
        let taken = rounds::run(bench, &title, &jobs, rounds::WARM_UPS, &|| Ok(()))?;
        add(findings, package, &taken, &[Measure(TIME, |t| *t)]);
    }
    for package in packages(bench, interpreter) {
        if let Some(Estimate { value, low, high }) = findings.ratio(package, TIME, [GLOWPLUG_CODE, PLAIN]) {
            let share = Estimate { value, low, high };
            findings.bar(&format!("{package}: find to code, glowplug by plain"), share, Bound::AtMost(BAR));
        }
    }
    Ok(())
}

/// A module and where to look for it, as `find_spec` wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Full name.
    pub name: String,
    /// `None` or a list of strings, as a Python literal.
    pub path: String,
}

/// The source modules that a statement imports, packages before what is in them.
pub(super) fn imported(plain: &Launch, statement: &str) -> Result<Vec<Wanted>> {
    let printed = plain.run(MODULES, &[statement]).output().context("listing the modules")?;
    parse(&printed)
}

/// One line for each module: its name, a tab, its path.
fn parse(printed: &str) -> Result<Vec<Wanted>> {
    let wanted = |line: &str| -> Result<Wanted> {
        let (name, path) = line.split_once('\t').with_context(|| format!("no tab in {line:?}"))?;
        Ok(Wanted { name: name.to_owned(), path: path.to_owned() })
    };
    printed.lines().map(wanted).collect()
}

/// Modules as a Python literal, for the probes.
pub(super) fn listing(modules: &[Wanted]) -> String {
    let mut text = String::from("[\n");
    for Wanted { name, path } in modules {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "('{name}', {path}),");
    }
    text.push_str("]\n");
    text
}

/// Those of `modules` that one variant has code for.
pub(super) fn served(variant: &str, launch: &Launch, modules: &[Wanted], file: &Path) -> Result<Vec<Wanted>> {
    std::fs::write(file, listing(modules))?;
    let names = launch.run(FIND, &[variant, &file.to_string_lossy(), "served"]).output()?;
    let names: BTreeSet<&str> = names.lines().collect();
    Ok(modules.iter().filter(|m| names.contains(m.name.as_str())).cloned().collect())
}

fn served_by_all(
    contestants: &[(&'static str, &Launch)],
    all: &[Wanted],
    file: &Path,
    package: &str,
    findings: &mut Findings,
) -> Result<Vec<Wanted>> {
    let mut common = all.to_vec();
    for (variant, launch) in contestants {
        match served(variant, launch, &common, file) {
            Ok(fewer) => common = fewer,
            Err(error) => findings.note(format!("{package}, {variant}: {error:#}")),
        }
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_from_lines_and_written_as_a_literal() {
        let modules = parse("json\tNone\njson.decoder\t['/lib/json']\n").unwrap();
        assert_eq!(modules[1], Wanted { name: "json.decoder".into(), path: "['/lib/json']".into() });
        assert_eq!(listing(&modules), "[\n('json', None),\n('json.decoder', ['/lib/json']),\n]\n");
        assert!(parse("json").is_err());
    }
}
