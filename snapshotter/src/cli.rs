//! The command line: what can be asked for, and its help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use glowplug_archive::header::Validation;

const STATUSES: &str = "\
Exit status:
  0  done
  1  glowplug failed (verify: the archive is damaged)
  2  wrong usage
  3  the target failed; its traceback is shown
  4  verify: the archive is sound, but sources on disk differ from it

Environment:
  GLOWPLUG_LOG  filter of the log on stderr, such as debug (wins over --verbose)";

/// Cold-start accelerator for Python functions.
///
/// At deploy time, `snapshot` builds an archive of what a function imports; at run time the
/// function's modules are mapped from it instead of being read, unmarshalled and compiled.
#[derive(Debug, Parser)]
#[command(name = "glowplug", version, after_long_help = STATUSES, after_help = STATUSES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say what is being done; twice for details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an archive of a function.
    Snapshot(SnapshotArguments),
    /// List the modules that a function imports.
    Trace(TraceArguments),
    /// Run a Python command from an archive.
    Run(RunArguments),
    /// Show what is in an archive.
    Inspect(InspectArguments),
    /// Check an archive, and the sources on disk against it.
    Verify(VerifyArguments),
}

/// What is snapshotted or traced, and in which surroundings.
#[derive(Debug, Args)]
pub struct TargetArguments {
    /// The handler as Lambda names it: `app.handler`, `pkg/app.handler` or `pkg.app.handler`.
    #[arg(value_name = "HANDLER")]
    pub handler: Option<String>,
    /// Import these modules (separated by commas), before the handler if there is one.
    #[arg(long, value_name = "MODULES", value_delimiter = ',')]
    pub import: Vec<String>,
    /// The function's directory, first in its `sys.path`. Default for a handler: this directory.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The Python that will run the function.
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    pub python: PathBuf,
    /// Invoke the handler with this event, so that what it imports late is seen too. Repeatable.
    #[arg(long, value_name = "NAME|FILE.json", requires = "handler")]
    pub event: Vec<String>,
    /// Set an environment variable of the target. Repeatable; wins over --env-file.
    #[arg(long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// Read environment variables of the target from a file of KEY=VALUE lines.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Optimisation of the code, as Python's -O (1) and -OO (2).
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub optimize: Option<u8>,
}

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug snapshot app.handler --root ./function -o ./function
  glowplug snapshot app.handler --root ./function --event event.json --env TABLE=items
  glowplug snapshot --import boto3,pandas --python .venv/bin/python
  glowplug snapshot app.handler --root ./function --modules modules.txt

The archive's name is <name>.<soabi>.<fingerprint>.glow: those for several Pythons and machines can
lie side by side.")]
pub struct SnapshotArguments {
    /// What to snapshot.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Where to put the archive.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// The archive's name. Default: the handler's module or the first import.
    #[arg(long)]
    pub name: Option<String>,
    /// How the loader finds out that a source has changed since (packagers rewrite modification
    /// times, so archives for deployment are unchecked).
    #[arg(long, value_enum, default_value_t = ValidationArgument::Unchecked)]
    pub validate: ValidationArgument,
    /// Put exactly these modules in: a file as `glowplug trace -o` writes it.
    #[arg(long, value_name = "FILE")]
    pub modules: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `trace`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug trace app.handler --root ./function -o modules.txt
  glowplug trace --import boto3 --json")]
pub struct TraceArguments {
    /// What to trace.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Where to write the list; without it, stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print everything that was recorded as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug run --archive app.cpython-312-x86_64-linux-gnu.0123456789abcdef.glow -- python app.py
  glowplug run --archive-dir ./archives -- python -m tool --flag
  glowplug run --mode off -- python -c 'import boto3'

Without --archive and --archive-dir, GLOWPLUG_ARCHIVE or GLOWPLUG_ARCHIVE_DIR say where the archive
is, or else this directory. The command's own exit status is that of `run`.")]
pub struct RunArguments {
    /// The archive.
    #[arg(long, value_name = "FILE", conflicts_with = "archive_dir")]
    pub archive: Option<PathBuf>,
    /// A directory of archives; the one for this interpreter is taken.
    #[arg(long, value_name = "DIR")]
    pub archive_dir: Option<PathBuf>,
    /// auto: what the archive offers; code: its modules; off: plain Python.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Where the function's directory is now, if it has moved since the snapshot.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The command: Python with its options and program.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// The archive.
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// List every module, not the largest only.
    #[arg(long)]
    pub all: bool,
    /// Print everything as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug verify app.cpython-312-x86_64-linux-gnu.0123456789abcdef.glow
  glowplug verify ARCHIVE --root /var/task
  glowplug verify ARCHIVE --root /old/site-packages=/new/site-packages

Exit status: 0 all is well, 1 the archive is damaged, 4 sources on disk differ from it.")]
pub struct VerifyArguments {
    /// The archive.
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// Where the function's directory is now; OLD=NEW for another root. Repeatable.
    #[arg(long, value_name = "[OLD=]NEW")]
    pub root: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The best that the archive offers.
    Auto,
    /// Modules from the archive.
    Code,
    /// Plain Python.
    Off,
}

impl Mode {
    /// The value of `GLOWPLUG_MODE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Code => "code",
            Self::Off => "off",
        }
    }
}

/// `--validate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidationArgument {
    /// By the source's modification time and size.
    CheckedStat,
    /// By a hash of the source.
    CheckedHash,
    /// Not at all.
    Unchecked,
}

impl From<ValidationArgument> for Validation {
    fn from(argument: ValidationArgument) -> Self {
        match argument {
            ValidationArgument::CheckedStat => Self::CheckedStat,
            ValidationArgument::CheckedHash => Self::CheckedHash,
            ValidationArgument::Unchecked => Self::Unchecked,
        }
    }
}
