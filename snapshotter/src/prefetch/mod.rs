//! The prefetch plan: what a cold start from the archive reads, recorded and written into it.
//!
//! The archive is written without a plan first. Then the page cache is emptied of the files
//! concerned ([`eviction`]), the target is started from the archive by process C ([`process`]), and
//! what it touched becomes the plan ([`entries`]). A plan is a convenience: where recording fails,
//! the archive stays without one, and the summary says why.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use glowplug_archive::plan::PlanEntry;
use glowplug_archive::{Archive, writer};
use serde::Serialize;

use crate::recording::Recording;
use crate::target::Target;

mod entries;
mod eviction;
pub mod image;
mod process;

/// What the summary says about the plan.
#[derive(Debug, Serialize)]
pub struct Planning {
    /// Why there is no plan.
    pub failure: Option<String>,
    /// Files in the plan, the archive included.
    pub files: usize,
    /// Their ranges.
    pub ranges: usize,
    /// Bytes of the ranges.
    pub bytes: u64,
    /// Files that could not be evicted from the page cache beforehand: others use them, or they are
    /// not ours to ask about. Of those that are read, not mapped, the whole is planned.
    pub not_evicted: usize,
}

impl Planning {
    /// Of an archive that stays without a plan.
    pub fn without(why: impl Into<String>) -> Self {
        Self { failure: Some(why.into()), files: 0, ranges: 0, bytes: 0, not_evicted: 0 }
    }
}

/// Records the plan of the archive at `path` and writes it into the archive. `scripts` is the folder
/// with scripts and payload, `took` how long the target took when it was recorded.
pub fn plan(target: &Target, recording: &Recording, path: &Path, scripts: &Path, took: Duration) -> Planning {
    match try_plan(target, recording, path, scripts, took) {
        Ok(planning) => planning,
        Err(error) => Planning::without(format!("{error:#}")),
    }
}

fn try_plan(
    target: &Target,
    recording: &Recording,
    path: &Path,
    scripts: &Path,
    took: Duration,
) -> Result<Planning> {
    let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    let evicted = eviction::evict(&eviction::candidates(recording, &path));
    let start = process::start(target, &path, scripts, took)?;
    let entries = {
        let archive = Archive::open(&path)?;
        entries::of(&start, &archive, &path, &entries::Places::new(target, recording), &evicted)
    };
    writer::add_plan(&path, &entries)?;
    Ok(Planning {
        failure: None,
        files: count_files(&entries),
        ranges: entries.len(),
        bytes: entries.iter().map(|e| e.length).sum(),
        not_evicted: evicted.refused(),
    })
}

/// How many files the entries name.
pub fn count_files(entries: &[PlanEntry]) -> usize {
    let mut names: Vec<_> = entries.iter().map(|e| (e.base as u16, &e.origin, &e.path)).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}
