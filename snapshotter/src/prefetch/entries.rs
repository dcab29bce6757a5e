//! From what a start used to the entries of a plan: which ranges, of which files, in which order,
//! and what their paths are relative to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use glowplug_archive::Archive;
use glowplug_archive::header::{PAGE, SectionKind};
use glowplug_archive::modules::RootKind;
use glowplug_archive::plan::{Base, PlanEntry};

use super::eviction::{self, Evicted};
use super::process::Start;
use crate::payload;
use crate::recording::Recording;
use crate::target::Target;

/// Ranges closer than this are read as one, in bytes: on block storage a request costs as much as
/// reading this many bytes (500 requests and 100 MB a second: 200 kB).
const GAP: u64 = 64 << 10;
/// The archive's objects are read in steps of at least this many bytes, other files in between.
const STEP: u64 = 512 << 10;

/// Directories that paths can be relative to.
pub struct Places {
    function: Option<String>,
    runtime: String,
}

impl Places {
    /// Of a target that was recorded.
    pub fn new(target: &Target, recording: &Recording) -> Self {
        let function = target.root.as_ref().and_then(|r| r.to_str()).map(str::to_owned);
        Self { function, runtime: recording.python.base_prefix.clone() }
    }

    /// What a path is relative to, that directory, and the rest.
    fn split<'p>(&self, path: &'p str, archive: &Archive) -> (Base, String, &'p str) {
        let below = |folder: &str| path.strip_prefix(folder)?.strip_prefix('/').filter(|r| !r.is_empty());
        if let Some(function) = &self.function
            && let Some(rest) = below(function)
        {
            return (Base::Function, function.clone(), rest);
        }
        // The longest one: a site-packages lies below the standard library.
        let root = archive
            .roots()
            .iter()
            .filter(|root| root.kind == RootKind::Path as u32)
            .filter_map(|root| Some((archive.name(root.path), below(archive.name(root.path))?)))
            .filter(|(folder, _)| folder.contains("-packages"))
            .max_by_key(|(folder, _)| folder.len());
        if let Some((folder, rest)) = root {
            return (Base::Path, folder.to_owned(), rest);
        }
        if let Some(rest) = below(&self.runtime) {
            return (Base::Runtime, self.runtime.clone(), rest);
        }
        (Base::Absolute, "/".to_owned(), path.trim_start_matches('/'))
    }
}

/// Files that a start maps, by path: size and the touched ranges (offset, length), in bytes.
type Mapped<'a> = HashMap<&'a str, (u64, &'a [(u64, u64)])>;

/// The entries of the plan, in the order in which a start comes to need them: the archive's index,
/// what the interpreter brings up before it is active, the layer's files, and then the archive's
/// objects, with each other file where the import order has it.
pub fn of(
    start: &Start,
    archive: &Archive,
    path: &Path,
    places: &Places,
    evicted: &Evicted,
) -> Vec<PlanEntry> {
    let mapped: Mapped<'_> =
        start.mapped.iter().map(|m| (m.path.as_str(), (m.size, m.ranges.as_slice()))).collect();
    let own = path.to_str().unwrap_or_default();
    let touched = mapped.get(own).map_or(&[][..], |(_, ranges)| ranges);
    let mut objects = Objects { ranges: of_archive(touched, archive).into() };
    let mut entries = vec![objects.index(archive)];
    let mut layer = Some(of_layer());
    let mut seen = HashSet::from([own.to_owned()]);
    for used in &start.order {
        if let Some(modules) = &used.modules {
            entries.extend(layer.take().unwrap_or_default());
            let position = modules.iter().find_map(|name| end_of(archive, name)).unwrap_or_default();
            objects.flush(position, STEP, &mut entries);
        }
        // Names of links are in the order, real ones in the maps.
        let Ok(real) = std::fs::canonicalize(&used.path) else { continue };
        let Some(real) = real.to_str().filter(|real| !seen.contains(*real)) else { continue };
        seen.insert(real.to_owned());
        if real.ends_with("/_glowplug.abi3.so") {
            continue; // one of the layer's
        }
        let Some((size, ranges)) = ranges_of(real, &mapped, evicted) else { continue };
        let (base, origin, rest) = places.split(real, archive);
        // From the end: a library is read from there first, by the dynamic linker (its dynamic section, then what is
        // relocated).
        entries.extend(merged(&ranges).into_iter().rev().map(|(offset, length)| PlanEntry {
            base,
            origin: origin.clone(),
            path: rest.to_owned(),
            offset,
            length,
            file_size: size,
            hot: false,
        }));
    }
    entries.extend(layer.take().unwrap_or_default());
    objects.flush(u64::MAX, 0, &mut entries);
    entries
}

/// Where in the file the objects of a module end. They are stored in import order, so what lies before
/// is needed before.
fn end_of(archive: &Archive, name: &str) -> Option<u64> {
    let module = archive.modules().get(archive.find_module(name)?)?;
    let (offset, length) = archive.stored_span(archive.ranges().get(module.range as usize)?);
    Some(offset + length as u64)
}

/// What is left of the archive's own ranges, ascending.
struct Objects {
    ranges: VecDeque<(u64, u64)>,
}

impl Objects {
    /// Takes out header, plan, index and the regular expressions behind it.
    fn index(&mut self, archive: &Archive) -> PlanEntry {
        let early = |kind: u32| {
            let is = |k: &SectionKind| k.verified_at_open() || *k == SectionKind::Regexes;
            SectionKind::ALL.iter().any(|k| *k as u32 == kind && is(k))
        };
        let sections = archive.header().sections.iter().filter(|s| early(s.kind));
        let end = sections.map(|s| s.offset + s.length).max().unwrap_or(PAGE as u64);
        for range in &mut self.ranges {
            let cut = end.saturating_sub(range.0).min(range.1);
            *range = (range.0 + cut, range.1 - cut);
        }
        self.ranges.retain(|(_, length)| *length > 0);
        of_archive_entry(0, end, true)
    }

    /// Takes out what lies before `position`, if that is at least `step` bytes.
    fn flush(&mut self, position: u64, step: u64, entries: &mut Vec<PlanEntry>) {
        let before = |(offset, length): &(u64, u64)| position.saturating_sub(*offset).min(*length);
        if self.ranges.iter().map(before).sum::<u64>() < step.max(1) {
            return;
        }
        while let Some((offset, length)) = self.ranges.pop_front() {
            let cut = before(&(offset, length));
            if cut > 0 {
                entries.push(of_archive_entry(offset, cut, false));
            }
            if cut < length {
                self.ranges.push_front((offset + cut, length - cut));
                return;
            }
        }
    }
}

fn of_archive_entry(offset: u64, length: u64, hot: bool) -> PlanEntry {
    let (base, origin, path) = (Base::Archive, String::new(), String::new());
    PlanEntry { base, origin, path, offset, length, file_size: 0, hot }
}

/// Size of a file and what of it a start uses: the touched pages of one that is mapped; of one that
/// is read what is in the page cache now, if nothing was before, else all of it.
fn ranges_of(path: &str, mapped: &Mapped<'_>, evicted: &Evicted) -> Option<(u64, Vec<(u64, u64)>)> {
    if let Some((size, ranges)) = mapped.get(path) {
        return Some((*size, ranges.to_vec()));
    }
    let metadata = std::fs::metadata(path).ok().filter(|m| m.is_file() && m.len() > 0)?;
    let size = metadata.len();
    let resident = if evicted.holds(Path::new(path)) {
        eviction::resident_ranges(Path::new(path)).ok().filter(|r| !r.is_empty())
    } else {
        None
    };
    Some((size, resident.unwrap_or_else(|| vec![(0, size)])))
}

/// The archive's own ranges: what was touched of the map (header and index, expressions), and the
/// objects, which the loader reads without mapping them. They are those of the modules that were
/// imported when the archive was made, so all of them are needed.
fn of_archive(touched: &[(u64, u64)], archive: &Archive) -> Vec<(u64, u64)> {
    let heap = archive.header().section(SectionKind::Heap).map(|s| (s.offset, s.length));
    let ranges: Vec<_> = touched.iter().copied().chain(heap).collect();
    merged(&ranges)
}

/// The layer's own files that a start reads: wrapper, start script, loader.
fn of_layer() -> Vec<PlanEntry> {
    let needed = |part: &str| !matches!(part, "extension" | "package");
    let files = payload::layer_files().unwrap_or_default();
    files
        .into_iter()
        .filter(|file| needed(file.part))
        .map(|file| PlanEntry {
            base: Base::Layer,
            origin: "/opt".to_owned(),
            path: file.path.to_owned(),
            offset: 0,
            length: file.content.len() as u64,
            file_size: file.content.len() as u64,
            hot: false,
        })
        .collect()
}

/// Ranges in ascending order, those that overlap or lie close together joined.
fn merged(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut found: Vec<(u64, u64)> = Vec::new();
    for (offset, length) in sorted.into_iter().filter(|(_, length)| *length > 0) {
        match found.last_mut() {
            Some((start, held)) if offset <= *start + *held + GAP => {
                *held = (offset + length).max(*start + *held) - *start;
            }
            _ => found.push((offset, length)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_read_in_steps_up_to_where_the_imports_are() {
        let mut objects = Objects { ranges: [(100, 50), (300, 1000)].into() };
        let mut entries = Vec::new();
        objects.flush(120, 30, &mut entries);
        assert!(entries.is_empty(), "20 bytes are less than a step");
        objects.flush(400, 30, &mut entries);
        objects.flush(u64::MAX, 0, &mut entries);
        objects.flush(u64::MAX, 0, &mut entries);
        let found: Vec<_> = entries.iter().map(|e| (e.offset, e.length)).collect();
        assert_eq!(found, [(100, 50), (300, 100), (400, 900)]);
    }

    #[test]
    fn close_ranges_are_joined_and_distant_ones_are_not() {
        let far = GAP + 1;
        assert_eq!(merged(&[(8192, 4096), (0, 4096)]), [(0, 12288)]);
        assert_eq!(merged(&[(0, 10), (10 + far, 10)]), [(0, 10), (10 + far, 10)]);
        assert_eq!(merged(&[(0, 100), (10, 20), (50, 0)]), [(0, 100)]);
    }
}
