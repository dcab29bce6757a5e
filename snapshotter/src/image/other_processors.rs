//! Code of OpenBLAS for other processors than the image's, which stays out of the image where nothing refers to it.
//!
//! As wheels bring it (`DYNAMIC_ARCH`), OpenBLAS has each kernel once for every core. Their names end with the core's
//! (`kernel/Makefile.L3` and its neighbours), a table for each core, as `gotoblas_SKYLAKEX`, has the kernels' addresses
//! (`kernel/setparam-ref.c`), and `gotoblas` points to the table that was chosen when the library was loaded
//! (`driver/others/dynamic.c`). In the image that choice is made, and it is not made again: what only the other tables
//! lead to is never called.
//!
//! A kernel stays if what stays may refer to it: by eight bytes anywhere in the process's memory that are an address in
//! it, but for those in the other tables; by bytes anywhere in the library's code that would lead to its beginning as
//! an instruction's ([`super::reachable`]); by a relocation; by another name for a place in it. Where the names are
//! exported, also by one in memory that is not OpenBLAS's: somebody may look it up. What looks like a reference and
//! is none costs some space.

use std::ops::Range;
use std::path::Path;

use glowplug_archive::header::PAGE;
use memchr::memmem;
use object::read::RelocationTarget;
use object::{
    Object as _, ObjectSegment as _, ObjectSymbol as _, ObjectSymbolTable as _, SegmentFlags, SymbolKind, elf,
};

use super::found::Area;
use super::memory::Memory;
use super::openblas;
use super::reachable::Code;
use super::surroundings::Surroundings;

const PAGE_BYTES: u64 = PAGE as u64;
/// Shorter ranges are not worth the two mappings that each costs.
const SHORTEST: u64 = 256 << 10;

/// Finds pages that can be left out, by their addresses. With `shared_text`, libraries that are told by their build-ids
/// are mapped from their files anyway.
pub fn unreachable(memory: &Memory<'_>, surroundings: &Surroundings, shared_text: bool) -> Vec<Range<u64>> {
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    let is_code = |area: &&Area| area.inode != 0 && area.permissions.starts_with("r-x");
    let code = memory.areas().iter().filter(is_code).filter(|area| openblas::may_be(&area.path));
    let found = code.filter_map(|area| of_library(memory, area, &surroundings.real(&area.path), shared_text));
    found.flatten().collect()
}

/// Puts memory without access in the place of the pages: a call that should not be ends the process, and nothing else
/// gets there.
pub fn leave_out(areas: &mut Vec<Area>, pages: &[Range<u64>]) {
    for range in pages {
        let has_it = |area: &Area| area.start <= range.start && range.end <= area.end;
        let Some(at) = areas.iter().position(has_it) else { continue };
        let whole = areas.remove(at);
        let nothing = Area {
            permissions: "---p".to_owned(),
            offset: 0,
            inode: 0,
            path: String::new(),
            flags: Vec::new(),
            runs: Vec::new(),
            ..part(&whole, range.clone())
        };
        let (before, behind) = (part(&whole, whole.start..range.start), part(&whole, range.end..whole.end));
        areas.splice(at..at, [before, nothing, behind].into_iter().filter(|area| area.start < area.end));
    }
}

/// A part of a library's area.
fn part(area: &Area, range: Range<u64>) -> Area {
    let (start, end) = ((range.start - area.start) / PAGE_BYTES, (range.end - area.start) / PAGE_BYTES);
    let cut = |[first, count, number]: &[u64; 3]| {
        let (from, to) = (start.max(*first), end.min(first + count));
        (from < to).then(|| [from - start, to - from, number + from - first])
    };
    Area {
        start: range.start,
        end: range.end,
        permissions: area.permissions.clone(),
        offset: area.offset + range.start - area.start,
        inode: area.inode,
        path: area.path.clone(),
        flags: area.flags.clone(),
        runs: area.runs.iter().filter_map(cut).collect(),
        guards: Vec::new(),
    }
}

/// Pages of the library whose code is that area; `None` where it is not as it is known.
fn of_library(memory: &Memory<'_>, area: &Area, path: &Path, shared_text: bool) -> Option<Vec<Range<u64>>> {
    let content = std::fs::read(path).ok()?;
    let file = object::File::parse(&*content).ok()?;
    if shared_text && file.build_id().ok()?.is_some() {
        return None;
    }
    let base = base(&file, area)?;
    let mut text = vec![0; (area.end - area.start) as usize];
    let in_file = content.get(area.offset as usize..)?.get(..text.len())?;
    if !memory.read(area.start, &mut text) || text != in_file {
        return None;
    }
    let mut tables = tables(&file);
    let chosen = file.symbols().find(|symbol| symbol.name() == Ok("gotoblas"))?;
    let chosen = memory.word(base + chosen.address())?.wrapping_sub(base);
    let (own, _) = tables.remove(tables.iter().position(|(_, table)| table.start == chosen)?);
    tables.retain(|(suffix, _)| !is_exported(&file, suffix) || !is_named(memory, suffix));

    let offset = |address: u64| (base + address).wrapping_sub(area.start) as usize;
    let is_kernel =
        |name: &str| !name.ends_with(&own) && tables.iter().any(|(suffix, _)| name.ends_with(suffix));
    let (mut kernels, mut others) = (Vec::new(), Vec::new());
    for symbol in file.symbols() {
        let start = offset(symbol.address());
        let range = start..start.saturating_add(symbol.size() as usize);
        let is_function = symbol.kind() == SymbolKind::Text && symbol.size() > 0 && range.end <= text.len();
        if is_function && symbol.name().is_ok_and(is_kernel) {
            kernels.push(range);
        } else {
            others.push(range);
        }
    }
    let mut code = Code::new(&text, kernels);
    for other in others {
        code.keep(other.start..other.end.max(other.start.saturating_add(1)));
    }
    let is_in_table =
        |address: u64| tables.iter().any(|(_, table)| table.contains(&address.wrapping_sub(base)));
    for (place, relocation) in file.dynamic_relocations()? {
        if let RelocationTarget::Symbol(index) = relocation.target()
            && !is_in_table(base + place)
        {
            let symbol = file.dynamic_symbol_table()?.symbol_by_index(index).ok()?;
            code.keep_at(offset(symbol.address()));
        }
    }
    for other in memory.areas().iter().filter(|other| other.start != area.start) {
        for (start, bytes) in other.runs.iter().map(|run| memory.run(other, *run)) {
            addresses(bytes, area.start..area.end, |at, address| {
                if !is_in_table(start + at as u64) {
                    code.keep_at((address - area.start) as usize);
                }
            });
        }
    }
    code.follow();
    let found = code.unreachable().into_iter().map(|range| {
        let (start, end) = (area.start + range.start as u64, area.start + range.end as u64);
        start.next_multiple_of(PAGE_BYTES)..end / PAGE_BYTES * PAGE_BYTES
    });
    Some(found.filter(|pages| pages.end.saturating_sub(pages.start) >= SHORTEST).collect())
}

/// Where address 0 of the file lies, if the area is all of its code.
fn base(file: &object::File<'_>, area: &Area) -> Option<u64> {
    let is_code =
        |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags & elf::PF_X == elf::PF_X);
    let mut segments = file.segments().filter(|segment| is_code(segment.flags()));
    let (segment, None) = (segments.next()?, segments.next()) else { return None };
    let first = |at: u64| at / PAGE_BYTES * PAGE_BYTES;
    let start = first(segment.address());
    let length = (segment.address() + segment.size()).next_multiple_of(PAGE_BYTES) - start;
    let is_it = area.offset == first(segment.file_range().0) && area.end - area.start == length;
    is_it.then(|| area.start - start)
}

/// What the names of a core's kernels end with, and its table's addresses in the file.
fn tables(file: &object::File<'_>) -> Vec<(String, Range<u64>)> {
    let is_letter = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let table = |symbol: object::Symbol<'_, '_>| {
        let core = symbol.name().ok()?.strip_prefix("gotoblas_")?;
        let is_table = symbol.kind() == SymbolKind::Data && !core.is_empty() && core.chars().all(is_letter);
        is_table.then(|| (format!("_{core}"), symbol.address()..symbol.address() + symbol.size()))
    };
    file.symbols().filter_map(table).collect()
}

/// Whether other libraries can find a symbol whose name ends so.
fn is_exported(file: &object::File<'_>, suffix: &str) -> bool {
    file.dynamic_symbols().any(|symbol| symbol.name().is_ok_and(|name| name.ends_with(suffix)))
}

/// Whether a name that ends so is somewhere else than in an OpenBLAS.
fn is_named(memory: &Memory<'_>, suffix: &str) -> bool {
    let ending = format!("{suffix}\0");
    let others = memory.areas().iter().filter(|area| !openblas::may_be(&area.path));
    others
        .flat_map(|area| area.runs.iter().map(|run| memory.run(area, *run).1))
        .any(|bytes| memmem::find(bytes, ending.as_bytes()).is_some())
}

/// Says where in memory there are addresses of a range, and which. Their upper bytes, which are alike, are looked for.
fn addresses(memory: &[u8], range: Range<u64>, mut found: impl FnMut(usize, u64)) {
    const UPPER: Range<usize> = 3..8;
    for upper in range.start >> 24..=(range.end - 1) >> 24 {
        for at in memmem::find_iter(memory, &upper.to_le_bytes()[..UPPER.len()]) {
            let word = at
                .checked_sub(UPPER.start)
                .and_then(|start| Some((start, memory.get(start..at + UPPER.len())?)));
            let word =
                word.and_then(|(start, word)| Some((start, u64::from_le_bytes(word.try_into().ok()?))));
            if let Some((start, word)) = word.filter(|(_, word)| range.contains(word)) {
                found(start, word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let range = 0x7f01_02ff_f000..0x7f01_0301_0000;
        let words = [range.start, range.start - 1, range.end - 1, range.end].map(u64::to_le_bytes).concat();
        let memory = [&[7], &*words].concat();
        let mut found = Vec::new();
        addresses(&memory, range.clone(), |at, address| found.push((at, address)));
        assert_eq!(found, [(1, range.start), (17, range.end - 1)]);
    }

    #[test]
    fn pages_are_cut_out_of_an_area_with_what_is_stored_of_them() {
        let area = Area {
            start: 0x10_0000,
            end: 0x10_8000,
            permissions: "r-xp".to_owned(),
            offset: 0x2000,
            inode: 5,
            path: "blas".to_owned(),
            flags: Vec::new(),
            runs: vec![[0, 3, 40], [4, 4, 43]],
            guards: Vec::new(),
        };
        let mut areas = vec![area];
        leave_out(&mut areas, &[0x10_1000..0x10_3000, 0x10_5000..0x10_8000]);
        let found: Vec<_> =
            areas.iter().map(|a| (a.start, &*a.permissions, a.offset, a.inode, a.runs.clone())).collect();
        let expected = [
            (0x10_0000, "r-xp", 0x2000, 5, vec![[0, 1, 40]]),
            (0x10_1000, "---p", 0, 0, vec![]),
            (0x10_3000, "r-xp", 0x5000, 5, vec![[1, 1, 43]]),
            (0x10_5000, "---p", 0, 0, vec![]),
        ];
        assert_eq!(found, expected);
    }
}
