//! What the environment says.
//!
//! Extensions see the function's variables, but not `LAMBDA_TASK_ROOT`, `_HANDLER` and the other
//! ones of the runtime's own (AWS Lambda Developer Guide, "Extensions API", Environment variables).

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::Log;

/// How long is read at most, unless `GLOWPLUG_PREFETCH_MS` says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The settings of this process.
#[derive(Debug)]
pub struct Settings {
    /// Neither `GLOWPLUG_PREFETCH` nor `GLOWPLUG_MODE` is `off`.
    pub prefetch: bool,
    /// `GLOWPLUG_PREFETCH_MS`: how long is read at most.
    pub time_limit: Duration,
    /// `GLOWPLUG_ARCHIVE`: the archive.
    pub archive: Option<PathBuf>,
    /// `GLOWPLUG_ARCHIVE_DIR`: a folder of archives.
    pub archive_dir: Option<PathBuf>,
    /// `GLOWPLUG_OPT`, or `/opt`: where layers are unpacked.
    pub layers: PathBuf,
    /// `GLOWPLUG_TASK_ROOT`, or `/var/task`: the function's directory.
    pub task: PathBuf,
    /// `GLOWPLUG_RUNTIME_PREFIX`, or `/var/lang`: where a managed runtime's interpreter is
    /// installed.
    pub runtime: PathBuf,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in bytes.
    pub memory: Option<u64>,
    /// `AWS_LAMBDA_RUNTIME_API`: host and port.
    pub api: Option<String>,
    /// The name to register by: the executable's file name, which is what Lambda asks for.
    pub name: String,
    /// How to log.
    pub log: Log,
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn is(name: &str, values: &[&str]) -> bool {
    env::var(name).is_ok_and(|found| values.iter().any(|v| found.eq_ignore_ascii_case(v)))
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.trim().parse().ok()
}

/// As Lambda started it: its path in `/opt/extensions`, not what a link there points to.
fn own_name() -> String {
    let given = env::args_os().next().map(PathBuf::from);
    let found = given.as_deref().and_then(|p| p.file_name()).unwrap_or(OsStr::new("glowplug"));
    found.to_string_lossy().into_owned()
}

impl Settings {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        let off = ["off", "0", "no", "false"];
        Self {
            prefetch: !is("GLOWPLUG_PREFETCH", &off) && !is("GLOWPLUG_MODE", &["off", "plain"]),
            time_limit: number("GLOWPLUG_PREFETCH_MS").map_or(TIME_LIMIT, Duration::from_millis),
            archive: path("GLOWPLUG_ARCHIVE"),
            archive_dir: path("GLOWPLUG_ARCHIVE_DIR"),
            layers: path("GLOWPLUG_OPT").unwrap_or_else(|| "/opt".into()),
            task: path("GLOWPLUG_TASK_ROOT").unwrap_or_else(|| "/var/task".into()),
            runtime: path("GLOWPLUG_RUNTIME_PREFIX").unwrap_or_else(|| "/var/lang".into()),
            memory: number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").map(|mb| mb.saturating_mul(1 << 20)),
            api: env::var("AWS_LAMBDA_RUNTIME_API").ok().filter(|v| !v.is_empty()),
            name: own_name(),
            log: Log { json: is("AWS_LAMBDA_LOG_FORMAT", &["json"]), enabled: !is("GLOWPLUG_LOG", &["off"]) },
        }
    }
}
