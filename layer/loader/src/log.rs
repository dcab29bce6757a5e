//! Lines on stderr, one for each thing that somebody should know.
//!
//! `GLOWPLUG_LOG`: `off`, `warn` (default: fallbacks only), `info` (also what was activated) or
//! `debug` (also each module).

use std::io::Write as _;
use std::sync::OnceLock;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Off,
    /// Fallbacks.
    Warn,
    /// What was activated.
    Info,
    /// Each module.
    Debug,
}

fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| match std::env::var("GLOWPLUG_LOG").as_deref() {
        Ok("off") => Level::Off,
        Ok("info") => Level::Info,
        Ok("debug" | "trace") => Level::Debug,
        _ => Level::Warn,
    })
}

/// Whether lines of this level are written.
pub fn enabled(wanted: Level) -> bool {
    wanted <= level()
}

/// Writes `glowplug: <message>` to stderr if `wanted` is enabled. A closed stderr is no error.
pub fn line(wanted: Level, message: impl FnOnce() -> String) {
    if enabled(wanted) {
        // One write, so that lines of several threads do not mix.
        let text = format!("glowplug: {}\n", message());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// When the rung was decided, for those who measure starts: a line on stderr, if `GLOWPLUG_MOMENTS` is set.
/// The time is in nanoseconds of CLOCK_MONOTONIC (clock_gettime(2)).
pub fn moment(rung: &str) {
    if std::env::var_os("GLOWPLUG_MOMENTS").is_none() {
        return;
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live value of the right type.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) } == 0 {
        let nanoseconds = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
        let text = format!("glowplug: rung {rung} at {nanoseconds} ns\n");
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A fallback: something starts the plain way, and why.
pub fn warn(message: &str) {
    line(Level::Warn, || message.to_owned());
}
