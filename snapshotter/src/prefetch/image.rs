//! The plan of an archive with a process image: what a restore reads.

use std::path::Path;

use anyhow::{Context as _, Result};
use glowplug_archive::header::{PAGE, SectionKind};
use glowplug_archive::image::{ImageHeader, Load, Range};
use glowplug_archive::plan::{Base, PlanEntry};
use glowplug_archive::{Archive, writer};
use zerocopy::FromBytes as _;

use super::entries::wrapper;

/// A file that a restore looks at: its path at the start, where it is now, and whether all of it is read.
pub struct Looked {
    /// As the function sees it.
    pub path: String,
    /// As it is here.
    pub real: std::path::PathBuf,
    /// All of it, or its first page.
    pub whole: bool,
}

/// awslambdaric's native module.
pub const CLIENT: &str = "runtime_client";

/// Makes the plan of the archive at `path` one for restoring its image, which has the runtime's native client or not.
pub fn plan(path: &Path, function: Option<&Path>, looked: &[Looked], has_client: bool) -> Result<()> {
    let entries = {
        let archive = Archive::open(path)?;
        let section = archive.header().section(SectionKind::Image).context("there is no image")?;
        let bytes = archive.bytes_of(section)?;
        let (header, _) = ImageHeader::ref_from_prefix(bytes).ok().context("the image's header")?;
        let table = |table: glowplug_archive::image::Table, size: usize| {
            let start = table.offset as usize;
            bytes.get(start..start + table.count as usize * size).context("a table of the image")
        };
        let loads = table(header.loads, size_of::<Load>())?;
        let loads = <[Load]>::ref_from_bytes(loads).ok().context("the image's loads")?;
        let hot: u64 = loads.iter().map(|load| load.length).sum();
        let ranges = table(header.touched, size_of::<Range>())?;
        let ranges = <[Range]>::ref_from_bytes(ranges).ok().context("the image's ranges")?;
        let pack_end = header.pack_offset + header.pack_length;
        let first = if hot > 0 { header.data_offset + hot } else { pack_end };
        // In the order of a restore: what is small, and looked at before the pack is, does not wait behind it.
        let mut entries = vec![own(0, PAGE as u64), own(section.offset, header.metadata_length)];
        entries.extend(wrapper());
        entries.extend(looked.iter().filter_map(|file| entry(file, function)));
        let pack = own(section.offset + header.pack_offset, first.saturating_sub(header.pack_offset));
        entries.push(PlanEntry { hot: false, ..pack });
        let data = section.offset + header.data_offset;
        let end = section.offset + section.length;
        // What the pack has is not looked for elsewhere.
        for range in ranges.iter().filter(|_| header.packed.count == 0) {
            let offset = data + range.offset;
            entries.push(own(offset, range.length.min(end.saturating_sub(offset))));
        }
        entries.retain(|entry| entry.length > 0);
        // What the runtime may load after the restore. The rest of the plan is what a start from the code would need:
        // it is left out, since it would be in the way of this.
        if !has_client {
            let rest = archive.plan()?.map(|plan| plan.entries()).unwrap_or_default();
            entries.extend(rest.into_iter().filter(|entry| entry.path.contains(CLIENT)));
        }
        entries
    };
    writer::add_plan(path, &entries)?;
    Ok(())
}

/// A range of the archive; it is read before anything else.
fn own(offset: u64, length: u64) -> PlanEntry {
    let (origin, path) = (String::new(), String::new());
    PlanEntry { base: Base::Archive, origin, path, offset, length, file_size: 0, hot: true }
}

fn entry(file: &Looked, function: Option<&Path>) -> Option<PlanEntry> {
    let size = file.real.metadata().ok()?.len();
    let below = function.and_then(|function| Path::new(&file.path).strip_prefix(function).ok());
    let (base, origin, path) = match below {
        Some(path) => (Base::Function, function?.to_str()?, path.to_str()?),
        None => (Base::Absolute, "/", file.path.trim_start_matches('/')),
    };
    Some(PlanEntry {
        base,
        origin: origin.to_owned(),
        path: path.to_owned(),
        offset: 0,
        length: if file.whole { size } else { size.min(PAGE as u64) },
        file_size: size,
        hot: false,
    })
}
