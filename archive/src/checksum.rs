//! The checksums of the format: XXH3, 64 bits for what is verified, 128 bits for keys.

use xxhash_rust::xxh3;

/// XXH3-64 of `bytes`, seed 0: the checksum of every section, range and record.
#[must_use]
pub fn of(bytes: &[u8]) -> u64 {
    xxh3::xxh3_64(bytes)
}

/// The same with another seed.
#[must_use]
pub fn seeded(bytes: &[u8], seed: u64) -> u64 {
    xxh3::xxh3_64_with_seed(bytes, seed)
}

/// The hash by which a module is found in the index: XXH3-64 of its full dotted name in UTF-8.
#[must_use]
pub fn of_name(name: &str) -> u64 {
    of(name.as_bytes())
}

/// A 128-bit key of several parts. Each part's length is hashed too, so parts cannot run together.
#[must_use]
pub fn key(parts: &[&[u8]]) -> u128 {
    let mut state = xxh3::Xxh3::new();
    for part in parts {
        state.update(&(part.len() as u64).to_le_bytes());
        state.update(part);
    }
    state.digest128()
}
