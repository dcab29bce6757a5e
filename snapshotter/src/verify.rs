//! `glowplug verify`: every checksum, every bound, every source.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use glowplug_archive::header::{SectionKind, Validation};
use glowplug_archive::heap::{
    EXTERN_LIMIT, KIND_CELL, KIND_SHIFT, KIND_STRING, RangeKind, RangeRecord, WATCHED, WATCHED_FRAME,
};
use glowplug_archive::modules::{ModuleRecord, NO_RANGE, RootKind};
use glowplug_archive::{Archive, checksum};
use serde::Serialize;

use crate::cli::VerifyArguments;
use crate::failure::{self, Usage, status};
use crate::summary::meaning;
use crate::units;

/// Rows of a list before it is cut.
const ROWS: usize = 20;

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    archive: PathBuf,
    validation: Validation,
    modules: usize,
    ranges: usize,
    /// What is wrong with the archive.
    damage: Vec<String>,
    /// Files on disk that are not as they were.
    differences: Vec<Difference>,
}

/// A file that is not as it was at snapshot time.
#[derive(Debug, Serialize)]
struct Difference {
    module: String,
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Not there.
    Missing,
    /// Another content.
    Changed,
    /// The same content, but another time, which counts for `checked-stat`.
    Touched,
}

/// Runs the command.
pub fn verify(arguments: &VerifyArguments) -> Result<ExitCode> {
    let mut report = Report {
        archive: arguments.archive.clone(),
        validation: Validation::Unchecked,
        modules: 0,
        ranges: 0,
        damage: Vec::new(),
        differences: Vec::new(),
    };
    match Archive::open(&arguments.archive) {
        Err(error @ (glowplug_archive::Error::Io { .. } | glowplug_archive::Error::NotAFile(_))) => {
            return Err(failure::of_archive(&arguments.archive, &error));
        }
        Err(error) => report.damage.push(error.to_string()),
        Ok(archive) => {
            report.validation = archive.header().validation;
            report.modules = archive.modules().len();
            report.ranges = archive.ranges().len();
            report.damage = damage(&archive);
            report.differences = differences(&archive, &root_folders(&archive, &arguments.root)?);
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    Ok(ExitCode::from(if !report.damage.is_empty() {
        status::FAILED
    } else if !report.differences.is_empty() {
        status::SOURCES
    } else {
        0
    }))
}

impl Report {
    fn print(&self) {
        let name = self.archive.display();
        if self.damage.is_empty() {
            let (ranges, modules) =
                (units::count(self.ranges, "range"), units::count(self.modules, "module"));
            println!("{name}: sound ({ranges}, {modules})");
        } else {
            println!("{name}: damaged; build it again with `glowplug snapshot`");
        }
        list(&self.damage, ToString::to_string);
        if self.differences.is_empty() {
            if self.damage.is_empty() {
                println!("every source on disk is as it was");
            }
            return;
        }
        let mode = self.validation;
        println!("{} not as archived:", units::count(self.differences.len(), "file"));
        list(&self.differences, |d| {
            let state = match d.state {
                State::Missing => "missing",
                State::Changed => "changed",
                State::Touched => "another modification time",
            };
            format!("{}: {} ({state})", d.module, d.path.display())
        });
        println!("the archive is {}: {}", mode.name(), meaning(mode));
    }
}

fn list<T>(rows: &[T], text: impl Fn(&T) -> String) {
    for row in rows.iter().take(ROWS) {
        println!("  {}", text(row));
    }
    if rows.len() > ROWS {
        println!("  and {} more (--json lists all)", rows.len() - ROWS);
    }
}

/// Everything wrong with an archive's content, in words; nothing for a sound one.
pub fn damage(archive: &Archive) -> Vec<String> {
    let mut found: Vec<String> = SectionKind::ALL
        .into_iter()
        .filter_map(|kind| archive.verify_section(kind).err())
        .map(|error| error.to_string())
        .collect();
    for (number, range) in archive.ranges().iter().enumerate() {
        if let Some(what) = range_damage(archive, range) {
            found.push(format!("range {number} of the heap: {what}"));
        }
    }
    for module in archive.modules() {
        if let Err(error) = archive.source(module) {
            found.push(error.to_string());
        }
    }
    if let Err(error) = archive.regexes() {
        found.push(error.to_string());
    }
    match archive.manifest() {
        Err(error) => found.push(error.to_string()),
        Ok(manifest) => {
            let coded = archive.modules().iter().filter(|m| m.range != NO_RANGE).count();
            if manifest.modules.len() != coded {
                found.push(format!("the manifest lists {} modules of {coded}", manifest.modules.len()));
            }
        }
    }
    found
}

fn range_damage(archive: &Archive, range: &RangeRecord) -> Option<String> {
    let (objects, bitmaps) = match archive.range_content(range) {
        Ok(content) => content,
        Err(error) => return Some(error.to_string()),
    };
    let base = archive.header().preferred_base;
    let end = base + archive.heap_length();
    let (symbols, internals) = bitmaps.split_at(bitmaps.len() / 2);
    let places = |bitmap: &[u64]| -> Vec<usize> {
        let bit = |number: usize| bitmap[number / 64] >> (number % 64) & 1 == 1;
        (0..bitmap.len() * 64).filter(|number| bit(*number)).collect()
    };
    let word = |number: usize| -> Option<u64> {
        let bytes = objects.get(number * 8..number * 8 + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let both: Vec<u64> = symbols.iter().zip(internals).map(|(symbol, internal)| symbol & internal).collect();
    let only = |bitmap: &[u64]| bitmap.iter().zip(&both).map(|(bits, both)| bits & !both).collect::<Vec<_>>();
    for number in places(&only(symbols)) {
        match word(number) {
            Some(symbol) if is_symbol(symbol, archive.heap_length()) => {}
            Some(symbol) => {
                return Some(format!("symbol {symbol:#x} at {:#x} is out of bounds", number * 8));
            }
            None => return Some("a symbol beyond the end".to_owned()),
        }
    }
    for number in places(&only(internals)) {
        match word(number) {
            Some(pointer) if (base..end).contains(&pointer) => {}
            Some(pointer) => {
                return Some(format!("pointer {pointer:#x} at {:#x} is out of bounds", number * 8));
            }
            None => return Some("a pointer beyond the end".to_owned()),
        }
    }
    let watched = places(&both);
    let sound = watched.iter().all(|number| matches!(word(*number), Some(WATCHED | WATCHED_FRAME)));
    if watched.is_empty() || range.is(RangeKind::Transient) && sound {
        None
    } else {
        Some("a word is both symbol and pointer".to_owned())
    }
}

/// Whether a symbol word is an extern, or a string or cell whose place is inside the heap.
fn is_symbol(word: u64, heap_length: u64) -> bool {
    let (kind, offset) = (word >> KIND_SHIFT, word & ((1 << KIND_SHIFT) - 1));
    let inside = offset.is_multiple_of(8) && offset < heap_length;
    word < EXTERN_LIMIT || (matches!(kind, KIND_STRING | KIND_CELL) && inside)
}

/// Where each root is now: as recorded, but for what `--root` says.
fn root_folders(archive: &Archive, given: &[String]) -> Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> =
        archive.roots().iter().map(|root| PathBuf::from(archive.name(root.path))).collect();
    for argument in given {
        let renamed = argument
            .split_once('=')
            .and_then(|(old, new)| Some((folders.iter().position(|f| f == Path::new(old))?, new)));
        let function = archive.roots().iter().position(|root| root.kind == RootKind::Function as u32);
        let (number, new) = match (renamed, function) {
            (Some(renamed), _) => renamed,
            (None, Some(function)) => (function, argument.as_str()),
            (None, None) => {
                let known: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
                return Err(Usage(format!(
                    "--root {argument}: the archive has no function directory; use OLD=NEW with OLD one of {}",
                    known.join(", ")
                ))
                .into());
            }
        };
        // What lies below the old place, such as a vendor folder in `sys.path`, moved with it.
        let old = folders[number].clone();
        for folder in &mut folders {
            if let Ok(below) = folder.strip_prefix(&old) {
                *folder = Path::new(new).join(below);
            }
        }
    }
    Ok(folders)
}

fn differences(archive: &Archive, folders: &[PathBuf]) -> Vec<Difference> {
    let mut found: Vec<Difference> = archive
        .modules()
        .iter()
        .filter_map(|module| {
            let path = folders.get(usize::from(module.root))?.join(archive.name(module.path));
            let state = state(module, &path, archive.header().validation)?;
            Some(Difference { module: archive.name(module.name).to_owned(), path, state })
        })
        .collect();
    found.sort_by(|a, b| a.module.cmp(&b.module));
    found
}

/// What has become of a module's file; `None` where it is as it was.
fn state(module: &ModuleRecord, path: &Path, validation: Validation) -> Option<State> {
    if module.range == NO_RANGE {
        return (!path.exists()).then_some(State::Missing);
    }
    let Ok(content) = std::fs::read(path) else {
        return Some(State::Missing);
    };
    if content.len() as u64 != module.source_size || checksum::of(&content) != module.source_hash {
        return Some(State::Changed);
    }
    let mtime = std::fs::metadata(path).map(|m| std::os::unix::fs::MetadataExt::mtime(&m)).ok();
    let touched = validation == Validation::CheckedStat && mtime != Some(module.source_mtime);
    touched.then_some(State::Touched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn externs_are_symbols() {
        assert!(is_symbol(0, 0));
        assert!(is_symbol(EXTERN_LIMIT - 1, 0));
        assert!(!is_symbol(EXTERN_LIMIT, 1 << 20));
    }

    #[test]
    fn strings_and_cells_must_lie_inside_the_heap() {
        for kind in [KIND_STRING, KIND_CELL] {
            assert!(is_symbol(kind << KIND_SHIFT | 64, 72));
            assert!(!is_symbol(kind << KIND_SHIFT | 72, 72));
            assert!(!is_symbol(kind << KIND_SHIFT | 65, 72));
        }
        assert!(!is_symbol(3 << KIND_SHIFT, 72));
    }
}
