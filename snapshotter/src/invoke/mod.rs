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

mod eviction;
mod isolation;
mod plan;
mod python;
mod report;
mod sandbox;
mod service;

use plan::Plan;

/// Runs the command.
pub fn invoke(arguments: &InvokeArguments) -> Result<ExitCode> {
    Handler::parse(&arguments.handler)?;
    let root = folder("--root", &arguments.root)?;
    let layer = arguments.layer.as_deref().map(|layer| folder("--layer", layer)).transpose()?;
    let events: Vec<Event> =
        arguments.event.iter().map(|name| Event::read(name, Some(&root))).collect::<Result<_>>()?;
    let environment = Environment::new(arguments.env_file.as_deref(), &arguments.env)?;
    let python = python::probe(&arguments.python)?;
    let mut plan = Plan {
        handler: arguments.handler.clone(),
        python: python.executable.clone(),
        minor: python.minor.clone(),
        task: root.clone(),
        layer: layer.clone(),
        events: events.into_iter().map(|event| event.content).collect(),
        environment: environment.pairs().to_vec(),
        memory: arguments.memory,
        timeout: arguments.timeout,
    };
    let evicted = if arguments.cold {
        let places = [Some(root.as_path()), layer.as_deref()].into_iter().flatten().map(Path::to_owned);
        Some(eviction::evict(places.chain(python.folders.iter().cloned()))?)
    } else {
        None
    };
    let isolated = match arguments.isolation {
        Isolation::None => false,
        Isolation::Bubblewrap => isolation::check().map(|()| true)?,
        Isolation::Auto => isolation::check()
            .inspect_err(|why| tracing::warn!("not isolated: {why:#}; paths by environment variables"))
            .is_ok(),
    };
    let outcome = if isolated { isolation::run(&mut plan, &python.folders)? } else { sandbox::run(&plan)? };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report::as_json(&outcome, evicted.as_ref(), isolated))?);
    } else {
        report::print(&outcome, evicted.as_ref());
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
