//! Ways to start Python. Each is one file and one line in [`ALL`].

use std::cell::OnceCell;
use std::path::PathBuf;

use anyhow::Result;

use crate::process::Command;
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::workload::Workload;

mod code_data_share;
mod glowplug_code;
mod plain;

/// Name of the variant that others are compared with.
pub const PLAIN: &str = "plain";
/// Name of the variant of `code-data-share`.
pub const CODE_DATA_SHARE: &str = "code-data-share";
/// Name of the variant of Glowplug's code archive.
pub const GLOWPLUG_CODE: &str = "glowplug code";

/// All variants.
const ALL: &[&dyn Variant] = &[&plain::Plain, &code_data_share::CodeDataShare, &glowplug_code::GlowplugCode];

/// A way to start Python.
pub trait Variant {
    /// Name in tables and results.
    fn name(&self) -> &'static str;

    /// Whether there is such a variant of this interpreter at all.
    fn exists_for(&self, interpreter: &Interpreter) -> bool;

    /// Makes all that a start needs: caches, archives. Proves that starts will really be of this kind.
    ///
    /// # Errors
    /// When it cannot be made, or starts would be of another kind. The variant is void then.
    fn prepare(&self, bench: &Bench, interpreter: &Interpreter, workload: &Workload) -> Result<Launch>;
}

/// How to start a workload in one way.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Python with its environment; what it shall run is yet to be added.
    pub python: Command,
    /// The archive or image that starts use.
    pub image: Option<PathBuf>,
}

impl Launch {
    /// `python -c program arguments`.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.python.clone();
        command.argument("-c").argument(program);
        for argument in arguments {
            command.argument(argument);
        }
        command
    }
}

/// A variant that has been prepared for one workload of one interpreter, or why it could not be.
pub struct Contestant {
    /// Name of the variant.
    pub name: &'static str,
    /// How it starts.
    pub launch: Result<Launch, String>,
}

/// A workload with its contestants; they are prepared once, when the first section needs them.
pub struct Entry {
    /// What is run.
    pub workload: &'static Workload,
    contestants: OnceCell<Vec<Contestant>>,
}

impl Entry {
    /// Nothing is prepared yet.
    pub const fn new(workload: &'static Workload) -> Self {
        Self { workload, contestants: OnceCell::new() }
    }

    /// The variants that exist for the interpreter.
    pub fn contestants(&self, bench: &Bench, interpreter: &Interpreter) -> &[Contestant] {
        self.contestants.get_or_init(|| {
            let variants = ALL.iter().filter(|v| v.exists_for(interpreter));
            let prepare = |variant: &&dyn Variant| Contestant {
                name: variant.name(),
                launch: variant.prepare(bench, interpreter, self.workload).map_err(|e| format!("{e:#}")),
            };
            variants.map(prepare).collect()
        })
    }
}
