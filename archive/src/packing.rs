//! How ranges are stored: as LZ4 blocks, made slowly and unpacked at memory's speed.
//!
//! Reading is what a cold start waits for (Lambda's storage gives some 100 MB/s), and a start with a
//! warm page cache would have to copy the pages all the same, since nearly all are written to.

use lz4::block::{self, CompressionMode};

use crate::error::{Error, Result};

/// The highest level whose time is in proportion (LZ4 HC has 1 to 12).
const LEVEL: i32 = 9;

/// `bytes` as one LZ4 block; nothing for nothing.
///
/// # Errors
/// [`Error::Unstorable`] for 2 GiB or more.
pub fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    block::compress(bytes, Some(CompressionMode::HIGHCOMPRESSION(LEVEL)), false)
        .map_err(|e| Error::Unstorable(format!("{} bytes in one piece: {e}", bytes.len())))
}

/// Fills `into` from one LZ4 block.
///
/// # Errors
/// [`Error::Decode`] if `stored` is not a block of just that many bytes.
pub fn unpack(stored: &[u8], into: &mut [u8]) -> Result<()> {
    if into.is_empty() && stored.is_empty() {
        return Ok(());
    }
    let damaged = |why: String| Error::Decode { what: "range", why };
    let length = i32::try_from(into.len()).map_err(|e| damaged(e.to_string()))?;
    match block::decompress_to_buffer(stored, Some(length), into) {
        Ok(filled) if filled == into.len() => Ok(()),
        Ok(filled) => Err(damaged(format!("{filled} bytes instead of {length}"))),
        Err(error) => Err(damaged(error.to_string())),
    }
}
