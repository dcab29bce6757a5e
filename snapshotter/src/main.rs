//! `glowplug`: builds archives of Python functions, starts Python from them, shows and checks them.
//!
//! Data flows one way. `snapshot`: the [`target`] is run and recorded by process A
//! ([`recording`]), its code is dumped by process B ([`dump`]), and what was written is opened and
//! checked ([`verify`]). With `--image`, process D takes the process image ([`image`]).

use std::process::ExitCode;

use clap::Parser as _;

mod bench;
mod broken_pipe;
mod cli;
mod doctor;
mod dump;
mod environment;
mod event;
mod failure;
mod image;
mod inspect;
mod interpreter;
mod invoke;
mod lambda;
mod layer_zip;
mod log;
mod module_list;
mod payload;
mod prefetch;
mod progress;
mod recording;
mod run;
mod scripts;
mod snapshot;
mod summary;
mod target;
mod trace;
mod units;
mod verify;

use cli::Command;

fn main() -> ExitCode {
    broken_pipe::end_quietly();
    let cli = cli::Cli::parse();
    log::start(cli.verbose);
    let done = match cli.command {
        Command::Snapshot(arguments) => snapshot::snapshot(&arguments),
        Command::Trace(arguments) => trace::trace(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Layer(arguments) => layer_zip::layer(&arguments),
        Command::Event(arguments) => event::event(&arguments),
        Command::Invoke(arguments) => invoke::invoke(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::InvokeInside => invoke::inside(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("glowplug: {error:#}");
        failure::status_of(&error)
    })
}
