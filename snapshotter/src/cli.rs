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
     doctor: something stands in the way of a process image

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
    /// Find out whether a function can be imaged, and what stands in the way.
    Doctor(DoctorArguments),
    /// Run a Python command from an archive.
    Run(RunArguments),
    /// Show what is in an archive.
    Inspect(InspectArguments),
    /// Check an archive, and the sources on disk against it.
    Verify(VerifyArguments),
    /// Write a Lambda layer: loader, wrapper, extension and archives.
    Layer(LayerArguments),
    /// Print a sample event.
    Event(EventArguments),
    /// Invoke a handler in a local Lambda sandbox.
    Invoke(InvokeArguments),
    /// Measure what cold starts cost, and what Glowplug does for them.
    #[command(disable_help_flag = true)]
    Bench(BenchArguments),
    /// What `invoke` runs inside its mount namespace.
    #[command(hide = true)]
    InvokeInside,
}

/// What is snapshotted or traced, and in which surroundings.
#[derive(Debug, Clone, Args)]
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
  glowplug snapshot app.handler --root ./function --image --event apigw-v2 --env AWS_REGION=eu-west-1
  glowplug snapshot --image --name tool -- python -m tool --port 8080

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
    /// Do not run the target once more to record what the layer's extension is to read ahead.
    #[arg(long)]
    pub no_prefetch: bool,
    /// Also take the process image: the initialised function is restored instead of initialised.
    #[arg(long)]
    pub image: bool,
    /// Invoke the handler with the events before the image is taken (the default).
    #[arg(long, overrides_with = "no_prime", requires = "image")]
    pub prime: bool,
    /// Take the image before the handler has been invoked.
    #[arg(long, requires = "image")]
    pub no_prime: bool,
    /// So often the handler is invoked with each event before the image is taken: from the second time on the interpreter
    /// specialises code that it runs, which a restored process then need not do. 1 where an invocation must not be repeated.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), requires = "image", conflicts_with = "no_prime")]
    pub prime_rounds: u32,
    /// The processors that the image is for.
    #[arg(long, value_enum, default_value_t = crate::image::CpuBaseline::V3, requires = "image")]
    pub cpu_baseline: crate::image::CpuBaseline,
    /// Map what installed libraries have unchanged from their files, which makes the image smaller; they have to be
    /// there at the start, told by their build-ids.
    #[arg(long, requires = "image")]
    pub shared_text: bool,
    /// Leave out the pack, the compressed copy of what a start touches that cold starts read in one piece. The archive is
    /// smaller by it, and cold starts are slower.
    #[arg(long, requires = "image")]
    pub no_pack: bool,
    /// Whether a handler's image is taken with its directory at /var/task, by bubblewrap. Default: where that works;
    /// else the image fits where the directory is now.
    #[arg(long, value_enum, default_value_t = Isolation::Auto, requires = "image")]
    pub isolation: Isolation,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
    /// While a program's imports are recorded, let it go on past its snapshot point and do its work, for at most so
    /// long: what it imports there is in the archive too. Otherwise what --import names.
    #[arg(long, value_name = "SECONDS", requires = "program", value_parser = clap::value_parser!(u32).range(1..))]
    pub run_on: Option<u32>,
    /// Instead of a handler, a Python command: its image is taken where it calls glowplug.snapshot_point().
    #[arg(last = true, value_name = "COMMAND", requires = "image", conflicts_with_all = ["handler", "python"])]
    pub program: Vec<String>,
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

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug doctor app.handler --root ./function
  glowplug doctor app.handler --root ./function --event event.json --env TABLE=items
  glowplug doctor --import polars --python .venv/bin/python --json

The target runs as `snapshot --image` runs it: its imports, then the handler with each event. What is found
is named with who made it and what can be done about it.

Exit status: 0 the function can be imaged, 4 something stands in the way, 3 the target failed.")]
pub struct DoctorArguments {
    /// What is examined.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Print everything as JSON.
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

/// Arguments of `layer`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug layer --archive app.cpython-312-x86_64-linux-gnu.0123456789abcdef.glow -o layer.zip
  glowplug layer --archive a.glow --archive b.glow --function-dir ./function -o layer.zip
  glowplug layer --dir ./opt

Attach the layer to the function and set AWS_LAMBDA_EXEC_WRAPPER=/opt/glowplug/exec. The archive may
lie in the function's directory instead. The same inputs give the same bytes.")]
pub struct LayerArguments {
    /// An archive to put in. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,
    /// The function's architecture. Default: this machine's.
    #[arg(long, value_enum)]
    pub arch: Option<Architecture>,
    /// Take the programs from this directory, for another architecture than this build's: `exec`, `extension`
    /// and `_glowplug.abi3.so`.
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// The function's directory, to check the limit of layer and function together.
    #[arg(long, value_name = "DIR")]
    pub function_dir: Option<PathBuf>,
    /// Where to write the layer.
    #[arg(short, long, value_name = "FILE.zip", required_unless_present = "dir")]
    pub output: Option<PathBuf>,
    /// Write the same files into this directory, as they will be in /opt.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print sizes as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `--arch`, by Lambda's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// Intel and AMD.
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    /// Graviton.
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}

impl Architecture {
    /// The ELF machine number.
    pub const fn machine(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Arm64 => 183,
        }
    }
}

/// Arguments of `event`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug event apigw-v2
  glowplug event apigw-v2:path=/items/5,method=POST,body='{\"a\": 1}'
  glowplug event sqs:Records.0.messageAttributes={}

A field is named by one of the event's short names (--list) or by its path in the JSON.")]
pub struct EventArguments {
    /// The event, with fields to be changed.
    #[arg(value_name = "NAME[:FIELD=VALUE,...]", required_unless_present = "list")]
    pub name: Option<String>,
    /// List the events and the short names of their fields.
    #[arg(long)]
    pub list: bool,
}

/// Arguments of `invoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  glowplug invoke app.handler --root ./function --event apigw-v2:path=/items/5 --layer ./opt
  glowplug invoke app.handler --root ./function --event event.json --no-layer --python .venv/bin/python

The runtime is awslambdaric, which the Python has to have. With bubblewrap the layer stands at /opt and
the function at /var/task, both read-only; without it they stay where they are.")]
pub struct InvokeArguments {
    /// The handler as Lambda names it.
    #[arg(value_name = "HANDLER")]
    pub handler: String,
    /// The function's directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
    /// What the handler is invoked with. Repeatable: the later ones are warm invocations.
    #[arg(long, value_name = "NAME|FILE.json", required = true)]
    pub event: Vec<String>,
    /// The Python that runs the function.
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    pub python: PathBuf,
    /// The layer's directory, as `glowplug layer --dir` writes it.
    #[arg(long, value_name = "DIR", required_unless_present = "no_layer", conflicts_with = "no_layer")]
    pub layer: Option<PathBuf>,
    /// No layer: the function as it is.
    #[arg(long)]
    pub no_layer: bool,
    /// The function's memory size in MB; enforced by a control group, where that is permitted.
    #[arg(long, value_name = "MB", default_value_t = 512)]
    pub memory: u32,
    /// The function's time limit in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
    /// Set an environment variable of the function and its extensions. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// Read environment variables from a file of KEY=VALUE lines.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Take the files that the start reads out of the page cache before. Which ones is seen in a
    /// rehearsal: the function is started and invoked twice.
    #[arg(long)]
    pub cold: bool,
    /// Slow storage down (as root), to so many megabytes and requests a second: 100:500.
    #[arg(long, value_name = "MB:REQUESTS")]
    pub storage: Option<crate::invoke::Storage>,
    /// For tests of extensions: have the Extensions API answer a call wrongly. CALL is register or
    /// next; WHAT is a status from 400, slow:MILLISECONDS, close or silent. Repeatable.
    #[arg(long, value_name = "CALL=WHAT")]
    pub fault: Vec<crate::invoke::Fault>,
    /// Whether to isolate with bubblewrap. Default: where it works.
    #[arg(long, value_enum, default_value_t = Isolation::Auto)]
    pub isolation: Isolation,
    /// Print everything as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What the suite is told; `--help` shows what there is.
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// `--isolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// With bubblewrap where it works.
    Auto,
    /// With bubblewrap, or not at all.
    Bubblewrap,
    /// By environment variables.
    None,
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
