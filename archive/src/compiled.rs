//! Code objects of source text that a program compiles while it starts (`exec` of a string, as
//! `dataclasses` does), kept like the modules' code and found by the text.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::checksum;

/// One compiled text, 24 bytes. The records are ordered by `(key_high, key_low)`.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CompiledRecord {
    /// Upper half of [`key`].
    pub key_high: u64,
    /// Lower half of [`key`].
    pub key_low: u64,
    /// Number of the range that holds the code.
    pub range: u32,
    /// Offset of the code object in the range, in bytes.
    pub code: u32,
}

impl CompiledRecord {
    /// The key in one piece.
    #[must_use]
    pub fn key(&self) -> u128 {
        (u128::from(self.key_high) << 64) | u128::from(self.key_low)
    }
}

/// The key of a text: all that decides which code `compile` makes of it. `mode` is `exec`, `eval`
/// or `single`; `flags` the `__future__` and compiler flags in effect; `filename` what becomes
/// `co_filename`.
#[must_use]
pub fn key(source: &str, filename: &str, mode: &str, flags: u32) -> u128 {
    checksum::key(&[source.as_bytes(), filename.as_bytes(), mode.as_bytes(), &flags.to_le_bytes()])
}
