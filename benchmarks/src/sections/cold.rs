//! Whole processes with the page cache cold: before each run, every file that any of the variants
//! opens or maps is evicted. Directories and inodes stay cached, but with `--drop-caches`.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::start::{MEASURES, WALL, processes};
use super::{add, packages, ready};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::page_cache::{self, Eviction, FileSet};
use crate::sections::results::{Bound, Findings};
use crate::sections::variants::{GLOWPLUG_CODE, Launch, PLAIN};

/// Writes the files that a program opens or maps.
const FILES: &str = include_str!("probes/files.py");

/// Plain Python by Glowplug, for each package.
const BAR: f64 = 1.5;

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    for entry in bench.entries(interpreter) {
        let contestants = ready(entry, bench, interpreter, findings);
        let mut files = FileSet::default();
        let list = bench.folder(interpreter, &[entry.workload.name])?.join("files");
        for (name, launch) in &contestants {
            match opened(launch, &entry.workload.program(), &list) {
                Ok(opened) => files.add(opened),
                Err(error) => findings.note(format!(
                    "{}, {name}: its files are unknown and stay cached: {error:#}",
                    entry.workload.name
                )),
            }
        }
        let last = Cell::new(Eviction::default());
        let chill = || {
            if bench.drop_caches {
                page_cache::drop_everything()?;
            }
            last.set(files.evict()?);
            Ok(())
        };
        let taken = processes(bench, interpreter, entry, &contestants, 0, &chill)?;
        add(findings, entry.workload.name, &taken, &MEASURES);
        let Eviction { pages, left } = last.get();
        findings.note(format!(
            "{}: {} files, {pages} pages evicted, {left} of them resident all the same (mapped elsewhere)",
            entry.workload.name,
            files.len()
        ));
    }
    for package in packages(bench, interpreter) {
        if let Some(ratio) = findings.ratio(package, WALL, [PLAIN, GLOWPLUG_CODE]) {
            findings.bar(&format!("{package}: plain by glowplug, cold"), ratio, Bound::AtLeast(BAR));
        }
    }
    Ok(())
}

/// The files that a start opens or maps.
fn opened(launch: &Launch, program: &str, list: &Path) -> Result<Vec<PathBuf>> {
    launch.run(FILES, &[program, &list.to_string_lossy()]).output()?;
    let names = std::fs::read_to_string(list)?;
    let mut files: Vec<PathBuf> = names.split('\0').map(PathBuf::from).collect();
    files.extend(launch.image.clone());
    Ok(files)
}
