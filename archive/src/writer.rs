//! Writing an archive: all of it, or nothing.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zerocopy::IntoBytes;

use crate::checksum;
use crate::compiled::CompiledRecord;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::header::{Header, MINOR, PAGE, SectionKind, SectionRecord, StringMark, Validation};
use crate::heap::{HeapBuilder, RangeId};
use crate::manifest::Manifest;
use crate::modules::{ModuleRecord, NO_RANGE, NameRef, RootKind, RootRecord};
use crate::plan::{self, Base, PlanEntry};
use crate::reader::Archive;
use crate::regex::{self, CompiledRegex};

/// Compression level of sources and manifest: read rarely, written once.
const ZSTD_LEVEL: i32 = 9;

/// A module to be written.
#[derive(Debug, Clone)]
pub struct ModuleEntry {
    /// Full dotted name.
    pub name: String,
    /// Number of its root in [`Contents::roots`].
    pub root: u16,
    /// Path relative to the root.
    pub path: String,
    /// Bits of [`crate::modules::module_flags`].
    pub flags: u16,
    /// Its range and the offset of the code object in it; `None` for an extension module.
    pub code: Option<(RangeId, u32)>,
    /// The source file, where there is one.
    pub source: Option<Source>,
}

/// A module's source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its content as it is on disk.
    pub content: Vec<u8>,
    /// Modification time, in seconds since 1970.
    pub mtime: i64,
}

/// The code of a piece of source text.
#[derive(Debug, Clone, Copy)]
pub struct CompiledEntry {
    /// [`crate::compiled::key`].
    pub key: u128,
    /// Its range.
    pub range: RangeId,
    /// Offset of the code object in the range, in bytes.
    pub code: u32,
}

/// All that goes into an archive.
pub struct Contents {
    /// What the archive is for.
    pub fingerprint: Fingerprint,
    /// How staleness is judged.
    pub validation: Validation,
    /// `sys.flags.optimize` that the code was compiled with.
    pub optimize: u8,
    /// How an interned string of the heap is marked.
    pub string_mark: StringMark,
    /// How many objects the target left to the garbage collector.
    pub garbage: u32,
    /// Directories that paths are relative to, in `sys.path` order.
    pub roots: Vec<(RootKind, String)>,
    /// The objects.
    pub heap: HeapBuilder,
    /// The modules.
    pub modules: Vec<ModuleEntry>,
    /// Compiled source texts.
    pub compiled: Vec<CompiledEntry>,
    /// Compiled regular expressions.
    pub regexes: Vec<CompiledRegex>,
    /// For people and tools. [`crate::manifest::Module::bytes`] is filled in here.
    pub manifest: Manifest,
}

#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    known: HashMap<String, NameRef>,
}

impl Names {
    fn add(&mut self, text: &str) -> Result<NameRef> {
        if let Some(known) = self.known.get(text) {
            return Ok(*known);
        }
        let too_large = |_| Error::Unstorable("names of 4 GiB".to_owned());
        let name = NameRef {
            offset: u32::try_from(self.bytes.len()).map_err(too_large)?,
            length: u32::try_from(text.len()).map_err(too_large)?,
        };
        self.bytes.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), name);
        Ok(name)
    }
}

/// The address the heap is written for: the same for the same content, different for different
/// archives, below 2^38 so that machines with 39-bit user addresses have it too.
fn preferred_base(contents: &Contents) -> u64 {
    const LOWEST: u64 = 0x20_0000_0000;
    const STEP: u64 = 0x20_0000;
    let key = checksum::key(&[
        &contents.fingerprint.hash().to_le_bytes(),
        contents.manifest.name.as_bytes(),
        contents.manifest.target.as_bytes(),
    ]);
    LOWEST + (key as u64 % 0x4000) * STEP
}

/// Writes an archive at `path`: to a temporary file beside it, synchronised, then renamed. Returns
/// its length in bytes.
///
/// # Errors
/// [`Error::Io`] if a file operation fails, [`Error::Unstorable`] if the content does not fit the
/// format. Nothing is left at `path` that was not there before.
pub fn write(mut contents: Contents, path: &Path) -> Result<u64> {
    let base = preferred_base(&contents);
    let heap = std::mem::take(&mut contents.heap).build(base)?;
    let mut names = Names::default();
    let mut sources = Vec::new();
    let mut records = Vec::with_capacity(contents.modules.len());
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(Error::io(path))?;
    for module in &contents.modules {
        let mut record = ModuleRecord {
            name_hash: checksum::of_name(&module.name),
            name: names.add(&module.name)?,
            path: names.add(&module.path)?,
            root: module.root,
            flags: module.flags,
            range: NO_RANGE,
            code: 0,
            source_stored: 0,
            source_offset: sources.len() as u64,
            source_size: 0,
            source_mtime: 0,
            source_hash: 0,
            reserved: 0,
        };
        if let Some((range, code)) = module.code {
            record.range = heap.range_number(range);
            record.code = code;
            for shown in contents.manifest.modules.iter_mut().filter(|m| m.name == module.name) {
                shown.bytes = heap.size_of(range);
            }
        }
        if let Some(source) = &module.source {
            record.source_size = source.content.len() as u64;
            record.source_mtime = source.mtime;
            record.source_hash = checksum::of(&source.content);
            let stored = compressor.compress(&source.content).map_err(Error::io(path))?;
            record.source_stored = u32::try_from(stored.len())
                .map_err(|_| Error::Unstorable(format!("the source of {}", module.name)))?;
            sources.extend_from_slice(&stored);
        }
        records.push(record);
    }
    records.sort_by_key(|r| r.name_hash);
    if let Some(pair) = records.windows(2).find(|w| w[0].name_hash == w[1].name_hash) {
        let _ = pair;
        return Err(Error::Unstorable("two modules with the same name (or name hash)".to_owned()));
    }

    let mut roots = Vec::with_capacity(contents.roots.len());
    for (kind, path) in &contents.roots {
        roots.push(RootRecord { path: names.add(path)?, kind: *kind as u32, reserved: 0 });
    }
    let mut compiled: Vec<CompiledRecord> = contents
        .compiled
        .iter()
        .map(|c| CompiledRecord {
            key_high: (c.key >> 64) as u64,
            key_low: c.key as u64,
            range: heap.range_number(c.range),
            code: c.code,
        })
        .collect();
    compiled.sort_by_key(CompiledRecord::key);
    compiled.dedup_by_key(|c| c.key());
    let regexes = regex::encode(&contents.regexes)?;
    let json = serde_json::to_vec(&contents.manifest)
        .map_err(|e| Error::Unstorable(format!("the manifest: {e}")))?;
    let manifest = compressor.compress(&json).map_err(Error::io(path))?;

    let sections: [(u32, &[u8]); 9] = [
        (SectionKind::Names as u32, &names.bytes),
        (SectionKind::Roots as u32, roots.as_bytes()),
        (SectionKind::Modules as u32, records.as_bytes()),
        (SectionKind::Ranges as u32, heap.ranges.as_bytes()),
        (SectionKind::Compiled as u32, compiled.as_bytes()),
        // The first import of `re` asks for these: they are read with the index.
        (SectionKind::Regexes as u32, &regexes),
        (SectionKind::Heap as u32, &heap.bytes),
        (SectionKind::Sources as u32, &sources),
        (SectionKind::Manifest as u32, &manifest),
    ];
    let header = Header {
        minor: MINOR,
        file_size: 0,
        fingerprint: contents.fingerprint,
        validation: contents.validation,
        optimize: contents.optimize,
        preferred_base: base,
        string_mark: contents.string_mark,
        garbage: contents.garbage,
        sections: Vec::new(),
    };
    store(header, &sections, 0o644, path)
}

/// Writes the archive at `path` again with a prefetch plan, which replaces the one it may have.
/// Returns its new length in bytes.
///
/// Ranges of the archive itself are given as the file is now. The plan goes right behind the
/// header page and everything else moves up; the ranges are adjusted to that.
///
/// # Errors
/// As [`write`]; those of [`Archive::open`]. The archive is left as it was then.
pub fn add_plan(path: &Path, entries: &[PlanEntry]) -> Result<u64> {
    let archive = Archive::open(path)?;
    let header = archive.header();
    let others = || header.sections.iter().filter(|s| s.kind != SectionKind::Plan as u32);
    let mut sections: Vec<(u32, &[u8])> = vec![(SectionKind::Plan as u32, &[])];
    for section in others() {
        sections.push((section.kind, archive.bytes_of(section)?));
    }
    // Where the other sections begin now, and where they will.
    let before = others().next().map_or(header.file_size, |s| s.offset);
    let length = plan::encode(entries)?.len();
    let after = (PAGE + length).next_multiple_of(PAGE) as u64;
    let moved = |offset: u64| if offset < before { offset } else { offset - before + after };
    let mut entries = entries.to_vec();
    for entry in entries.iter_mut().filter(|e| e.base == Base::Archive) {
        let end = entry.offset.saturating_add(entry.length);
        entry.offset = moved(entry.offset);
        entry.length = moved(end).saturating_sub(entry.offset);
    }
    let plan = plan::encode(&entries)?;
    sections[0].1 = &plan;
    let mode = archive.file().metadata().map_err(Error::io(path))?.permissions().mode();
    store(header.clone(), &sections, mode & 0o777, path)
}

/// Writes the archive at `path` again with the process image whose section is `bytes`, in place of
/// the one that it may have; the file gets the permissions `mode`. Returns its new length in bytes.
///
/// # Errors
/// As [`add_plan`].
pub fn add_image(path: &Path, bytes: &[u8], mode: u32) -> Result<u64> {
    let archive = Archive::open(path)?;
    let header = archive.header();
    let mut sections = Vec::new();
    for section in header.sections.iter().filter(|s| s.kind != SectionKind::Image as u32) {
        sections.push((section.kind, archive.bytes_of(section)?));
    }
    sections.push((SectionKind::Image as u32, bytes));
    store(header.clone(), &sections, mode, path)
}

/// Lays the sections out, completes `header` by them and puts the file in place.
fn store(mut header: Header, sections: &[(u32, &[u8])], mode: u32, path: &Path) -> Result<u64> {
    header.sections.clear();
    let mut end = PAGE;
    for (kind, bytes) in sections {
        let offset = end.next_multiple_of(PAGE);
        header.sections.push(SectionRecord {
            kind: *kind,
            flags: 0,
            offset: offset as u64,
            length: bytes.len() as u64,
            checksum: checksum::of(bytes),
            reserved: 0,
        });
        end = offset + bytes.len();
    }
    header.file_size = end as u64;
    let header = header.encode()?;

    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".glowplug-")
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(Error::io(folder))?;
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(Error::io(path));
    put(header.as_bytes())?;
    let mut at = PAGE;
    for (_, bytes) in sections {
        put(&vec![0; at.next_multiple_of(PAGE) - at])?;
        at = at.next_multiple_of(PAGE);
        put(bytes)?;
        at += bytes.len();
    }
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|e| Error::io(path)(e.error))?;
    if let Ok(folder) = std::fs::File::open(folder) {
        // The rename is durable once the folder is; a file system that cannot do it is no error.
        let _ = folder.sync_all();
    }
    Ok(end as u64)
}
