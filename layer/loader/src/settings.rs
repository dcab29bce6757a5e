//! What the environment says: the `GLOWPLUG_*` variables.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// `GLOWPLUG_MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Use what there is.
    Auto,
    /// Use the code archive.
    Code,
    /// Start the plain way.
    Off,
}

/// The settings of one process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `GLOWPLUG_MODE`: `auto` (default), `code` or `off`.
    pub mode: Mode,
    /// `GLOWPLUG_STRICT=1`: what would be a fallback is an error.
    pub strict: bool,
    /// `GLOWPLUG_GC=off` leaves garbage collection alone while imports run.
    pub hold_collection: bool,
    /// `GLOWPLUG_REGEX=off` leaves `re.compile` alone.
    pub expressions: bool,
    /// `GLOWPLUG_TEXTS=off` leaves `exec`, `eval` and `compile` alone.
    pub texts: bool,
    /// `GLOWPLUG_ROOT`: where the function's directory is now.
    pub root: Option<PathBuf>,
    /// `GLOWPLUG_ARCHIVE`: an archive.
    pub archive: Option<PathBuf>,
    /// `GLOWPLUG_ARCHIVE_DIR`: a folder of archives.
    pub archive_dir: Option<PathBuf>,
    /// Whether pages of files are given back that the start has done with: not where it is recorded what is touched.
    pub gives_back: bool,
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn is(name: &str, values: &[&str]) -> bool {
    let value: Option<OsString> = env::var_os(name);
    value.is_some_and(|v| values.iter().any(|w| v.eq_ignore_ascii_case(w)))
}

const OFF: [&str; 4] = ["off", "0", "no", "false"];
const ON: [&str; 4] = ["on", "1", "yes", "true"];

impl Settings {
    /// Reads the environment. An unknown mode counts as `auto` and is returned for a warning.
    pub fn from_environment() -> (Self, Option<String>) {
        let mut unknown = None;
        let mode = match env::var("GLOWPLUG_MODE").as_deref() {
            Err(_) | Ok("" | "auto") => Mode::Auto,
            Ok("code") => Mode::Code,
            Ok("off" | "plain") => Mode::Off,
            Ok(other) => {
                unknown =
                    Some(format!("GLOWPLUG_MODE={other} is not one of auto, code and off; taken as auto"));
                Mode::Auto
            }
        };
        let settings = Self {
            mode,
            strict: is("GLOWPLUG_STRICT", &ON),
            hold_collection: !is("GLOWPLUG_GC", &OFF),
            expressions: !is("GLOWPLUG_REGEX", &OFF),
            texts: !is("GLOWPLUG_TEXTS", &OFF),
            gives_back: true,
            root: path("GLOWPLUG_ROOT"),
            archive: path("GLOWPLUG_ARCHIVE"),
            archive_dir: path("GLOWPLUG_ARCHIVE_DIR"),
        };
        (settings, unknown)
    }
}
