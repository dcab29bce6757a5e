//! The other threads: stopped while the copy is made.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use glowplug_archive::image::RESTORER;
use glowplug_parking::{NotParked, Parked, Refusal, park, second_base};
use pyo3::exceptions::PyException;
use pyo3::{PyErr, create_exception};
use serde::Serialize;

use super::state::State;

create_exception!(_glowplug_dumper, NotCarriedError, PyException, "A thread that cannot be in an image.");

/// A library that computes for a moment, or waits for more work before it sleeps (OpenBLAS: 110 ms), comes to rest in this.
const PATIENCE: Duration = Duration::from_secs(1);

/// A thread that was stopped; the names are those of the archive's record (`glowplug_archive::image::Thread`).
#[derive(Debug, Serialize)]
pub struct Thread {
    tid: i32,
    /// Where the parking crate keeps that number.
    tid_word: u64,
    frame: u64,
    context: u64,
    thread_pointer: u64,
    tid_address: u64,
    robust_list: [u64; 2],
    rseq: [u64; 3],
    name: String,
    /// Empty where they are the main thread's.
    processors: Vec<u8>,
}

impl Thread {
    /// Its control block.
    pub const fn thread_pointer(&self) -> u64 {
        self.thread_pointer
    }

    /// Where it was interrupted.
    pub const fn frame(&self) -> u64 {
        self.frame
    }
}

/// Stops all other threads.
///
/// # Errors
/// `NotCarriedError`.
pub fn stop() -> Result<Parked, PyErr> {
    // SAFETY: no memory is involved.
    if own_tid() != unsafe { libc::getpid() } {
        return Err(error("the image is not taken by the main thread", "call it in the main thread"));
    }
    if second_base() != 0 {
        return Err(refused(own_tid(), Refusal::SecondBase));
    }
    park_all().map_err(|why| match why {
        NotParked::Unavailable => error("the process's threads cannot be listed or sent a signal", ""),
        NotParked::TooMany => error("there are more than 1024 threads", "have its pools start fewer"),
        NotParked::Runs(tid) => refused(tid, Refusal::Runs),
        NotParked::Deaf(tid) => refused(tid, Refusal::Deaf),
    })
}

/// Stops all other threads where they can go on from later.
///
/// # Errors
/// What does not stop.
pub fn park_all() -> Result<Parked, NotParked> {
    park(PATIENCE, &forbidden())
}

fn refused(tid: i32, why: Refusal) -> PyErr {
    let name = fs::read_to_string(format!("/proc/self/task/{tid}/comm")).unwrap_or_default();
    error(&format!("the thread {:?} {why}", name.trim_end()), why.remedy())
}

/// What stands in the way, and what can be done about it.
fn error(what: &str, remedy: &'static str) -> PyErr {
    NotCarriedError::new_err((what.to_owned(), remedy))
}

/// Where no thread may be found: in a vDSO, whose code and data are the kernel's, and in what restored this process.
fn forbidden() -> Vec<Range<u64>> {
    // SAFETY: no memory is involved.
    let own = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let range = |line: &str| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
        (line.ends_with("[vdso]") || range.start == own).then_some(range)
    };
    maps.lines().filter_map(range).chain([RESTORER]).collect()
}

/// What the image has to say of threads.
///
/// # Errors
/// `NotCarriedError`.
pub fn described(found: Vec<glowplug_parking::Thread>, state: &State) -> Result<Vec<Thread>, PyErr> {
    if let Some(thread) = found.iter().find(|thread| thread.second_base != 0) {
        return Err(refused(thread.tid, Refusal::SecondBase));
    }
    let own = own_processors();
    let one = |thread: glowplug_parking::Thread| Thread {
        tid: thread.tid,
        tid_word: thread.tid_word,
        frame: thread.frame,
        context: thread.context,
        thread_pointer: thread.thread_pointer,
        tid_address: thread.tid_address,
        robust_list: thread.robust_list,
        rseq: state.rseq_of(thread.thread_pointer),
        name: thread.name,
        processors: if thread.processors == own { Vec::new() } else { thread.processors },
    };
    Ok(found.into_iter().map(one).collect())
}

/// The calling thread's number.
pub fn own_tid() -> i32 {
    // SAFETY: no memory is involved.
    i32::try_from(unsafe { libc::syscall(libc::SYS_gettid) }).unwrap_or(0)
}

fn own_processors() -> Vec<u8> {
    let mut set = vec![0_u8; 128];
    // SAFETY: the kernel writes at most that many bytes.
    let length = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, set.len(), set.as_mut_ptr()) };
    set.truncate(usize::try_from(length).unwrap_or(0));
    set
}

/// What CLOCK_REALTIME and CLOCK_MONOTONIC say, in nanoseconds.
pub fn clocks() -> [u64; 2] {
    [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC].map(|clock| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the C library writes `time`.
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
    })
}
