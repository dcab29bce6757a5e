//! Lays out the heap of an archive that is written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{
    KIND_CELL, KIND_SHIFT, KIND_STRING, OBJECT_ALIGN, POOL_CHUNK, RANGE_ALIGN, RangeKind, RangeRecord,
    TYPE_WORD, bitmap_words,
};
use crate::checksum;
use crate::error::{Error, Result};
use crate::packing;

/// Longer interned strings are not pooled; each user's range has its own copy.
const POOLED_LIMIT: usize = 4096;

/// Number of an interned string within a [`HeapBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StringId(u32);

/// Number of a range within a [`HeapBuilder`]; [`BuiltHeap::range_number`] gives the number in the
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeId(u32);

/// What a pointer-sized word of an object refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// One of the [`externs`].
    Extern(u16),
    /// An object in the same range, by its offset in bytes.
    Local(u32),
    /// An interned string.
    Interned(StringId),
    /// The frozenset of a cell in the same range, by the cell's offset in bytes.
    Cell(u32),
    /// From a transient range: an object in its persistent part, by its offset in bytes.
    Persistent(u32),
    /// From a transient range: the frozenset of a cell in its persistent part.
    PersistentCell(u32),
    /// In a transient range: a watched word, [`WATCHED`] or [`WATCHED_FRAME`].
    Watched(u64),
}

/// A word of a range and what it refers to.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Offset of the word in the range, in bytes, a multiple of 8.
    pub offset: u32,
    /// What it refers to.
    pub target: Target,
}

/// The objects of one module, pointers left blank and listed as slots.
#[derive(Debug, Default)]
pub struct Objects {
    /// The objects' bytes; the writer fills the slots' words in.
    pub bytes: Vec<u8>,
    /// The pointers.
    pub slots: Vec<Slot>,
}

impl Objects {
    /// Appends `object`, aligned to [`OBJECT_ALIGN`], and says at which offset it lies.
    ///
    /// # Panics
    /// If the range grows beyond 4 GiB.
    pub fn push(&mut self, object: &[u8]) -> u32 {
        pad(&mut self.bytes, OBJECT_ALIGN);
        let at = u32::try_from(self.bytes.len()).expect("a module's objects are below 4 GiB");
        self.bytes.extend_from_slice(object);
        at
    }

    /// Notes that the word at `offset` refers to `target`.
    pub fn slot(&mut self, offset: u32, target: Target) {
        self.slots.push(Slot { offset, target });
    }
}

fn pad(bytes: &mut Vec<u8>, align: usize) {
    bytes.resize(bytes.len().next_multiple_of(align), 0);
}

struct InternedString {
    object: Vec<u8>,
    users: Users,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    None,
    One(u32),
    Many,
}

/// Collects the objects of all modules and lays them out.
#[derive(Default)]
pub struct HeapBuilder {
    strings: Vec<InternedString>,
    /// Persistent and transient objects of each module.
    modules: Vec<(Objects, Objects)>,
}

/// The heap as it is written.
pub struct BuiltHeap {
    /// Content of the heap section.
    pub bytes: Vec<u8>,
    /// Bytes that the ranges take when they are unpacked.
    length: u64,
    /// What is stored of each range.
    blocks: Vec<Vec<u8>>,
    /// Content of the ranges section.
    pub ranges: Vec<RangeRecord>,
    /// What internal pointers were written for.
    pub preferred_base: u64,
    pool_chunks: u32,
    modules: u32,
}

impl BuiltHeap {
    /// The number in the file of a module's transient range.
    #[must_use]
    pub fn range_number(&self, id: RangeId) -> u32 {
        self.pool_chunks + self.modules + id.0
    }

    /// Bytes of a module's two ranges together.
    #[must_use]
    pub fn size_of(&self, id: RangeId) -> u64 {
        let transient = self.range_number(id);
        let length = |number: u32| u64::from(self.ranges[number as usize].length);
        length(transient) + length(transient - self.modules)
    }
}

impl HeapBuilder {
    /// Takes an interned string's object: its image with an unset hash and the state "not
    /// interned". The word at [`TYPE_WORD`] is blanked. The caller gives each value once.
    ///
    /// # Panics
    /// If there are more than `u32::MAX` strings, or if the object is shorter than a header.
    pub fn add_string(&mut self, mut object: Vec<u8>) -> StringId {
        object[TYPE_WORD..TYPE_WORD + 8].fill(0);
        let id = StringId(u32::try_from(self.strings.len()).expect("fewer than 2^32 strings"));
        self.strings.push(InternedString { object, users: Users::None });
        id
    }

    /// Takes the objects of one module (or of one piece of compiled source). Code is found by its
    /// offset in the transient part.
    ///
    /// # Panics
    /// If there are more than `u32::MAX` ranges.
    pub fn add_module(&mut self, persistent: Objects, transient: Objects) -> RangeId {
        let number = u32::try_from(self.modules.len()).expect("fewer than 2^32 ranges");
        for slot in persistent.slots.iter().chain(&transient.slots) {
            if let Target::Interned(StringId(id)) = slot.target {
                let users = &mut self.strings[id as usize].users;
                *users = match *users {
                    Users::None => Users::One(number),
                    Users::One(n) if n == number => Users::One(n),
                    _ => Users::Many,
                };
            }
        }
        self.modules.push((persistent, transient));
        RangeId(number)
    }

    /// Lays the heap out for `preferred_base`: strings of several users go to the pool, the others
    /// to the end of their user's range.
    ///
    /// # Errors
    /// [`Error::Unstorable`] if a range is 4 GiB or longer.
    pub fn build(mut self, preferred_base: u64) -> Result<BuiltHeap> {
        let mut pooled: HashMap<StringId, u64> = HashMap::new();
        let mut pool: Vec<u8> = Vec::new();
        for (number, string) in (0..).zip(&self.strings) {
            if string.users != Users::Many || string.object.len() > POOLED_LIMIT {
                continue;
            }
            pad(&mut pool, OBJECT_ALIGN);
            if POOL_CHUNK - pool.len() % POOL_CHUNK < string.object.len() {
                pool.resize(pool.len().next_multiple_of(POOL_CHUNK), 0);
            }
            pooled.insert(StringId(number), pool.len() as u64);
            pool.extend_from_slice(&string.object);
        }
        pad(&mut pool, RANGE_ALIGN);

        let mut heap = BuiltHeap {
            bytes: Vec::new(),
            length: 0,
            blocks: Vec::new(),
            ranges: Vec::new(),
            preferred_base,
            pool_chunks: u32::try_from(pool.len().div_ceil(POOL_CHUNK)).expect("fewer than 2^32 chunks"),
            modules: u32::try_from(self.modules.len()).expect("checked when they were added"),
        };
        for chunk in pool.chunks(POOL_CHUNK) {
            let objects = Objects { bytes: chunk.to_vec(), slots: Vec::new() };
            heap.append(objects, RangeKind::Pool, 0, &HashMap::new())?;
        }
        let mut transients = Vec::with_capacity(self.modules.len());
        for (mut persistent, transient) in std::mem::take(&mut self.modules) {
            let base = heap.length;
            let mut places = HashMap::new();
            for slot in persistent.slots.clone().iter().chain(&transient.slots) {
                let Target::Interned(id) = slot.target else { continue };
                if let Some(place) = pooled.get(&id) {
                    places.insert(id, *place);
                } else if let Entry::Vacant(vacant) = places.entry(id) {
                    vacant.insert(base + u64::from(persistent.push(&self.strings[id.0 as usize].object)));
                }
            }
            heap.append(persistent, RangeKind::Persistent, base, &places)?;
            transients.push((transient, base, places));
        }
        for (transient, base, places) in transients {
            heap.append(transient, RangeKind::Transient, base, &places)?;
        }
        heap.store();
        Ok(heap)
    }
}

impl BuiltHeap {
    /// Appends a range. `persistent` is where a transient range's persistent part begins.
    fn append(
        &mut self,
        mut objects: Objects,
        kind: RangeKind,
        persistent: u64,
        strings: &HashMap<StringId, u64>,
    ) -> Result<()> {
        pad(&mut objects.bytes, RANGE_ALIGN);
        let base = self.length;
        let length = u32::try_from(objects.bytes.len())
            .map_err(|_| Error::Unstorable(format!("a range of {} bytes", objects.bytes.len())))?;
        let words = bitmap_words(length);
        let mut symbols = vec![0_u64; words];
        let mut internals = vec![0_u64; words];
        let cell = |start: u64, offset: u32| (KIND_CELL << KIND_SHIFT) | (start + u64::from(offset));
        let address = |start: u64, offset: u32| self.preferred_base + start + u64::from(offset);
        for slot in &objects.slots {
            let (word, symbol, internal) = match slot.target {
                Target::Extern(number) => (u64::from(number), true, false),
                Target::Local(offset) => (address(base, offset), false, true),
                Target::Persistent(offset) => (address(persistent, offset), false, true),
                Target::Interned(id) => ((KIND_STRING << KIND_SHIFT) | strings[&id], true, false),
                Target::Cell(offset) => (cell(base, offset), true, false),
                Target::PersistentCell(offset) => (cell(persistent, offset), true, false),
                Target::Watched(what) => (what, true, true),
            };
            let at = slot.offset as usize;
            objects.bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
            symbols[at / 8 / 64] |= u64::from(symbol) << (at / 8 % 64);
            internals[at / 8 / 64] |= u64::from(internal) << (at / 8 % 64);
        }
        let mut block = packing::pack(&objects.bytes)?;
        let stored_objects = block.len();
        if length > 0 {
            let bitmaps: Vec<u8> = symbols.iter().chain(&internals).flat_map(|w| w.to_le_bytes()).collect();
            block.extend(packing::pack(&bitmaps)?);
        }
        let short = |bytes: usize| {
            u32::try_from(bytes).map_err(|_| Error::Unstorable(format!("a range of {length} bytes")))
        };
        self.ranges.push(RangeRecord {
            offset: base,
            length,
            kind: kind as u32,
            stored: 0,
            stored_objects: short(stored_objects)?,
            stored_bitmaps: short(block.len() - stored_objects)?,
            checksum: checksum::of(&block),
        });
        self.length += u64::from(length);
        self.blocks.push(block);
        Ok(())
    }

    /// Puts what is stored in the order in which it is needed: the pool, then what belongs to each
    /// module together.
    fn store(&mut self) {
        let (pool, modules) = (self.pool_chunks as usize, self.modules as usize);
        let both = (pool..pool + modules).flat_map(|number| [number, number + modules]);
        for number in (0..pool).chain(both) {
            self.ranges[number].stored = self.bytes.len() as u64;
            self.bytes.append(&mut self.blocks[number]);
        }
    }
}
