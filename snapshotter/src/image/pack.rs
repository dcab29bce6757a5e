//! The pack: what a start touches of the image's memory, once more, one after the other and compressed.
//!
//! Memory is laid out by its addresses, so what a start touches lies all over the archive. A start with a cold page cache waits
//! for storage, and has little to read this way; one with a warm page cache is faster without.

use anyhow::{Context as _, Result};
use glowplug_archive::header::PAGE;
use glowplug_archive::image::{Packed, mapping_kind};
use glowplug_archive::{checksum, packing};

use super::layout::{self, Layout};

/// What goes into the image.
#[derive(Default)]
pub struct Pack {
    /// What is packed, by address.
    pub table: Vec<Packed>,
    /// What is stored, in the table's order.
    pub bytes: Vec<u8>,
    /// As [`glowplug_archive::image::ImageHeader::pack_checksum`] is defined.
    pub checksum: u64,
}

impl Pack {
    /// Packs what the layout says. `pages` is the content of `pages.bin`.
    ///
    /// # Errors
    /// Where a page is missing.
    pub fn new(layout: &Layout, pages: &[u8]) -> Result<Self> {
        let mut pack = Self::default();
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
            pack.add(run.address, &content)?;
        }
        Ok(pack)
    }

    fn add(&mut self, address: u64, content: &[u8]) -> Result<()> {
        let block = packing::pack(content)?;
        let stored = if block.len() < content.len() { &block } else { content };
        let number = self.table.len() as u64;
        self.checksum = self.checksum.wrapping_add(checksum::seeded(stored, number));
        self.bytes.extend_from_slice(stored);
        let length = u32::try_from(content.len())?;
        self.table.push(Packed { address, length, stored: u32::try_from(stored.len())? });
        Ok(())
    }
}
