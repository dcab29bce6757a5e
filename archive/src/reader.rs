//! Reading an archive: unchecked bytes come in, and what is handed out has been checked.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memmap2::{Mmap, MmapOptions};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::compiled::CompiledRecord;
use crate::error::{Error, Result};
use crate::header::{Header, SectionKind, SectionRecord};
use crate::heap::{ADDRESS_LIMIT, RANGE_ALIGN, RangeKind, RangeRecord, bitmap_words};
use crate::manifest::Manifest;
use crate::modules::{ModuleRecord, NO_RANGE, NameRef, RootRecord};
use crate::packing;
use crate::plan::Plan;
use crate::regex::{self, CompiledRegex, RegexRecord};
use crate::{checksum, header};

/// Most bytes that a decompressed manifest or module source may have.
const DECOMPRESSED_LIMIT: usize = 256 << 20;

/// An open archive: header and index verified, every record's offsets within bounds.
///
/// Header and index are mapped read-only and shared, and the whole file when another section is asked
/// for: the kernel maps the pages around what is touched, which counts as resident. So what a start needs of other
/// sections is read: regular expressions here, the heap's ranges from [`Archive::file`] by whoever relocates them.
pub struct Archive {
    path: PathBuf,
    file: File,
    /// Header and index.
    index: Mmap,
    /// The whole file, once something else is asked for.
    whole: OnceLock<Mmap>,
    /// The index of the regular expressions, once one is asked for.
    regexes: OnceLock<Vec<RegexRecord>>,
    header: Header,
    names: Span,
    roots: Span,
    modules: Span,
    ranges: Span,
    compiled: Span,
    heap: Span,
}

/// A section's place in the file: known to lie inside of it.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Archive {
    /// Opens the archive at `path` and verifies its header and index. The objects, sources,
    /// expressions and the manifest are not read.
    ///
    /// # Errors
    /// Any of [`enum@Error`]; the file is only ever read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let metadata = file.metadata().map_err(Error::io(path))?;
        if !metadata.is_file() {
            return Err(Error::NotAFile(path.to_owned()));
        }
        if metadata.len() == 0 {
            return Err(Error::Size { expected: header::PAGE as u64, found: 0 });
        }
        let mut page = [0; header::PAGE];
        let filled = file.read_at(&mut page, 0).map_err(Error::io(path))?;
        let header = Header::decode(&page[..filled], metadata.len())?;
        let index = header
            .sections
            .iter()
            .filter(|s| SectionKind::ALL.iter().any(|k| *k as u32 == s.kind && k.verified_at_open()));
        let end = to_usize(index.map(|s| s.offset + s.length).max().unwrap_or(0))?;
        let length = end.max(header::PAGE);
        // SAFETY: the map is read-only. Archives lie on read-only layers or are replaced by
        // rename, never written in place; a file cut short by force ends the process by SIGBUS,
        // which no reader of a map can exclude.
        let map = unsafe { MmapOptions::new().len(length).map(&file) }.map_err(Error::io(path))?;
        Self::check(path, file, map, header)
    }

    fn check(path: &Path, file: File, map: Mmap, header: Header) -> Result<Self> {
        let span = |kind: SectionKind| -> Result<Span> {
            let record = find(&header.sections, kind).ok_or(Error::MissingSection(kind.name()))?;
            let start = to_usize(record.offset)?;
            let end = start + to_usize(record.length)?;
            if kind.verified_at_open()
                && map.get(start..end).is_none_or(|b| checksum::of(b) != record.checksum)
            {
                return Err(Error::Checksum(format!("the {} section", kind.name())));
            }
            Ok(Span { start, end })
        };
        let archive = Self {
            path: path.to_owned(),
            names: span(SectionKind::Names)?,
            roots: span(SectionKind::Roots)?,
            modules: span(SectionKind::Modules)?,
            ranges: span(SectionKind::Ranges)?,
            compiled: span(SectionKind::Compiled)?,
            heap: span(SectionKind::Heap)?,
            file,
            index: map,
            whole: OnceLock::new(),
            regexes: OnceLock::new(),
            header,
        };
        archive.check_bounds()?;
        Ok(archive)
    }

    fn check_bounds(&self) -> Result<()> {
        let names = std::str::from_utf8(self.bytes(self.names))
            .map_err(|_| Error::Bounds("the names section is not UTF-8".to_owned()))?;
        let named = |name: NameRef, what: &str| {
            let start = name.offset as usize;
            names
                .get(start..start.saturating_add(name.length as usize))
                .map(|_| ())
                .ok_or_else(|| Error::Bounds(format!("{what} outside of the names section")))
        };
        for root in self.records::<RootRecord>(self.roots, "roots")? {
            named(root.path, "a root's path")?;
        }
        let stored_length = (self.heap.end - self.heap.start) as u64;
        let ranges = self.records::<RangeRecord>(self.ranges, "ranges")?;
        let mut end = 0;
        for (number, range) in ranges.iter().enumerate() {
            let stored = u64::from(range.stored_objects) + u64::from(range.stored_bitmaps);
            let sound = range.offset == end
                && range.length.is_multiple_of(RANGE_ALIGN as u32)
                && range.stored.checked_add(stored).is_some_and(|e| e <= stored_length);
            if !sound {
                return Err(Error::Bounds(format!("range {number}")));
            }
            end = range.offset + u64::from(range.length);
        }
        if self.header.preferred_base.saturating_add(end) > ADDRESS_LIMIT {
            return Err(Error::Bounds("preferred base in the header".to_owned()));
        }
        let count = |kind: RangeKind| ranges.iter().filter(|r| r.is(kind)).count();
        let persistent = count(RangeKind::Persistent);
        let in_order = [RangeKind::Pool, RangeKind::Persistent, RangeKind::Transient]
            .into_iter()
            .flat_map(|kind| std::iter::repeat_n(kind, count(kind)))
            .zip(ranges)
            .all(|(kind, range)| range.is(kind));
        if !in_order
            || persistent != count(RangeKind::Transient)
            || ranges.len() != count(RangeKind::Pool) + 2 * persistent
        {
            return Err(Error::Bounds("kinds of the ranges".to_owned()));
        }
        let code_inside = |range: u32, code: u32| {
            ranges
                .get(range as usize)
                .is_some_and(|r| r.is(RangeKind::Transient) && code.is_multiple_of(8) && code < r.length)
        };
        let modules = self.records::<ModuleRecord>(self.modules, "modules")?;
        let root_count = self.records::<RootRecord>(self.roots, "roots")?.len();
        for module in modules {
            named(module.name, "a module's name")?;
            named(module.path, "a module's path")?;
            let coded = module.range == NO_RANGE || code_inside(module.range, module.code);
            if !coded || usize::from(module.root) >= root_count {
                return Err(Error::Bounds(format!("module {}", self.name(module.name))));
            }
        }
        if !modules.is_sorted_by(|a, b| a.name_hash < b.name_hash) {
            return Err(Error::Bounds("order of the modules section".to_owned()));
        }
        let compiled = self.records::<CompiledRecord>(self.compiled, "compiled")?;
        if !compiled.iter().all(|c| code_inside(c.range, c.code)) {
            return Err(Error::Bounds("the compiled section".to_owned()));
        }
        Ok(())
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.index[span.start..span.end]
    }

    fn records<T: FromBytes + Immutable + KnownLayout>(&self, span: Span, what: &str) -> Result<&[T]> {
        <[T]>::ref_from_bytes(self.bytes(span))
            .map_err(|_| Error::Bounds(format!("length of the {what} section")))
    }

    fn checked_records<T: FromBytes + Immutable + KnownLayout>(&self, span: Span) -> &[T] {
        <[T]>::ref_from_bytes(self.bytes(span)).unwrap_or_default()
    }

    /// Where the archive is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for reading ranges.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The decoded header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A text of the names section.
    ///
    /// # Panics
    /// Never for a [`NameRef`] of this archive: they were checked when it was opened.
    #[must_use]
    pub fn name(&self, name: NameRef) -> &str {
        let start = name.offset as usize;
        let bytes = &self.bytes(self.names)[start..start + name.length as usize];
        // SAFETY: `check_bounds` saw that the whole section is UTF-8 and that this piece begins
        // and ends at character boundaries.
        unsafe { std::str::from_utf8_unchecked(bytes) }
    }

    /// The roots, in `sys.path` order.
    #[must_use]
    pub fn roots(&self) -> &[RootRecord] {
        self.checked_records(self.roots)
    }

    /// The modules, ordered by name hash.
    #[must_use]
    pub fn modules(&self) -> &[ModuleRecord] {
        self.checked_records(self.modules)
    }

    /// The ranges, in heap order: the pool's chunks, the persistent ones, the transient ones.
    #[must_use]
    pub fn ranges(&self) -> &[RangeRecord] {
        self.checked_records(self.ranges)
    }

    /// How far a transient range's number is from that of its persistent part.
    #[must_use]
    pub fn persistent_distance(&self) -> usize {
        let ranges = self.ranges();
        ranges.len() - ranges.partition_point(|r| !r.is(RangeKind::Transient))
    }

    /// The compiled texts, ordered by key.
    #[must_use]
    pub fn compiled(&self) -> &[CompiledRecord] {
        self.checked_records(self.compiled)
    }

    /// The number of the module called `name` in [`Archive::modules`].
    #[must_use]
    pub fn find_module(&self, name: &str) -> Option<usize> {
        let hash = checksum::of_name(name);
        let modules = self.modules();
        let at = modules.binary_search_by_key(&hash, |m| m.name_hash).ok()?;
        (self.name(modules[at].name) == name).then_some(at)
    }

    /// The compiled text with this key.
    #[must_use]
    pub fn find_compiled(&self, key: u128) -> Option<CompiledRecord> {
        let compiled = self.compiled();
        compiled.binary_search_by_key(&key, CompiledRecord::key).ok().map(|at| compiled[at])
    }

    /// What of the map was read when the archive was opened: header and index.
    #[must_use]
    pub fn index_bytes(&self) -> &[u8] {
        &self.index
    }

    /// Bytes that the heap takes when it is unpacked.
    #[must_use]
    pub fn heap_length(&self) -> u64 {
        self.ranges().last().map_or(0, |r| r.offset + u64::from(r.length))
    }

    /// Where a range is stored in the file: offset and length in bytes.
    #[must_use]
    pub fn stored_span(&self, range: &RangeRecord) -> (u64, usize) {
        (self.heap.start as u64 + range.stored, range.stored_objects as usize + range.stored_bitmaps as usize)
    }

    /// Verifies and unpacks `stored`, what [`Archive::stored_span`] gave the place of: the objects, as
    /// they are before relocation, and the bitmaps, the symbols' half first.
    ///
    /// # Errors
    /// [`Error::Checksum`] or [`Error::Decode`] if it is damaged; both are left in any state then.
    ///
    /// # Panics
    /// If `objects` is not as long as the range, or `bitmaps` not twice [`bitmap_words`].
    pub fn unpack(
        &self,
        range: &RangeRecord,
        stored: &[u8],
        objects: &mut [u8],
        bitmaps: &mut [u64],
    ) -> Result<()> {
        assert_eq!(objects.len(), range.length as usize, "the range's length");
        assert_eq!(bitmaps.len(), 2 * bitmap_words(range.length), "the bitmaps' length");
        let parts = stored.split_at_checked(range.stored_objects as usize);
        let Some((first, second)) = parts.filter(|_| checksum::of(stored) == range.checksum) else {
            return Err(Error::Checksum("its objects".to_owned()));
        };
        packing::unpack(first, objects)?;
        packing::unpack(second, bitmaps.as_mut_bytes())
    }

    /// The objects and bitmaps of a range, for whoever looks at an archive; see [`Archive::unpack`].
    ///
    /// # Errors
    /// As [`Archive::unpack`].
    pub fn range_content(&self, range: &RangeRecord) -> Result<(Vec<u8>, Vec<u64>)> {
        let (start, length) = self.stored_span(range);
        let stored = self.whole()?.get(start as usize..start as usize + length).ok_or_else(cut_short)?;
        // A block of LZ4 holds at most 255 times its length: what promises more is damaged, and not
        // worth the memory.
        if u64::from(range.length) > 256 * (u64::from(range.stored_objects) + 1) {
            return Err(Error::Decode { what: "range", why: "its length cannot be".to_owned() });
        }
        let mut objects = vec![0; range.length as usize];
        let mut bitmaps = vec![0; 2 * bitmap_words(range.length)];
        self.unpack(range, stored, &mut objects, &mut bitmaps)?;
        Ok((objects, bitmaps))
    }

    /// The source of a module, decompressed and verified; `None` where none was stored.
    ///
    /// # Errors
    /// [`Error::Bounds`], [`Error::Decode`] or [`Error::Checksum`] where it is damaged.
    pub fn source(&self, module: &ModuleRecord) -> Result<Option<Vec<u8>>> {
        if module.range == NO_RANGE {
            return Ok(None);
        }
        let section = self.section(SectionKind::Sources)?;
        let damaged = || Error::Bounds(format!("the source of {}", self.name(module.name)));
        let start = to_usize(module.source_offset)?;
        let stored = start
            .checked_add(module.source_stored as usize)
            .and_then(|end| section.get(start..end))
            .ok_or_else(damaged)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let length = to_usize(module.source_size)?;
        if length > DECOMPRESSED_LIMIT {
            return Err(damaged());
        }
        let content = zstd::bulk::decompress(stored, length)
            .map_err(|e| Error::Decode { what: "module source", why: e.to_string() })?;
        if checksum::of(&content) != module.source_hash {
            return Err(Error::Checksum(format!("the source of {}", self.name(module.name))));
        }
        Ok(Some(content))
    }

    /// The arguments of `_sre.compile` for a pattern, where the archive has them.
    ///
    /// # Errors
    /// [`Error::Bounds`] or [`Error::Checksum`] where the section is damaged.
    pub fn regex(&self, pattern: &[u8], is_bytes: bool, given_flags: u32) -> Result<Option<CompiledRegex>> {
        let section = self.record(SectionKind::Regexes)?;
        let read = |offset, length| self.read_of(section, offset, length);
        let index = match self.regexes.get() {
            Some(index) => index,
            None => {
                let index = regex::read_index(read)?;
                self.regexes.get_or_init(|| index)
            }
        };
        regex::find(index, read, pattern, is_bytes, given_flags)
    }

    /// Bytes of a section, read from the file: less of it becomes resident than by the map.
    fn read_of(&self, section: &SectionRecord, offset: u64, length: usize) -> Result<Vec<u8>> {
        if offset.checked_add(length as u64).is_none_or(|end| end > section.length) {
            return Err(Error::Bounds("a read outside of its section".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, section.offset + offset).map_err(|_| cut_short())?;
        Ok(bytes)
    }

    /// All compiled regular expressions.
    ///
    /// # Errors
    /// As [`Archive::regex`].
    pub fn regexes(&self) -> Result<Vec<CompiledRegex>> {
        regex::all(self.section(SectionKind::Regexes)?)
    }

    /// The manifest.
    ///
    /// # Errors
    /// [`Error::Checksum`] or [`Error::Decode`] where it is damaged.
    pub fn manifest(&self) -> Result<Manifest> {
        let decode = |why: String| Error::Decode { what: "manifest", why };
        let section = self.section(SectionKind::Manifest)?;
        self.verify_section(SectionKind::Manifest)?;
        let length = zstd::zstd_safe::get_frame_content_size(section)
            .ok()
            .flatten()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n <= DECOMPRESSED_LIMIT)
            .ok_or_else(|| decode("no plausible length".to_owned()))?;
        let json = zstd::bulk::decompress(section, length).map_err(|e| decode(e.to_string()))?;
        serde_json::from_slice(&json).map_err(|e| decode(e.to_string()))
    }

    /// The bytes of a section, not verified.
    ///
    /// # Errors
    /// [`Error::MissingSection`], or [`Error::Io`] if the file cannot be mapped.
    pub fn section(&self, kind: SectionKind) -> Result<&[u8]> {
        self.bytes_of(self.record(kind)?)
    }

    fn record(&self, kind: SectionKind) -> Result<&SectionRecord> {
        find(&self.header.sections, kind).ok_or(Error::MissingSection(kind.name()))
    }

    /// The bytes of one of the header's sections, of whatever kind.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be mapped.
    pub fn bytes_of(&self, section: &SectionRecord) -> Result<&[u8]> {
        // `Header::decode` saw that every section lies within the file, as long as it was then.
        let place = section.offset as usize..(section.offset + section.length) as usize;
        self.whole()?.get(place).ok_or_else(cut_short)
    }

    fn whole(&self) -> Result<&Mmap> {
        if let Some(map) = self.whole.get() {
            return Ok(map);
        }
        // SAFETY: as for the index.
        let map = unsafe { Mmap::map(&self.file) }.map_err(Error::io(&self.path))?;
        Ok(self.whole.get_or_init(|| map))
    }

    /// The prefetch plan, verified; `None` where the archive has none.
    ///
    /// # Errors
    /// [`Error::Checksum`] or [`Error::Bounds`] where it is damaged.
    pub fn plan(&self) -> Result<Option<Plan<'_>>> {
        if find(&self.header.sections, SectionKind::Plan).is_none() {
            return Ok(None);
        }
        self.verify_section(SectionKind::Plan)?;
        Plan::check(self.section(SectionKind::Plan)?, self.header.file_size).map(Some)
    }

    /// Verifies the checksum of a whole section. An optional section that is not there is sound.
    ///
    /// # Errors
    /// [`Error::Checksum`] or [`Error::MissingSection`].
    pub fn verify_section(&self, kind: SectionKind) -> Result<()> {
        let Some(record) = find(&self.header.sections, kind) else {
            return if kind.is_optional() { Ok(()) } else { Err(Error::MissingSection(kind.name())) };
        };
        if checksum::of(self.section(kind)?) == record.checksum {
            Ok(())
        } else {
            Err(Error::Checksum(format!("the {} section", kind.name())))
        }
    }
}

fn find(sections: &[SectionRecord], kind: SectionKind) -> Option<&SectionRecord> {
    sections.iter().find(|s| s.kind == kind as u32)
}

fn cut_short() -> Error {
    Error::Bounds("the file was cut short".to_owned())
}

fn to_usize(n: u64) -> Result<usize> {
    usize::try_from(n).map_err(|_| Error::Bounds(format!("offset {n}")))
}
