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
use crate::payload::{self, AUDITOR_NAME, WRAPPER_NAME};
use crate::recording::Recording;
use crate::target::Target;

/// Bytes and requests that cold storage gives in a second, to the order of magnitude: a volume of a cloud's block storage.
const BYTES: u64 = 100_000_000;
const REQUESTS: u64 = 500;
/// Gaps up to this are read through, in bytes: a request costs as much time as reading so many bytes.
const GAP: u64 = BYTES / REQUESTS;
/// How the loader's path ends, in the layer and where it is unpacked.
const LOADER: &str = "/_glowplug.abi3.so";
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

/// A file in the order of first use.
struct Placed {
    base: Base,
    origin: String,
    path: String,
    size: u64,
    /// What of it is used, ascending.
    ranges: Vec<(u64, u64)>,
    /// Whether it is mapped.
    mapped: bool,
    /// What of the archive's objects is needed before it, as a place in the file; `None` before the archive is active.
    position: Option<u64>,
}

/// The entries of the plan, in the order in which a start comes to need them: the archive's index, the wrapper,
/// what the interpreter brings up before the archive is active, the layer's files, and then the archive's
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
    let index = objects.index(archive);
    let mut layer = Some(of_layer(|path| !path.ends_with(WRAPPER_NAME)));
    let mut entries = vec![index];
    entries.extend(wrapper());
    for file in files(start, archive, own, places, &mapped, evicted) {
        if let Some(position) = file.position {
            entries.extend(layer.take().unwrap_or_default());
            objects.flush(position, STEP, &mut entries);
        }
        let mut ranges = merged(&file.ranges);
        if file.mapped {
            // The dynamic linker begins at the end, with the dynamic section and what it relocates.
            ranges.reverse();
        }
        entries.extend(ranges.into_iter().map(|(offset, length)| PlanEntry {
            base: file.base,
            origin: file.origin.clone(),
            path: file.path.clone(),
            offset,
            length,
            file_size: file.size,
            hot: false,
        }));
    }
    entries.extend(layer.take().unwrap_or_default());
    objects.flush(u64::MAX, 0, &mut entries);
    entries
}

/// The files that a start uses beside the archive and the layer, in the order of first use.
fn files(
    start: &Start,
    archive: &Archive,
    own: &str,
    places: &Places,
    mapped: &Mapped<'_>,
    evicted: &Evicted,
) -> Vec<Placed> {
    let mut seen = HashSet::from([own.to_owned()]);
    let mut found = Vec::new();
    for used in &start.order {
        // Names of links are in the order, real ones in the maps.
        let Ok(real) = std::fs::canonicalize(&used.path) else { continue };
        let Some(real) = real.to_str().filter(|real| !seen.contains(*real)) else { continue };
        seen.insert(real.to_owned());
        if real.ends_with(LOADER) || real.ends_with(AUDITOR_NAME) {
            continue; // the layer's, and the recorder's
        }
        let Some((size, ranges)) = ranges_of(real, mapped, evicted) else { continue };
        let (base, origin, rest) = places.split(real, archive);
        let position =
            |modules: &Vec<String>| modules.iter().find_map(|name| end_of(archive, name)).unwrap_or_default();
        found.push(Placed {
            base,
            origin,
            path: rest.to_owned(),
            size,
            ranges,
            mapped: mapped.contains_key(real),
            position: used.modules.as_ref().map(position),
        });
    }
    found
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

/// The layer's own files that a start reads: wrapper, start script, loader. The loader gives back what it has touched of
/// itself, so that all of it is taken.
fn of_layer(is_wanted: impl Fn(&str) -> bool) -> Vec<PlanEntry> {
    let needed = |part: &str| !matches!(part, "extension" | "package");
    let files = payload::layer_files().unwrap_or_default();
    files
        .into_iter()
        .filter(|file| needed(file.part) && is_wanted(&file.path))
        .map(|file| PlanEntry {
            base: Base::Layer,
            origin: "/opt".to_owned(),
            path: file.path.clone(),
            offset: 0,
            length: file.content.len() as u64,
            file_size: file.content.len() as u64,
            hot: false,
        })
        .collect()
}

/// The wrapper.
pub fn wrapper() -> Vec<PlanEntry> {
    of_layer(|path| path.ends_with(WRAPPER_NAME))
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
