//! The records of the `.glow` archive that the wrapper reads too, which has no standard library.
//!
//! Everybody else takes them from the archive crate, which exports them again. `docs/format.md`
//! describes them byte by byte. All numbers are little-endian.

#![no_std]

pub mod cpu;
pub mod header;
pub mod image;
pub mod redirection;
pub mod threads;
