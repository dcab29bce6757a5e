//! `glowplug-bench`: what a cold start costs, and what Glowplug does for it.
//!
//! The [`suite`] starts functions in a local Lambda sandbox, in many ways and under many conditions; the
//! raw samples become [`results`], and [`statistics`] over those what the [`exporters`] write.
//! The [`sections`] measure whole processes without a sandbox. [`acts`] are what this program does as a
//! part of starts.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

mod acts;
mod cli;
mod compare;
mod exporters;
mod ingest;
mod machine;
mod process;
mod results;
mod schedule;
mod sections;
mod statistics;
mod suite;

use cli::{Cli, Command};
use results::Results;

fn main() -> ExitCode {
    abort_on_panic();
    if let Some(status) = acts::perform() {
        return status;
    }
    match run(Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("glowplug-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Has a panic in any thread end this program once it was reported: it is compiled to unwind, as its tests are.
fn abort_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panicked| {
        usual(panicked);
        std::process::abort();
    }));
}

/// Does what the command line says; returns the exit status.
fn run(cli: Cli) -> Result<u8> {
    match cli.command.unwrap_or(Command::Run(cli.suite)) {
        Command::Run(arguments) => {
            process::keep_descriptors_to_ourselves()?;
            report(&suite::run(&arguments)?, &arguments.output)?;
        }
        Command::List => print!("{}", suite::list()),
        Command::Report(arguments) => {
            let results = Results::read(&arguments.results)?;
            if let Some(condition) = &arguments.headline {
                print!("{}", exporters::headline(&results, condition));
            }
            if let Some(folder) = &arguments.output {
                exporters::write(&results, folder)?;
            }
        }
        Command::Compare(arguments) => {
            return Ok(if compare::run(&arguments)? { 0 } else { cli::BAR_MISSED });
        }
        Command::Ingest(arguments) => report(&ingest::run(&arguments)?, &arguments.output)?,
        Command::Schema => print!("{}", results::schema()?),
        Command::Sections(arguments) => {
            process::keep_descriptors_to_ourselves()?;
            return Ok(if sections::run(&arguments)? { 0 } else { cli::BAR_MISSED });
        }
    }
    Ok(0)
}

/// Prints the tables, and writes all forms of the results.
fn report(results: &Results, folder: &Path) -> Result<()> {
    print!("{}", exporters::terminal(results));
    for file in exporters::write(results, folder)? {
        eprintln!("{}", file.display());
    }
    Ok(())
}
