//! `glowplug snapshot`: record, dump, check, report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use glowplug_archive::Archive;

use crate::cli::{SnapshotArguments, TargetArguments};
use crate::dump::{self, Order};
use crate::failure::{self, Usage};
use crate::prefetch::{self, Planning};
use crate::progress::Progress;
use crate::summary::Summary;
use crate::target::Target;
use crate::{image, module_list, payload, recording, scripts, verify};

/// Runs the command.
pub fn snapshot(arguments: &SnapshotArguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut target = target_of(arguments)?;
    if arguments.image && target.handler.is_some() {
        // Lambda sets both.
        if let Some(region) = target.environment.value("AWS_REGION").map(str::to_owned) {
            target.environment.set_default("AWS_DEFAULT_REGION", &region);
        }
        for name in image::surroundings::CREDENTIALS {
            target.environment.set_default(name, image::surroundings::PLACEHOLDER);
        }
    }
    let target = target;
    let modules = arguments.modules.as_deref().map(module_list::read).transpose()?;
    let name = arguments
        .name
        .as_deref()
        .or(target.default_name())
        .or(modules.as_deref().and_then(|names| names.first().map(String::as_str)))
        .ok_or_else(|| Usage("name a handler, modules with --import or --modules, or (with --name) a command after --image --".to_owned()))?;
    check_name(name)?;
    let work = tempfile::Builder::new().prefix("glowplug-").tempdir().context("no folder for the work")?;
    // Python resolves the script's folder by itself; the paths must agree.
    let folder = work.path().canonicalize()?;
    scripts::unpack(&folder)?;
    payload::unpack_for_snapshot(&folder)?;
    if arguments.image {
        payload::unpack_for_image(&folder)?;
    }
    let output = &arguments.output;
    std::fs::create_dir_all(output)
        .with_context(|| format!("cannot make the folder {}", output.display()))?;

    let steps = 3 + usize::from(!arguments.no_prefetch) + if arguments.image { 3 } else { 0 };
    let mut progress = Progress::new(steps);
    let trace = folder.join("trace.json");
    let label = target.label();
    progress.begin(&format!("running {label}"));
    let recording = recording::record(&target, &folder, &trace, &progress)?;
    let recorded = begun.elapsed();

    progress.begin(&format!("dumping {} modules", recording.modules.len()));
    let order = Order {
        glowplug: env!("CARGO_PKG_VERSION"),
        payload: &folder,
        trace: &trace,
        // An image is put in place when it has been seen to work.
        output: if arguments.image { &folder } else { output },
        name,
        target: &label,
        validation: arguments.validate.into(),
        root: target.root.as_deref(),
        modules: modules.as_deref(),
    };
    let mut dumped = dump::dump(&target, &order, recording.python.optimize, &folder)?;
    let written = begun.elapsed();

    let planning = if arguments.no_prefetch {
        Planning::without("--no-prefetch")
    } else {
        progress.begin(&format!("starting {label} from {}", dumped.path.display()));
        prefetch::plan(&target, &recording, &dumped.path, &folder, recorded)
    };
    let planned = begun.elapsed();

    let imaged = if arguments.image {
        let order = image::Order {
            target: &target,
            prime_rounds: if arguments.no_prime { 0 } else { arguments.prime_rounds },
            baseline: arguments.cpu_baseline,
            shared_libraries: &recording.shared_libraries,
            isolation: arguments.isolation,
            plan: !arguments.no_prefetch,
            shared_text: arguments.shared_text,
            pack: !arguments.no_pack,
            validation: arguments.validate.into(),
            scripts: &folder,
            archive: &dumped.path,
        };
        let imaged = image::add(&order, &mut progress)?;
        dumped.path = put_in_place(&dumped.path, output)?;
        Some(imaged)
    } else {
        None
    };

    progress.begin(&format!("checking {}", dumped.path.display()));
    let archive = checked(&dumped.path)?;
    drop(progress);
    dumped.bytes = archive.header().file_size;
    let times = [recorded, written - recorded, planned - written, begun.elapsed() - planned];
    let summary = Summary::new(&archive, &dumped, planning, imaged, times)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print!("{summary}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is snapshotted. A program names its Python itself.
fn target_of(arguments: &SnapshotArguments) -> Result<Target> {
    match arguments.program.first() {
        None => Target::new(&arguments.target),
        Some(python) => {
            let target = TargetArguments { python: python.into(), ..arguments.target.clone() };
            let target = Target::new(&target)?.with_program(&arguments.program);
            Ok(Target { run_on: arguments.run_on, ..target })
        }
    }
}

/// Moves a finished archive to where it is wanted: there it appears whole or not at all.
fn put_in_place(finished: &Path, folder: &Path) -> Result<PathBuf> {
    let name = finished.file_name().context("an archive has a name")?;
    let place = folder.join(name);
    let new = tempfile::Builder::new().prefix(".glowplug-").tempfile_in(folder);
    let new = new.with_context(|| format!("cannot write into {}", folder.display()))?;
    std::fs::copy(finished, new.path()).with_context(|| format!("cannot write {}", new.path().display()))?;
    new.as_file().sync_all()?;
    new.persist(&place).with_context(|| format!("cannot write {}", place.display()))?;
    Ok(place)
}

/// A name becomes part of a file name.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0', '\n']) {
        return Err(Usage(format!("--name {name:?}: must be usable as a file name")).into());
    }
    Ok(())
}

/// Opens what was written and checks all of it; removes it where it is damaged.
fn checked(path: &Path) -> Result<Archive> {
    let archive = Archive::open(path).map_err(|error| failure::of_archive(path, &error))?;
    let damage = verify::damage(&archive);
    if let Some(first) = damage.first() {
        std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        bail!(
            "the archive that was written is damaged and was removed again ({first}): is the disk full or \
             faulty? If not, this is a bug of glowplug"
        );
    }
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_must_be_a_file_name() {
        assert!(check_name("pkg.app").is_ok());
        for name in ["", "a/b", "..", ".hidden"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
