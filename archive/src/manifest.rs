//! The manifest: what people and tools want to know about an archive. Not read at a cold start.

use serde::{Deserialize, Serialize};

use crate::header::Validation;
use crate::modules::RootKind;

/// The manifest, stored as zstd-compressed JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the Glowplug that wrote the archive.
    pub glowplug: String,
    /// The archive's name (`--name`).
    pub name: String,
    /// What was snapshotted: `app.handler`, or `import boto3,pandas`.
    pub target: String,
    /// `sys.version` of the interpreter.
    pub python: String,
    /// How staleness is judged.
    pub validation: Validation,
    /// The roots, in the order of the roots section.
    pub roots: Vec<Root>,
    /// Modules with code in the archive, in import order.
    pub modules: Vec<Module>,
    /// Extension modules whose place is recorded.
    pub extensions: Vec<ExtensionModule>,
    /// Modules that were imported but are not in the archive.
    pub left_out: Vec<LeftOut>,
    /// Python modules whose `.pyc` was missing or stale at snapshot time.
    pub stale_pyc: Vec<StalePyc>,
    /// Shared libraries mapped at the end of the trace, absolute paths.
    pub shared_libraries: Vec<String>,
    /// Other files opened for reading during the trace, in order of first use.
    pub data_files: Vec<DataFile>,
    /// Number of compiled regular expressions in the archive.
    pub regexes: u64,
    /// Modules whose `exec`, `eval` or `compile` of text is answered from the archive, each with
    /// the number of texts.
    pub compiled: Vec<CompiledTexts>,
}

/// A directory that module paths are relative to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Absolute path at snapshot time.
    pub path: String,
    /// What it is.
    pub kind: RootKind,
}

/// A module with code in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Full dotted name.
    pub name: String,
    /// Number of its root.
    pub root: u16,
    /// Path relative to the root.
    pub path: String,
    /// Bytes of its range in the heap.
    pub bytes: u64,
}

/// An extension module whose place is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionModule {
    /// Full dotted name.
    pub name: String,
    /// Number of its root.
    pub root: u16,
    /// Path relative to the root.
    pub path: String,
}

/// A module that is not in the archive, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Full dotted name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A `.pyc` that a plain start would not have used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StalePyc {
    /// Full dotted name of the module.
    pub name: String,
    /// `missing`, `stale` or `unreadable`.
    pub state: String,
}

/// A file that was read during the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Absolute path at snapshot time.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// Texts that a module compiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledTexts {
    /// Full dotted name of the module that calls `exec`, `eval` or `compile`.
    pub module: String,
    /// Number of texts.
    pub texts: u64,
}
