//! Glowplug's code archive, built by the installed command and found through the wheel's `.pth` file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{Launch, Variant};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::workload::Workload;

/// Fails unless modules came from the archive; the program is the first argument.
const IN_USE: &str = "import sys; exec(sys.argv[1]); import glowplug; s = glowplug.status(); \
                      assert s['rung'] == 'code' and s['modules'] and not s['fallbacks'], s";

/// Python importing from a code archive, sources unchecked as in a deployment.
pub struct GlowplugCode;

/// What is needed here of the summary that `glowplug snapshot --json` prints.
#[derive(Debug, Deserialize)]
struct Summary {
    path: PathBuf,
}

impl Variant for GlowplugCode {
    fn name(&self) -> &'static str {
        super::GLOWPLUG_CODE
    }

    fn exists_for(&self, _: &Interpreter) -> bool {
        true
    }

    fn prepare(&self, bench: &Bench, interpreter: &Interpreter, workload: &Workload) -> Result<Launch> {
        let folder = bench.folder(interpreter, &[workload.name, "glowplug"])?;
        let archive = snapshot(bench, interpreter, workload, &folder)?;
        let mut python = bench.command(&interpreter.python);
        // Strict: a start that falls back to the plain way fails, and makes the variant void.
        python.set("GLOWPLUG_ARCHIVE", &archive).set("GLOWPLUG_STRICT", "1");
        let launch = Launch { python, image: Some(archive) };
        launch.run(IN_USE, &[workload.statement]).output().context("the archive is not used")?;
        Ok(launch)
    }
}

/// Builds the archive of a function whose initialisation is the workload.
fn snapshot(bench: &Bench, interpreter: &Interpreter, workload: &Workload, folder: &Path) -> Result<PathBuf> {
    let command = interpreter.installed("glowplug");
    ensure!(
        command.is_file(),
        "the wheel is not installed in environment {}: run `make bench-sections`",
        interpreter.label
    );
    let function = bench.folder(interpreter, &[workload.name, "glowplug", "function"])?;
    let source =
        format!("{}\n\n\ndef handler(event, context):\n    return {}\n", workload.statement, workload.check);
    std::fs::write(function.join("app.py"), source)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "glow") {
            std::fs::remove_file(path)?;
        }
    }
    let mut snapshot = bench.command(&command);
    snapshot.argument("snapshot").argument("app.handler").argument("--json");
    snapshot.argument("--root").argument(&function).argument("-o").argument(folder);
    snapshot.argument("--python").argument(&interpreter.python);
    let assignments: Vec<_> = snapshot.assignments().collect();
    for assignment in assignments {
        snapshot.argument("--env").argument(assignment);
    }
    let summary = snapshot.output()?;
    parse(&summary).with_context(|| format!("what `glowplug snapshot --json` printed:\n{summary}"))
}

fn parse(summary: &str) -> Result<PathBuf> {
    Ok(serde_json::from_str::<Summary>(summary)?.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archives_path_is_taken_from_the_summary() {
        let path = parse(r#"{"path": "/a/app.glow", "bytes": 3, "left_out": []}"#).unwrap();
        assert_eq!(path, Path::new("/a/app.glow"));
        assert!(parse("no JSON").is_err());
    }
}
