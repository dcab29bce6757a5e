//! `glowplug bench ingest LOGFILE...`: what Lambda's logs say of starts, in the form of the suite's results.
//!
//! [`lines`] takes messages out of what the log was saved as, [`text`] and [`platform`] read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::results::measure::{
    COLD_DURATION, INIT_DURATION, MAX_MEMORY, RESTORE_DURATION, START, WARM_DURATION,
};
use crate::results::{self, Described, Entry, Function, Malformed, Results, Source};
use crate::suite;

mod lines;
mod platform;
mod text;

/// Malformed lines that are shown.
const SHOWN: usize = 10;
/// Characters of a malformed line that are shown.
const SHOWN_LENGTH: usize = 160;

/// Arguments of `ingest`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aws logs filter-log-events --log-group-name /aws/lambda/orders > orders.json
  glowplug bench ingest orders.json -o report
  glowplug bench ingest orders:plain=plain.log orders:code+extension=layer.log -o report

A log is text as the console shows it or `aws logs tail` prints it, the JSON of filter-log-events or
get-log-events, or a JSON record a line (Lambda's JSON log format). Without FUNCTION the file's name is
taken; without VARIANT the lines of Glowplug in the log tell it. Only cold starts have an Init Duration
or a Restore Duration; start is that and the Duration of the first invocation.")]
pub struct Arguments {
    /// Logs.
    #[arg(value_name = "[FUNCTION:][VARIANT=]LOGFILE", required = true)]
    logs: Vec<String>,
    /// Where results.json and the reports are written.
    #[arg(short, long, value_name = "DIR", default_value = "glowplug-bench")]
    pub output: PathBuf,
}

/// Something that a log says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The end of an invocation.
    Report(Report),
    /// The end of an invocation that failed: how.
    FailedInvocation(String),
    /// The end of an initialisation that failed, or took too long.
    FailedInit(String),
    /// A version of the runtime.
    Runtime(String),
    /// Glowplug's extension is there.
    Extension,
    /// The rung that a start used.
    Rung(&'static str),
}

/// The figures of an invocation: milliseconds and megabytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// Of the invocation.
    pub duration: f64,
    /// Memory that the function has.
    pub memory: Option<f64>,
    /// Memory that it used at most.
    pub used: Option<f64>,
    /// Of the initialisation before it.
    pub init: Option<f64>,
    /// Of the restore before it (SnapStart).
    pub restore: Option<f64>,
}

/// What could be understood of a line.
pub enum Understood {
    /// What it says.
    Records(Vec<Record>),
    /// It is the function's own.
    Nothing,
    /// It ought to say something, but does not.
    Malformed,
}

/// Reads the logs.
///
/// # Errors
/// When one cannot be read, or none has a report of an invocation.
pub fn run(arguments: &Arguments) -> Result<Results> {
    let mut ingested = Ingested::default();
    for log in &arguments.logs {
        let named = Named::parse(log)?;
        let content =
            std::fs::read(&named.file).with_context(|| format!("cannot read {}", named.file.display()))?;
        ingested.add(&named, &String::from_utf8_lossy(&content));
    }
    ensure!(!ingested.entries.is_empty(), "no report of an invocation in {}", arguments.logs.join(", "));
    Ok(ingested.results())
}

/// A log with the names it is to go by.
struct Named {
    function: String,
    variant: Option<String>,
    file: PathBuf,
}

impl Named {
    fn parse(text: &str) -> Result<Self> {
        let (names, file) = match text.split_once('=') {
            Some((names, file)) if !Path::new(text).exists() => (Some(names), file),
            _ => (None, text),
        };
        let file = PathBuf::from(file);
        let stem = file.file_stem().context("a log is a file")?.to_string_lossy().into_owned();
        let (function, variant) = match names {
            None => (stem, None),
            Some(names) => match names.split_once(':') {
                Some((function, variant)) => (function.to_owned(), Some(variant.to_owned())),
                None => (stem, Some(names.to_owned())),
            },
        };
        Ok(Self { function, variant: variant.filter(|variant| !variant.is_empty()), file })
    }
}

/// Reports of all logs, by function, variant and condition.
#[derive(Default)]
struct Ingested {
    entries: BTreeMap<(String, String, String), Vec<Report>>,
    runtimes: Vec<String>,
    failed: BTreeMap<String, usize>,
    failed_invocations: BTreeMap<String, usize>,
    malformed: Malformed,
}

impl Ingested {
    fn add(&mut self, named: &Named, content: &str) {
        let (mut reports, mut rung, mut extension, mut snap_start) = (Vec::new(), "plain", false, false);
        for (number, line) in lines::messages(content) {
            let understood =
                if line.trim_start().starts_with('{') { platform::read(&line) } else { text::read(&line) };
            match understood {
                Understood::Nothing => {}
                Understood::Malformed => self.note_malformed(named, number, &line),
                Understood::Records(records) => {
                    for record in records {
                        match record {
                            Record::Report(report) => {
                                snap_start |= report.restore.is_some();
                                reports.push(report);
                            }
                            Record::FailedInvocation(how) => {
                                *self.failed_invocations.entry(how).or_default() += 1;
                            }
                            Record::FailedInit(how) => *self.failed.entry(how).or_default() += 1,
                            Record::Runtime(version) if !self.runtimes.contains(&version) => {
                                self.runtimes.push(version);
                            }
                            Record::Runtime(_) => {}
                            Record::Extension => extension = true,
                            Record::Rung(found) => rung = found,
                        }
                    }
                }
            }
        }
        let variant = named.variant.clone().unwrap_or_else(|| {
            let extension = if extension && rung != "plain" { "+extension" } else { "" };
            if snap_start { format!("snapstart {rung}") } else { format!("{rung}{extension}") }
        });
        for report in reports {
            let memory = report.memory.map_or_else(|| "lambda".to_owned(), |size| format!("lambda-{size}"));
            let key = (named.function.clone(), variant.clone(), memory);
            self.entries.entry(key).or_default().push(report);
        }
    }

    fn note_malformed(&mut self, named: &Named, number: usize, line: &str) {
        self.malformed.lines += 1;
        if self.malformed.examples.len() < SHOWN {
            let shown: String = line.chars().take(SHOWN_LENGTH).collect();
            let name = named.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.malformed.examples.push(format!("{name}:{number}: {shown}"));
        }
    }

    fn results(self) -> Results {
        let names = |part: fn(&(String, String, String)) -> &String| {
            let mut found: Vec<String> = Vec::new();
            for key in self.entries.keys() {
                if !found.contains(part(key)) {
                    found.push(part(key).clone());
                }
            }
            // Plain first: the others are held against it.
            found.sort_by_key(|name| name != suite::REFERENCE);
            found
        };
        let described = |title: &'static str| {
            move |name: String| Described { title: title.to_owned(), name, not_available: None }
        };
        let functions = names(|key| &key.0).into_iter().map(|name| Function {
            name,
            title: "read from logs".to_owned(),
            packages: BTreeMap::new(),
        });
        let mut warnings = vec![
            "Starts on Lambda are not interleaved: hosts, days and neighbours differ between variants."
                .to_owned(),
            "Init Duration leaves out what happens before the runtime is started (the download of the code)."
                .to_owned(),
        ];
        for (how, count) in &self.failed {
            warnings.push(format!(
                "{count} initialisations failed ({how}): what came after them is not counted as a start."
            ));
        }
        for (how, count) in &self.failed_invocations {
            warnings.push(format!("{count} invocations failed ({how}): they are not counted."));
        }
        let runtimes = self
            .runtimes
            .iter()
            .enumerate()
            .map(|(n, version)| (format!("runtime {}", n + 1), version.clone()));
        Results {
            format: results::FORMAT.to_owned(),
            version: results::VERSION,
            source: Source::Cloud,
            began: suite::now(),
            seconds: 0.0,
            seed: 1,
            machine: None,
            versions: runtimes.collect(),
            functions: functions.collect(),
            variants: names(|key| &key.1)
                .into_iter()
                .map(described("as the log was named, or as its lines tell"))
                .collect(),
            conditions: names(|key| &key.2)
                .into_iter()
                .map(described("on Lambda, with this memory size in MB"))
                .collect(),
            entries: self.entries.iter().map(|((f, v, c), reports)| entry([f, v, c], reports)).collect(),
            warnings,
            malformed: (self.malformed.lines > 0).then_some(self.malformed),
        }
    }
}

fn entry([function, variant, condition]: [&String; 3], reports: &[Report]) -> Entry {
    let ready = |report: &Report| report.init.or(report.restore);
    let cold = || reports.iter().filter(|report| ready(report).is_some());
    let series = [
        START.series(cold().map(|r| ready(r).unwrap_or(0.0) + r.duration).collect()),
        INIT_DURATION.series(cold().filter_map(|r| r.init).collect()),
        RESTORE_DURATION.series(cold().filter_map(|r| r.restore).collect()),
        COLD_DURATION.series(cold().map(|r| r.duration).collect()),
        WARM_DURATION.series(reports.iter().filter(|r| ready(r).is_none()).map(|r| r.duration).collect()),
        MAX_MEMORY.series(reports.iter().filter_map(|r| r.used).collect()),
    ];
    let void = cold().next().is_none().then(|| "no cold start in the logs".to_owned());
    Entry {
        function: function.clone(),
        variant: variant.clone(),
        condition: condition.clone(),
        void,
        rung: None,
        sizes: BTreeMap::new(),
        series: series.into_iter().filter(|series| !series.samples.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INIT_START Runtime Version: python:3.12.v36\tRuntime Version ARN: arn:aws:lambda:eu-central-1::runtime:0a
glowplug: /opt/glowplug/app.glow is active: 300 modules, sources are not checked
EXTENSION\tName: glowplug\tState: Ready\tEvents: [SHUTDOWN]
START RequestId: 1 Version: $LATEST
END RequestId: 1
REPORT RequestId: 1\tDuration: 12.50 ms\tBilled Duration: 113 ms\tMemory Size: 512 MB\tMax Memory Used: 80 MB\tInit Duration: 100.25 ms\t
REPORT RequestId: 2\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 512 MB\tMax Memory Used: 81 MB\t
REPORT RequestId: 3\tDur
";

    fn ingested(name: &str, content: &str) -> Results {
        let mut ingested = Ingested::default();
        ingested.add(&Named::parse(name).unwrap(), content);
        ingested.results()
    }

    #[test]
    fn a_cold_start_is_its_init_and_its_first_invocation() {
        let results = ingested("logs/orders.log", LOG);
        let entry = results.entry("orders", "code+extension", "lambda-512").unwrap();
        assert_eq!(entry.samples("start"), Some(&[112.75][..]));
        assert_eq!(entry.samples("init duration"), Some(&[100.25][..]));
        assert_eq!(entry.samples("warm duration"), Some(&[1.5][..]));
        assert_eq!(results.versions["runtime 1"], "python:3.12.v36");
    }

    /// As `sam logs` and the console show a function with SnapStart and tracing.
    const RESTORED: &str = "\
2026/01/05/[7]374cd7798d2a 2026-01-05T10:16:34.001000 RESTORE_START Runtime Version: python:3.13.v50\tRuntime Version ARN: arn:aws:lambda:eu-central-1::runtime:0b
2026/01/05/[7]374cd7798d2a 2026-01-05T10:16:34.376000 RESTORE_REPORT Restore Duration: 325.93 ms
2026/01/05/[7]374cd7798d2a 2026-01-05T10:16:34.379000 START RequestId: 24addd09-6e64 Version: 7
2026/01/05/[7]374cd7798d2a 2026-01-05T10:16:34.600000 END RequestId: 24addd09-6e64
2026/01/05/[7]374cd7798d2a 2026-01-05T10:16:34.686000 REPORT RequestId: 24addd09-6e64 Duration: 27.10 ms Billed Duration: 154 ms Memory Size: 2048 MB Max Memory Used: 212 MB Restore Duration: 325.93 ms Billed Restore Duration: 26 ms XRAY TraceId: 1-66d978e5-56c7378e SegmentId: 29c3839e Sampled: true
REPORT RequestId: 24addd0a-6e64\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 2048 MB\tMax Memory Used: 212 MB\tStatus: timeout
";

    #[test]
    fn a_restore_by_snap_start_is_a_start_of_its_own_kind() {
        let results = ingested("orders.log", RESTORED);
        assert!(results.malformed.is_none());
        let entry = results.entry("orders", "snapstart plain", "lambda-2048").unwrap();
        let start = entry.samples("start").unwrap();
        assert!(start.len() == 1 && (start[0] - 353.03).abs() < 1e-9, "{start:?}");
        assert_eq!(entry.samples("restore duration"), Some(&[325.93][..]));
        assert_eq!(entry.samples("warm duration"), None);
        assert_eq!(results.versions["runtime 1"], "python:3.13.v50");
        let failed = "1 invocations failed (timeout): they are not counted.";
        assert!(results.warnings.iter().any(|warning| warning == failed), "{:?}", results.warnings);
    }

    #[test]
    fn malformed_lines_are_counted_and_shown() {
        let malformed = ingested("orders.log", LOG).malformed.unwrap();
        assert_eq!(malformed.lines, 1);
        assert_eq!(malformed.examples, ["orders.log:8: REPORT RequestId: 3\tDur"]);
    }

    #[test]
    fn names_may_be_given_with_the_file() {
        let named = Named::parse("shop:plain=a/b.log").unwrap();
        assert_eq!((&named.function[..], named.variant.as_deref()), ("shop", Some("plain")));
        assert_eq!(named.file, Path::new("a/b.log"));
        let named = Named::parse("code=a/b.log").unwrap();
        assert_eq!((&named.function[..], named.variant.as_deref()), ("b", Some("code")));
        assert_eq!(Named::parse("a/b.log").unwrap().variant, None);
    }

    #[test]
    fn a_log_without_cold_starts_is_void() {
        let warm = LOG.replace("\tInit Duration: 100.25 ms", "");
        let results = ingested("plain=orders.log", &warm);
        assert_eq!(results.entries[0].void.as_deref(), Some("no cold start in the logs"));
    }
}
