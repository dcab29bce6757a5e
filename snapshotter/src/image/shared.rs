//! `--shared-text`: memory that is a file's, unchanged, is mapped from the installed file instead of being in the
//! archive. The file is told by its build-id and its size.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use glowplug_archive::header::PAGE;

use super::files::Guard;
use super::found::{Area, Capture};
use super::surroundings::Surroundings;

/// Which areas are to be mapped from files.
#[derive(Default)]
pub struct Shared {
    /// By the area's first address: the number of the file's guard.
    areas: HashMap<u64, u32>,
}

impl Shared {
    /// Finds them, and adds a guard for each of their files. `pages` is the content of `pages.bin`.
    ///
    /// What lies below `work` is only there now.
    pub fn find(
        capture: &Capture,
        pages: &[u8],
        surroundings: &Surroundings,
        work: &Path,
        guards: &mut Vec<Guard>,
    ) -> Self {
        let mut areas = HashMap::new();
        let may_be = |area: &&Area| {
            area.inode != 0 && !area.permissions.contains('w') && !Path::new(&area.path).starts_with(work)
        };
        for area in capture.areas.iter().filter(may_be) {
            if !is_as_in_file(area, pages, surroundings) {
                continue;
            }
            let known = guards.iter().position(|guard| guard.path() == area.path);
            let number = known.or_else(|| {
                let guard = Guard::of_binary(&area.path, &surroundings.real(&area.path))?;
                guards.push(guard);
                Some(guards.len() - 1)
            });
            // A file without a build-id may change without being noticed.
            if let Some(number) = number
                && let Guard::BuildId { path, mapped, .. } = &mut guards[number]
                && let Ok(metadata) = std::fs::metadata(surroundings.real(path))
            {
                *mapped = Some(metadata.len());
                areas.insert(area.start, u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        Self { areas }
    }

    /// The number of the guard of an area's file.
    pub fn number(&self, area: &Area) -> Option<u32> {
        self.areas.get(&area.start).copied()
    }
}

/// Whether an area's content is its file's. What the linker has relocated is not.
fn is_as_in_file(area: &Area, pages: &[u8], surroundings: &Surroundings) -> bool {
    let Ok(file) = File::open(surroundings.real(&area.path)) else { return false };
    let stored: HashMap<u64, u64> = area
        .runs
        .iter()
        .flat_map(|[first, count, number]| (0..*count).map(move |n| (first + n, number + n)))
        .collect();
    let mut page = [0; PAGE];
    (0..(area.end - area.start) / PAGE as u64).all(|number| {
        page.fill(0);
        let Ok(read) = read_up_to(&file, &mut page, area.offset + number * PAGE as u64) else { return false };
        match stored.get(&number) {
            Some(at) => pages.get(*at as usize * PAGE..).and_then(|rest| rest.get(..PAGE)) == Some(&page[..]),
            None => read == 0 || page.iter().all(|byte| *byte == 0),
        }
    })
}

fn read_up_to(file: &File, page: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < page.len() {
        match file.read_at(&mut page[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
