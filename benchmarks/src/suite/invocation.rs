//! One start in the local Lambda sandbox: `glowplug invoke`, and what its report says.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::package::Package;
use super::tree;
use super::workplace::{Workplace, last_lines};
use crate::acts;
use crate::acts::resources::{self, Resources};
use crate::process::Command;
use crate::results::measure::{Measure, PHASES, SECOND, START};

/// How to start a package in one way.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The function's directory.
    pub root: PathBuf,
    /// The layer's directory.
    pub layer: Option<PathBuf>,
    /// The interpreter.
    pub python: PathBuf,
    /// Variables of the function.
    pub environment: Vec<(String, String)>,
    /// The rung that starts have to use: another one makes the variant void.
    pub rung: Option<&'static str>,
    /// Whether starts need the caller's privileges, and so are not isolated.
    pub privileged: bool,
}

/// One start, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// From the first exec to the first response.
    pub total: f64,
    /// The parts of it, as [`PHASES`] names them.
    pub phases: [f64; PHASES.len()],
    /// The second response.
    pub second: f64,
    /// What the function answered, both times.
    pub responses: Vec<Value>,
    /// What the start used, as its log says.
    pub rung: Option<&'static str>,
    /// What Glowplug said first.
    pub said: String,
    /// What the runtime used, if that was asked for.
    pub resources: Option<Resources>,
    /// Why the memory size was not enforced, if it was not.
    pub memory_not_enforced: Option<String>,
}

impl Start {
    /// The values of all times.
    pub fn times(&self) -> impl Iterator<Item = (Measure, f64)> {
        [(START, self.total), (SECOND, self.second)].into_iter().chain(PHASES.into_iter().zip(self.phases))
    }
}

impl Launch {
    /// Whether starts happen in a mount namespace of their own.
    pub const fn isolated(&self, place: &Workplace) -> bool {
        place.isolated && !self.privileged
    }

    /// Has one of this program's acts, which lies in the layer's directory, take the runtime's place.
    pub fn act_as_runtime(&mut self, place: &Workplace, layer: &Path, act: &str) {
        let folder = if self.isolated(place) { Path::new("/opt") } else { layer };
        let wrapper = folder.join(act).display().to_string();
        self.environment.push(("AWS_LAMBDA_EXEC_WRAPPER".to_owned(), wrapper));
    }

    /// The same start, with what the runtime uses measured. `layer` is a directory for a copy of the layer.
    ///
    /// # Errors
    /// When the copy cannot be made.
    pub fn with_resources(&self, place: &Workplace, layer: &Path) -> Result<Self> {
        let mut launch = self.clone();
        let mut next = None;
        if let Some(own) = &self.layer {
            tree::copy(own, layer, &[])?;
            next = Some(own.join("glowplug/exec")).filter(|path| path.is_file()).map(|_| "glowplug/exec");
        }
        acts::place(resources::NAME, layer)?;
        launch.act_as_runtime(place, layer, resources::NAME);
        let folder = if self.isolated(place) { Path::new("/opt") } else { layer };
        let next = next.map_or_else(String::new, |file| folder.join(file).display().to_string());
        launch.environment.push((resources::NEXT.to_owned(), next));
        launch.layer = Some(layer.to_owned());
        Ok(launch)
    }

    /// The command for one start, with the options of a condition.
    pub fn command(&self, place: &Workplace, package: &Package, options: &[String]) -> Command {
        let mut command = place.command(&place.glowplug);
        command.argument("invoke").argument(&package.function.handler).argument("--json");
        command.argument("--root").argument(&self.root).argument("--python").argument(&self.python);
        for _ in 0..2 {
            command.argument("--event").argument(&package.function.event);
        }
        match &self.layer {
            Some(layer) => command.argument("--layer").argument(layer),
            None => command.argument("--no-layer"),
        };
        command.argument("--isolation").argument(if self.isolated(place) { "bubblewrap" } else { "none" });
        if !self.isolated(place) {
            // The function's directory is writable then, and stale files would be mended.
            command.argument("--env").argument("PYTHONDONTWRITEBYTECODE=1");
        }
        for (name, value) in &self.environment {
            command.argument("--env").argument(format!("{name}={value}"));
        }
        for option in options {
            command.argument(option);
        }
        command
    }
}

/// What the moment of the timeline begins with that says the rung.
const DECIDED: &str = "rung decided: ";

#[derive(Debug, Deserialize)]
struct Report {
    outcome: Outcome,
    memory: Memory,
}

#[derive(Debug, Deserialize)]
struct Memory {
    not_enforced: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    invocations: Vec<Value>,
    init_error: Option<Value>,
    trouble: Option<String>,
    log: String,
    timeline: Vec<Moment>,
}

#[derive(Debug, Deserialize)]
struct Moment {
    what: String,
    at: f64,
}

/// Reads what `glowplug invoke --json` printed.
///
/// # Errors
/// When the function did not answer every event, or the report is of another form.
pub fn read(text: &str) -> Result<Start> {
    let Report { outcome, memory } =
        serde_json::from_str(text).context("what `glowplug invoke --json` printed")?;
    if let Some(error) = &outcome.init_error {
        bail!("initialisation failed: {}", shortened(error));
    }
    if let Some(trouble) = &outcome.trouble {
        bail!("{trouble}: {}", last_lines(&outcome.log, 3));
    }
    let responses: Vec<Value> = outcome
        .invocations
        .iter()
        .map(|answer| {
            answer.get("response").cloned().with_context(|| format!("error: {}", shortened(answer)))
        })
        .collect::<Result<_>>()?;
    let (total, phases, second) = times(&outcome.timeline)?;
    Ok(Start {
        total,
        phases,
        second,
        responses,
        rung: rung_of_timeline(&outcome.timeline).or_else(|| rung(&outcome.log)),
        said: outcome.log.lines().find(|line| line.starts_with("glowplug: ")).unwrap_or_default().to_owned(),
        resources: resources::read(&outcome.log),
        memory_not_enforced: memory.not_enforced,
    })
}

/// The whole start, its phases and the second response, of a timeline.
fn times(timeline: &[Moment]) -> Result<(f64, [f64; PHASES.len()], f64)> {
    let all = |what: &'static str| timeline.iter().filter(move |m| m.what == what).map(|m| m.at);
    let at =
        |what: &'static str| all(what).next().with_context(|| format!("no moment {what:?} in the timeline"));
    let begin = timeline.first().context("an empty timeline")?.at;
    let (runtime, next, over, first) = (
        at("runtime is executed")?,
        at("runtime asks for an event")?,
        at("Init is over")?,
        at("first response")?,
    );
    // A runtime that connects for something else first has no such moment.
    let ready = at("handler imported").unwrap_or(next).min(next);
    // Where nothing is to be decided, it is from the beginning on.
    let decided = timeline.iter().find(|m| m.what.starts_with(DECIDED)).map_or(runtime, |m| m.at);
    let sent = all("event sent").nth(1).context("no second event")?;
    let second = at("response")? - sent;
    let marks = [begin, runtime, decided, ready, next, over, first];
    ensure!(marks.is_sorted(), "moments of the timeline are out of order: {marks:?}");
    Ok((first - begin, std::array::from_fn(|n| marks[n + 1] - marks[n]), second))
}

/// What a start of Glowplug used, as wrapper and loader say with `GLOWPLUG_MOMENTS`. `None` is plain.
fn rung_of_timeline(timeline: &[Moment]) -> Option<&'static str> {
    let decided = timeline.iter().find_map(|moment| moment.what.strip_prefix(DECIDED))?;
    ["image", "code"].into_iter().find(|rung| *rung == decided)
}

/// What a start used, from the loader's and the restorer's lines in the log (`GLOWPLUG_LOG=info`).
pub fn rung(log: &str) -> Option<&'static str> {
    let lines = || log.lines().filter_map(|line| line.strip_prefix("glowplug: "));
    if lines().any(|line| line.contains("restored") && line.contains("image")) {
        Some("image")
    } else if lines().any(|line| line.contains(" is active: ")) {
        Some("code")
    } else {
        None
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(timeline: &[(&str, f64)], log: &str, invocations: &str) -> String {
        let moments: Vec<_> =
            timeline.iter().map(|(what, at)| serde_json::json!({"what": what, "at": at})).collect();
        let invocations: Value = serde_json::from_str(invocations).unwrap();
        serde_json::json!({"memory": {"not_enforced": null}, "outcome": {"invocations": invocations,
            "init_error": null, "trouble": null, "log": log, "timeline": moments}})
        .to_string()
    }

    const TIMELINE: &[(&str, f64)] = &[
        ("extension glowplug is executed", 0.0),
        ("extension glowplug registers", 3.0),
        ("runtime is executed", 4.0),
        ("rung decided: code", 24.0),
        ("extension glowplug asks for an event", 5.0),
        ("handler imported", 54.0),
        ("runtime asks for an event", 55.0),
        ("Init is over", 56.0),
        ("event sent", 56.5),
        ("first response", 60.0),
        ("event sent", 61.0),
        ("response", 61.5),
    ];
    const ANSWERS: &str = r#"[{"response": 1}, {"response": 1}]"#;

    #[test]
    fn the_phases_of_a_start_add_up_to_it() {
        let start = read(&report(TIMELINE, "", ANSWERS)).unwrap();
        assert_eq!((start.total, start.second, start.rung), (60.0, 0.5, Some("code")));
        assert_eq!(start.phases, [4.0, 20.0, 30.0, 1.0, 1.0, 4.0]);
        assert!((start.phases.iter().sum::<f64>() - start.total).abs() < 1e-9);
    }

    #[test]
    fn a_start_without_an_answer_to_every_event_does_not_count() {
        let failed = r#"[{"response": 1}, {"error": {"body": "ValueError"}}]"#;
        let error = read(&report(TIMELINE, "", failed)).unwrap_err().to_string();
        assert!(error.contains("ValueError"), "{error}");
        let cut = &TIMELINE[..9];
        assert!(read(&report(cut, "", ANSWERS)).unwrap_err().to_string().contains("first response"));
    }

    #[test]
    fn without_a_decision_the_whole_time_to_the_handler_is_its_import() {
        let plain: Vec<_> = TIMELINE.iter().copied().filter(|(what, _)| !what.starts_with(DECIDED)).collect();
        let start = read(&report(&plain, "", ANSWERS)).unwrap();
        assert_eq!((start.phases, start.rung), ([4.0, 0.0, 50.0, 1.0, 1.0, 4.0], None));
    }

    #[test]
    fn without_a_line_of_the_loader_there_is_no_rung() {
        assert_eq!(rung("glowplug: no archive\nthe archive is active: yes\n"), None);
        assert_eq!(rung("glowplug: /opt/a.glow: image restored in 3 ms\n"), Some("image"));
    }
}
