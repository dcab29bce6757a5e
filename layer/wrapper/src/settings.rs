//! What the environment and the place of this program say.

use crate::process::{Start, Text};
use crate::system;

/// Where Lambda unpacks layers.
const LAYERS: &[u8] = b"/opt";
/// Where Lambda unpacks the function.
const TASK: &[u8] = b"/var/task";
/// The layer's folder below `/opt` that holds the wrapper, the start script and archives.
pub const FOLDER: &[u8] = b"/glowplug";

/// The settings of one start.
pub struct Settings<'a> {
    /// `GLOWPLUG_MODE` is neither `off` nor `plain`.
    pub enabled: bool,
    /// The process image may be used: `GLOWPLUG_MODE` is neither of these nor `code`.
    pub image: bool,
    /// `GLOWPLUG_RECORD`: the snapshot step wants to see what memory this start touches.
    pub record: bool,
    /// `GLOWPLUG_MOMENTS`: who measures starts wants to see when the rung was decided.
    pub moments: bool,
    /// Fallbacks are told on stderr (`GLOWPLUG_LOG` is not `off`).
    pub tells: bool,
    /// `GLOWPLUG_ARCHIVE`: the archive. The loader reads it itself.
    pub archive: Option<&'a [u8]>,
    /// `GLOWPLUG_ARCHIVE_DIR`: the folder of archives. The loader reads it itself.
    pub archive_folder: Option<&'a [u8]>,
    /// Where the crash latch lies: `/tmp`, or `TMPDIR`.
    pub temporary: &'a [u8],
    /// The folder that this program was named in, if it was.
    pub own_folder: Option<&'a [u8]>,
    /// `/opt`, or `GLOWPLUG_OPT`.
    pub layers: &'a [u8],
    /// The function's directory: `GLOWPLUG_TASK_ROOT`, `LAMBDA_TASK_ROOT` or `/var/task`.
    pub task: &'a [u8],
    /// `PATH`, or what the C library takes without one.
    pub path: &'a [u8],
    /// The environment for the interpreter.
    pub environment: &'a [Text<'a>],
}

impl<'a> Settings<'a> {
    /// Reads the environment.
    #[must_use]
    pub fn new(start: &Start<'a>) -> Self {
        let is = |name: &[u8], values: &[&[u8]]| {
            start.variable(name).is_some_and(|found| values.iter().any(|v| found.eq_ignore_ascii_case(v)))
        };
        let first = |names: &[&[u8]], otherwise: &'static [u8]| {
            names.iter().find_map(|name| start.variable(name)).map_or(otherwise, without_slash)
        };
        Self {
            enabled: !is(b"GLOWPLUG_MODE", &[b"off", b"plain"]),
            image: !is(b"GLOWPLUG_MODE", &[b"off", b"plain", b"code"]),
            record: start.variable(b"GLOWPLUG_RECORD").is_some(),
            moments: start.variable(b"GLOWPLUG_MOMENTS").is_some(),
            tells: !is(b"GLOWPLUG_LOG", &[b"off"]),
            archive: start.variable(b"GLOWPLUG_ARCHIVE"),
            archive_folder: start.variable(b"GLOWPLUG_ARCHIVE_DIR"),
            temporary: first(&[b"TMPDIR"], b"/tmp"),
            own_folder: start.arguments().first().and_then(|own| folder_of(own.to_bytes())),
            layers: first(&[b"GLOWPLUG_OPT"], LAYERS),
            task: first(&[b"GLOWPLUG_TASK_ROOT", b"LAMBDA_TASK_ROOT"], TASK),
            // glibc's execvp(3) leaves out the current directory.
            path: start.variable(b"PATH").unwrap_or(b"/bin:/usr/bin"),
            environment: start.environment(),
        }
    }

    /// Whether the environment names the archive.
    #[must_use]
    pub const fn archive_is_named(&self) -> bool {
        self.archive.is_some() || self.archive_folder.is_some()
    }

    /// Writes a line to stderr, unless that is switched off.
    pub fn warn(&self, parts: &[&[u8]]) {
        /// A longer line is cut, so that it is one write.
        const LONGEST: usize = 1024;
        if !self.tells {
            return;
        }
        let mut line = [0; LONGEST];
        let mut length = 0;
        for part in [&b"glowplug: "[..]].iter().chain(parts) {
            let part = &part[..part.len().min(LONGEST - 1 - length)];
            line[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        line[length] = b'\n';
        system::write_error(&line[..=length]);
    }
}

fn folder_of(file: &[u8]) -> Option<&[u8]> {
    Some(&file[..file.iter().rposition(|byte| *byte == b'/')?])
}

fn without_slash(folder: &[u8]) -> &[u8] {
    folder.strip_suffix(b"/").unwrap_or(folder)
}
