//! What process D wrote: the capture of its memory, and what it knows of itself.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `capture.json` (`snapshotter/dumper`, `capture`).
#[derive(Debug, Deserialize)]
pub struct Capture {
    /// Stack pointer, where to go on, thread pointer.
    pub place: [u64; 3],
    /// What the kernel held.
    pub state: State,
    /// The main thread's number.
    pub tid: i32,
    /// The other threads.
    pub threads: Vec<Thread>,
    /// CLOCK_REALTIME and CLOCK_MONOTONIC, in nanoseconds.
    pub clocks: [u64; 2],
    /// The memory's areas, by address.
    pub areas: Vec<Area>,
}

/// A thread beside the main one.
#[derive(Debug, Deserialize)]
pub struct Thread {
    pub tid: i32,
    /// Where the dumper keeps that number.
    pub tid_word: u64,
    /// What the stack pointer has to be for rt_sigreturn(2).
    pub frame: u64,
    /// Address of the signal frame's `ucontext`.
    pub context: u64,
    pub thread_pointer: u64,
    pub tid_address: u64,
    pub robust_list: [u64; 2],
    pub rseq: [u64; 3],
    pub name: String,
    /// sched_getaffinity(2); empty where it is the main thread's.
    pub processors: Vec<u8>,
}

/// What the kernel held for the process; names as in [`glowplug_archive::image::Context`].
#[derive(Debug, Deserialize)]
pub struct State {
    pub tid_address: u64,
    pub robust_list: [u64; 2],
    pub rseq: [u64; 3],
    pub alternate_stack: [u64; 3],
    pub signal_mask: u64,
    pub signals: Vec<[u64; 4]>,
    pub memory: [u64; 6],
    pub break_word: u64,
    /// The C library's `madvise`, what stands for it, and where that is told of the mappings.
    pub madvise: [u64; 3],
    pub stack_limit: u64,
    pub vdso: u64,
    pub name: String,
    pub folder: String,
}

/// A mapped area.
#[derive(Debug, Deserialize)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// `rwxp`.
    pub permissions: String,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Inode of the file; 0: none.
    pub inode: u64,
    /// The file, or a name in brackets.
    pub path: String,
    /// `VmFlags` of proc_pid_smaps(5).
    pub flags: Vec<String>,
    /// What is stored: page number within the area, how many, number of the first in `pages.bin`.
    pub runs: Vec<[u64; 3]>,
    /// Pages that nobody may touch: page number within the area, how many.
    pub guards: Vec<[u64; 2]>,
}

/// `process.json` (`glowplug_image/capture.py`).
#[derive(Debug, Deserialize)]
pub struct Process {
    /// `sys.executable`.
    pub executable: String,
    /// The interpreter's options.
    pub options: Vec<String>,
    /// Environment variables that were read, with their values at the start.
    pub variables: BTreeMap<String, Option<String>>,
    /// Open files to be made again.
    pub descriptors: Vec<Descriptor>,
    /// Modules: name and file.
    pub modules: Vec<(String, String)>,
    /// What is worth knowing.
    pub warnings: Vec<Obstacle>,
}

/// An open file (`glowplug_image/descriptors.py`).
#[derive(Debug, Deserialize)]
pub struct Descriptor {
    pub fd: i32,
    pub kind: String,
    #[serde(default)]
    pub cloexec: bool,
    #[serde(flatten)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// Something that stands in the way of an image, or is worth knowing (`glowplug_image/obstacle.py`).
#[derive(Debug, Deserialize, serde::Serialize)]
pub struct Obstacle {
    pub kind: String,
    pub what: String,
    #[serde(default)]
    pub module: Option<String>,
    #[serde(default)]
    pub file: Option<String>,
    #[serde(default)]
    pub line: Option<u64>,
    #[serde(default)]
    pub library: Option<String>,
    #[serde(default)]
    pub remedy: String,
}

/// `replay.json` (`glowplug_image/capture.py`).
#[derive(Debug, Deserialize)]
pub struct Replay {
    /// What the handler answered.
    pub responses: Vec<String>,
    /// Touched memory: address, length, and whether it was written to.
    pub touched: Vec<(u64, u64, bool)>,
    /// From the wrapper's first step until the process went on.
    pub milliseconds: f64,
}

/// Reads one of these.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T> {
    let path = folder.join(name);
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} cannot be understood", path.display()))
}
