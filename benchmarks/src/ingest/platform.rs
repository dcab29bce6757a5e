//! Records of Lambda's JSON log format ("Lambda Telemetry API Event schema reference").

use serde::Deserialize;
use serde_json::Value;

use super::{Record, Report, Understood, text};

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    record: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlatformReport {
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    duration_ms: f64,
    #[serde(rename = "memorySizeMB")]
    memory_size: Option<f64>,
    #[serde(rename = "maxMemoryUsedMB")]
    max_memory_used: Option<f64>,
    init_duration_ms: Option<f64>,
    restore_duration_ms: Option<f64>,
}

/// Reads a line that begins as an object does.
pub fn read(line: &str) -> Understood {
    let Ok(value) = serde_json::from_str::<Value>(line) else { return Understood::Malformed };
    let is_platform =
        value.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("platform."));
    if !is_platform {
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
        return text::rung(message)
            .map_or(Understood::Nothing, |rung| Understood::Records(vec![Record::Rung(rung)]));
    }
    let Ok(Line { kind, record }) = serde_json::from_value(value) else { return Understood::Malformed };
    let field = |name: &str| record.get(name).and_then(Value::as_str);
    let found = match kind.as_str() {
        "platform.report" => report(&record).map(|report| match field("status") {
            None | Some("success") => Record::Report(report),
            Some(how) => Record::FailedInvocation(how.to_owned()),
        }),
        "platform.initStart" | "platform.restoreStart" => {
            field("runtimeVersion").map(|version| Record::Runtime(version.to_owned()))
        }
        "platform.initReport" | "platform.restoreReport" => match field("status") {
            Some("success") => return Understood::Nothing,
            status => status.map(|status| Record::FailedInit(status.to_owned())),
        },
        "platform.extension" => match field("name") {
            Some("glowplug") => Some(Record::Extension),
            Some(_) => return Understood::Nothing,
            None => None,
        },
        _ => return Understood::Nothing,
    };
    found.map_or(Understood::Malformed, |record| Understood::Records(vec![record]))
}

fn report(record: &Value) -> Option<Report> {
    let PlatformReport { metrics } = serde_json::from_value(record.clone()).ok()?;
    Some(Report {
        duration: metrics.duration_ms,
        memory: metrics.memory_size,
        used: metrics.max_memory_used,
        init: metrics.init_duration_ms,
        restore: metrics.restore_duration_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Option<Record> {
        match read(line) {
            Understood::Records(mut records) => records.pop(),
            _ => None,
        }
    }

    #[test]
    fn a_report_has_the_figures_of_the_invocation() {
        let line = r#"{"time": "2026-01-01T00:00:00.000Z", "type": "platform.report", "record": {"requestId": "a",
            "metrics": {"durationMs": 12.5, "billedDurationMs": 113, "memorySizeMB": 512, "maxMemoryUsedMB": 80,
            "initDurationMs": 100.25}, "status": "success"}}"#;
        let wanted = Report {
            duration: 12.5,
            memory: Some(512.0),
            used: Some(80.0),
            init: Some(100.25),
            restore: None,
        };
        assert_eq!(one(line), Some(Record::Report(wanted)));
        let restored = line.replace("initDurationMs", "restoreDurationMs");
        assert_eq!(
            one(&restored),
            Some(Record::Report(Report { init: None, restore: Some(100.25), ..wanted }))
        );
    }

    #[test]
    fn an_invocation_that_failed_is_not_a_measurement() {
        let line = r#"{"time": "2026-01-01T00:00:00.000Z", "type": "platform.report", "record": {"requestId": "a",
            "metrics": {"durationMs": 3000.0, "billedDurationMs": 3000, "memorySizeMB": 128, "maxMemoryUsedMB": 30},
            "status": "timeout"}}"#;
        assert_eq!(one(line), Some(Record::FailedInvocation("timeout".into())));
    }

    #[test]
    fn other_platform_records() {
        let start = r#"{"type": "platform.initStart", "record": {"phase": "init", "runtimeVersion": "python:3.13.v50"}}"#;
        assert_eq!(one(start), Some(Record::Runtime("python:3.13.v50".into())));
        let late = r#"{"type": "platform.initReport", "record": {"status": "timeout", "metrics": {"durationMs": 1}}}"#;
        assert_eq!(one(late), Some(Record::FailedInit("timeout".into())));
        let own = r#"{"level": "INFO", "message": "glowplug: /opt/a.glow is active: 3 modules"}"#;
        assert_eq!(one(own), Some(Record::Rung("code")));
    }

    #[test]
    fn what_is_cut_or_lacks_its_figures_is_malformed() {
        for line in [
            r#"{"type": "platform.report", "rec"#,
            r#"{"type": "platform.report", "record": {"metrics": {}}}"#,
            r#"{"type": "platform.report"}"#,
        ] {
            assert!(matches!(read(line), Understood::Malformed), "{line}");
        }
        for line in
            [r#"{"level": "INFO", "message": "hello"}"#, r#"{"type": "platform.runtimeDone", "record": {}}"#]
        {
            assert!(matches!(read(line), Understood::Nothing), "{line}");
        }
    }
}
