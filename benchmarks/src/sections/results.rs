//! What was measured, in the form in which it is saved: `results.json`.

use std::path::Path;

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::Machine;
use crate::sections::Section;
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::statistics::{self, Estimate};

/// Version of the form. It changes when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Prints versions of an interpreter and its packages as JSON.
const VERSIONS: &str = include_str!("probes/versions.py");

/// One run of the suite.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// Version of this form.
    pub schema: u32,
    /// When the run began, in UTC.
    pub began: String,
    /// Seed of the order of runs and of the bootstrap.
    pub seed: u64,
    /// What was measured on.
    pub machine: Machine,
    /// Versions, by label of the interpreter.
    pub versions: serde_json::Map<String, Value>,
    /// The raw samples.
    pub series: Vec<Series>,
    /// The bars and how they were met.
    pub bars: Vec<Bar>,
    /// Variants that have no samples, and why.
    pub void: Vec<Void>,
    /// What a reader has to know besides.
    pub notes: Vec<Note>,
}

/// Samples of one measure of one variant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    /// Section that took them.
    pub section: Section,
    /// Label of the interpreter.
    pub python: String,
    /// Name of the workload, empty where there is none.
    pub package: String,
    /// Name of the variant.
    pub variant: String,
    /// What was measured, its unit in brackets: `wall [ms]`.
    pub measure: String,
    /// One value for each run, in the order of the runs.
    pub samples: Vec<f64>,
}

/// A bar: what a figure has to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bar {
    /// Section that measured it.
    pub section: Section,
    /// Label of the interpreter.
    pub python: String,
    /// What the figure is.
    pub figure: String,
    /// The figure.
    pub estimate: Estimate,
    /// What it is held against.
    pub bound: Bound,
    /// Whether the figure itself (not its whole interval) meets the bound.
    pub met: bool,
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Bound {
    /// Whether `value` is within the bound.
    pub fn met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// A variant without samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Void {
    /// Section that wanted them.
    pub section: Section,
    /// Label of the interpreter.
    pub python: String,
    /// Name of the workload.
    pub package: String,
    /// Name of the variant.
    pub variant: String,
    /// What went wrong.
    pub why: String,
}

/// A remark on what was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// Section it is about.
    pub section: Section,
    /// Label of the interpreter.
    pub python: String,
    /// The remark.
    pub text: String,
}

impl Results {
    /// Without samples yet.
    ///
    /// # Errors
    /// When an interpreter does not tell its versions.
    pub fn begin(bench: &Bench) -> Result<Self> {
        let mut versions = serde_json::Map::new();
        for interpreter in &bench.interpreters {
            versions.insert(interpreter.label.clone(), versions_of(bench, interpreter)?);
        }
        Ok(Self {
            schema: SCHEMA,
            began: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            seed: bench.seed,
            machine: Machine::here(),
            versions,
            series: Vec::new(),
            bars: Vec::new(),
            void: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Adds what a section found.
    pub fn add(&mut self, findings: Findings) {
        self.series.extend(findings.series);
        self.bars.extend(findings.bars);
        self.void.extend(findings.void);
        self.notes.extend(findings.notes);
    }

    /// Whether every bar is met, and nothing void.
    pub fn all_bars_met(&self) -> bool {
        self.void.is_empty() && self.bars.iter().all(|bar| bar.met)
    }

    /// Writes everything as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, file: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn versions_of(bench: &Bench, interpreter: &Interpreter) -> Result<Value> {
    let ask = |python: &Path| -> Result<Value> {
        let text = bench.command(python).argument("-c").argument(VERSIONS).output()?;
        Ok(serde_json::from_str(&text)?)
    };
    let mut versions = ask(&interpreter.python)?;
    if let Some(twin) = &interpreter.with_code_data_share {
        versions["packages"]["code-data-share"] = ask(twin)?["packages"]["code-data-share"].take();
    }
    Ok(versions)
}

/// What one section found on one interpreter.
#[derive(Debug)]
pub struct Findings {
    section: Section,
    python: String,
    seed: u64,
    series: Vec<Series>,
    bars: Vec<Bar>,
    void: Vec<Void>,
    notes: Vec<Note>,
}

impl Findings {
    /// Nothing yet.
    pub fn new(section: Section, bench: &Bench, interpreter: &Interpreter) -> Self {
        Self {
            section,
            python: interpreter.label.clone(),
            seed: bench.seed,
            series: Vec::new(),
            bars: Vec::new(),
            void: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds the samples of one measure of one variant.
    pub fn series(&mut self, package: &str, variant: &str, measure: &str, samples: Vec<f64>) {
        self.series.push(Series {
            section: self.section,
            python: self.python.clone(),
            package: package.to_owned(),
            variant: variant.to_owned(),
            measure: measure.to_owned(),
            samples,
        });
    }

    /// Records that a variant has no samples.
    pub fn void(&mut self, package: &str, variant: &str, why: &str) {
        self.void.push(Void {
            section: self.section,
            python: self.python.clone(),
            package: package.to_owned(),
            variant: variant.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Adds a remark.
    pub fn note(&mut self, text: String) {
        self.notes.push(Note { section: self.section, python: self.python.clone(), text });
    }

    /// Holds a figure against a bound.
    pub fn bar(&mut self, figure: &str, estimate: Estimate, bound: Bound) {
        self.bars.push(Bar {
            section: self.section,
            python: self.python.clone(),
            figure: figure.to_owned(),
            estimate,
            bound,
            met: bound.met_by(estimate.value),
        });
    }

    /// The samples of one measure of one variant, if there are.
    pub fn samples(&self, package: &str, variant: &str, measure: &str) -> Option<&[f64]> {
        let wanted = |s: &&Series| s.package == package && s.variant == variant && s.measure == measure;
        self.series.iter().find(wanted).map(|s| s.samples.as_slice())
    }

    /// Median of one variant by median of another, for one package.
    pub fn ratio(&self, package: &str, measure: &str, variants: [&str; 2]) -> Option<Estimate> {
        let numerator = self.samples(package, variants[0], measure)?;
        let denominator = self.samples(package, variants[1], measure)?;
        Some(statistics::ratio(numerator, denominator, &mut StdRng::seed_from_u64(self.seed)))
    }

    /// Geometric mean of those ratios over the packages that have both variants; `None` if none has.
    pub fn mean_ratio(&self, packages: &[&str], measure: &str, variants: [&str; 2]) -> Option<Estimate> {
        let of = |variant, package| self.samples(package, variant, measure);
        let pairs: Vec<(&[f64], &[f64])> =
            packages.iter().filter_map(|p| Some((of(variants[0], p)?, of(variants[1], p)?))).collect();
        (!pairs.is_empty()).then(|| statistics::mean_ratio(&pairs, &mut StdRng::seed_from_u64(self.seed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_includes_its_value() {
        assert!(Bound::AtLeast(1.2).met_by(1.2) && !Bound::AtLeast(1.2).met_by(1.19));
        assert!(Bound::AtMost(0.4).met_by(0.4) && !Bound::AtMost(0.4).met_by(0.41));
        assert!(!Bound::AtMost(1.0).met_by(f64::NAN));
    }

    #[test]
    fn a_bar_reads_back_from_json_as_it_was() {
        let text = r#"{"section": "start", "python": "3.12", "figure": "f", "met": true,
            "estimate": {"value": 1.25, "low": 1.2, "high": 1.3}, "bound": {"at-least": 1.2}}"#;
        let bar: Bar = serde_json::from_str(text).unwrap();
        assert_eq!(bar.bound, Bound::AtLeast(1.2));
        assert_eq!(serde_json::to_value(&bar).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }
}
