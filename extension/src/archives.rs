//! Which archives' plans are followed.
//!
//! The wrapper starts Python with the archive whose fingerprint matches; no interpreter runs here,
//! so the fingerprint is not known. What can be known: an archive that is named is the one; one for
//! another machine is not; and on a managed runtime there is one `/var/lang/lib/python3.X`, so that
//! one for another version is not. Where several are left, all their plans are followed.

use std::fs::File;
use std::path::{Path, PathBuf};

use glowplug_archive::Error;
use glowplug_archive::fingerprint::this_machine;
use glowplug_archive::plan::Planned;

use crate::reading;
use crate::settings::Settings;

/// More are not looked at, as in the wrapper.
const AT_MOST: usize = 64;
/// How much is asked for when an archive is opened, in bytes.
const BEGINNING: u64 = 128 << 10;

/// The archives with a plan for this machine, in the wrapper's order, and what is wrong with others,
/// a line each.
pub fn find(settings: &Settings) -> (Vec<Planned>, Vec<String>) {
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for path in candidates(settings, &mut faults) {
        match open(&path) {
            Ok(archive) if archive.header().fingerprint.machine != this_machine() => {}
            Ok(archive) => found.push(archive),
            Err(error @ (Error::Io { .. } | Error::NotAFile(_))) => faults.push(error.to_string()),
            Err(error) => faults.push(format!("{}: {error}", path.display())),
        }
    }
    let runtime = |archive: &Planned| settings.runtime.join("lib").join(library(archive)).is_dir();
    if found.len() > 1 && found.iter().any(runtime) {
        found.retain(runtime);
    }
    (found, faults)
}

/// Opens an archive; its beginning, with header, plan and index, is asked for in one request.
fn open(path: &Path) -> Result<Planned, Error> {
    let named = |source| Error::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(named)?;
    reading::only_what_is_asked(&file);
    reading::submit(&file, 0, BEGINNING);
    Planned::read(path, file)
}

/// Name of the standard library's directory: `python3.12`.
pub fn library(archive: &Planned) -> String {
    let version = archive.header().fingerprint.python_version;
    format!("python{}.{}", version >> 24, (version >> 16) & 0xff)
}

fn candidates(settings: &Settings, faults: &mut Vec<String>) -> Vec<PathBuf> {
    if let Some(archive) = &settings.archive {
        return vec![archive.clone()];
    }
    let folders = match &settings.archive_dir {
        Some(folder) => vec![folder.clone()],
        None => vec![settings.layers.join("glowplug"), settings.task.clone()],
    };
    let mut found: Vec<PathBuf> = folders.iter().flat_map(|folder| listed(folder, faults)).collect();
    found.truncate(AT_MOST);
    if found.is_empty() && faults.is_empty() {
        let names: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
        faults.push(format!("no archive in {}", names.join(" or ")));
    }
    found
}

/// The archives of a folder, by name. A folder that is not there is no fault.
fn listed(folder: &Path, faults: &mut Vec<String>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                faults.push(format!("{}: {error}", folder.display()));
            }
            return Vec::new();
        }
    };
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|e| e == "glow");
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_archive).collect();
    found.sort();
    found
}
