//! Peak memory of the starts, sizes of archive and image, and how much of the archive is in memory
//! when a tenth of its modules has been imported.

use std::path::Path;

use anyhow::{Context as _, Result};
use rand::seq::IndexedRandom as _;

use super::find::{Wanted, imported, listing, served};
use super::start::{PEAK_RSS, processes};
use super::{Measure, add, packages, ready};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::{Bound, Findings};
use crate::sections::rounds;
use crate::sections::variants::{CODE_DATA_SHARE, GLOWPLUG_CODE, Launch, PLAIN};
use crate::statistics::{self, Estimate};

/// Prints how much of the archive is resident, and how much was written to.
const TOUCHED: &str = include_str!("probes/touched.py");

/// Size of what starts are served from.
const SIZE: &str = "size [MB]";
/// Share of the archive that is resident after a tenth of its modules.
const RESIDENT: &str = "resident after a tenth [%]";
/// Share of the archive that was written to (relocated) then.
const WRITTEN: &str = "written after a tenth [%]";

/// Peak memory, Glowplug's by plain Python's.
const PEAK_BAR: f64 = 1.0;
/// Size of Glowplug's archive by that of `code-data-share`'s image.
const SIZE_BAR: f64 = 1.0;
/// Percent of the archive resident after a tenth of its modules: "about a tenth".
const TOUCHED_BAR: f64 = 15.0;
/// Different tenths that are tried.
const DRAWS: usize = 10;

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    for entry in bench.entries(interpreter) {
        let package = entry.workload.name;
        let contestants = ready(entry, bench, interpreter, findings);
        let taken = processes(bench, interpreter, entry, &contestants, rounds::WARM_UPS, &|| Ok(()))?;
        add(findings, package, &taken, &[Measure(PEAK_RSS, |s| s.process.peak_rss)]);
        for (name, launch) in &contestants {
            if let Some(image) = &launch.image {
                findings.series(package, name, SIZE, vec![megabytes(image)?]);
            }
        }
        let of = |variant| contestants.iter().find(|(name, _)| *name == variant).map(|(_, launch)| *launch);
        if let (Some(plain), Some(glowplug)) = (of(PLAIN), of(GLOWPLUG_CODE)) {
            let list = bench.folder(interpreter, &[package])?.join("tenth");
            let modules = imported(plain, entry.workload.statement)?;
            let modules = served(GLOWPLUG_CODE, glowplug, &modules, &list)?;
            let (resident, written) = touched(bench, glowplug, &modules, &list)?;
            findings.series(package, GLOWPLUG_CODE, RESIDENT, resident);
            findings.series(package, GLOWPLUG_CODE, WRITTEN, written);
        }
    }
    hold_against_bars(bench, interpreter, findings);
    Ok(())
}

fn hold_against_bars(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) {
    for package in packages(bench, interpreter) {
        if let Some(peak) = findings.ratio(package, PEAK_RSS, [GLOWPLUG_CODE, PLAIN]) {
            findings.bar(&format!("{package}: peak RSS, glowplug by plain"), peak, Bound::AtMost(PEAK_BAR));
        }
        if let Some(size) = findings.ratio(package, SIZE, [GLOWPLUG_CODE, CODE_DATA_SHARE]) {
            findings.bar(
                &format!("{package}: size, archive by code-data-share's image"),
                size,
                Bound::AtMost(SIZE_BAR),
            );
        }
        if let Some(shares) = findings.samples(package, GLOWPLUG_CODE, RESIDENT) {
            // Held against one percent, the ratio is the share.
            let shares = shares.to_vec();
            let share: Estimate = bench.random(|random| statistics::ratio(&shares, &[1.0], random));
            findings.bar(
                &format!("{package}: archive resident after a tenth of its modules [%]"),
                share,
                Bound::AtMost(TOUCHED_BAR),
            );
        }
    }
}

/// What of the archive is resident, and was written to, after a tenth of the modules, in percent of
/// what is resident after all of them: one value for each tenth that was drawn.
fn touched(bench: &Bench, launch: &Launch, modules: &[Wanted], list: &Path) -> Result<(Vec<f64>, Vec<f64>)> {
    let measure = |some: &[Wanted]| -> Result<(f64, f64)> {
        std::fs::write(list, listing(some))?;
        let printed = launch.run(TOUCHED, &[&list.to_string_lossy()]).output()?;
        parse(&printed).with_context(|| format!("the probe printed {printed:?}"))
    };
    let (all, _) = measure(modules)?;
    let (mut resident, mut written) = (Vec::new(), Vec::new());
    for _ in 0..DRAWS {
        let tenth: Vec<Wanted> =
            bench.random(|r| modules.sample(r, modules.len().div_ceil(10)).cloned().collect());
        let (in_memory, dirty) = measure(&tenth)?;
        resident.push(100.0 * in_memory / all);
        written.push(100.0 * dirty / all);
    }
    Ok((resident, written))
}

fn parse(printed: &str) -> Option<(f64, f64)> {
    let (resident, written) = printed.trim().split_once(' ')?;
    Some((resident.parse().ok()?, written.parse().ok()?))
}

#[allow(clippy::cast_precision_loss)]
fn megabytes(file: &Path) -> Result<f64> {
    Ok(std::fs::metadata(file)?.len() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_two_numbers_are_read() {
        assert_eq!(parse("4096 0\n"), Some((4096.0, 0.0)));
        assert_eq!(parse("4096"), None);
    }
}
