//! `glowplug invoke`: a handler in a local Lambda sandbox made of real parts.
//!
//! The command makes a [`plan`], has it carried out by the [`sandbox`] (in another mount namespace
//! where [`isolation`] allows that) and prints the outcome. Inside, [`service`] answers as Lambda's
//! APIs do, and extensions and runtime are started in Lambda's order.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::{InvokeArguments, Isolation};
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::{Usage, status};
use crate::target::Handler;

mod control_group;
mod eviction;
mod exec_moment;
mod faults;
pub mod isolation;
mod moments;
mod opened;
mod plan;
pub mod python;
mod rehearsal;
mod report;
mod sandbox;
mod service;

pub use control_group::Storage;
use control_group::{Limits, keep_open_across_exec};
pub use faults::Fault;
use plan::{Outcome, Plan};

/// Runs the command.
pub fn invoke(arguments: &InvokeArguments) -> Result<ExitCode> {
    Handler::parse(&arguments.handler)?;
    let root = folder("--root", &arguments.root)?;
    let layer = arguments.layer.as_deref().map(|layer| folder("--layer", layer)).transpose()?;
    let events: Vec<Event> =
        arguments.event.iter().map(|name| Event::read(name, Some(&root))).collect::<Result<_>>()?;
    let environment = Environment::new(arguments.env_file.as_deref(), &arguments.env)?;
    let python = python::probe(&arguments.python)?;
    let plan = Plan {
        handler: arguments.handler.clone(),
        python: python.executable.clone(),
        minor: python.minor.clone(),
        task: root.clone(),
        layer: layer.clone(),
        events: events.into_iter().map(|event| event.content).collect(),
        environment: environment.pairs().to_vec(),
        memory: arguments.memory,
        timeout: arguments.timeout,
        faults: arguments.fault.clone(),
        doors: Vec::new(),
        rehearsal: false,
    };
    let isolated = match arguments.isolation {
        Isolation::None => false,
        Isolation::Bubblewrap => isolation::check().map(|()| true)?,
        Isolation::Auto => isolation::check()
            .inspect_err(|why| tracing::warn!("not isolated: {why:#}; paths by environment variables"))
            .is_ok(),
    };
    let start = |plan: Plan| -> Result<Outcome> {
        if isolated { isolation::run(plan, &python.folders) } else { sandbox::run(&plan) }
    };
    let evicted = if arguments.cold {
        Some(eviction::evict(&rehearsal::involved(&plan, &python, start)?))
    } else {
        None
    };
    let limits = Limits::new(plan.memory, arguments.storage, &root)?;
    let plan = Plan { doors: limits.doors(), ..plan };
    keep_open_across_exec(&plan.doors, isolated)?;
    let mut outcome = start(plan)?;
    let about = report::About { memory: limits.memory(), storage: limits.storage(), evicted, isolated };
    if about.memory.killed > 0 {
        outcome.trouble.get_or_insert_default().push_str(" (out of memory)");
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report::as_json(&outcome, &about))?);
    } else {
        report::print(&outcome, &about);
    }
    Ok(ExitCode::from(if outcome.succeeded() { 0 } else { status::TARGET }))
}

/// What runs inside the mount namespace: reads the plan from stdin, writes the outcome to stdout.
pub fn inside() -> Result<ExitCode> {
    let plan: Plan = serde_json::from_reader(std::io::stdin().lock()).context("no plan on stdin")?;
    serde_json::to_writer(std::io::stdout().lock(), &sandbox::run(&plan)?)?;
    Ok(ExitCode::SUCCESS)
}

fn folder(option: &str, path: &Path) -> Result<PathBuf> {
    let found = path.canonicalize().with_context(|| format!("{option}: no directory {}", path.display()))?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(Usage(format!("{option} {}: not a directory", path.display())).into())
    }
}
