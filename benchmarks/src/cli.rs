//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{compare, ingest, sections, suite};

/// Exit status with `--strict` or `--threshold` when a bar is missed or something became slower.
pub const BAR_MISSED: u8 = 4;

/// What a cold start of a Python function costs, and what Glowplug does for it.
///
/// Without a subcommand the suite is run: functions are started in turns, plain and in other ways, in a
/// local Lambda sandbox, and what was measured is written as results.json, report.md and report.html.
#[derive(Debug, Parser)]
#[command(
    name = "glowplug-bench",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  glowplug bench --quick
  glowplug bench --function ./function --python .venv/bin/python -o report
  glowplug bench -f boto3 --variant plain --variant code --condition cold -n 40
  glowplug bench compare before/results.json after/results.json --threshold 5
  glowplug bench ingest plain=plain.log code+extension=layer.log

Exit status: 0 done, 1 failed, 2 wrong usage, 4 slower than the threshold (compare) or a bar missed
(sections --strict)."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The suite's own arguments.
    #[command(flatten)]
    pub suite: suite::Arguments,
}

/// What else there is.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the suite (what is done without a subcommand).
    Run(suite::Arguments),
    /// Name the functions, variants and conditions.
    List,
    /// Say what changed from one results.json to another.
    Compare(compare::Arguments),
    /// Read starts on Lambda from CloudWatch's logs into a results.json.
    Ingest(ingest::Arguments),
    /// Write the reports of a results file anew.
    Report(ReportArguments),
    /// Print the JSON Schema of results.json.
    Schema,
    /// Whole processes and single steps of Python's import, without a sandbox (from the repository).
    Sections(sections::Arguments),
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A results.json.
    #[arg(value_name = "FILE")]
    pub results: PathBuf,
    /// Where to write the reports.
    #[arg(short, long, value_name = "DIR", required_unless_present = "headline")]
    pub output: Option<PathBuf>,
    /// Print only the table of one condition, as the README shows it.
    #[arg(long, value_name = "CONDITION")]
    pub headline: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_subcommand_the_suite_is_run() {
        let cli = Cli::parse_from(["glowplug-bench", "--quick", "-n", "3"]);
        assert!(cli.command.is_none() && cli.suite.quick);
        assert_eq!(cli.suite.runs(), 3);
    }
}
