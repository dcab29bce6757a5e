//! The module index and the roots that module paths are relative to.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A piece of the names section.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NameRef {
    /// Offset in the names section, in bytes.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

/// One module, 80 bytes. The records are ordered by [`ModuleRecord::name_hash`].
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ModuleRecord {
    /// [`crate::checksum::of_name`] of the full name.
    pub name_hash: u64,
    /// Full dotted name.
    pub name: NameRef,
    /// Path of the file relative to its root, `/` between its parts.
    pub path: NameRef,
    /// Number of the root.
    pub root: u16,
    /// Bits of [`module_flags`].
    pub flags: u16,
    /// Number of the range that holds the code ([`NO_RANGE`] for an extension module).
    pub range: u32,
    /// Offset of the module's code object in its range, in bytes.
    pub code: u32,
    /// Bytes of the compressed source; 0 where it is not in the archive.
    pub source_stored: u32,
    /// Offset of the compressed source in the sources section, in bytes.
    pub source_offset: u64,
    /// Bytes of the source file.
    pub source_size: u64,
    /// Modification time of the source file, in seconds since 1970.
    pub source_mtime: i64,
    /// XXH3-64 of the source file's content.
    pub source_hash: u64,
    /// Reserved, 0.
    pub reserved: u64,
}

/// [`ModuleRecord::range`] of a module that has no code in the heap.
pub const NO_RANGE: u32 = u32::MAX;

/// Bits of [`ModuleRecord::flags`].
pub mod module_flags {
    /// A package: the file is its `__init__`.
    pub const PACKAGE: u16 = 1;
    /// An extension module (`.so`): only its place is recorded, so that it is found at once.
    pub const EXTENSION: u16 = 2;
    /// The module compiles source texts that are in the compiled section.
    pub const COMPILES: u16 = 4;
}

/// A directory that module paths are relative to, 16 bytes. The records stand in the order in
/// which the directories stood in `sys.path`.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RootRecord {
    /// Where the directory was at snapshot time, an absolute path.
    pub path: NameRef,
    /// A [`RootKind`] as a number.
    pub kind: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// What a root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum RootKind {
    /// The function's directory (`--root`).
    Function = 0,
    /// The interpreter's standard library.
    Stdlib = 1,
    /// Any other entry of `sys.path`.
    Path = 2,
}
