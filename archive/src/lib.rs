//! The `.glow` archive: what a Python function needs in order to be ready, in one read-only file.
//!
//! This crate knows bytes. It knows neither Python (what the bytes of an object mean is the
//! snapshotter's business) nor Lambda. `docs/format.md` describes the file byte by byte.
//!
//! Deploy time: fill a [`heap::HeapBuilder`], hand it to [`writer::Contents`], call
//! [`writer::write`]. Run time: [`reader::Archive::open`] turns unchecked bytes into an archive
//! whose header and index are known to be sound; ranges of the heap are verified one by one when
//! they are used.
//!
//! Without the feature `content` there are only the records, the plan and the checksums: enough for who reads an archive's
//! bytes and not what is packed in them.

pub mod checksum;
pub mod compiled;
pub mod error;
pub mod fingerprint;
pub mod header;
pub mod heap;
pub mod image;
#[cfg(feature = "content")]
pub mod manifest;
pub mod modules;
#[cfg(feature = "content")]
pub mod packing;
pub mod plan;
#[cfg(feature = "content")]
pub mod reader;
pub mod regex;
#[cfg(feature = "content")]
pub mod writer;

pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use glowplug_records::redirection;
#[cfg(feature = "content")]
pub use manifest::Manifest;
#[cfg(feature = "content")]
pub use reader::Archive;
