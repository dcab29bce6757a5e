//! Which threads cannot go on in another process, before an image is taken: what only the kernel and the C library know of
//! them. Found once more in the image itself, as it may have changed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use glowplug_archive::header::PAGE;
use glowplug_parking::locks::{self, Held};
use glowplug_parking::tasks::{self, Doing};
use glowplug_parking::{NotParked, Refusal, Thread, deadlines, second_base};
use pyo3::prelude::*;

use super::memory::{self, Area};
use super::{state, threads};

const PAGE_BYTES: u64 = PAGE as u64;
/// How much is looked through at once.
const CHUNK_PAGES: u64 = 256;

/// The threads of this process, the calling one among them, that cannot be carried: the number of each, why, and what can be
/// done.
///
/// The others are stopped for a moment. Of those that do not come to rest nothing is said.
#[pyfunction]
pub fn not_carried() -> Vec<(i32, String, &'static str)> {
    let told = |(tid, why): (i32, Refusal)| (tid, why.to_string(), why.remedy());
    find().into_iter().map(told).collect()
}

fn find() -> Vec<(i32, Refusal)> {
    // Before they are stopped: afterwards they are on their way back.
    let mut waits = Vec::new();
    let _ = tasks::others(|tid| waits.extend(waits_in_vain(tid).map(|why| (tid, why))));
    let others = match threads::park_all() {
        Ok(parked) => parked.release(),
        Err(NotParked::Deaf(tid)) => return vec![(tid, Refusal::Deaf)],
        Err(_) => return Vec::new(),
    };
    let Ok(memory) = File::open("/proc/self/mem") else { return Vec::new() };
    let own = threads::own_tid();
    let mut found = Vec::new();
    if second_base() != 0 {
        found.push((own, Refusal::SecondBase));
    }
    if state::robust_list().is_ok_and(|[head, _]| holds_robust(&memory, head)) {
        found.push((own, Refusal::Robust));
    }
    for thread in &others {
        let waiting = || waits.iter().find(|(tid, _)| *tid == thread.tid).map(|(_, why)| *why);
        found.extend(of_thread(&memory, thread).or_else(waiting).map(|why| (thread.tid, why)));
    }
    let tids: Vec<u32> =
        others.iter().map(|thread| thread.tid).chain([own]).map(i32::cast_unsigned).collect();
    // What cannot be read has no locks in it.
    let _ = look_for_owners(&memory, &tids, &mut found);
    found
}

/// Why the system call that a thread waits in cannot be made again elsewhere.
fn waits_in_vain(tid: i32) -> Option<Refusal> {
    let Doing::Waiting(seen) = tasks::doing(tid)? else { return None };
    deadlines::waits_until(seen.number, seen.arguments).err()
}

/// What stands in the way by what the kernel knows of a thread.
fn of_thread(memory: &File, thread: &Thread) -> Option<Refusal> {
    let has_number = |address: u64| {
        let mut bytes = [0; 4];
        memory.read_exact_at(&mut bytes, address).is_ok() && i32::from_ne_bytes(bytes) == thread.tid
    };
    let [head, _] = thread.robust_list;
    if thread.tid_address == 0 || !(has_number(head.wrapping_sub(16)) || has_number(thread.tid_address)) {
        Some(Refusal::Foreign)
    } else if thread.second_base != 0 {
        Some(Refusal::SecondBase)
    } else if holds_robust(memory, head) {
        Some(Refusal::Robust)
    } else {
        None
    }
}

/// Whether a list of robust mutexes has any: else its head leads to itself (get_robust_list(2)).
fn holds_robust(memory: &File, head: u64) -> bool {
    let mut next = [0; 8];
    head != 0 && memory.read_exact_at(&mut next, head).is_ok() && u64::from_ne_bytes(next) != head
}

/// Finds priority-inheriting mutexes by their owners.
fn look_for_owners(memory: &File, tids: &[u32], found: &mut Vec<(i32, Refusal)>) -> io::Result<()> {
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut bytes = vec![0; (CHUNK_PAGES * PAGE_BYTES) as usize + locks::LENGTH];
    let areas = memory::areas(Path::new("/proc/self/smaps"))?;
    let is_wanted = |area: &&Area| area.permissions.contains('w') && area.is_wanted();
    for area in areas.iter().filter(is_wanted) {
        let count = (area.end - area.start) / PAGE_BYTES;
        for first in (0..count).step_by(CHUNK_PAGES as usize) {
            let pages = CHUNK_PAGES.min(count - first);
            let entries = memory::entries(&pagemap, area.start / PAGE_BYTES + first, pages)?;
            // Memory that nobody has used yet is not to be by this.
            for run in
                entries.iter().enumerate().collect::<Vec<_>>().chunk_by(|a, b| is_used(*a.1) == is_used(*b.1))
            {
                let (at, entry) = run[0];
                if is_used(*entry) {
                    let chunk = &mut bytes[..run.len() * PAGE + locks::LENGTH];
                    chunk.fill(0);
                    let end = area.end - area.start - (first + at as u64) * PAGE_BYTES;
                    let length = chunk.len().min(end as usize);
                    // Of what cannot be read the rest counts as zeros.
                    let _ =
                        memory.read_at(&mut chunk[..length], area.start + (first + at as u64) * PAGE_BYTES);
                    owners(chunk, tids, found);
                }
            }
        }
    }
    // What is freed here is in the image, and is not to look like a lock there.
    bytes.fill(0);
    std::hint::black_box(&bytes);
    Ok(())
}

const fn is_used(entry: u64) -> bool {
    entry & (memory::PRESENT | memory::SWAPPED) != 0
}

fn owners(chunk: &[u8], tids: &[u32], found: &mut Vec<(i32, Refusal)>) {
    for at in (0..chunk.len() - locks::LENGTH).step_by(8) {
        let bytes = &chunk[at..at + locks::LENGTH];
        let owner = u32::from_ne_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if owner == 0 || !tids.contains(&owner) {
            continue;
        }
        let one = (owner.cast_signed(), Refusal::Inheriting);
        if locks::mutex(bytes, owner) == Some(Held::ByKernel) && !found.contains(&one) {
            found.push(one);
        }
    }
}
