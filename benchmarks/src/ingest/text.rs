//! Lines of Lambda's text log format.

use std::sync::LazyLock;

use regex::Regex;

use super::{Record, Report, Understood};

/// A field of a report, whatever comes before and after it: Lambda has changed their order, and SnapStart
/// and tracing add some. Longer names come first, since they end as shorter ones do.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    let names = "Billed Restore Duration|Restore Duration|Billed Duration|Init Duration|Duration|Max Memory Used|Memory Size";
    Regex::new(&format!(r"({names}): ([0-9]+(?:\.[0-9]+)?) (?:ms|MB)\b")).expect("a valid expression")
});
static RUNTIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"Runtime Version: (\S+)").expect("a valid expression"));
static STATUS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Status: (\S+)").expect("a valid expression"));

/// Reads a line. `aws logs tail` puts time and stream before it.
pub fn read(line: &str) -> Understood {
    let after = |marker: &str| line.find(marker).map(|at| &line[at..]);
    // INIT_REPORT, or with SnapStart RESTORE_REPORT.
    if let Some(text) = after("INIT_REPORT ").or_else(|| after("RESTORE_REPORT ")) {
        return init_report(text);
    }
    if is_cut(line) {
        return Understood::Malformed;
    }
    if let Some(text) = after("REPORT RequestId: ") {
        // An invocation that failed says so at the end of its report.
        let failed = STATUS.captures(text).map(|found| found[1].to_owned()).filter(|how| how != "success");
        return report(text).map_or(Understood::Malformed, |report| {
            Understood::Records(vec![failed.map_or(Record::Report(report), Record::FailedInvocation)])
        });
    }
    if let Some(text) = after("INIT_START ").or_else(|| after("RESTORE_START ")) {
        let found = RUNTIME.captures(text).map(|found| Record::Runtime(found[1].to_owned()));
        return found.map_or(Understood::Malformed, |record| Understood::Records(vec![record]));
    }
    if let Some(text) = after("EXTENSION\tName: ") {
        let ours = text.contains("Name: glowplug\t");
        return if ours { Understood::Records(vec![Record::Extension]) } else { Understood::Nothing };
    }
    rung(line).map_or(Understood::Nothing, |rung| Understood::Records(vec![Record::Rung(rung)]))
}

/// Whether a line is the beginning of a marker: of a log that was cut there.
fn is_cut(line: &str) -> bool {
    let markers = ["REPORT RequestId: ", "INIT_REPORT ", "INIT_START ", "RESTORE_REPORT ", "RESTORE_START "];
    line.len() > "REPORT ".len() && markers.iter().any(|marker| marker.starts_with(line))
}

/// What a line of Glowplug's loader or restorer says of the start (`GLOWPLUG_LOG=info`).
pub fn rung(line: &str) -> Option<&'static str> {
    crate::suite::rung(line.get(line.find("glowplug: ")?..)?)
}

fn report(text: &str) -> Option<Report> {
    let mut report = Report { duration: f64::NAN, ..Report::default() };
    for found in FIELD.captures_iter(text) {
        let value: f64 = found[2].parse().ok()?;
        match &found[1] {
            "Duration" => report.duration = value,
            "Init Duration" => report.init = Some(value),
            "Restore Duration" => report.restore = Some(value),
            "Memory Size" => report.memory = Some(value),
            "Max Memory Used" => report.used = Some(value),
            _ => {}
        }
    }
    (!report.duration.is_nan() && report.memory.is_some()).then_some(report)
}

fn init_report(text: &str) -> Understood {
    match STATUS.captures(text) {
        Some(found) => Understood::Records(vec![Record::FailedInit(found[1].to_owned())]),
        // Without a status it is the init of an environment that was made ahead of its use.
        None if FIELD.is_match(text) => Understood::Nothing,
        None => Understood::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Record {
        match read(line) {
            Understood::Records(mut records) if records.len() == 1 => records.remove(0),
            _ => panic!("{line}"),
        }
    }

    #[test]
    fn fields_of_a_report_may_come_in_any_order() {
        let wanted =
            Report { duration: 3.07, memory: Some(128.0), used: Some(36.0), init: Some(97.5), restore: None };
        let one_order = "REPORT RequestId: a-b\tDuration: 3.07 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 97.50 ms\t";
        let other = "REPORT RequestId: a-b\tInit Duration: 97.50 ms\tDuration: 3.07 ms\tBilled Duration: 101 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB";
        let tail = format!("2026-01-01T00:00:00.000000+00:00 2026/01/01/[$LATEST]0f {one_order}");
        for line in [one_order, other, &tail] {
            assert_eq!(one(line), Record::Report(wanted), "{line}");
        }
    }

    #[test]
    fn a_restore_is_told_from_its_billed_duration() {
        let line = "REPORT RequestId: a\tDuration: 8 ms\tBilled Duration: 250 ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB\tRestore Duration: 301.44 ms\tBilled Restore Duration: 242 ms\t";
        let Record::Report(report) = one(line) else { panic!() };
        assert_eq!((report.restore, report.init, report.duration), (Some(301.44), None, 8.0));
    }

    #[test]
    fn lines_about_init_and_the_extension() {
        assert_eq!(
            one("INIT_START Runtime Version: python:3.13.v50\tRuntime Version ARN: arn:x"),
            Record::Runtime("python:3.13.v50".into())
        );
        assert_eq!(
            one("INIT_REPORT Init Duration: 9999.81 ms\tPhase: init\tStatus: timeout"),
            Record::FailedInit("timeout".into())
        );
        assert_eq!(one("EXTENSION\tName: glowplug\tState: Ready\tEvents: []"), Record::Extension);
        assert_eq!(one("glowplug: /opt/glowplug/a.glow is active: 3 modules"), Record::Rung("code"));
    }

    #[test]
    fn what_failed_is_told_from_what_was_measured() {
        let late = "REPORT RequestId: a\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: 120.31 ms\tStatus: timeout";
        assert_eq!(one(late), Record::FailedInvocation("timeout".into()));
        assert_eq!(
            one("RESTORE_REPORT Restore Duration: 1236.04 ms Status: error Error Type: Runtime.ExitError"),
            Record::FailedInit("error".into())
        );
        assert!(matches!(read("RESTORE_REPORT Restore Duration: 511.25 ms"), Understood::Nothing));
        assert_eq!(
            one("RESTORE_START Runtime Version: python:3.13.v50\tRuntime Version ARN: arn:x"),
            Record::Runtime("python:3.13.v50".into())
        );
    }

    #[test]
    fn what_is_cut_is_malformed_and_what_is_the_functions_own_is_nothing() {
        for line in [
            "REPORT RequestId: a\tDuration: 3",
            "INIT_START Runtime",
            "INIT_REPORT Init Dur",
            "REPORT Reque",
            "REPORT RequestId: a\tDuration: x ms",
        ] {
            assert!(matches!(read(line), Understood::Malformed), "{line}");
        }
        for line in ["[INFO] my REPORT", "START RequestId: a", "EXTENSION\tName: other\tState: Ready", ""] {
            assert!(matches!(read(line), Understood::Nothing), "{line}");
        }
    }
}
