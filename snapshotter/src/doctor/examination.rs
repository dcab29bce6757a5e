//! The run of the target that is examined (`python/doctor.py`).

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::TargetFailed;
use crate::image::surroundings;
use crate::interpreter::optimize_options;
use crate::progress::Progress;
use crate::recording::{check, run_shown};
use crate::target::Target;

/// What the script found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Examination {
    /// What stands in the way or is worth knowing, the former first.
    pub obstacles: Vec<Obstacle>,
    /// Descriptors that are made again after a restore.
    pub descriptors: Vec<Value>,
    /// Names of the environment variables whose values must be the same at every start.
    pub environment: Vec<String>,
}

impl Examination {
    /// Whether nothing stands in the way.
    pub fn can_be_imaged(&self) -> bool {
        self.obstacles.iter().all(|obstacle| !obstacle.fatal)
    }
}

/// A finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Obstacle {
    /// Its kind: `thread`, `socket`, `pipe`.
    pub kind: String,
    /// What it is, in words.
    pub what: String,
    /// What can be done about it.
    pub remedy: String,
    /// Whether it stands in the way of an image.
    pub fatal: bool,
    /// The installed package or shared library that it belongs to.
    pub library: Option<String>,
    /// Who made it.
    #[serde(flatten)]
    pub owner: Place,
    /// The statement of the user's own code by which it came about, where that is another.
    pub through: Option<Place>,
    /// Facts of its kind.
    #[serde(flatten)]
    pub facts: serde_json::Map<String, Value>,
}

/// A place in a program, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The module's name.
    pub module: Option<String>,
    /// Its file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

/// Runs the target and reads what was found. `scripts` is where the scripts are unpacked.
///
/// # Errors
/// [`TargetFailed`] where the target fails; its output has been shown.
pub fn examine(target: &Target, scripts: &Path, progress: &Progress) -> Result<Examination> {
    let (spec, out) = (scripts.join("spec.json"), scripts.join("doctor.json"));
    let handler = target.handler.as_ref();
    let text = json!({
        "root": target.root,
        "argv": target.argv(),
        "imports": target.imports,
        "handler": handler.map(|h| [&h.module, &h.function]),
        "events": target.events,
        "name": handler.map_or("function", |h| &h.module),
    });
    std::fs::write(&spec, text.to_string()).with_context(|| format!("cannot write {}", spec.display()))?;

    let mut command = Command::new(&target.python.executable);
    let (variables, _) = surroundings::environment(target, target.root.as_deref(), Vec::new());
    command.env_clear().envs(variables);
    if let Some(root) = &target.root {
        command.current_dir(root);
    }
    command.args(optimize_options(target.optimize.unwrap_or(0))).args([
        scripts.join("doctor.py"),
        spec,
        out.clone(),
    ]);
    check(run_shown(command, progress)?, "nothing could be found out")?;
    let text = std::fs::read_to_string(&out).map_err(|_| {
        TargetFailed("the target ended its process before it was done (os._exit?)".to_owned())
    })?;
    serde_json::from_str(&text).context("what was found cannot be read")
}
