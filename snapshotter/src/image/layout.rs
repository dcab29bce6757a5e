//! Where the image's memory lies in the archive, and how it gets into a process.
//!
//! Memory that nobody writes is mapped from the archive as it is. Memory that may be written is
//! anonymous; what a start touches of it, and short pieces in between, is read into it from one
//! run of the file, and long untouched pieces are mapped from the archive over it.

use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Load, Mapping, Range, advice, mapping_kind};

use super::found::{Area, Capture};
use super::shared::Shared;

const PAGE_BYTES: u64 = PAGE as u64;
const READ: u8 = 1;
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;
/// Untouched pieces of writable memory shorter than this are read with the touched ones, in pages.
/// A mapping costs about as much as reading so many pages.
const SHORT: u64 = 4;
/// Pages without content between stored ones that are stored too rather than end a mapping.
const GAP: u64 = 8;
/// The stack may grow to this, where its limit is higher or there is none.
const LARGEST_STACK: u64 = 64 << 20;

/// The memory of an image, laid out.
#[derive(Debug, Default)]
pub struct Layout {
    /// What is mapped.
    pub mappings: Vec<Mapping>,
    /// What is read.
    pub loads: Vec<Load>,
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
    /// Of all that is in the archive: read at every start.
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

    /// Whether an untouched piece of that many pages is read with the others.
    const fn is_short(&self, pages: u64) -> bool {
        self.0.is_some() && pages < SHORT
    }
}

/// One mapping with what lies over it.
struct Base {
    mapping: Mapping,
    over: Vec<Mapping>,
}

/// Lays the memory out. What `shared` has is mapped from the installed files.
pub fn lay_out(capture: &Capture, touched: &Touched, shared: &Shared) -> Layout {
    let mut layout = Layout::default();
    let mut bases: Vec<Base> = Vec::new();
    let mut cold: Vec<Option<u64>> = Vec::new();
    let mut hot: Vec<Option<u64>> = Vec::new();
    for area in &capture.areas {
        let area = Piece::of(area, capture, &mut layout);
        let base = match shared.number(area.area) {
            Some(number) => area.of_file(number, &mut layout),
            None => area.place(touched, &mut hot, &mut cold, &mut layout),
        };
        if let Some(last) = bases.last_mut()
            && joins(&last.mapping, &base.mapping)
        {
            last.mapping.length += base.mapping.length;
            last.over.extend(base.over);
        } else {
            bases.push(base);
        }
    }
    // What is read comes first in the file.
    let shift = hot.len() as u64 * PAGE_BYTES;
    for base in bases {
        for mut mapping in std::iter::once(base.mapping).chain(base.over) {
            if mapping.kind == mapping_kind::IMAGE {
                mapping.source += shift;
            }
            layout.mappings.push(mapping);
        }
    }
    for range in &mut layout.touched {
        range.offset += shift;
    }
    layout.sizes.hot = shift;
    layout.pages = hot;
    layout.pages.append(&mut cold);
    layout
}

/// Whether two neighbours are one mapping.
fn joins(a: &Mapping, b: &Mapping) -> bool {
    let continues = match a.kind {
        mapping_kind::ANONYMOUS => true,
        mapping_kind::IMAGE => a.source + a.length == b.source,
        _ => false,
    };
    continues
        && a.kind == b.kind
        && a.address + a.length == b.address
        && (a.protection, a.advice) == (b.protection, b.advice)
}

/// An area as it is to be restored.
struct Piece<'a> {
    start: u64,
    end: u64,
    protection: u8,
    advice: u8,
    area: &'a Area,
    /// Pages below are not wanted: the stack below the stack pointer.
    from: u64,
}

impl<'a> Piece<'a> {
    fn of(area: &'a Area, capture: &Capture, layout: &mut Layout) -> Self {
        let has = |letter: char, bit: u8| if area.permissions.contains(letter) { bit } else { 0 };
        let mut piece = Self {
            start: area.start,
            end: area.end,
            protection: has('r', READ) | has('w', WRITE) | has('x', EXECUTE),
            advice: advice_of(area),
            area,
            from: area.start,
        };
        let stack_pointer = capture.place[0];
        if area.path == "[stack]" || (area.start..area.end).contains(&stack_pointer) {
            let limit = capture.state.stack_limit;
            let size = if limit == u64::MAX { 8 << 20 } else { limit.min(LARGEST_STACK) };
            piece.start = (area.end - size.next_multiple_of(PAGE_BYTES)).min(area.start);
            // The red zone of the x86-64 ABI.
            piece.from = (stack_pointer - 128) / PAGE_BYTES * PAGE_BYTES;
            layout.stack = [piece.start, area.end];
        } else if area.start == capture.state.vdso {
            // The wrapper writes to it, and then makes it executable.
            piece.protection = READ | WRITE;
            layout.vdso = [area.start, area.end - area.start];
        }
        piece
    }

    /// Pages from the piece's start on: what is stored of each.
    fn stored(&self) -> Vec<Option<u64>> {
        let skipped = (self.area.start - self.start) / PAGE_BYTES;
        let mut stored = vec![None; ((self.end - self.start) / PAGE_BYTES) as usize];
        for [first, count, number] in &self.area.runs {
            for page in 0..*count {
                let address = self.area.start + (first + page) * PAGE_BYTES;
                if address >= self.from {
                    stored[(skipped + first + page) as usize] = Some(number + page);
                }
            }
        }
        stored
    }

    fn mapping(&self) -> Mapping {
        Mapping {
            address: self.start,
            length: self.end - self.start,
            protection: self.protection,
            advice: self.advice,
            ..Mapping::default()
        }
    }

    /// Mapped from the file that it is of.
    fn of_file(&self, number: u32, layout: &mut Layout) -> Base {
        layout.sizes.shared += self.end - self.start;
        let (kind, source) = (mapping_kind::FILE, self.area.offset);
        Base { mapping: Mapping { kind, source, file: number, ..self.mapping() }, over: Vec::new() }
    }

    fn place(
        &self,
        touched: &Touched,
        hot: &mut Vec<Option<u64>>,
        cold: &mut Vec<Option<u64>>,
        layout: &mut Layout,
    ) -> Base {
        let stored = self.stored();
        let mut base = Base { mapping: self.mapping(), over: Vec::new() };
        let bytes = stored.iter().flatten().count() as u64 * PAGE_BYTES;
        let sizes = &mut layout.sizes;
        let size = match () {
            () if self.protection & EXECUTE != 0 => &mut sizes.text,
            () if self.protection & WRITE == 0 => &mut sizes.constants,
            () if self.area.inode != 0 => &mut sizes.data,
            () => &mut sizes.heap,
        };
        *size += bytes;
        if bytes == 0 {
            base.over = self.guards();
            return base;
        }
        let writable = self.protection & WRITE != 0;
        let address = |page: usize| self.start + page as u64 * PAGE_BYTES;
        if !writable && bytes * 2 > base.mapping.length {
            base.mapping.kind = mapping_kind::IMAGE;
            base.mapping.source = cold.len() as u64 * PAGE_BYTES;
            cold.extend(&stored);
            note_touched(&mut layout.touched, touched, &base.mapping);
            return base;
        }
        for (first, end) in runs(&stored) {
            let mut page = first;
            while page < end {
                // What is only looked at is looked at in the page cache.
                let is_hot = |page: usize| writable && touched.find(address(page)) == Some(true);
                let begins_hot = is_hot(page);
                let mut until = page + 1;
                while until < end && is_hot(until) == begins_hot {
                    until += 1;
                }
                let short = writable && touched.is_short((until - page) as u64);
                if begins_hot || short {
                    let length = (until - page) as u64 * PAGE_BYTES;
                    // A read stays inside one mapping.
                    if page == 0 {
                        layout.loads.push(Load { address: address(page), length });
                    } else {
                        load(&mut layout.loads, address(page), length);
                    }
                    hot.extend(&stored[page..until]);
                } else {
                    let over = Mapping {
                        address: address(page),
                        length: (until - page) as u64 * PAGE_BYTES,
                        source: cold.len() as u64 * PAGE_BYTES,
                        kind: mapping_kind::IMAGE,
                        over: 1,
                        ..base.mapping
                    };
                    cold.extend(&stored[page..until]);
                    note_touched(&mut layout.touched, touched, &over);
                    base.over.push(over);
                }
                page = until;
            }
        }
        base.over.extend(self.guards());
        base
    }

    /// What nobody may touch.
    fn guards(&self) -> Vec<Mapping> {
        let guard = |[first, count]: &[u64; 2]| Mapping {
            address: self.area.start + first * PAGE_BYTES,
            length: count * PAGE_BYTES,
            kind: mapping_kind::GUARD,
            over: 1,
            ..Mapping::default()
        };
        self.area.guards.iter().map(guard).collect()
    }
}

/// Runs of pages with content: first and end. Short gaps are part of them.
fn runs(stored: &[Option<u64>]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (page, _) in stored.iter().enumerate().filter(|(_, number)| number.is_some()) {
        match found.last_mut() {
            Some((_, end)) if (page - *end) as u64 <= GAP => *end = page + 1,
            _ => found.push((page, page + 1)),
        }
    }
    found
}

/// Appends to the loads; neighbours are one.
fn load(loads: &mut Vec<Load>, address: u64, length: u64) {
    match loads.last_mut() {
        Some(last) if last.address + last.length == address => last.length += length,
        _ => loads.push(Load { address, length }),
    }
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

/// The advice that was in force (proc_pid_smaps(5), `VmFlags`).
fn advice_of(area: &Area) -> u8 {
    let named = [
        ("dc", advice::DONT_FORK),
        ("wf", advice::WIPE_ON_FORK),
        ("hg", advice::HUGE_PAGE),
        ("nh", advice::NO_HUGE_PAGE),
    ];
    let is_set = |name: &str| area.flags.iter().any(|flag| flag == name);
    named.into_iter().filter(|(name, _)| is_set(name)).fold(0, |bits, (_, bit)| bits | bit)
}
