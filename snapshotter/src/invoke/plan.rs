//! What is to be done in the sandbox, and what came of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults::Fault;

/// One execution environment: its start and its invocations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub handler: String,
    pub python: PathBuf,
    /// The Python's version, such as `3.12`.
    pub minor: String,
    /// The function's directory, as the function sees it.
    pub task: PathBuf,
    /// The layer's directory, as the function sees it.
    pub layer: Option<PathBuf>,
    pub events: Vec<Value>,
    /// What the user adds to the environment, later ones winning.
    pub environment: Vec<(String, String)>,
    /// MB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u64,
    /// What the Extensions API does wrong.
    pub faults: Vec<Fault>,
    /// Descriptors of the `cgroup.procs` that the processes have to join.
    pub doors: Vec<i32>,
    /// To see which files are involved: the processes' mapped files are noted.
    pub rehearsal: bool,
}

/// What happened.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What the function answered to each event, or how it failed.
    pub invocations: Vec<Invocation>,
    /// What the runtime reported instead of becoming ready.
    pub init_error: Option<Failure>,
    /// What went wrong around the function: an extension that failed, a limit that was reached.
    pub trouble: Option<String>,
    /// How the runtime ended, if it did so by itself.
    pub runtime_exit: Option<String>,
    /// stdout and stderr of the function.
    pub log: String,
    /// stdout and stderr of the extensions.
    pub extension_log: String,
    pub timeline: Vec<Moment>,
    /// The files that were mapped, as they are called in the sandbox; of a rehearsal only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mapped: Vec<PathBuf>,
}

impl Outcome {
    /// Whether every event was answered without an error.
    pub fn succeeded(&self) -> bool {
        let answered = |invocation: &Invocation| matches!(invocation, Invocation::Response(_));
        self.init_error.is_none() && self.trouble.is_none() && self.invocations.iter().all(answered)
    }
}

/// The outcome of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invocation {
    Response(Value),
    Error(Failure),
}

/// An error as the runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The header `Lambda-Runtime-Function-Error-Type`.
    pub error_type: Option<String>,
    pub body: Value,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Moment {
    pub what: String,
    /// Milliseconds since the first process was started.
    pub at: f64,
}
