//! The command line of the sections.

use std::path::PathBuf;

use clap::Args;

use crate::sections::Section;

/// Runs of each variant, unless told otherwise.
const RUNS: usize = 20;
/// Runs of each variant with `--quick`.
const QUICK_RUNS: usize = 3;

/// Arguments of `glowplug-bench sections`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 measured, 1 failed, 2 wrong usage, 4 with --strict when a bar was missed.
Environments are those of target/venvs.json; archives and images are built below target/bench/.")]
pub struct Arguments {
    /// What to measure; default: everything.
    #[arg(value_enum, value_name = "SECTION")]
    sections: Vec<Section>,
    /// Also measure with the page cache cold (the same as naming the section `cold`).
    #[arg(long)]
    cold: bool,
    /// An environment of target/venvs.json. Repeatable.
    #[arg(long, value_name = "LABEL", default_value = "3.12")]
    pub python: Vec<String>,
    /// Only this package. Repeatable; default: all.
    #[arg(long, value_name = "NAME")]
    pub package: Vec<String>,
    /// Runs of each variant [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    runs: Option<u16>,
    /// One package and three runs: shows that all works, not how fast.
    #[arg(long)]
    pub quick: bool,
    /// Drop the whole machine's page cache, inodes and directories too, not only the files involved
    /// (needs root).
    #[arg(long)]
    pub drop_caches: bool,
    /// Seed of the order and of the bootstrap; default: from the clock. It is in the results.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Save the raw samples and everything else here.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit with status 4 when a bar is missed.
    #[arg(long)]
    pub strict: bool,
    /// Where set-up and build keep what they make.
    #[arg(long, value_name = "DIR", default_value = "target")]
    pub target: PathBuf,
}

impl Arguments {
    /// What to measure, in order.
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = self.sections.clone();
        if self.cold && !sections.contains(&Section::Cold) {
            sections.push(Section::Cold);
        }
        if sections.is_empty() { Section::ALL.to_vec() } else { sections }
    }

    /// Runs of each variant.
    pub fn runs(&self) -> usize {
        self.runs.map_or(if self.quick { QUICK_RUNS } else { RUNS }, usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Whole {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parsed(arguments: &[&str]) -> Arguments {
        Whole::parse_from([&["sections"], arguments].concat()).arguments
    }

    #[test]
    fn without_arguments_everything_is_measured_twenty_times_on_3_12() {
        let cli = parsed(&[]);
        assert_eq!(cli.sections(), Section::ALL);
        assert_eq!(cli.runs(), 20);
        assert_eq!(cli.python, ["3.12"]);
    }

    #[test]
    fn sections_are_measured_in_the_order_given() {
        assert_eq!(parsed(&["find", "start"]).sections(), [Section::Find, Section::Start]);
        assert_eq!(parsed(&["start", "--cold"]).sections(), [Section::Start, Section::Cold]);
    }

    #[test]
    fn quick_means_few_runs_unless_a_number_is_given() {
        assert_eq!(parsed(&["--quick"]).runs(), 3);
        assert_eq!(parsed(&["--quick", "--runs", "7"]).runs(), 7);
    }
}
