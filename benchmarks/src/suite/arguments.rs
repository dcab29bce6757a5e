//! The command line of a run.

use std::path::PathBuf;

use clap::Args;

/// Runs of each variant, unless told otherwise.
const RUNS: usize = 20;
/// Runs of each variant with `--quick`.
const QUICK_RUNS: usize = 5;

/// Arguments of a run of the suite.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A function: the name of one that comes with the suite, or a directory. Repeatable; default: all
    /// that come with the suite.
    #[arg(short, long, value_name = "NAME|DIR")]
    pub function: Vec<String>,
    /// The handler of functions given as directories.
    #[arg(long, value_name = "HANDLER", default_value = "app.handler")]
    pub handler: String,
    /// The event of functions given as directories: a file of JSON [default: event.json in the directory].
    #[arg(long, value_name = "FILE.json")]
    pub event: Option<PathBuf>,
    /// Only these ways to start, of those that `list` names. Repeatable.
    #[arg(long, value_name = "NAME")]
    pub variant: Vec<String>,
    /// Only these conditions, of those that `list` names. Repeatable.
    #[arg(long, value_name = "NAME")]
    pub condition: Vec<String>,
    /// Runs of each variant [default: 20].
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    runs: Option<u16>,
    /// Two functions, the main variants, five runs: under five minutes.
    #[arg(long)]
    pub quick: bool,
    /// Every variant of every function under every condition: hours.
    #[arg(long, conflicts_with = "quick")]
    pub all: bool,
    /// The Python that functions run on [default: the one beside this program, else python3 in PATH].
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<PathBuf>,
    /// A Python that has awslambdaric, to be used as it is; without it, an environment is made of --python.
    #[arg(long, value_name = "PYTHON", conflicts_with = "python")]
    pub runtime: Option<PathBuf>,
    /// The `glowplug` command [default: the one beside this program, else that in PATH].
    #[arg(long, value_name = "FILE")]
    pub glowplug: Option<PathBuf>,
    /// A pip that installs the functions' requirements, where that Python has none.
    #[arg(long, value_name = "FILE")]
    pub pip: Option<PathBuf>,
    /// The `criu` program [default: that of the machine, if it has one].
    #[arg(long, value_name = "FILE")]
    pub criu: Option<PathBuf>,
    /// Where environments, packages and archives are kept from run to run
    /// [default: glowplug-bench below the user's cache directory].
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Where results.json and the reports are written.
    #[arg(short, long, value_name = "DIR", default_value = "glowplug-bench")]
    pub output: PathBuf,
    /// Seed of the order and of the bootstrap; default: from the clock. It is in the results.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The function answers differently each time: any answer but an error counts.
    #[arg(long)]
    pub any_response: bool,
}

impl Arguments {
    /// Runs of each variant.
    pub fn runs(&self) -> usize {
        self.runs.map_or(if self.quick { QUICK_RUNS } else { RUNS }, usize::from)
    }
}
