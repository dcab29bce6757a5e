//! Until when threads wait: absolute times, which are to be as far away after a restore as they were.
//!
//! Relative times begin anew, as the system call does.

use anyhow::{Result, bail};
use glowplug_archive::image::Deadline;
use glowplug_parking::deadlines::waits_until;
use glowplug_parking::frame::Registers;

use super::super::found::Thread;
use super::super::memory::Memory;
use super::refused;

/// What the system call that a thread is going to make waits until.
///
/// # Errors
/// A call that cannot be made again in another process, in words.
pub fn of(thread: &Thread, registers: &Registers, memory: &Memory<'_>) -> Result<Option<Deadline>> {
    let found =
        waits_until(registers.number, registers.arguments).map_err(|why| refused(&thread.name, why))?;
    let Some((address, clock)) = found else { return Ok(None) };
    if memory.word(address).is_none() || memory.word(address + 8).is_none() {
        bail!("the thread {:?} waits until a time that is not in its memory", thread.name);
    }
    Ok(Some(Deadline { address, clock, reserved: 0 }))
}
