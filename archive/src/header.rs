//! The header page: the first 4096 bytes of an archive.

use zerocopy::{FromBytes as _, IntoBytes as _};

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::{checksum, heap};

pub use glowplug_records::header::{HeaderPage, MAGIC, MAJOR, MAX_SECTIONS, PAGE, SectionRecord, StringMark};

/// Minor version: sections and flags that an older reader may skip.
pub const MINOR: u16 = 0;
/// Kinds of sections. Unknown kinds are skipped by a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum SectionKind {
    /// UTF-8 text that the other index sections point into.
    Names = 1,
    /// [`crate::modules::RootRecord`]s.
    Roots = 2,
    /// [`crate::modules::ModuleRecord`]s, ordered by name hash.
    Modules = 3,
    /// [`heap::RangeRecord`]s.
    Ranges = 4,
    /// The objects and their relocation bitmaps.
    Heap = 6,
    /// [`crate::compiled::CompiledRecord`]s, ordered by key.
    Compiled = 7,
    /// Compiled regular expressions.
    Regexes = 8,
    /// Module sources, one zstd frame each.
    Sources = 9,
    /// zstd-compressed JSON of [`crate::Manifest`].
    Manifest = 10,
    /// The prefetch plan ([`crate::plan`]); not every archive has one.
    Plan = 11,
    /// The process image ([`crate::image`]); not every archive has one.
    Image = glowplug_records::header::IMAGE_SECTION,
}

impl SectionKind {
    /// Every kind this version knows.
    pub const ALL: [Self; 11] = [
        Self::Names,
        Self::Roots,
        Self::Modules,
        Self::Ranges,
        Self::Heap,
        Self::Compiled,
        Self::Regexes,
        Self::Sources,
        Self::Manifest,
        Self::Plan,
        Self::Image,
    ];

    /// Lower-case name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Roots => "roots",
            Self::Modules => "modules",
            Self::Ranges => "ranges",
            Self::Heap => "heap",
            Self::Compiled => "compiled",
            Self::Regexes => "regexes",
            Self::Sources => "sources",
            Self::Manifest => "manifest",
            Self::Plan => "plan",
            Self::Image => "image",
        }
    }

    /// Whether the section is small and needed at every start, so that its checksum is verified
    /// when the archive is opened. The others are verified piece by piece when they are used.
    #[must_use]
    pub const fn verified_at_open(self) -> bool {
        matches!(self, Self::Names | Self::Roots | Self::Modules | Self::Ranges | Self::Compiled)
    }

    /// Whether an archive may be without the section.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Plan | Self::Image)
    }

    /// The name for a section number found in a file.
    #[must_use]
    pub fn name_of(kind: u32) -> String {
        Self::ALL
            .into_iter()
            .find(|k| *k as u32 == kind)
            .map_or_else(|| format!("unknown section {kind}"), |k| k.name().to_owned())
    }
}

/// How the staleness of a served module is judged (PEP 552's names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Validation {
    /// The source's modification time (seconds) and size must match.
    CheckedStat = 0,
    /// The XXH3-64 of the source's content must match.
    CheckedHash = 1,
    /// Served as it is; a missing source is not missed.
    Unchecked = 2,
}

impl Validation {
    fn from_byte(byte: u8) -> Result<Self> {
        match byte {
            0 => Ok(Self::CheckedStat),
            1 => Ok(Self::CheckedHash),
            2 => Ok(Self::Unchecked),
            other => Err(Error::Bounds(format!("validation mode {other} in the header"))),
        }
    }

    /// The name used on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CheckedStat => "checked-stat",
            Self::CheckedHash => "checked-hash",
            Self::Unchecked => "unchecked",
        }
    }
}

/// What the header says, decoded and checked.
#[derive(Debug, Clone)]
pub struct Header {
    /// Minor version of the format.
    pub minor: u16,
    /// Bytes of the whole file.
    pub file_size: u64,
    /// What the archive was built for.
    pub fingerprint: Fingerprint,
    /// How staleness is judged.
    pub validation: Validation,
    /// `sys.flags.optimize` of the interpreter that compiled the code.
    pub optimize: u8,
    /// The address that pointers within the heap assume, a multiple of [`PAGE`].
    pub preferred_base: u64,
    /// How an interned string of the heap is marked.
    pub string_mark: StringMark,
    /// How many objects the target left to the garbage collector at snapshot time; 0 where it was not told.
    pub garbage: u32,
    /// The sections, in file order.
    pub sections: Vec<SectionRecord>,
}

fn tagged<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N]> {
    let mut out = [0; N];
    if bytes.len() >= N {
        return Err(Error::Unstorable(format!("{what} of {} bytes", bytes.len())));
    }
    out[0] = u8::try_from(bytes.len()).expect("shorter than N");
    out[1..=bytes.len()].copy_from_slice(bytes);
    Ok(out)
}

fn untagged(field: &[u8], what: &str) -> Result<Vec<u8>> {
    field
        .get(1..=usize::from(field[0]))
        .map(<[u8]>::to_vec)
        .ok_or_else(|| Error::Bounds(format!("length of the {what} in the header")))
}

impl Header {
    /// The place of a section, if the archive has it.
    #[must_use]
    pub fn section(&self, kind: SectionKind) -> Option<&SectionRecord> {
        self.sections.iter().find(|s| s.kind == kind as u32)
    }

    /// The header as a page, its checksum filled in.
    ///
    /// # Errors
    /// [`Error::Unstorable`] if a field is longer than its place or there are too many sections.
    pub fn encode(&self) -> Result<HeaderPage> {
        if self.sections.len() > MAX_SECTIONS {
            return Err(Error::Unstorable(format!("{} sections", self.sections.len())));
        }
        let mut sections = [SectionRecord::default(); MAX_SECTIONS];
        sections[..self.sections.len()].copy_from_slice(&self.sections);
        let mut page = HeaderPage {
            magic: MAGIC,
            major: MAJOR,
            minor: self.minor,
            section_count: u32::try_from(self.sections.len()).expect("at most 64"),
            file_size: self.file_size,
            fingerprint: self.fingerprint.hash(),
            machine: self.fingerprint.machine,
            validation: self.validation as u8,
            optimize: self.optimize,
            page_size: self.fingerprint.page_size,
            python_version: self.fingerprint.python_version,
            flags: self.fingerprint.flags,
            preferred_base: self.preferred_base,
            soabi: tagged(self.fingerprint.soabi.as_bytes(), "ABI tag")?,
            interpreter: tagged(&self.fingerprint.interpreter, "interpreter build-id")?,
            libc: tagged(&self.fingerprint.libc, "C library build-id")?,
            padding: [0; 6],
            sections,
            string_mark: self.string_mark,
            garbage: self.garbage,
            reserved: [0; 1340],
            checksum: 0,
        };
        page.checksum = checksum::of(&page.as_bytes()[..PAGE - 8]);
        Ok(page)
    }

    /// Reads and checks the header of a file of which `bytes` are the first [`PAGE`] and
    /// `file_size` the length. Afterwards every section lies inside the file.
    ///
    /// # Errors
    /// [`Error::Magic`], [`Error::Version`], [`Error::Size`], [`Error::Checksum`],
    /// [`Error::Bounds`]: in this order, so that the message names the outermost thing wrong.
    pub fn decode(bytes: &[u8], file_size: u64) -> Result<Self> {
        if !bytes.starts_with(&MAGIC) {
            return Err(if file_size < PAGE as u64 && MAGIC.starts_with(bytes.get(..8).unwrap_or(bytes)) {
                Error::Size { expected: PAGE as u64, found: file_size }
            } else {
                Error::Magic
            });
        }
        let Some(page) = bytes.get(..PAGE) else {
            return Err(Error::Size { expected: PAGE as u64, found: file_size });
        };
        let raw = HeaderPage::read_from_bytes(page).expect("exactly one page");
        if raw.major != MAJOR {
            return Err(Error::Version { found: raw.major, supported: MAJOR });
        }
        if raw.checksum != checksum::of(&page[..PAGE - 8]) {
            return Err(Error::Checksum("the header".to_owned()));
        }
        if raw.file_size != file_size {
            return Err(Error::Size { expected: raw.file_size, found: file_size });
        }
        let count = raw.section_count as usize;
        let sections = raw
            .sections
            .get(..count)
            .ok_or_else(|| Error::Bounds(format!("{count} sections in the header")))?
            .to_vec();
        let mut end = PAGE as u64;
        for s in &sections {
            let name = || SectionKind::name_of(s.kind);
            if !s.offset.is_multiple_of(PAGE as u64) || s.offset < end {
                return Err(Error::Bounds(format!("offset of section {}", name())));
            }
            end = s
                .offset
                .checked_add(s.length)
                .filter(|end| *end <= file_size)
                .ok_or_else(|| Error::Bounds(format!("length of section {}", name())))?;
        }
        let header = Self {
            minor: raw.minor,
            file_size,
            fingerprint: Fingerprint {
                machine: raw.machine,
                page_size: raw.page_size,
                python_version: raw.python_version,
                flags: raw.flags,
                soabi: String::from_utf8(untagged(&raw.soabi, "ABI tag")?)
                    .map_err(|_| Error::Bounds("ABI tag in the header".to_owned()))?,
                interpreter: untagged(&raw.interpreter, "interpreter build-id")?,
                libc: untagged(&raw.libc, "C library build-id")?,
            },
            validation: Validation::from_byte(raw.validation)?,
            optimize: raw.optimize,
            preferred_base: raw.preferred_base,
            string_mark: raw.string_mark,
            garbage: raw.garbage,
            sections,
        };
        if header.fingerprint.hash() != raw.fingerprint {
            return Err(Error::Bounds("fingerprint in the header".to_owned()));
        }
        if !raw.preferred_base.is_multiple_of(PAGE as u64) || raw.preferred_base >= heap::ADDRESS_LIMIT {
            return Err(Error::Bounds("preferred base in the header".to_owned()));
        }
        if !raw.string_mark.offset.is_multiple_of(4) || raw.string_mark.offset > 36 {
            return Err(Error::Bounds("string mark in the header".to_owned()));
        }
        Ok(header)
    }
}
