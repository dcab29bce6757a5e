//! Which files a start involves, for `--cold`: the start is rehearsed.
//!
//! They are those that were opened below the directories of the function, the layer and the Python's
//! `sys.path`, those that the processes had mapped, and those that the archives' plans name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use glowplug_archive::plan::{Base, Planned};

use super::opened::Watch;
use super::plan::{Outcome, Plan};
use super::python::Python;

/// The involved files. `start` carries out the plan that it is given.
pub fn involved(
    plan: &Plan,
    python: &Python,
    start: impl FnOnce(Plan) -> Result<Outcome>,
) -> Result<BTreeSet<PathBuf>> {
    let folders: Vec<PathBuf> = [Some(&plan.task), plan.layer.as_ref()]
        .into_iter()
        .flatten()
        .chain(&python.modules)
        .cloned()
        .collect();
    let watch =
        Watch::begin(&folders).inspect_err(|why| tracing::warn!("not all files are seen: {why:#}")).ok();
    let outcome = start(Plan { rehearsal: true, ..plan.clone() });
    let mut found = watch.map(Watch::end).unwrap_or_default();
    let outcome = outcome?;
    found.extend(python.folders.iter().map(|prefix| prefix.join("pyvenv.cfg")));
    found.extend(outcome.mapped.iter().map(|path| outside(path, plan)));
    let archives: Vec<PathBuf> =
        found.iter().filter(|p| p.extension() == Some(OsStr::new("glow"))).cloned().collect();
    for archive in archives {
        found.extend(planned(&archive, plan));
    }
    let real = found.into_iter().filter_map(|path| path.canonicalize().ok());
    Ok(real.filter(|path| path.is_file()).collect())
}

/// Where a file of the sandbox is outside.
fn outside(path: &Path, plan: &Plan) -> PathBuf {
    let below = |inside: &str, outside: &Path| Some(outside.join(path.strip_prefix(inside).ok()?));
    let found = below("/var/task", &plan.task)
        .or_else(|| plan.layer.as_ref().and_then(|layer| below("/opt", layer)).filter(|path| path.exists()));
    found.unwrap_or_else(|| path.to_owned())
}

/// The files that an archive's plan names, as far as they are where they were.
fn planned(archive: &Path, plan: &Plan) -> Vec<PathBuf> {
    let Ok(archive) = Planned::open(archive) else { return Vec::new() };
    let records = archive.plan();
    let place = |record| {
        let (base, path) = (records.base(record), records.path(record));
        let folder = match base {
            Base::Archive => return None,
            Base::Function => plan.task.clone(),
            Base::Layer => plan.layer.clone()?,
            Base::Runtime | Base::Path | Base::Absolute => records.origin(record).into(),
        };
        Some(folder.join(path))
    };
    records.records().iter().filter_map(place).collect()
}
