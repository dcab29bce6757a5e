//! The pieces of memory that are one mapping each, if there is something in all of it: neighbouring areas, joined.

use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Mapping, advice, mapping_kind};

use super::found::{Area, Capture};
use super::layout::{Layout, PAGE_BYTES, Source};
use super::shared::Shared;

/// PROT_READ.
pub const READ: u8 = 1;
/// PROT_WRITE.
pub const WRITE: u8 = 2;
const EXECUTE: u8 = 4;
/// The stack may grow to this, where its limit is higher or there is none.
const LARGEST_STACK: u64 = 64 << 20;

/// Some areas as they are to be restored.
pub struct Piece {
    start: u64,
    end: u64,
    protection: u8,
    advice: u8,
    /// Whether all of it is of files.
    is_of_files: bool,
    /// Whether it stays as it is.
    is_alone: bool,
    /// The number of the guard of the installed file that it is mapped from, and where it begins there.
    file: Option<(u32, u64)>,
    /// What is stored of each page.
    pub stored: Vec<Option<u64>>,
    /// Pages that are read into anonymous memory, by their number in the piece.
    pub read: Vec<usize>,
    guards: Vec<Mapping>,
}

/// All pieces, by address.
pub fn pieces(source: &Source<'_>, shared: &Shared, layout: &mut Layout) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    for area in &source.capture.areas {
        let piece = Piece::of(area, source, shared.number(area), layout);
        match found.last_mut() {
            Some(last) if last.joins(&piece) => last.append(piece),
            _ => found.push(piece),
        }
    }
    found
}

/// The main stack. In a process that was restored itself it is several areas, one behind the other.
struct Stack {
    /// Where the lowest area begins.
    lowest: u64,
    /// The lowest address that it may grow to.
    limit: u64,
    end: u64,
}

fn stack(capture: &Capture) -> Stack {
    let stack_pointer = capture.place[0];
    let has_it = |area: &&Area| (area.start..area.end).contains(&stack_pointer);
    let named = capture.areas.iter().find(|area| area.path == "[stack]" && area.end > stack_pointer);
    let end = named.or_else(|| capture.areas.iter().find(has_it)).map_or(0, |area| area.end);
    let most = capture.state.stack_limit;
    let size = if most == u64::MAX { 8 << 20 } else { most.min(LARGEST_STACK) };
    let limit = end.saturating_sub(size.next_multiple_of(PAGE_BYTES));
    let mut lowest = end;
    for area in capture.areas.iter().rev().skip_while(|area| area.end > end) {
        if area.end != lowest || lowest <= limit {
            break;
        }
        lowest = area.start;
    }
    Stack { lowest, limit: limit.min(lowest), end }
}

impl Piece {
    fn of(area: &Area, source: &Source<'_>, file: Option<u32>, layout: &mut Layout) -> Self {
        let capture = source.capture;
        let has = |letter: char, bit: u8| if area.permissions.contains(letter) { bit } else { 0 };
        let mut piece = Self {
            start: area.start,
            end: area.end,
            protection: has('r', READ) | has('w', WRITE) | has('x', EXECUTE),
            advice: advice_of(area),
            is_of_files: area.inode != 0,
            is_alone: false,
            file: file.map(|number| (number, area.offset)),
            stored: Vec::new(),
            read: Vec::new(),
            guards: area.guards.iter().map(|range| guard(area, range)).collect(),
        };
        if file.is_some() {
            layout.sizes.shared += area.end - area.start;
            return piece;
        }
        let stack_pointer = capture.place[0];
        // Pages below are not wanted: the stack below the stack pointer.
        let mut from = area.start;
        let is_vdso = area.start == capture.state.vdso;
        let stack = stack(capture);
        if (stack.lowest..stack.end).contains(&area.start) {
            if area.start == stack.lowest {
                piece.start = stack.limit;
            }
            // The red zone of the x86-64 ABI.
            from = (stack_pointer - 128) / PAGE_BYTES * PAGE_BYTES;
            layout.stack = [stack.limit, stack.end];
            piece.is_alone = true;
        } else if is_vdso {
            // The wrapper writes to it, and then makes it executable.
            piece.protection = READ | WRITE;
            layout.vdso = [area.start, area.end - area.start];
            piece.is_alone = true;
        }
        let bytes = piece.store(area, from);
        if is_vdso {
            piece.read = (0..piece.stored.len()).collect();
        } else if piece.is_writable() && area.inode == 0 && source.is_anonymous && area.path != "[heap]" {
            piece.read = (0..piece.stored.len()).filter(|page| piece.stored[*page].is_some()).collect();
        } else if piece.is_writable() && area.inode == 0 {
            piece.read = mapped_chunks(&piece.stored, source.pages);
        }
        let sizes = &mut layout.sizes;
        let size = match () {
            () if piece.protection & EXECUTE != 0 => &mut sizes.text,
            () if piece.protection & WRITE == 0 => &mut sizes.constants,
            () if area.inode != 0 => &mut sizes.data,
            () => &mut sizes.heap,
        };
        *size += bytes;
        piece
    }

    /// Notes what is stored of an area's pages from an address on. Returns how many bytes that are.
    fn store(&mut self, area: &Area, from: u64) -> u64 {
        let skipped = (area.start - self.start) / PAGE_BYTES;
        self.stored = vec![None; ((self.end - self.start) / PAGE_BYTES) as usize];
        for [first, count, number] in &area.runs {
            for page in 0..*count {
                if area.start + (first + page) * PAGE_BYTES >= from {
                    self.stored[(skipped + first + page) as usize] = Some(number + page);
                }
            }
        }
        self.stored.iter().flatten().count() as u64 * PAGE_BYTES
    }

    /// Whether it may be written to.
    pub const fn is_writable(&self) -> bool {
        self.protection & WRITE != 0
    }

    /// Whether two neighbours are one mapping. A library's code and what is constant around it are: its constants are then
    /// executable, as linkers before 2018 had them, and it has two mappings instead of five.
    fn joins(&self, next: &Self) -> bool {
        let alike = self.protection == next.protection
            || (self.is_of_files
                && next.is_of_files
                && [self, next].iter().all(|piece| !piece.is_writable() && piece.protection & READ != 0));
        let same_source = match (self.file, next.file) {
            (None, None) => true,
            (Some((a, at)), Some((b, next_at))) => a == b && at + (self.end - self.start) == next_at,
            _ => false,
        };
        self.end == next.start
            && !self.is_alone
            && !next.is_alone
            && self.advice == next.advice
            && alike
            && same_source
    }

    fn append(&mut self, next: Self) {
        let pages = self.stored.len();
        self.end = next.end;
        self.protection |= next.protection;
        self.is_of_files &= next.is_of_files;
        self.stored.extend(next.stored);
        self.read.extend(next.read.iter().map(|page| pages + page));
        self.guards.extend(next.guards);
    }

    /// The address of a page.
    pub const fn address(&self, page: usize) -> u64 {
        self.start + page as u64 * PAGE_BYTES
    }

    /// The mapping of all of it: of the installed file, or anonymous.
    pub fn mapping(&self) -> Mapping {
        let (kind, (file, source)) = match self.file {
            Some(place) => (mapping_kind::FILE, place),
            None => (mapping_kind::ANONYMOUS, (0, 0)),
        };
        Mapping {
            address: self.start,
            length: self.end - self.start,
            protection: self.protection,
            advice: self.advice,
            kind,
            source,
            file,
            ..Mapping::default()
        }
    }

    /// What nobody may touch.
    pub fn guards(self) -> Vec<Mapping> {
        self.guards
    }
}

fn guard(area: &Area, [first, count]: &[u64; 2]) -> Mapping {
    Mapping {
        address: area.start + first * PAGE_BYTES,
        length: count * PAGE_BYTES,
        kind: mapping_kind::GUARD,
        over: 1,
        ..Mapping::default()
    }
}

/// First pages of what glibc's malloc has mapped for a single large allocation (malloc/malloc.c, `IS_MMAPPED`; the size
/// is that of all pages, from 2.43 on without a header's 16 bytes; before it stands 0, or `MMAP_HP`). When it grows, glibc calls mremap(2), which would map what follows in the archive, or what
/// is behind its end. With the first page in a mapping of its own mremap refuses, and glibc copies.
fn mapped_chunks(stored: &[Option<u64>], pages: &[u8]) -> Vec<usize> {
    const IS_MMAPPED: u64 = 2;
    const FLAGS: u64 = 7;
    const HEADER: u64 = 16;
    const MMAP_HP: u64 = 1;
    let is_first = |page: &usize| {
        let Some(bytes) = stored[*page].and_then(|at| pages.get(at as usize * PAGE..)) else { return false };
        let word =
            |at: usize| bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes);
        let (Some(before), Some(size)) = (word(0), word(8)) else { return false };
        let length = size & !FLAGS;
        let Some(all) = length.checked_next_multiple_of(PAGE_BYTES) else { return false };
        before <= MMAP_HP
            && size & FLAGS == IS_MMAPPED
            && length > HEADER
            && [0, HEADER].contains(&(all - length))
            && all / PAGE_BYTES <= (stored.len() - page) as u64
    };
    (0..stored.len()).filter(is_first).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: u64, end: u64, protection: u8, is_of_files: bool) -> Piece {
        Piece {
            start,
            end,
            protection,
            advice: 0,
            is_of_files,
            is_alone: false,
            file: None,
            stored: vec![None; ((end - start) / PAGE_BYTES) as usize],
            read: Vec::new(),
            guards: Vec::new(),
        }
    }

    #[test]
    fn code_and_the_constants_beside_it_are_one_mapping() {
        let mut code = piece(0x1000, 0x3000, READ, true);
        code.append(piece(0x3000, 0x5000, READ | EXECUTE, true));
        let mapping = code.mapping();
        assert_eq!((mapping.address, mapping.length, mapping.protection), (0x1000, 0x4000, READ | EXECUTE));
    }

    #[test]
    fn only_neighbours_that_allow_the_same_are_joined() {
        let text = piece(0x1000, 0x2000, READ | EXECUTE, true);
        let with = |start, protection, is_of_files| {
            text.joins(&piece(start, start + PAGE_BYTES, protection, is_of_files))
        };
        assert!(with(0x2000, READ, true));
        assert!(!with(0x3000, READ, true), "there is something in between");
        assert!(!with(0x2000, READ | WRITE, true), "it may be written to");
        assert!(!with(0x2000, 0, true), "nobody may touch it");
        assert!(!with(0x2000, READ, false), "it is no library's");
        let heap = piece(0x1000, 0x2000, READ | WRITE, false);
        assert!(heap.joins(&piece(0x2000, 0x3000, READ | WRITE, true)));
    }

    #[test]
    fn large_allocations_are_found_by_their_first_page() {
        let page = |before: u64, size: u64| {
            let mut page = vec![0; PAGE];
            page[..8].copy_from_slice(&before.to_le_bytes());
            page[8..16].copy_from_slice(&size.to_le_bytes());
            page
        };
        let of_two_pages = (2 * PAGE_BYTES) | 2;
        let pages = [
            page(0, of_two_pages),
            page(0, 1234),
            page(7, of_two_pages),
            page(0, of_two_pages - 16),
            page(0, of_two_pages),
        ];
        let stored = [Some(0), Some(1), None, Some(2), Some(3), Some(4)];
        // The last would reach beyond the end.
        assert_eq!(mapped_chunks(&stored, &pages.concat()), [0, 4]);
    }
}
