//! The prefetch plan: what a cold start reads, in the order in which it is to be read ahead.
//!
//! The section is self-contained and stands right behind the header page, so that one read brings
//! both, and whoever reads ahead needs nothing else of the archive: a 16-byte head (number of
//! records, zeros), the records, and the text that their names point into.
//!
//! [`Planned::open`] reads header and plan without mapping the file: an archive that is cut short
//! while it is read ahead is an error value there, not a signal.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::checksum;
use crate::error::{Error, Result};
use crate::header::{Header, PAGE, SectionKind};
use crate::modules::NameRef;

/// Bytes before the first record.
const HEAD: usize = 16;
/// Longest plan that is read, in bytes: a damaged length must not exhaust memory.
const LONGEST: u64 = 16 << 20;

/// What the path of a planned file is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u16)]
pub enum Base {
    /// The archive itself; there is no path.
    Archive = 0,
    /// The function's directory.
    Function = 1,
    /// The layer's directory (`/opt`).
    Layer = 2,
    /// The directory that the interpreter is installed in (`sys.base_prefix`).
    Runtime = 3,
    /// Another entry of `sys.path`, such as a `site-packages`.
    Path = 4,
    /// The root of the file system.
    Absolute = 5,
}

impl Base {
    /// Every base.
    pub const ALL: [Self; 6] =
        [Self::Archive, Self::Function, Self::Layer, Self::Runtime, Self::Path, Self::Absolute];

    /// Lower-case name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Function => "function",
            Self::Layer => "layer",
            Self::Runtime => "runtime",
            Self::Path => "path",
            Self::Absolute => "absolute",
        }
    }
}

/// Bits of [`PlanRecord::flags`].
pub mod plan_flags {
    /// Needed at the very beginning: read-ahead of it is submitted before anything else is done.
    pub const HOT: u16 = 1;
}

/// One range to be read ahead, 48 bytes. The records stand in reading order; those of one file
/// need not stand together.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct PlanRecord {
    /// Path relative to the base; empty for [`Base::Archive`].
    pub path: NameRef,
    /// The base's directory at snapshot time, absolute; empty for [`Base::Archive`].
    pub origin: NameRef,
    /// Where the range begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes, not 0.
    pub length: u64,
    /// Bytes of the file at snapshot time: a file of another size is another file. 0 for
    /// [`Base::Archive`].
    pub file_size: u64,
    /// A [`Base`] as a number.
    pub base: u16,
    /// Bits of [`plan_flags`].
    pub flags: u16,
    /// Reserved, 0.
    pub reserved: u32,
}

/// A range to be written into a plan, its names in full.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlanEntry {
    /// What `path` is relative to.
    pub base: Base,
    /// The base's directory at snapshot time; empty for [`Base::Archive`].
    pub origin: String,
    /// Path relative to the base; empty for [`Base::Archive`].
    pub path: String,
    /// Where the range begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Bytes of the file; 0 for [`Base::Archive`].
    pub file_size: u64,
    /// [`plan_flags::HOT`].
    pub hot: bool,
}

/// The content of a plan section.
///
/// # Errors
/// [`Error::Unstorable`] if there are 2^32 entries or 4 GiB of names.
pub fn encode(entries: &[PlanEntry]) -> Result<Vec<u8>> {
    let too_large = |_| Error::Unstorable("a plan of 4 GiB".to_owned());
    let mut text = String::new();
    let mut known: HashMap<&str, NameRef> = HashMap::new();
    let mut name = |name| -> Result<NameRef> {
        if let Some(known) = known.get(name) {
            return Ok(*known);
        }
        let place = NameRef {
            offset: u32::try_from(text.len()).map_err(too_large)?,
            length: u32::try_from(str::len(name)).map_err(too_large)?,
        };
        text.push_str(name);
        known.insert(name, place);
        Ok(place)
    };
    let mut bytes = vec![0; HEAD];
    bytes[..4].copy_from_slice(&u32::try_from(entries.len()).map_err(too_large)?.to_le_bytes());
    for entry in entries {
        let record = PlanRecord {
            path: name(&entry.path)?,
            origin: name(&entry.origin)?,
            offset: entry.offset,
            length: entry.length,
            file_size: entry.file_size,
            base: entry.base as u16,
            flags: if entry.hot { plan_flags::HOT } else { 0 },
            reserved: 0,
        };
        bytes.extend_from_slice(record.as_bytes());
    }
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

/// A plan whose records were checked, used in place.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    records: &'a [PlanRecord],
    text: &'a str,
}

impl<'a> Plan<'a> {
    /// Checks a plan section (8-byte aligned) of an archive of `archive_size` bytes. Afterwards
    /// every name is inside the text, every range inside its file, and no path leaves its base.
    ///
    /// # Errors
    /// [`Error::Bounds`].
    pub fn check(section: &'a [u8], archive_size: u64) -> Result<Self> {
        let damaged = |what: &str| Error::Bounds(format!("{what} of the plan section"));
        let count = section.first_chunk().map(|c| u32::from_le_bytes(*c)).ok_or_else(|| damaged("length"))?;
        let (records, text) = section
            .get(HEAD..)
            .and_then(|rest| rest.split_at_checked(size_of::<PlanRecord>().checked_mul(count as usize)?))
            .ok_or_else(|| damaged("length"))?;
        let records = <[PlanRecord]>::ref_from_bytes(records).map_err(|_| damaged("alignment"))?;
        let text = std::str::from_utf8(text).map_err(|_| damaged("text"))?;
        let plan = Self { records, text };
        for (number, record) in records.iter().enumerate() {
            if !plan.is_sound(record, archive_size) {
                return Err(damaged(&format!("record {number}")));
            }
        }
        Ok(plan)
    }

    fn is_sound(&self, record: &PlanRecord, archive_size: u64) -> bool {
        let (Some(path), Some(origin)) = (self.text(record.path), self.text(record.origin)) else {
            return false;
        };
        let Some(base) = Base::ALL.get(usize::from(record.base)) else { return false };
        let size = if *base == Base::Archive { archive_size } else { record.file_size };
        let named = match base {
            Base::Archive => path.is_empty() && origin.is_empty(),
            _ => origin.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | "..")),
        };
        named
            && record.length > 0
            && record.offset.checked_add(record.length).is_some_and(|end| end <= size)
            && !path.contains('\0')
            && !origin.contains('\0')
    }

    fn text(&self, name: NameRef) -> Option<&'a str> {
        let start = name.offset as usize;
        self.text.get(start..start.checked_add(name.length as usize)?)
    }

    /// The records, in reading order.
    #[must_use]
    pub fn records(&self) -> &'a [PlanRecord] {
        self.records
    }

    /// What a record's path is relative to.
    #[must_use]
    pub fn base(&self, record: &PlanRecord) -> Base {
        Base::ALL.get(usize::from(record.base)).copied().unwrap_or(Base::Absolute)
    }

    /// A record's path, relative to its base.
    #[must_use]
    pub fn path(&self, record: &PlanRecord) -> &'a str {
        self.text(record.path).unwrap_or_default()
    }

    /// Where a record's base was at snapshot time.
    #[must_use]
    pub fn origin(&self, record: &PlanRecord) -> &'a str {
        self.text(record.origin).unwrap_or_default()
    }

    /// The records with their names in full.
    #[must_use]
    pub fn entries(&self) -> Vec<PlanEntry> {
        let entry = |record: &PlanRecord| PlanEntry {
            base: self.base(record),
            origin: self.origin(record).to_owned(),
            path: self.path(record).to_owned(),
            offset: record.offset,
            length: record.length,
            file_size: record.file_size,
            hot: record.flags & plan_flags::HOT != 0,
        };
        self.records.iter().map(entry).collect()
    }
}

/// An archive of which only header and plan were read.
pub struct Planned {
    path: PathBuf,
    file: File,
    header: Header,
    /// The section, in words for its alignment.
    section: Vec<u64>,
    length: usize,
}

impl Planned {
    /// Reads and verifies header and plan of the archive at `path`.
    ///
    /// # Errors
    /// As [`crate::Archive::open`]; [`Error::MissingSection`] for an archive without a plan.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path, File::open(path).map_err(Error::io(path))?)
    }

    /// The same for a file that is open already. `path` is for errors.
    ///
    /// # Errors
    /// As [`Planned::open`].
    pub fn read(path: &Path, file: File) -> Result<Self> {
        let metadata = file.metadata().map_err(Error::io(path))?;
        if !metadata.is_file() {
            return Err(Error::NotAFile(path.to_owned()));
        }
        let mut page = [0; PAGE];
        let present = metadata.len().min(PAGE as u64) as usize;
        file.read_exact_at(&mut page[..present], 0).map_err(Error::io(path))?;
        let header = Header::decode(&page[..present], metadata.len())?;
        let record =
            header.section(SectionKind::Plan).ok_or(Error::MissingSection(SectionKind::Plan.name()))?;
        if record.length > LONGEST {
            return Err(Error::Bounds("length of the plan section".to_owned()));
        }
        let length = record.length as usize;
        let mut section = vec![0_u64; length.div_ceil(8)];
        let bytes = &mut section.as_mut_bytes()[..length];
        file.read_exact_at(bytes, record.offset).map_err(Error::io(path))?;
        if checksum::of(bytes) != record.checksum {
            return Err(Error::Checksum("the plan section".to_owned()));
        }
        Plan::check(bytes, header.file_size)?;
        Ok(Self { path: path.to_owned(), file, header, section, length })
    }

    /// Where the archive is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The decoded header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> Plan<'_> {
        // It was checked when the archive was opened.
        Plan::check(&self.section.as_bytes()[..self.length], self.header.file_size)
            .unwrap_or(Plan { records: &[], text: "" })
    }
}
