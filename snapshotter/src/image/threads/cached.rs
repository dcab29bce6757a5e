//! Words that hold threads' numbers: the owners of held locks, and what CPython knows of its threads.
//!
//! They are found by what is around them. In memory that a program allocates, numbers may look like a lock by chance, as
//! threads' numbers are small where the process has a namespace of its own. A lock has an address that somebody knows: so
//! there has to be a pointer to it, or to the object that it is in. To a number in the middle of many there is none.

use anyhow::Result;
use glowplug_archive::image::CachedTid;
use glowplug_parking::locks::{self, Held};
use glowplug_parking::{Refusal, frame};

use super::super::found::{Area, Capture, Thread};
use super::super::memory::Memory;
use super::{refused, registers};

/// A lock lies in an object that begins at most so many bytes before it.
const OBJECT: u64 = 256;

/// A thread's number, and what else is known of it.
struct Known<'a> {
    tid: u32,
    /// 0: the main thread.
    number: u32,
    name: &'a str,
    thread_pointer: u64,
    robust_list: u64,
}

/// What looks like a lock that is held.
struct Lock {
    address: u64,
    /// Where in it the number is.
    word: usize,
    thread: u32,
    /// Somebody knows its address.
    is_referred: bool,
}

/// All of them.
///
/// # Errors
/// A lock that cannot be held in another process, in words.
pub fn find(capture: &Capture, memory: &Memory<'_>) -> Result<Vec<CachedTid>> {
    if capture.threads.is_empty() {
        return Ok(Vec::new());
    }
    let known = known(capture);
    for thread in &known {
        // The list of robust mutexes that a thread holds: a ring that begins with its head (get_robust_list(2)).
        if thread.robust_list != 0 && memory.word(thread.robust_list) != Some(thread.robust_list) {
            return Err(refused(thread.name, Refusal::Robust));
        }
    }
    let cached = |address, thread| CachedTid { address, thread, reserved: 0 };
    let mut found: Vec<CachedTid> =
        capture.threads.iter().zip(1..).map(|(thread, number)| cached(thread.tid_word, number)).collect();
    for (thread, number) in capture.threads.iter().zip(1..) {
        found.extend(at_hand(thread, memory)?.into_iter().map(|address| cached(address, number)));
    }
    let mut locks = Vec::new();
    let mut end_of_library = 0;
    for area in memory.areas().iter().filter(|area| is_writable(area)) {
        // Variables of libraries: their files' data, and the zeros that follow it. They need no pointer.
        let is_library = area.inode != 0 || area.start == end_of_library;
        if is_library {
            end_of_library = area.end;
        }
        for address in candidates(area, memory, &known) {
            let mut bytes = [0; locks::LENGTH];
            if !memory.read(address, &mut bytes) {
                continue;
            }
            for thread in &known {
                if thread.is_in_state(&bytes) {
                    found.push(cached(address + 8, thread.number));
                }
                let lock = |word| Lock { address, word, thread: thread.number, is_referred: is_library };
                match locks::mutex(&bytes, thread.tid) {
                    Some(Held::Compared) => locks.push(lock(locks::OWNER)),
                    Some(Held::ByKernel) => return Err(refused(thread.name, Refusal::Inheriting)),
                    None => {}
                }
                if locks::writing(&bytes, thread.tid) {
                    locks.push(lock(locks::WRITER));
                }
            }
        }
    }
    refer(&mut locks, memory);
    let real = locks.into_iter().filter(|lock| lock.is_referred);
    found.extend(real.map(|lock| cached(lock.address + lock.word as u64, lock.thread)));
    Ok(found)
}

/// Where a thread that waits for a mutex has its own number, to note it as the owner's when it gets it (pthread_mutex_lock of glibc's
/// nptl/pthread_mutex_lock.c): registers that are kept, in its frame or where the function that waits has put them.
fn at_hand(thread: &Thread, memory: &Memory<'_>) -> Result<Vec<u64>> {
    const STACK: u64 = 256;
    let registers = registers(thread, memory)?;
    let mut mutex = [0; locks::LENGTH];
    let is_futex = registers.number == libc::SYS_futex.cast_unsigned();
    if !is_futex || !memory.read(registers.arguments[0], &mut mutex) || !locks::is_waited_for(&mutex) {
        return Ok(Vec::new());
    }
    let kept = frame::KEPT_REGISTERS.iter().map(|at| thread.context + *at as u64);
    let stack = (0..STACK).step_by(4).map(|at| registers.stack_pointer + at);
    let has_it = |address: &u64| {
        let mut bytes = [0; 4];
        memory.read(*address, &mut bytes) && i32::from_le_bytes(bytes) == thread.tid
    };
    Ok(kept.chain(stack).filter(has_it).collect())
}

fn known(capture: &Capture) -> Vec<Known<'_>> {
    let main = Known {
        tid: capture.tid.cast_unsigned(),
        number: 0,
        name: &capture.state.name,
        thread_pointer: capture.place[2],
        robust_list: capture.state.robust_list[0],
    };
    let others = capture.threads.iter().zip(1..).map(|(thread, number)| Known {
        tid: thread.tid.cast_unsigned(),
        number,
        name: &thread.name,
        thread_pointer: thread.thread_pointer,
        robust_list: thread.robust_list[0],
    });
    std::iter::once(main).chain(others).collect()
}

impl Known<'_> {
    /// CPython's state of a thread (`PyThreadState`, from 3.11 on): `thread_id`, which is the thread pointer, and behind
    /// it `native_thread_id`.
    fn is_in_state(&self, bytes: &[u8; locks::LENGTH]) -> bool {
        let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        word(0) == self.thread_pointer && word(8) == u64::from(self.tid)
    }
}

fn is_writable(area: &Area) -> bool {
    area.permissions.contains('w')
}

/// Notes of each lock whether there is a pointer to it.
fn refer(locks: &mut [Lock], memory: &Memory<'_>) {
    locks.sort_unstable_by_key(|lock| lock.address);
    let mut unknown = locks.iter().filter(|lock| !lock.is_referred);
    let (Some(lowest), Some(highest)) = (unknown.clone().next(), unknown.next_back()) else { return };
    let near = lowest.address.saturating_sub(OBJECT)..=highest.address;
    for area in memory.areas().iter().filter(|area| is_writable(area)) {
        for run in &area.runs {
            let (_, bytes) = memory.run(area, *run);
            for word in bytes.chunks_exact(8) {
                let pointer = word.try_into().map_or(0, u64::from_le_bytes);
                if near.contains(&pointer) {
                    let first = locks.partition_point(|lock| lock.address < pointer);
                    let object =
                        locks[first..].iter_mut().take_while(|lock| lock.address <= pointer + OBJECT);
                    object.for_each(|lock| lock.is_referred = true);
                }
            }
        }
    }
}

/// Addresses at which something may begin that has a thread's number in it.
fn candidates(area: &Area, memory: &Memory<'_>, known: &[Known<'_>]) -> Vec<u64> {
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
            "signal_mask": 0, "signals": [], "memory": [0, 0, 0, 0, 0, 0], "break_word": 0, "madvise": [0, 0, 0], "stack_limit": 0, "vdso": 0, "name": "main",
            "folder": "/"});
        let thread = json!({"tid": 9, "tid_word": 0x1000, "frame": STACK_AT, "context": STACK_AT, "thread_pointer": 5,
            "tid_address": STACK_AT + 1024, "robust_list": [STACK_AT + 1032, 24], "rseq": [0, 0, 0], "name": "other",
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
        memory.write(STACK_AT + 1032, &(STACK_AT + 1032).to_le_bytes());
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
    fn a_held_lock_to_which_there_is_a_pointer_is_found() {
        let mut words = recursive(HEAP + 64);
        words.push((STACK_AT + 3000 / 8 * 8, HEAP + 64));
        assert_eq!(found(&words), [(HEAP + 72, 0)]);
    }

    #[test]
    fn a_lock_in_an_object_to_which_there_is_a_pointer_is_found() {
        let mut words = recursive(HEAP + 640);
        words.push((HEAP + 1024, HEAP + 640 - OBJECT));
        assert_eq!(found(&words), [(HEAP + 648, 0)]);
    }

    #[test]
    fn numbers_that_look_like_a_lock_are_left_alone() {
        let mut words = recursive(HEAP + 640);
        assert_eq!(found(&words), []);
        words.extend([(STACK_AT + 2048, HEAP + 640 - OBJECT - 8), (STACK_AT + 2056, HEAP + 648)]);
        assert_eq!(found(&words), []);
    }

    #[test]
    fn what_cpython_knows_of_a_thread_is_found() {
        assert_eq!(found(&[(HEAP + 64, HEAP + 512), (HEAP + 72, TID.into())]), [(HEAP + 72, 0)]);
        assert_eq!(found(&[(HEAP + 64, 5), (HEAP + 72, 9)]), [(HEAP + 72, 1)]);
    }

    #[test]
    fn held_robust_and_priority_inheriting_mutexes_are_refused_with_the_threads_name() {
        let refusal = |words: &[(u64, u64)]| {
            let capture = capture();
            let mut pages = pages(words);
            let refused = find(&capture, &Memory::new(&capture, &mut pages)).expect_err("is refused");
            refused.to_string()
        };
        let inheriting = refusal(&[(HEAP, 9), (HEAP + 8, 1 << 32 | 9), (HEAP + 16, 32)]);
        assert!(inheriting.contains("the thread \"other\" holds a priority-inheriting mutex"));
        assert!(inheriting.contains("remedy: have the thread release it"));
        let robust = refusal(&[(STACK_AT + 1032, HEAP)]);
        assert!(robust.contains("the thread \"other\" holds a robust mutex"));
    }
}
