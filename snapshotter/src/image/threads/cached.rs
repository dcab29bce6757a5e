//! Words that hold threads' numbers: the owners of held locks, and what CPython knows of its threads.
//!
//! They are found by what is around them. In memory that a program allocates, numbers may look like a lock by chance, as
//! threads' numbers are small where the process has a namespace of its own. So a lock there has to be referred to by the stack of
//! the thread that holds it, itself or the object that it is in: who holds a lock is going to release it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use glowplug_archive::image::CachedTid;

use super::super::found::{Area, Capture};
use super::super::memory::Memory;
use super::locks::{self, Held};
use super::registers;

/// A lock lies in an object that begins at most so many bytes before it.
const OBJECT: u64 = 256;
/// As much of a stack is looked at.
const STACK: u64 = 1 << 20;

/// A thread, and what its stack refers to.
struct Known {
    tid: u32,
    number: u32,
    name: String,
    thread_pointer: u64,
    referred: BTreeSet<u64>,
}

/// All of them.
///
/// # Errors
/// A lock that cannot be held in another process, in words.
pub fn find(capture: &Capture, memory: &Memory<'_>) -> Result<Vec<CachedTid>> {
    if capture.threads.is_empty() {
        return Ok(Vec::new());
    }
    let known = known(capture, memory)?;
    let cached = |address: u64, of: &Known| CachedTid { address, thread: of.number, reserved: 0 };
    let mut found: Vec<CachedTid> = capture
        .threads
        .iter()
        .zip(1..)
        .map(|(thread, number)| CachedTid { address: thread.tid_word, thread: number, reserved: 0 })
        .collect();
    let mut last_of_a_file = 0;
    for area in memory.areas().iter().filter(|area| area.permissions.contains('w')) {
        // Variables of libraries: their files' data, and the zeros that follow it.
        let of_library = area.inode != 0 || area.start == last_of_a_file;
        if of_library {
            last_of_a_file = area.end;
        }
        for address in candidates(area, memory, &known) {
            let mut bytes = [0; locks::LENGTH];
            if !memory.read(address, &mut bytes) {
                continue;
            }
            for thread in &known {
                let is_referred = || of_library || thread.refers(address);
                if thread.is_in_state(&bytes) {
                    found.push(cached(address + 8, thread));
                }
                match locks::mutex(&bytes, thread.tid) {
                    Some(Held::Compared) if is_referred() => {
                        found.push(cached(address + locks::OWNER as u64, thread))
                    }
                    Some(Held::ByKernel(what)) => bail!("the thread {:?} holds {what}", thread.name),
                    _ => {}
                }
                if locks::writing(&bytes, thread.tid) && is_referred() {
                    found.push(cached(address + locks::WRITER as u64, thread));
                }
            }
        }
    }
    Ok(found)
}

impl Known {
    /// Whether the stack has the address of what is there, or of an object that it may lie in.
    fn refers(&self, address: u64) -> bool {
        self.referred.range(address.saturating_sub(OBJECT)..=address).next().is_some()
    }

    /// CPython's state of a thread (`PyThreadState`, from 3.11 on): `thread_id`, which is the thread pointer, and behind
    /// it `native_thread_id`.
    fn is_in_state(&self, bytes: &[u8; locks::LENGTH]) -> bool {
        let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        word(0) == self.thread_pointer && word(8) == u64::from(self.tid)
    }
}

fn known(capture: &Capture, memory: &Memory<'_>) -> Result<Vec<Known>> {
    let [stack_pointer, _, thread_pointer] = capture.place;
    let mut known = vec![Known {
        tid: capture.tid.cast_unsigned(),
        number: 0,
        name: capture.state.name.clone(),
        thread_pointer,
        referred: referred(memory, stack_pointer, stack_pointer),
    }];
    for (thread, number) in capture.threads.iter().zip(1..) {
        let top = registers(thread, memory)?.stack_pointer;
        known.push(Known {
            tid: thread.tid.cast_unsigned(),
            number,
            name: thread.name.clone(),
            thread_pointer: thread.thread_pointer,
            // The registers are in the frame.
            referred: referred(memory, thread.frame, top),
        });
    }
    Ok(known)
}

/// The addresses of writable memory on a stack, from `from` on: `top` is in it.
fn referred(memory: &Memory<'_>, from: u64, top: u64) -> BTreeSet<u64> {
    let end = memory.area(top).map_or(from, |area| area.end).min(top.saturating_add(STACK));
    let from = from & !7;
    let mut bytes = vec![0; end.saturating_sub(from) as usize];
    if !memory.read(from, &mut bytes) {
        return BTreeSet::new();
    }
    let words = bytes.chunks_exact(8).map(|word| word.try_into().map_or(0, u64::from_le_bytes));
    let writable = |address: &u64| memory.area(*address).is_some_and(|area| area.permissions.contains('w'));
    words.filter(|word| *word > 1 << 16).collect::<BTreeSet<_>>().into_iter().filter(writable).collect()
}

/// Addresses at which something may begin that has a thread's number in it.
fn candidates(area: &Area, memory: &Memory<'_>, known: &[Known]) -> Vec<u64> {
    let mut tids: Vec<u32> = known.iter().map(|thread| thread.tid).collect();
    tids.sort_unstable();
    let (Some(lowest), Some(highest)) = (tids.first().copied(), tids.last().copied()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for run in &area.runs {
        let (start, bytes) = memory.run(area, *run);
        for (word, at) in bytes.chunks_exact(8).zip((start..).step_by(8)) {
            let half = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            if half >= lowest && half <= highest && tids.binary_search(&half).is_ok() {
                // The number is the second word of a mutex and of a thread's state, the fourth of a read-write lock.
                let places = [locks::OWNER, locks::WRITER].map(|offset| at.saturating_sub(offset as u64));
                found.extend(places.into_iter().filter(|place| *place >= area.start));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use glowplug_archive::header::PAGE;
    use serde_json::json;

    use super::*;

    const HEAP: u64 = 0x10_0000_0000;
    const STACK_AT: u64 = 0x20_0000_0000;
    const TID: u32 = 7;

    /// A process with a page of heap, and a stack with the main thread; another thread is in a frame at its beginning.
    fn capture() -> Capture {
        let area = |start: u64, number: u64| {
            json!({"start": start, "end": start + PAGE as u64, "permissions": "rw-p", "offset": 0, "inode": 0,
                "path": "", "flags": [], "runs": [[0, 1, number]], "guards": []})
        };
        let state = json!({"tid_address": 0, "robust_list": [0, 0], "rseq": [0, 0, 0], "alternate_stack": [0, 0, 0],
            "signal_mask": 0, "signals": [], "memory": [0, 0, 0, 0, 0, 0], "stack_limit": 0, "vdso": 0, "name": "main",
            "folder": "/"});
        let thread = json!({"tid": 9, "tid_word": 0x1000, "frame": STACK_AT, "context": STACK_AT, "thread_pointer": 5,
            "tid_address": STACK_AT + 1024, "robust_list": [0, 0], "rseq": [0, 0, 0], "name": "other",
            "processors": []});
        serde_json::from_value(json!({"place": [STACK_AT + 2048, 0, HEAP + 512], "state": state, "tid": TID,
            "threads": [thread], "clocks": [0, 0], "areas": [area(HEAP, 0), area(STACK_AT, 1)]}))
        .expect("a capture")
    }

    fn pages(words: &[(u64, u64)]) -> Vec<u8> {
        let capture = capture();
        let mut pages = vec![0; 2 * PAGE];
        let mut memory = Memory::new(&capture, &mut pages);
        memory.write(STACK_AT + 1024, &9_u64.to_le_bytes());
        for (address, word) in words {
            memory.write(*address, &word.to_le_bytes());
        }
        pages
    }

    fn found(words: &[(u64, u64)]) -> Vec<(u64, u32)> {
        let capture = capture();
        let mut pages = pages(words);
        let memory = Memory::new(&capture, &mut pages);
        let found = find(&capture, &memory).expect("nothing is refused");
        found.into_iter().skip(1).map(|cached| (cached.address, cached.thread)).collect()
    }

    /// Lock and count, owner and users, kind.
    fn recursive(at: u64) -> Vec<(u64, u64)> {
        vec![(at, 1 << 32 | 1), (at + 8, 1 << 32 | u64::from(TID)), (at + 16, 1)]
    }

    #[test]
    fn a_held_lock_that_its_owners_stack_refers_to_is_found() {
        let mut words = recursive(HEAP + 64);
        words.push((STACK_AT + 3000 / 8 * 8, HEAP + 64));
        assert_eq!(found(&words), [(HEAP + 72, 0)]);
    }

    #[test]
    fn a_lock_in_an_object_that_its_owners_stack_refers_to_is_found() {
        let mut words = recursive(HEAP + 64);
        words.push((STACK_AT + 2048, HEAP + 16));
        assert_eq!(found(&words), [(HEAP + 72, 0)]);
    }

    #[test]
    fn numbers_that_look_like_a_lock_are_left_alone() {
        assert_eq!(found(&recursive(HEAP + 64)), []);
    }

    #[test]
    fn what_cpython_knows_of_a_thread_is_found() {
        assert_eq!(found(&[(HEAP + 64, HEAP + 512), (HEAP + 72, TID.into())]), [(HEAP + 72, 0)]);
        assert_eq!(found(&[(HEAP + 64, 5), (HEAP + 72, 9)]), [(HEAP + 72, 1)]);
    }

    #[test]
    fn a_held_robust_mutex_is_refused_with_the_threads_name() {
        let capture = capture();
        let words = [(HEAP, 9), (HEAP + 8, 1 << 32 | 9), (HEAP + 16, 16)];
        let mut pages = pages(&words);
        let refused = find(&capture, &Memory::new(&capture, &mut pages)).expect_err("is refused");
        assert_eq!(refused.to_string(), "the thread \"other\" holds a robust mutex");
    }
}
