//! A process in which the function is initialised, to be forked or checkpointed.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process::Running;
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// Initialises the function and does what it is told then.
const SCRIPT: &str = include_str!("warm_process.py");

/// Starts it and waits until it is ready. `folder` gets its log.
///
/// # Errors
/// When the function cannot be initialised.
pub fn start(place: &Workplace, package: &Package, folder: &Path, way: &str, path: &Path) -> Result<Running> {
    let mut command = package.command(place, &place.runtime());
    command.within(&package.root).argument("-c").argument(SCRIPT);
    command.argument(&package.root).argument(&package.function.handler).argument(way).argument(path);
    command.start(&folder.join("warm-process.log")).context("the warm process")
}
