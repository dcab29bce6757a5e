//! The pack: what a start touches of the image's memory, once more, one after the other and compressed.
//!
//! Memory is laid out by its addresses, so what a start touches lies all over the archive. A start with a cold page cache waits
//! for storage, and has a fifth to read this way; one with a warm page cache is faster without.

use anyhow::{Context as _, Result};
use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Packed, mapping_kind};
use glowplug_archive::packing;

use super::layout::{self, Layout};

/// The table and what is stored. `pages` is the content of `pages.bin`.
///
/// # Errors
/// Where a page is missing.
pub fn pack(layout: &Layout, pages: &[u8]) -> Result<(Vec<Packed>, Vec<u8>)> {
    let (mut table, mut pack) = (Vec::new(), Vec::new());
    let mut mappings = layout.mappings.iter().filter(|m| m.kind == mapping_kind::IMAGE).peekable();
    let mut content = Vec::new();
    for run in &layout.packed {
        while mappings.next_if(|m| m.address + m.length <= run.address).is_some() {}
        let mapping = mappings.peek().context("packed pages that are not mapped")?;
        let first = usize::try_from(mapping.source + run.address - mapping.address)? / PAGE;
        let count = usize::try_from(run.length)? / PAGE;
        content.clear();
        for page in layout.pages.get(first..first + count).context("packed pages without content")? {
            layout::append(&mut content, *page, pages)?;
        }
        let block = packing::pack(&content)?;
        let stored = if block.len() < content.len() { &block } else { &content };
        pack.extend_from_slice(stored);
        let length = u32::try_from(content.len())?;
        table.push(Packed { address: run.address, length, stored: u32::try_from(stored.len())? });
    }
    Ok((table, pack))
}
