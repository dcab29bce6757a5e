//! `glowplug-bench`: what a cold start costs, and what Glowplug does for it.
//!
//! Plain Python, `code-data-share` and Glowplug run the same statements in turns, in random order.
//! The way of one run: the [`workload`]s are made ready by each of the [`variants`]; a section of
//! [`sections`] runs them in [`rounds`] as the [`schedule`] says, each in a [`process`] of its own;
//! the raw samples become [`results`], and [`statistics`] over those the [`report`].

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

mod bench;
mod cli;
mod interpreter;
mod machine;
mod page_cache;
mod process;
mod progress;
mod report;
mod results;
mod rounds;
mod schedule;
mod sections;
mod statistics;
mod variants;
mod workload;

fn main() -> ExitCode {
    match run(&cli::Cli::parse()) {
        Ok(met) if met => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(cli::BAR_MISSED),
        Err(error) => {
            eprintln!("glowplug-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints and saves. Returns whether the exit status is to be that of success.
fn run(cli: &cli::Cli) -> Result<bool> {
    process::keep_descriptors_to_ourselves()?;
    let bench = bench::Bench::new(cli)?;
    let mut results = results::Results::begin(&bench)?;
    for interpreter in &bench.interpreters {
        for section in cli.sections() {
            let findings = section.measure(&bench, interpreter)?;
            results.add(findings);
            print!("{}", report::section(&results, section, &interpreter.label));
        }
    }
    print!("{}", report::closing(&results));
    if let Some(file) = &cli.json {
        results.save(file)?;
    }
    Ok(!cli.strict || results.all_bars_met())
}
