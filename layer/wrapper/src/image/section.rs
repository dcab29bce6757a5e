//! The image in the archive: found, its metadata verified, its tables within bounds.

use glowplug_records::header::{self, HeaderPage, IMAGE_SECTION};
use glowplug_records::image::{ImageHeader, METADATA_LIMIT, Table, Text as TextRecord};
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::Reason;
use super::calls::{self, File};
use crate::process::Text;

/// The image of an archive.
pub struct Image<'a> {
    /// The archive.
    pub file: File,
    /// Where the image's memory begins in the file, in bytes.
    pub data: u64,
    /// Bytes of memory in the file.
    pub data_length: u64,
    /// Where the pack begins in the file, in bytes.
    pub pack: u64,
    /// Its header.
    pub header: &'a ImageHeader,
    metadata: &'a [u8],
}

/// The ELF machine number of this program.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };

const DAMAGED: Reason<'_> = Reason::new(b"the archive is damaged", b"");

/// Opens the archive. `Err(None)` where it has no image, or is none: the loader, which comes next, says what is wrong
/// with it. To `record`, nothing is read ahead.
///
/// # Errors
/// Why the image cannot be used.
pub fn open<'a>(archive: Text<'_>, record: bool) -> Result<Image<'a>, Option<Reason<'a>>> {
    let file = File::open(archive, 0).map_err(|_| None)?;
    if record {
        file.read_nothing_ahead();
    }
    let found = find(file, record);
    if found.is_err() {
        file.close();
    }
    found
}

fn find<'a>(file: File, record: bool) -> Result<Image<'a>, Option<Reason<'a>>> {
    let unreadable = |e| Reason::failed(b"the archive cannot be read", e);
    let mut page = [0; header::PAGE];
    let page = file.read_at(&mut page, 0).map_err(|_| None)?;
    let header = HeaderPage::ref_from_bytes(page).map_err(|_| None)?;
    let known = header.magic == header::MAGIC && header.major == header::MAJOR;
    if !known || header.checksum != xxh3_64(&page[..header::PAGE - 8]) {
        return Err(None);
    }
    let sections = header.sections.get(..header.section_count as usize).ok_or(DAMAGED)?;
    let section = sections.iter().find(|s| s.kind == IMAGE_SECTION).ok_or(None)?;
    if header.machine != MACHINE || header.page_size as usize != header::PAGE {
        return Err(Some(Reason::new(b"it is of another kind of machine", b"")));
    }
    let (size, _) = file.size_and_time().map_err(unreadable)?;
    if size != header.file_size || section.offset.checked_add(section.length).is_none_or(|end| end > size) {
        return Err(Some(Reason::new(b"the archive is cut short", b"")));
    }
    let mut start = [0; size_of::<ImageHeader>()];
    let start = file.read_at(&mut start, section.offset).map_err(unreadable)?;
    let first = ImageHeader::ref_from_bytes(start).map_err(|_| DAMAGED)?;
    let length = first.metadata_length;
    let (name, version) = glowplug_records::image::MAGIC.split_at(6);
    if first.magic.starts_with(name) && !first.magic.ends_with(version) {
        return Err(Some(Reason::new(
            b"its layout is that of another version of glowplug (take it again)",
            b"",
        )));
    }
    let sound = first.magic.starts_with(name)
        && (size_of::<ImageHeader>() as u64..=METADATA_LIMIT).contains(&length)
        && length <= first.data_offset
        && first.data_offset <= section.length
        && first.data_offset.is_multiple_of(header::PAGE as u64);
    if !sound {
        return Err(Some(DAMAGED));
    }
    let at = calls::map_read_only(file, section.offset, length).map_err(unreadable)?;
    if !record {
        file.read_ahead(section.offset, length);
    }
    // All of it is asked for, and nothing around it is wanted.
    // SAFETY: takes no memory away.
    unsafe { calls::advise(at as u64, length.next_multiple_of(header::PAGE as u64), calls::RANDOM) };
    // SAFETY: mapped for good; the file is as long as that, and archives are never written in place.
    let metadata = unsafe { core::slice::from_raw_parts(at, length as usize) };
    let (header, _) = ImageHeader::ref_from_prefix(metadata).map_err(|_| DAMAGED)?;
    if header.checksum != xxh3_64(&metadata[ImageHeader::CHECKED_FROM..]) {
        return Err(Some(DAMAGED));
    }
    let pack_end = header.pack_offset.checked_add(header.pack_length);
    let is_sound = header.pack_offset >= length && header.pack_offset.is_multiple_of(header::PAGE as u64);
    if !is_sound || pack_end.is_none_or(|end| end > header.data_offset) {
        return Err(Some(DAMAGED));
    }
    let pack = section.offset + header.pack_offset;
    let data = section.offset + header.data_offset;
    let data_length = section.length - header.data_offset;
    Ok(Image { file, data, data_length, pack, header, metadata })
}

impl<'a> Image<'a> {
    /// The records of a table.
    ///
    /// # Errors
    /// Where the table is not inside the metadata.
    pub fn records<T: FromBytes + Immutable + KnownLayout>(
        &self,
        table: Table,
    ) -> Result<&'a [T], Reason<'a>> {
        let start = table.offset as usize;
        let length = (table.count as usize).checked_mul(size_of::<T>()).ok_or(DAMAGED)?;
        let bytes = start.checked_add(length).and_then(|end| self.metadata.get(start..end)).ok_or(DAMAGED)?;
        <[T]>::ref_from_bytes(bytes).map_err(|_| DAMAGED)
    }

    /// The bytes of a text.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub fn bytes(&self, text: TextRecord) -> Result<&'a [u8], Reason<'a>> {
        let start = text.offset as usize;
        let end = start.checked_add(text.length as usize).ok_or(DAMAGED)?;
        // There is a zero byte behind each text.
        let bytes = self.metadata.get(start..=end).ok_or(DAMAGED)?;
        if bytes.last() != Some(&0) {
            return Err(DAMAGED);
        }
        Ok(&bytes[..bytes.len() - 1])
    }

    /// The same for a system call.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub fn text(&self, text: TextRecord) -> Result<Text<'a>, Reason<'a>> {
        let bytes = self.bytes(text)?;
        // SAFETY: a zero byte follows, which `bytes` has seen.
        Ok(unsafe { Text::new(core::ptr::NonNull::from(bytes).cast()) })
    }
}
