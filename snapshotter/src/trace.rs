//! `glowplug trace`: the modules that a target imports.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::TraceArguments;
use crate::failure::Usage;
use crate::progress::Progress;
use crate::target::Target;
use crate::{module_list, recording, scripts, units};

/// Runs the command.
pub fn trace(arguments: &TraceArguments) -> Result<ExitCode> {
    let target = Target::new(&arguments.target)?;
    if target.default_name().is_none() {
        return Err(Usage("name a handler, or modules with --import".to_owned()).into());
    }
    let work = tempfile::Builder::new().prefix("glowplug-").tempdir().context("no folder for the work")?;
    let folder = work.path().canonicalize()?;
    scripts::unpack(&folder)?;
    let out = folder.join("trace.json");
    let mut progress = Progress::new(1);
    progress.begin(&format!("running {}", target.label()));
    let recording = recording::record(&target, &folder, &out, &progress)?;
    drop(progress);

    let text = if arguments.json {
        let mut text = serde_json::to_string_pretty(&recording)?;
        text.push('\n');
        text
    } else {
        module_list::format(&recording, &target.label())
    };
    match &arguments.output {
        None => print!("{text}"),
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!(
                "{}: {}, {}, {} left out",
                path.display(),
                units::count(recording.modules.len(), "module"),
                units::count(recording.extensions.len(), "extension module"),
                recording.left_out.len()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
