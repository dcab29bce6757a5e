//! The header page: the first 4096 bytes of an archive, and what is found by it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first eight bytes of every archive.
pub const MAGIC: [u8; 8] = *b"GLOWPLUG";
/// Major version of the format. Another major version is refused.
pub const MAJOR: u16 = 2;
/// Alignment of sections in the file, and the header's length, in bytes.
pub const PAGE: usize = 4096;
/// Most sections that a header has room for.
pub const MAX_SECTIONS: usize = 64;
/// Number of the section kind that holds the process image ([`crate::image`]).
pub const IMAGE_SECTION: u32 = 12;

/// One row of the section table, 40 bytes.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SectionRecord {
    /// The section's kind as a number.
    pub kind: u32,
    /// Reserved, 0.
    pub flags: u32,
    /// Where the section begins in the file, in bytes, a multiple of [`PAGE`].
    pub offset: u64,
    /// Bytes, without padding.
    pub length: u64,
    /// XXH3-64 of those bytes.
    pub checksum: u64,
    /// Reserved, 0.
    pub reserved: u64,
}

/// What is to be set in a string of the heap once the interpreter has taken it as its interned
/// one: these bits of the 4-byte word at this offset of the object. No bits: nothing.
///
/// CPython 3.14 frees heap-allocated interned strings at exit, immortal ones included
/// (`Objects/unicodeobject.c`, `_PyUnicode_ClearInterned`), unless their state says that they are
/// not from its heap (`SSTATE_INTERNED_IMMORTAL_STATIC`), which is the truth here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct StringMark {
    /// Offset of the word in the object, in bytes, a multiple of 4, at most 36.
    pub offset: u32,
    /// Bits to set.
    pub bits: u32,
}

/// The header page as it lies in the file.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct HeaderPage {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`MAJOR`].
    pub major: u16,
    /// Minor version: sections and flags that an older reader may skip.
    pub minor: u16,
    /// How many of [`Self::sections`] are in use.
    pub section_count: u32,
    /// Bytes of the whole file.
    pub file_size: u64,
    /// Hash of the fingerprint's fields.
    pub fingerprint: u64,
    /// ELF machine number.
    pub machine: u16,
    /// How staleness is judged.
    pub validation: u8,
    /// `sys.flags.optimize`.
    pub optimize: u8,
    /// The machine's page size in bytes.
    pub page_size: u32,
    /// `sys.hexversion`'s major, minor and micro.
    pub python_version: u32,
    /// Flags of the fingerprint.
    pub flags: u32,
    /// The address that pointers within the heap assume.
    pub preferred_base: u64,
    /// A length byte and the ABI tag.
    pub soabi: [u8; 48],
    /// A length byte and the build-id of the interpreter.
    pub interpreter: [u8; 33],
    /// A length byte and the build-id of the C library.
    pub libc: [u8; 33],
    /// 0.
    pub padding: [u8; 6],
    /// The section table.
    pub sections: [SectionRecord; MAX_SECTIONS],
    /// How an interned string is marked.
    pub string_mark: StringMark,
    /// How many objects the target's import left as garbage.
    pub garbage: u32,
    /// 0.
    pub reserved: [u8; 1340],
    /// XXH3-64 of all bytes before it.
    pub checksum: u64,
}

const _: () = assert!(size_of::<HeaderPage>() == PAGE);
