//! Compiled regular expressions: the arguments that `re` gives to `_sre.compile`, by pattern and
//! flags.
//!
//! The section is a row of [`RegexRecord`]s ordered by key, preceded by their count (a 4-byte
//! number and 4 bytes of padding), then the entries. An entry is a [`EntryHead`], the code words,
//! for each group name its number and length (two 4-byte numbers) with its UTF-8 bytes, and the
//! pattern's bytes, without padding between them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::checksum;
use crate::error::{Error, Result};

/// One row of the index, 24 bytes.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RegexRecord {
    /// [`key`] of the pattern, the upper half.
    pub key: u64,
    /// Where the entry begins in the section, in bytes.
    pub offset: u32,
    /// Bytes of the entry.
    pub length: u32,
    /// XXH3-64 of the entry.
    pub checksum: u64,
}

/// The fixed part of an entry, 24 bytes.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct EntryHead {
    given_flags: u32,
    flags: u32,
    groups: u32,
    code_words: u32,
    names: u32,
    is_bytes: u32,
}

/// The arguments of `_sre.compile` for one pattern (CPython `Lib/re/_compiler.py`, `compile`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledRegex {
    /// The pattern: UTF-8 of a `str`, or the content of a `bytes`.
    pub pattern: Vec<u8>,
    /// Whether the pattern is `bytes`.
    pub is_bytes: bool,
    /// The flags given by the program.
    pub given_flags: u32,
    /// The flags that result (`flags | p.state.flags`).
    pub flags: u32,
    /// The matching engine's code.
    pub code: Vec<u32>,
    /// Number of groups.
    pub groups: u32,
    /// Group names with their numbers, in the order of definition.
    pub names: Vec<(String, u32)>,
}

/// The key of a pattern with the flags the program gave.
#[must_use]
pub fn key(pattern: &[u8], is_bytes: bool, given_flags: u32) -> u64 {
    (checksum::key(&[pattern, &[u8::from(is_bytes)], &given_flags.to_le_bytes()]) >> 64) as u64
}

const COUNT_BYTES: usize = 8;
const RECORD: usize = size_of::<RegexRecord>();

/// The content of a regexes section.
///
/// # Errors
/// [`Error::Unstorable`] if the section would pass 4 GiB.
pub fn encode(regexes: &[CompiledRegex]) -> Result<Vec<u8>> {
    let too_large = |_| Error::Unstorable("regular expressions of 4 GiB".to_owned());
    let mut entries: Vec<(u64, Vec<u8>)> = regexes
        .iter()
        .map(|r| Ok((key(&r.pattern, r.is_bytes, r.given_flags), r.encode()?)))
        .collect::<Result<_>>()?;
    entries.sort();
    entries.dedup_by_key(|(key, _)| *key);
    let count = u32::try_from(entries.len()).map_err(too_large)?;
    let mut offset = COUNT_BYTES + entries.len() * RECORD;
    let mut out = Vec::new();
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for (key, entry) in &entries {
        let record = RegexRecord {
            key: *key,
            offset: u32::try_from(offset).map_err(too_large)?,
            length: u32::try_from(entry.len()).map_err(too_large)?,
            checksum: checksum::of(entry),
        };
        out.extend_from_slice(record.as_bytes());
        offset += entry.len();
    }
    for (_, entry) in &entries {
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// Finds a pattern in the entries that `index` tells of; `read` gives bytes of the section, by offset and
/// length. `Ok(None)` where it is not there.
///
/// # Errors
/// Those of `read`, [`Error::Bounds`] or [`Error::Checksum`] where the section is damaged.
pub fn find(
    index: &[RegexRecord],
    read: impl FnOnce(u64, usize) -> Result<Vec<u8>>,
    pattern: &[u8],
    is_bytes: bool,
    given_flags: u32,
) -> Result<Option<CompiledRegex>> {
    let wanted = key(pattern, is_bytes, given_flags);
    let Ok(at) = index.binary_search_by_key(&wanted, |r| r.key) else {
        return Ok(None);
    };
    let record = &index[at];
    let found = decode(&read(record.offset.into(), record.length as usize)?, record)?;
    let same = found.pattern == pattern && found.is_bytes == is_bytes && found.given_flags == given_flags;
    Ok(same.then_some(found))
}

/// The index of a regexes section; `read` gives bytes of the section, by offset and length.
///
/// # Errors
/// Those of `read`.
pub fn read_index(read: impl Fn(u64, usize) -> Result<Vec<u8>>) -> Result<Vec<RegexRecord>> {
    let head = read(0, COUNT_BYTES)?;
    let count: [u8; 4] = head.get(..4).and_then(|b| b.try_into().ok()).ok_or_else(damaged)?;
    let length = (u32::from_le_bytes(count) as usize).checked_mul(RECORD).ok_or_else(damaged)?;
    let records = read(COUNT_BYTES as u64, length)?;
    // One by one: a vector of bytes need not be aligned, and an empty one is not.
    records
        .chunks_exact(RECORD)
        .map(|bytes| RegexRecord::read_from_bytes(bytes).map_err(|_| damaged()))
        .collect()
}

/// All entries of a regexes section, each verified.
///
/// # Errors
/// [`Error::Bounds`] or [`Error::Checksum`] at the first damaged one.
pub fn all(section: &[u8]) -> Result<Vec<CompiledRegex>> {
    index(section)?.iter().map(|r| entry(section, r)).collect()
}

fn damaged() -> Error {
    Error::Bounds("the regexes section".to_owned())
}

fn index(section: &[u8]) -> Result<&[RegexRecord]> {
    let count: [u8; 4] = section.get(..4).and_then(|b| b.try_into().ok()).ok_or_else(damaged)?;
    let end = (u32::from_le_bytes(count) as usize)
        .checked_mul(RECORD)
        .and_then(|n| n.checked_add(COUNT_BYTES))
        .ok_or_else(damaged)?;
    let bytes = section.get(COUNT_BYTES..end).ok_or_else(damaged)?;
    <[RegexRecord]>::ref_from_bytes(bytes).map_err(|_| damaged())
}

fn entry(section: &[u8], record: &RegexRecord) -> Result<CompiledRegex> {
    let start = record.offset as usize;
    decode(section.get(start..start + record.length as usize).ok_or_else(damaged)?, record)
}

fn decode(bytes: &[u8], record: &RegexRecord) -> Result<CompiledRegex> {
    if checksum::of(bytes) != record.checksum {
        return Err(Error::Checksum("a compiled regular expression".to_owned()));
    }
    CompiledRegex::decode(bytes).ok_or_else(damaged)
}

impl CompiledRegex {
    fn encode(&self) -> Result<Vec<u8>> {
        let number = |n: usize| {
            u32::try_from(n).map_err(|_| Error::Unstorable("a regular expression of 4 GiB".to_owned()))
        };
        let head = EntryHead {
            given_flags: self.given_flags,
            flags: self.flags,
            groups: self.groups,
            code_words: number(self.code.len())?,
            names: number(self.names.len())?,
            is_bytes: u32::from(self.is_bytes),
        };
        let mut out = head.as_bytes().to_vec();
        out.extend_from_slice(self.code.as_bytes());
        for (name, group) in &self.names {
            out.extend_from_slice(&group.to_le_bytes());
            out.extend_from_slice(&number(name.len())?.to_le_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        out.extend_from_slice(&self.pattern);
        Ok(out)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = EntryHead::read_from_prefix(bytes).ok()?;
        let code_bytes = (head.code_words as usize).checked_mul(4)?;
        let (code, mut rest) = (rest.get(..code_bytes)?, rest.get(code_bytes..)?);
        let code = code.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
        let mut names = Vec::new();
        for _ in 0..head.names {
            let (group, after) = u32::read_from_prefix(rest).ok()?;
            let (length, after) = u32::read_from_prefix(after).ok()?;
            let name = after.get(..length as usize)?;
            names.push((std::str::from_utf8(name).ok()?.to_owned(), group));
            rest = &after[length as usize..];
        }
        Some(Self {
            pattern: rest.to_vec(),
            is_bytes: head.is_bytes != 0,
            given_flags: head.given_flags,
            flags: head.flags,
            code,
            groups: head.groups,
            names,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_without_expressions_is_sound() {
        let section = encode(&[]).unwrap();
        let read = |offset, length| Ok(section[offset as usize..][..length].to_vec());
        assert!(read_index(read).unwrap().is_empty());
        assert!(all(&section).unwrap().is_empty());
    }
}
