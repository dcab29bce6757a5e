//! The threads of an image: what a restore has to know of them, and what in their memory would not be right in another process.
//!
//! [`cached`] finds where libraries keep threads' numbers, [`deadlines`] until when threads wait. Nothing is searched at a restore.

mod cached;
mod deadlines;

use anyhow::{Error, Result, bail};
use glowplug_archive::image::{CachedTid, Deadline};
use glowplug_parking::Refusal;
use glowplug_parking::frame::{self, Registers};

use super::found::{Capture, Obstacle, State, Thread};
use super::memory::Memory;
use super::take;

/// What was found.
#[derive(Debug, Default)]
pub struct Threads {
    /// Of each thread, where the C library keeps its number.
    pub tid_words: Vec<u64>,
    /// Words that hold a thread's number.
    pub cached: Vec<CachedTid>,
    /// Times until which threads wait.
    pub deadlines: Vec<Deadline>,
}

/// Looks through the memory, and makes the threads' signal frames ones that other processors can take back.
///
/// # Errors
/// A thread that cannot be restored, in words.
pub fn prepare(capture: &Capture, memory: &mut Memory<'_>) -> Result<Threads> {
    let mut found = Threads::default();
    for thread in &capture.threads {
        let registers = registers(thread, memory)?;
        found.deadlines.extend(deadlines::of(thread, &registers, memory)?);
        let [robust_list, _] = thread.robust_list;
        match tid_word(thread.tid, thread.tid_address, robust_list, memory) {
            Some(word) => found.tid_words.push(word),
            None => return Err(refused(&thread.name, Refusal::Foreign)),
        }
    }
    found.cached = cached::find(capture, memory)?;
    let State { tid_address, robust_list: [robust_list, _], .. } = capture.state;
    let own = tid_word(capture.tid, tid_address, robust_list, memory);
    found.cached.extend(own.map(|address| CachedTid { address, thread: 0, reserved: 0 }));
    for thread in &capture.threads {
        let mut changes = Vec::new();
        frame::portable(
            thread.context,
            |address, into| memory.read(address, into),
            |address, bytes| changes.push((address, bytes.to_vec())),
        );
        for (address, bytes) in changes {
            memory.write(address, &bytes);
        }
    }
    Ok(found)
}

/// What is said of a thread that cannot be carried. Most are found before the image is taken (`glowplug_image`,
/// `obstacles_threads.py`); these have changed since.
fn refused(name: &str, why: Refusal) -> Error {
    take::refusal(&[Obstacle {
        kind: "thread".to_owned(),
        what: format!("the thread {name:?} {why}"),
        module: None,
        file: None,
        line: None,
        library: None,
        remedy: why.remedy().to_owned(),
    }])
}

fn registers(thread: &Thread, memory: &Memory<'_>) -> Result<Registers> {
    let mut context = [0; frame::LENGTH];
    if !memory.read(thread.context, &mut context) {
        bail!("the signal frame of the thread {:?} is missing", thread.name);
    }
    Ok(Registers::read(&context))
}

/// Where the C library keeps a thread's number: in glibc's `struct pthread` (nptl/descr.h) `tid` stands 16 bytes before the head of
/// the robust list. Up to 2.41 it is also what the kernel clears.
fn tid_word(tid: i32, tid_address: u64, robust_list: u64, memory: &Memory<'_>) -> Option<u64> {
    let has_it = |address: &u64| {
        let mut bytes = [0; 4];
        *address != 0 && memory.read(*address, &mut bytes) && i32::from_le_bytes(bytes) == tid
    };
    if tid_address == 0 {
        return None;
    }
    [robust_list.wrapping_sub(16), tid_address].into_iter().find(has_it)
}
