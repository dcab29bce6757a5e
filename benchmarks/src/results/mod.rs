//! What a run of the suite found, in the form in which it is saved: `results.json`.
//!
//! Raw samples are kept, so every figure of a report can be computed again. The JSON Schema of the
//! form is `benchmarks/results.schema.json`; `glowplug-bench schema` prints it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, ensure};
use regex::{Captures, Regex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

pub mod measure;
mod summary;

pub use summary::Summary;

/// What `format` says.
pub const FORMAT: &str = "glowplug-bench";
/// Version of the form. It changes when a field changes its meaning or goes away.
pub const VERSION: u32 = 2;

/// One run of the suite, or what was read from logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Always `glowplug-bench`.
    pub format: String,
    /// Version of this form.
    pub version: u32,
    /// Where the starts happened.
    pub source: Source,
    /// When it began, in UTC.
    pub began: String,
    /// How long it took.
    pub seconds: f64,
    /// Seed of the order of runs and of the bootstrap.
    pub seed: u64,
    /// What was measured on; not known of starts in the cloud.
    pub machine: Option<Machine>,
    /// Versions of what took part, by name.
    pub versions: BTreeMap<String, String>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The ways to start them.
    pub variants: Vec<Described>,
    /// The conditions of the starts.
    pub conditions: Vec<Described>,
    /// What each variant of each function did under each condition.
    pub entries: Vec<Entry>,
    /// What a reader has to know: noise, what was not permitted, what was left out.
    pub warnings: Vec<String>,
    /// Lines of logs that could not be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Malformed>,
}

/// Where starts happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In the local sandbox.
    Local,
    /// On Lambda; read from its logs.
    Cloud,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Versions of the packages installed for it.
    pub packages: BTreeMap<String, String>,
}

/// A variant or a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Described {
    /// Its name in options and tables.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Why there is nothing of it, where it could not be had on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_available: Option<String>,
}

/// What one variant of one function did under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Name of the function.
    pub function: String,
    /// Name of the variant.
    pub variant: String,
    /// Name of the condition.
    pub condition: String,
    /// Why there are no samples: a failed or wrong response, another rung than the expected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// What every start used: `image`, `code` or `plain`, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<String>,
    /// Sizes in bytes, by name: function, layer, archive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sizes: BTreeMap<String, u64>,
    /// The raw samples.
    pub series: Vec<Series>,
}

/// Samples of one measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Name of the measure.
    pub measure: String,
    /// Its unit.
    pub unit: String,
    /// One value a run, in the order of the runs: the n-th runs of all variants are from one round.
    pub samples: Vec<f64>,
}

/// Lines that could not be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Malformed {
    /// How many.
    pub lines: usize,
    /// The first of them, with file and number.
    pub examples: Vec<String>,
}

impl Entry {
    /// The samples of a measure, if there are.
    pub fn samples(&self, measure: &str) -> Option<&[f64]> {
        let found = self.series.iter().find(|s| s.measure == measure);
        found.map(|s| s.samples.as_slice()).filter(|s| !s.is_empty())
    }
}

impl Results {
    /// One entry, if there is.
    pub fn entry(&self, function: &str, variant: &str, condition: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|e| e.function == function && e.variant == variant && e.condition == condition)
    }

    /// Reads a file that [`Self::to_json`] was written to.
    ///
    /// # Errors
    /// When the file cannot be read, is of another form or of a newer version.
    pub fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        let results: Self = serde_json::from_str(&text)
            .with_context(|| format!("{name} is not a results file of `glowplug bench`"))?;
        ensure!(results.format == FORMAT, "{name} is not a results file of `glowplug bench`");
        ensure!(
            results.version == VERSION,
            "{name} has version {} of the form, this program reads {VERSION}",
            results.version
        );
        Ok(results)
    }

    /// Everything, indented; the samples of a series are one line.
    pub fn to_json(&self) -> Result<String> {
        static NUMBERS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\[\s+([-+.0-9eE,\s]+?)\s+\]").expect("a valid expression"));
        let text = serde_json::to_string_pretty(self)?;
        let line = |found: &Captures| {
            let numbers: Vec<&str> = found[1].split(',').map(str::trim).collect();
            format!("[{}]", numbers.join(", "))
        };
        Ok(NUMBERS.replace_all(&text, line).into_owned() + "\n")
    }
}

/// The JSON Schema of the form.
pub fn schema() -> Result<String> {
    Ok(serde_json::to_string_pretty(&schemars::schema_for!(Results))? + "\n")
}

#[cfg(test)]
pub(crate) mod samples {
    //! Results to test with.

    use super::*;

    /// One function, `plain` and `code`, warm, with these samples of the whole start.
    pub fn results(plain: &[f64], code: &[f64]) -> Results {
        let entry = |variant: &str, samples: &[f64]| Entry {
            function: "boto3".into(),
            variant: variant.into(),
            condition: "warm".into(),
            void: None,
            rung: None,
            sizes: BTreeMap::new(),
            series: vec![measure::START.series(samples.to_vec())],
        };
        let described = |name: &str| Described {
            name: name.into(),
            title: format!("{name} <title>"),
            not_available: None,
        };
        Results {
            format: FORMAT.into(),
            version: VERSION,
            source: Source::Local,
            began: "2026-01-01T00:00:00Z".into(),
            seconds: 1.0,
            seed: 1,
            machine: None,
            versions: BTreeMap::new(),
            functions: vec![Function {
                name: "boto3".into(),
                title: "boto3".into(),
                packages: BTreeMap::new(),
            }],
            variants: vec![described("plain"), described("code")],
            conditions: vec![described("warm")],
            entries: vec![entry("plain", plain), entry("code", code)],
            warnings: Vec::new(),
            malformed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_read_back_as_they_were_written() {
        let results = samples::results(&[2.0, 2.5], &[1.0, 1.5]);
        let again: Results = serde_json::from_str(&results.to_json().unwrap()).unwrap();
        assert_eq!(again, results);
        assert!(results.to_json().unwrap().contains("\"samples\": [2.0, 2.5]\n"));
        assert_eq!(again.entry("boto3", "code", "warm").unwrap().samples("start"), Some(&[1.0, 1.5][..]));
    }

    #[test]
    fn the_committed_schema_is_that_of_the_form() {
        let committed = include_str!("../../results.schema.json");
        assert_eq!(committed, schema().unwrap(), "write it anew: glowplug-bench schema");
    }

    #[test]
    fn another_version_is_refused() {
        let mut results = samples::results(&[1.0], &[1.0]);
        results.version = VERSION + 1;
        let file = std::env::temp_dir().join(format!("glowplug-bench-version-{}", std::process::id()));
        std::fs::write(&file, results.to_json().unwrap()).unwrap();
        let error = Results::read(&file).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(error.contains("has version 3 of the form, this program reads 2"), "{error}");
    }
}
