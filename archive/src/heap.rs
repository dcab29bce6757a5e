//! The object heap: ranges of ready-made objects, and how their pointers are written.
//!
//! The heap is a row of *ranges*. The first ones are the string pool: interned strings that more
//! than one module uses, in chunks of at most [`POOL_CHUNK`] bytes. Then each of the n modules (and
//! texts) has a *persistent* range, and after all of these each has a *transient* one, in the same
//! order: the range with the number t has its persistent part in the range t - n. The transient range
//! holds what is of no use once the module has been executed: the code of its body and of class
//! bodies, functions that nobody kept, and their tables. It is brought to life in memory that is
//! used again. Nothing in a persistent range refers to a transient one. A range is brought to life
//! (read in, verified, unpacked, relocated) when it is first needed. In the file it is two LZ4 blocks,
//! one after the other: its objects and its bitmaps.
//!
//! Every pointer is one 8-byte word at a multiple of 8. Two bitmaps per range, one bit a word, say
//! what the words are:
//!
//! * *internal*: an address within the heap, written for [`preferred base`](crate::header::Header);
//!   to be moved by the difference where the heap is mapped elsewhere.
//! * *symbol*: something that only the running process can supply, written as below.
//! * both, in transient ranges: a *watched* word, in which the interpreter notes what it keeps about
//!   a code object. [`WATCHED`] if the object is in use for as long as the word is not 0;
//!   [`WATCHED_FRAME`] if it is a frame to be freed (CPython 3.10, `co_zombieframe`). In use it starts
//!   as 0.
//!
//! Objects of transient ranges have the reference count [`TRANSIENT_COUNT`] and are not immortal: when
//! all of a range's counts are that again, nobody refers to any of them.
//!
//! A symbol word below [`EXTERN_LIMIT`] is one of the [`externs`]. Otherwise its top four bits are
//! a kind and the rest is an offset into the heap: an interned string ([`KIND_STRING`]), which is
//! replaced by the process's own string of that value, or a cell ([`KIND_CELL`]).
//!
//! A *cell* is two words, `[offset of a tuple (internal pointer), 0]`: the frozenset of that
//! tuple's elements, made when it is first needed and remembered in the second word. Sets cannot
//! be stored as they are, since their order depends on the process's hash seed.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[cfg(feature = "content")]
mod builder;

#[cfg(feature = "content")]
pub use builder::{BuiltHeap, HeapBuilder, Objects, RangeId, Slot, StringId, Target};

/// Bytes of a pool chunk. Only the last one may be shorter, so the chunk of an offset is found by
/// a division.
pub const POOL_CHUNK: usize = 16 * 1024;
/// Offset of the word by which an interned string's object is told: in the file 0 ("not looked up
/// yet"). It is the object's `ob_type`, the second word of every CPython object on the builds that
/// are supported (`Include/object.h`).
pub const TYPE_WORD: usize = 8;
/// Alignment of objects. CPython's own allocator gives 16 (`Objects/obmalloc.c`, `ALIGNMENT`); what
/// it relies on are the low bits of addresses that it uses as tags, three at the most
/// (`Include/internal/pycore_gc.h`, `pycore_stackref.h`).
pub const OBJECT_ALIGN: usize = 8;
/// Alignment of ranges.
pub const RANGE_ALIGN: usize = 16;
/// Symbol words below this are externs.
pub const EXTERN_LIMIT: u64 = 0x1000;
/// Where the kind stands in a symbol word that is not an extern.
pub const KIND_SHIFT: u32 = 60;
/// Kind of an interned string; the offset is that of the string object.
pub const KIND_STRING: u64 = 1;
/// Kind of a cell; the offset is that of the cell.
pub const KIND_CELL: u64 = 2;
/// A watched word: while it is not 0, its object is in use.
pub const WATCHED: u64 = 0;
/// A watched word that may come to hold a frame, which is freed with its object.
pub const WATCHED_FRAME: u64 = 1;
/// Reference count of the objects in transient ranges: out of reach of any number of references, and
/// mortal on every version (3.12 to 3.14: immortal counts have bit 31 set, `Include/refcount.h`).
pub const TRANSIENT_COUNT: u64 = 1 << 28;
/// User-space addresses lie below this on every supported machine.
pub const ADDRESS_LIMIT: u64 = 1 << 47;

/// Numbers of the objects that the running interpreter owns.
pub mod externs {
    /// The `co_filename` of the module being loaded.
    pub const FILENAME: u16 = 0;
    /// `PyUnicode_Type`.
    pub const TYPE_STR: u16 = 1;
    /// `PyBytes_Type`.
    pub const TYPE_BYTES: u16 = 2;
    /// `PyTuple_Type`.
    pub const TYPE_TUPLE: u16 = 3;
    /// `PyLong_Type`.
    pub const TYPE_INT: u16 = 4;
    /// `PyFloat_Type`.
    pub const TYPE_FLOAT: u16 = 5;
    /// `PyComplex_Type`.
    pub const TYPE_COMPLEX: u16 = 6;
    /// `PyCode_Type`.
    pub const TYPE_CODE: u16 = 7;
    /// `PySlice_Type`.
    pub const TYPE_SLICE: u16 = 8;
    /// `None`.
    pub const NONE: u16 = 16;
    /// `True`.
    pub const TRUE: u16 = 17;
    /// `False`.
    pub const FALSE: u16 = 18;
    /// `Ellipsis`.
    pub const ELLIPSIS: u16 = 19;
    /// The empty tuple.
    pub const EMPTY_TUPLE: u16 = 20;
    /// The empty string.
    pub const EMPTY_STR: u16 = 21;
    /// The empty bytes object.
    pub const EMPTY_BYTES: u16 = 22;
    /// First of the 256 one-character strings U+0000 to U+00FF.
    pub const CHARACTER: u16 = 0x100;
    /// First of the 256 one-byte bytes objects.
    pub const BYTE: u16 = 0x200;
    /// First of the interpreter's small integers, which is [`SMALL_INT_MIN`].
    pub const SMALL_INT: u16 = 0x300;
    /// The least small integer (`_PY_NSMALLNEGINTS`).
    pub const SMALL_INT_MIN: i64 = -5;
    /// The greatest small integer there is room for (1024 from CPython 3.15 on, else 256).
    pub const SMALL_INT_MAX: i64 = 1024;
}

/// One row of the ranges section, 40 bytes.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RangeRecord {
    /// Where the range begins in the heap, in bytes, a multiple of [`RANGE_ALIGN`].
    pub offset: u64,
    /// Its length in bytes, a multiple of [`RANGE_ALIGN`].
    pub length: u32,
    /// A [`RangeKind`] as a number.
    pub kind: u32,
    /// Where it is stored in the heap section, in bytes.
    pub stored: u64,
    /// Length there of its objects, an LZ4 block, in bytes.
    pub stored_objects: u32,
    /// Length there of its bitmaps, the LZ4 block that follows: the symbol bitmap, then the internal
    /// one, each of [`bitmap_words`] 8-byte words.
    pub stored_bitmaps: u32,
    /// XXH3-64 of the two blocks as they are stored.
    pub checksum: u64,
}

/// What a range holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RangeKind {
    /// What of a module stays in use.
    Persistent = 0,
    /// Interned strings of several modules.
    Pool = 1,
    /// What of a module is done with when it has been executed.
    Transient = 2,
}

impl RangeRecord {
    /// Whether the range is of this kind.
    #[must_use]
    pub const fn is(&self, kind: RangeKind) -> bool {
        self.kind == kind as u32
    }
}

/// Length of one bitmap of a range of `length` bytes, in 8-byte words.
#[must_use]
pub const fn bitmap_words(length: u32) -> usize {
    (length as usize).div_ceil(8 * 64)
}
