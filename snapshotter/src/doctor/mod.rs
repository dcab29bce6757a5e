//! `glowplug doctor`: whether a function can be imaged, and what stands in the way.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::DoctorArguments;
use crate::failure::Usage;
use crate::progress::Progress;
use crate::target::Target;
use crate::{payload, scripts};

mod examination;
mod report;

/// Exit status where something stands in the way of an image.
const IN_THE_WAY: u8 = 4;

/// Runs the command.
pub fn doctor(arguments: &DoctorArguments) -> Result<ExitCode> {
    let target = Target::new(&arguments.target)?;
    if target.default_name().is_none() {
        return Err(Usage("name a handler, or modules with --import".to_owned()).into());
    }
    let work = tempfile::Builder::new().prefix("glowplug-").tempdir().context("no folder for the work")?;
    // Python resolves the script's folder by itself; the paths must agree.
    let folder = work.path().canonicalize()?;
    scripts::unpack(&folder)?;
    payload::unpack_for_image(&folder)?;
    payload::unpack_for_snapshot(&folder)?;
    let mut progress = Progress::new(1);
    progress.begin(&format!("running {}", target.label()));
    let found = examination::examine(&target, &folder, &progress)?;
    drop(progress);
    if arguments.json {
        println!("{}", report::json(&target.label(), &found)?);
    } else {
        print!("{}", report::text(&target.label(), &found));
    }
    Ok(ExitCode::from(if found.can_be_imaged() { 0 } else { IN_THE_WAY }))
}
