//! Where the image's memory lies in the archive, and how it gets into a process.
//!
//! Neighbours that can be one mapping are one ([`piece`]), and nearly all of it is mapped from the archive, private: a page that
//! is written to is copied by the kernel. Which pages a start writes to is known by then: the restorer has the kernel copy
//! them in few calls instead of one fault each. What a start only looks at costs less by faults, as the kernel maps
//! what lies around it along with it.

use anyhow::{Context as _, Result};
use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Load, Mapping, Pages, Range, mapping_kind};

use super::found::Capture;
use super::piece::{self, Piece};
use super::shared::Shared;

pub const PAGE_BYTES: u64 = PAGE as u64;
/// Pages without content before, between and behind stored ones that are stored too rather than cost a mapping.
const GAP: usize = 32;

/// The memory of an image, laid out.
#[derive(Debug, Default)]
pub struct Layout {
    /// What is mapped.
    pub mappings: Vec<Mapping>,
    /// What is read.
    pub loads: Vec<Load>,
    /// What is made ready to be written to before the process goes on.
    pub written: Vec<Pages>,
    /// What of it is packed once more, for a start with a cold page cache.
    pub packed: Vec<Pages>,
    /// What a start touches of what is mapped from the archive, from the data's beginning; close ranges are one.
    pub touched: Vec<Range>,
    /// The pages of the section's data, by their number in `pages.bin`; `None`: zero.
    pub pages: Vec<Option<u64>>,
    /// The main stack: lowest address and end.
    pub stack: [u64; 2],
    /// Where the vDSO's copy lies, and its length.
    pub vdso: [u64; 2],
    /// Bytes by what they are.
    pub sizes: Sizes,
}

/// Bytes in the archive by what they are.
#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
pub struct Sizes {
    /// Executable.
    pub text: u64,
    /// Read-only.
    pub constants: u64,
    /// Writable memory of libraries and the interpreter.
    pub data: u64,
    /// Heap, stack and other anonymous memory.
    pub heap: u64,
    /// Not in the archive: mapped from installed files.
    pub shared: u64,
    /// The pack: once more, compressed, what a start touches.
    pub pack: u64,
    /// Of all that is in the archive but the pack: used by every start.
    pub hot: u64,
}

/// Which memory a start touches.
pub struct Touched(Option<Vec<(u64, u64, bool)>>);

impl Touched {
    /// Nothing is known: the layout is one that tells what a start touches.
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Ranges of address and length, and whether they were written to, in the order of addresses.
    pub const fn new(ranges: Vec<(u64, u64, bool)>) -> Self {
        Self(Some(ranges))
    }

    /// Whether an address is in one of them; if so, whether it was written to.
    pub fn find(&self, address: u64) -> Option<bool> {
        let ranges = self.0.as_deref().unwrap_or_default();
        let (start, length, written) =
            ranges.get(ranges.partition_point(|(start, ..)| *start <= address).checked_sub(1)?)?;
        (address < start + length).then_some(*written)
    }

    /// The addresses of the pages of a range that were written to.
    fn written(&self, within: std::ops::Range<u64>) -> impl Iterator<Item = u64> + use<'_> {
        let ranges = self.0.as_deref().unwrap_or_default();
        let first = ranges.partition_point(|(start, length, _)| start + length <= within.start);
        let wanted = ranges[first..].iter().take_while(move |(start, ..)| *start < within.end);
        let limit = within.end;
        wanted.filter(|(.., written)| *written).flat_map(move |(start, length, _)| {
            (within.start.max(*start)..limit.min(start + length)).step_by(PAGE)
        })
    }
}

/// A mapping and the pages that it maps.
struct Placed {
    mapping: Mapping,
    content: Vec<Option<u64>>,
}

/// What is laid out.
pub struct Source<'a> {
    pub capture: &'a Capture,
    /// The content of `pages.bin`.
    pub pages: &'a [u8],
    /// Whether anonymous memory has to be that again, not mapped from the archive.
    pub is_anonymous: bool,
}

/// Lays the memory out. What `shared` has is mapped from the installed files.
pub fn lay_out(source: &Source<'_>, touched: &Touched, shared: &Shared) -> Layout {
    let mut layout = Layout::default();
    let mut placed: Vec<Placed> = Vec::new();
    for piece in piece::pieces(source, shared, &mut layout) {
        place(piece, &mut layout, &mut placed);
    }
    let loaded = layout.pages.len();
    // What is read comes first in the file, then what a start touches some of.
    for wanted in [true, false] {
        for Placed { mapping, content } in &mut placed {
            let is_touched = || addresses(mapping).any(|address| touched.find(address).is_some());
            if mapping.kind == mapping_kind::IMAGE && is_touched() == wanted {
                mapping.source = layout.pages.len() as u64 * PAGE_BYTES;
                layout.pages.append(content);
                note_touched(&mut layout.touched, touched, mapping);
            }
        }
    }
    layout.mappings = placed.into_iter().map(|placed| placed.mapping).collect();
    layout.packed = packed(&layout.mappings, touched);
    layout.written = written(&layout.mappings, &layout.loads, touched);
    let of_image = layout.mappings.iter().filter(|mapping| mapping.kind == mapping_kind::IMAGE);
    let used = of_image.flat_map(addresses).filter(|address| touched.find(*address).is_some()).count();
    layout.sizes.hot = (loaded + used) as u64 * PAGE_BYTES;
    layout
}

/// Appends a page as [`Layout::pages`] has it; `pages` is the content of `pages.bin`.
///
/// # Errors
/// Where it is not there.
pub fn append(bytes: &mut Vec<u8>, page: Option<u64>, pages: &[u8]) -> Result<()> {
    let Some(number) = page else {
        bytes.resize(bytes.len() + PAGE, 0);
        return Ok(());
    };
    let start = usize::try_from(number)? * PAGE;
    bytes.extend_from_slice(pages.get(start..start + PAGE).context("a page is missing in pages.bin")?);
    Ok(())
}

/// The addresses of a mapping's pages.
fn addresses(mapping: &Mapping) -> impl Iterator<Item = u64> + use<> {
    (mapping.address..mapping.address + mapping.length).step_by(PAGE)
}

/// Appends the mappings of a piece, and what of it is read.
fn place(piece: Piece, layout: &mut Layout, placed: &mut Vec<Placed>) {
    let base = piece.mapping();
    let stored = &piece.stored;
    let before = layout.loads.len();
    for page in &piece.read {
        load(&mut layout.loads, before, piece.address(*page));
        layout.pages.push(stored[*page]);
    }
    let mut runs = runs(&piece);
    let content = stored.iter().flatten().count();
    if !piece.is_writable() && content * 2 > stored.len() {
        runs = vec![(0, stored.len())];
    }
    if runs == [(0, stored.len())] {
        let mapping = Mapping { kind: mapping_kind::IMAGE, ..base };
        placed.push(Placed { mapping, content: piece.stored.clone() });
    } else {
        placed.push(Placed { mapping: base, content: Vec::new() });
        placed.extend(runs.into_iter().map(|(first, end)| Placed {
            mapping: Mapping {
                address: piece.address(first),
                length: (end - first) as u64 * PAGE_BYTES,
                kind: mapping_kind::IMAGE,
                over: 1,
                ..base
            },
            content: stored[first..end].to_vec(),
        }));
    }
    placed.extend(piece.guards().into_iter().map(|mapping| Placed { mapping, content: Vec::new() }));
}

/// Runs of pages with content that is not read: first and end. Short gaps are part of them.
fn runs(piece: &Piece) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let is_read = |page: usize| piece.read.binary_search(&page).is_ok();
    let is_free = |first: usize, end: usize| end - first <= GAP && !(first..end).any(is_read);
    for (page, _) in piece.stored.iter().enumerate().filter(|(_, number)| number.is_some()) {
        match found.last_mut() {
            _ if is_read(page) => {}
            Some((_, end)) if is_free(*end, page) => *end = page + 1,
            _ => found.push((page, page + 1)),
        }
    }
    if let Some((first, _)) = found.first_mut().filter(|(first, _)| is_free(0, *first)) {
        *first = 0;
    }
    let end = piece.stored.len();
    if let Some((_, last)) = found.last_mut().filter(|(_, last)| is_free(*last, end)) {
        *last = end;
    }
    found
}

/// Appends a page to the loads; neighbours are one, but for those in other mappings, which end with the first `before`.
fn load(loads: &mut Vec<Load>, before: usize, address: u64) {
    match loads[before..].last_mut() {
        Some(last) if last.address + last.length == address => last.length += PAGE_BYTES,
        _ => loads.push(Load { address, length: PAGE_BYTES }),
    }
}

/// What a start writes to, but for what is read. Also of anonymous memory: the kernel clears pages that lie together for less
/// than one fault each.
fn written(mappings: &[Mapping], loads: &[Load], touched: &Touched) -> Vec<Pages> {
    let mut found: Vec<Pages> = Vec::new();
    let writable = |mapping: &&Mapping| {
        mapping.kind != mapping_kind::GUARD && mapping.protection & piece::WRITE != 0 && mapping.over == 0
    };
    for mapping in mappings.iter().filter(writable) {
        for address in touched.written(mapping.address..mapping.address + mapping.length) {
            let before = loads.partition_point(|load| load.address <= address);
            if loads[..before].last().is_some_and(|load| address < load.address + load.length) {
                continue;
            }
            match found.last_mut() {
                Some(last) if last.address + last.length == address => last.length += PAGE_BYTES,
                _ => found.push(Pages { address, length: PAGE_BYTES }),
            }
        }
    }
    found
}

/// Most that is packed together.
const PACKED_LENGTH: u64 = 256 << 10;

/// What a start touches of what is mapped from the archive. Memory with advice is left as it is.
fn packed(mappings: &[Mapping], touched: &Touched) -> Vec<Pages> {
    let mut found: Vec<Pages> = Vec::new();
    for mapping in mappings.iter().filter(|m| m.kind == mapping_kind::IMAGE && m.advice == 0) {
        let before = found.len();
        for address in addresses(mapping).filter(|address| touched.find(*address).is_some()) {
            let end = address + PAGE_BYTES;
            match found[before..].last_mut() {
                Some(last)
                    if address == last.address + last.length && end - last.address <= PACKED_LENGTH =>
                {
                    last.length = end - last.address;
                }
                _ => found.push(Pages { address, length: PAGE_BYTES }),
            }
        }
    }
    found
}

/// Ranges closer than this are read as one, in bytes: as for the prefetch plan.
const CLOSE: u64 = 64 << 10;

fn note_touched(found: &mut Vec<Range>, touched: &Touched, mapping: &Mapping) {
    for at in (0..mapping.length).step_by(PAGE) {
        if touched.find(mapping.address + at).is_none() {
            continue;
        }
        let offset = mapping.source + at;
        match found.last_mut() {
            Some(last) if offset - last.offset - last.length <= CLOSE => {
                last.length = offset + PAGE_BYTES - last.offset;
            }
            _ => found.push(Range { offset, length: PAGE_BYTES }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_into_neighbouring_mappings_is_read_apart() {
        let area = |start: u64, flags: &[&str], number: u64| {
            json!({"start": start, "end": start + 2 * PAGE_BYTES, "permissions": "rw-p", "offset": 0, "inode": 0,
                "path": "", "flags": flags, "runs": [[0, 2, number]], "guards": []})
        };
        let state = json!({"tid_address": 0, "robust_list": [0, 0], "rseq": [0, 0, 0], "alternate_stack": [0, 0, 0],
            "signal_mask": 0, "signals": [], "memory": [0, 0, 0, 0, 0, 0], "break_word": 0, "madvise": [0, 0, 0], "stack_limit": 0, "vdso": 0, "name": "main",
            "folder": "/"});
        let (first, second) = (0x10_0000_0000, 0x10_0000_0000 + 2 * PAGE_BYTES);
        let capture: Capture = serde_json::from_value(json!({"place": [0x20_0000_0000_u64, 0, 0], "state": state,
            "tid": 1, "threads": [], "clocks": [0, 0], "areas": [area(first, &["hg"], 0), area(second, &["nh"], 2)]}))
        .expect("a capture");
        let pages = vec![1; 4 * PAGE];
        let source = Source { capture: &capture, pages: &pages, is_anonymous: true };
        let layout = lay_out(&source, &Touched::unknown(), &Shared::default());
        assert_eq!(layout.mappings.len(), 2);
        let loads: Vec<_> = layout.loads.iter().map(|load| (load.address, load.length)).collect();
        assert_eq!(loads, [(first, 2 * PAGE_BYTES), (second, 2 * PAGE_BYTES)]);
    }
}
