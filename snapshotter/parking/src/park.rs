//! Stopping all other threads, and letting them go on.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use syscalls::{Sysno, syscall};

use crate::slots::{self, Notes, Slot};
use crate::tasks::{self, Doing};
use crate::{gate, handler};

/// A thread that has not taken the signal after this is not going to.
const DELIVERY: Duration = Duration::from_millis(200);
/// Between two attempts, in nanoseconds.
const PAUSE: i64 = 1_000_000;

/// A thread that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub tid: i32,
    /// The number that it had when it was stopped: another one in a process restored from an image of this one.
    pub tid_then: i32,
    /// Address of the word that `tid` is taken from: for who restores an image.
    pub tid_word: u64,
    /// What the stack pointer has to be for rt_sigreturn(2) to take it back to where it was.
    pub frame: u64,
    /// Address of the frame's `ucontext`.
    pub context: u64,
    /// FS base, TPIDR_EL0.
    pub thread_pointer: u64,
    /// The base of gs, which the C library leaves at 0; on other processors 0.
    pub second_base: u64,
    /// set_tid_address(2), or 0.
    pub tid_address: u64,
    /// set_robust_list(2): address and length.
    pub robust_list: [u64; 2],
    /// Its name (prctl(2), PR_SET_NAME).
    pub name: String,
    /// sched_getaffinity(2): the processors that it may run on.
    pub processors: Vec<u8>,
}

/// Why not all threads could be stopped. No thread is stopped then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotParked {
    /// The threads cannot be listed, or the signal's action cannot be set.
    Unavailable,
    /// There are more than 1024.
    TooMany,
    /// This one does not come to rest in a system call.
    Runs(i32),
    /// This one does not take the signal: it blocks it, or waits where no signal reaches it.
    Deaf(i32),
}

/// All other threads of this process are stopped until this is dropped.
#[derive(Debug)]
pub struct Parked(());

/// Whether somebody has them stopped.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Stops all other threads of this process, each where it waits in a system call, which is going to begin anew. None of them
/// may be at an address that is `forbidden` (at most four ranges).
///
/// From here on until the result is dropped or released, nothing may be allocated and no lock taken.
///
/// # Errors
/// What does not stop for `patience`.
pub fn park(patience: Duration, forbidden: &[Range<u64>]) -> Result<Parked, NotParked> {
    if TAKEN.swap(true, Ordering::Acquire) {
        return Err(NotParked::Unavailable);
    }
    if handler::install(forbidden).is_err() {
        TAKEN.store(false, Ordering::Release);
        return Err(NotParked::Unavailable);
    }
    let end = Instant::now() + patience;
    loop {
        let why = match all_wait().and_then(|()| stop_all()) {
            Ok(()) => return Ok(Parked(())),
            Err(why) => why,
        };
        gate::open();
        if Instant::now() > end
            || matches!(why, NotParked::TooMany | NotParked::Unavailable | NotParked::Deaf(_))
        {
            finish();
            return Err(why);
        }
        let pause = [0, PAUSE];
        // SAFETY: the kernel reads the time.
        let _ = unsafe { syscall!(Sysno::nanosleep, pause.as_ptr(), 0) };
    }
}

/// Each thread waits in a system call.
fn all_wait() -> Result<(), NotParked> {
    let mut running = None;
    let listed = tasks::others(|tid| {
        if tasks::doing(tid) == Some(Doing::Running) {
            running = Some(tid);
        }
    });
    listed.map_err(|_| NotParked::Unavailable)?;
    running.map_or(Ok(()), |tid| Err(NotParked::Runs(tid)))
}

/// Signals all threads, and those that are new, until none is.
fn stop_all() -> Result<(), NotParked> {
    slots::clear();
    gate::close();
    loop {
        let mut found = Ok(0);
        let listed = tasks::others(|tid| {
            if found.is_ok() && slots::of(tid).is_none() {
                found = signal(tid).map(|()| 1);
            }
        });
        listed.map_err(|_| NotParked::Unavailable)?;
        if found? == 0 {
            break;
        }
        wait_for_all()?;
    }
    let elsewhere = slots::used().iter().find(|slot| slot.state() == slots::ELSEWHERE);
    elsewhere.map_or(Ok(()), |slot| Err(NotParked::Runs(slot.tid())))
}

fn signal(tid: i32) -> Result<(), NotParked> {
    let Some(doing) = tasks::doing(tid) else { return Ok(()) };
    let seen = if let Doing::Waiting(seen) = doing { Some(seen) } else { None };
    let slot = slots::add(tid, seen).ok_or(NotParked::TooMany)?;
    if tasks::send(tid, handler::SIGNAL).is_err() {
        slot.set_state(slots::GONE);
    }
    Ok(())
}

/// Until each thread that was sent the signal has taken it.
fn wait_for_all() -> Result<(), NotParked> {
    let end = Instant::now() + DELIVERY;
    loop {
        let known = gate::arrived();
        let Some(slot) = slots::used().iter().find(|slot| slot.state() == slots::SENT) else { return Ok(()) };
        if !tasks::is_there(slot.tid()) {
            slot.set_state(slots::GONE);
            continue;
        }
        if Instant::now() > end {
            return Err(NotParked::Deaf(slot.tid()));
        }
        gate::wait_for_more(known);
    }
}

/// The signal's action is what it was, unless it is still under way to a thread: with the handler it does nothing.
fn finish() {
    if slots::used().iter().all(|slot| slot.state() != slots::SENT) {
        handler::remove();
    }
    TAKEN.store(false, Ordering::Release);
}

impl Parked {
    /// How many threads are stopped.
    #[must_use]
    pub fn count(&self) -> usize {
        parked().count()
    }

    /// Lets all threads go on. Returns what they were stopped at.
    #[must_use]
    pub fn release(self) -> Vec<Thread> {
        drop(self);
        parked().map(thread).collect()
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        gate::open();
        finish();
    }
}

fn parked() -> impl Iterator<Item = &'static Slot> {
    slots::used().iter().filter(|slot| slot.state() == slots::PARKED)
}

fn thread(slot: &Slot) -> Thread {
    let Notes {
        frame,
        context,
        thread_pointer,
        second_base,
        tid_address,
        robust_list,
        name,
        processors,
        processors_length,
    } = slot.notes();
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Thread {
        tid: slot.tid(),
        tid_then: slot.tid_then(),
        tid_word: slot.tid_word(),
        frame,
        context,
        thread_pointer,
        second_base,
        tid_address,
        robust_list,
        name: String::from_utf8_lossy(&name[..end]).into_owned(),
        processors: processors[..processors_length].to_vec(),
    }
}
