//! The captured memory by its addresses.

use glowplug_archive::header::PAGE;

use super::found::{Area, Capture};

const PAGE_BYTES: u64 = PAGE as u64;

/// The memory's areas, and the pages that they name; what is changed is changed for this image only.
pub struct Memory<'a> {
    areas: &'a [Area],
    pages: &'a mut [u8],
}

impl<'a> Memory<'a> {
    /// `pages` are those of `pages.bin`.
    pub fn new(capture: &'a Capture, pages: &'a mut [u8]) -> Self {
        Self { areas: &capture.areas, pages }
    }

    /// The area that an address is in.
    pub fn area(&self, address: u64) -> Option<&'a Area> {
        let behind = self.areas.partition_point(|area| area.start <= address);
        self.areas.get(behind.checked_sub(1)?).filter(|area| address < area.end)
    }

    /// All areas.
    pub const fn areas(&self) -> &'a [Area] {
        self.areas
    }

    /// The stored run of an area: first address and content.
    pub fn run(&self, area: &Area, run: [u64; 3]) -> (u64, &[u8]) {
        let [page, count, number] = run;
        let from = number as usize * PAGE;
        (
            area.start + page * PAGE_BYTES,
            self.pages.get(from..from + count as usize * PAGE).unwrap_or_default(),
        )
    }

    /// Where the bytes of an address are among the pages, and how many follow in the same page.
    fn place(&self, address: u64) -> Option<(Option<usize>, usize)> {
        let area = self.area(address)?;
        let page = (address - area.start) / PAGE_BYTES;
        let within = (address % PAGE_BYTES) as usize;
        let behind = area.runs.partition_point(|[first, ..]| *first <= page);
        let run =
            behind.checked_sub(1).map(|at| area.runs[at]).filter(|[first, count, _]| page < first + count);
        let at = run.map(|[first, _, number]| (number + page - first) as usize * PAGE + within);
        Some((at, PAGE - within))
    }

    /// Reads bytes; `false` where there is no memory. What is not stored is zero.
    pub fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let mut done = 0;
        while done < into.len() {
            let Some((at, room)) = self.place(address + done as u64) else { return false };
            let length = room.min(into.len() - done);
            let place = &mut into[done..done + length];
            match at.and_then(|at| self.pages.get(at..at + length)) {
                Some(bytes) => place.copy_from_slice(bytes),
                None => place.fill(0),
            }
            done += length;
        }
        true
    }

    /// The eight bytes at an address.
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }

    /// Writes bytes, where there are stored ones.
    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        for (number, byte) in bytes.iter().enumerate() {
            if let Some((Some(at), _)) = self.place(address + number as u64)
                && let Some(place) = self.pages.get_mut(at)
            {
                *place = *byte;
            }
        }
    }
}
