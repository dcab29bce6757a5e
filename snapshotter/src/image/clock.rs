//! The monotonic clock of a target whose image is taken.
//!
//! It counts from the machine's start, and libraries keep times of it in variables of their own (Rust's `Instant`, so timers of
//! tokio), which nobody can find. On a machine that has been up for less long such a time is far away. So the target's clock
//! begins anew with the target, where that is permitted: then it is ahead on nearly every machine.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::found::{Capture, Obstacle};
use super::libraries;
use super::surroundings::Surroundings;

/// unshare(2): a namespace of clocks for what is executed next (time_namespaces(7); Linux 6.1, before that for children).
const CLONE_NEWTIME: libc::c_int = 0x80;
/// What the clock begins at, in seconds: none is at 0 when a process starts.
const BEGIN: i64 = 1;

/// Has the monotonic clock of a command begin with it. Without the right to (CAP_SYS_ADMIN), or on a kernel that has no such
/// namespaces, it stays the machine's.
pub fn begin_anew(command: &mut Command) {
    // SAFETY: between fork and exec only system calls are made, on memory of this function's.
    unsafe {
        command.pre_exec(|| {
            let _ = begin();
            Ok(())
        });
    }
}

/// A process whose clock began with it has not been up for longer, in nanoseconds.
const LONG: u64 = 120 * 1_000_000_000;

/// A source file of tokio's timers, as its messages name it (`src/runtime/time/`, 1.17 and later).
const TOKIO: &[u8] = b"/src/runtime/time/";

/// What the clock has to have come to where the image is restored, in nanoseconds: with a library that has timers of tokio, what it
/// says now. 0: any time.
pub fn earliest(capture: &Capture, surroundings: &Surroundings) -> u64 {
    let [_, monotonic] = capture.clocks;
    libraries::with(TOKIO, capture, surroundings).map_or(0, |_| monotonic)
}

/// What is said of an image whose clock is the machine's, with a library that has timers of tokio.
pub fn warning(capture: &Capture, surroundings: &Surroundings) -> Option<Obstacle> {
    let [_, monotonic] = capture.clocks;
    if monotonic <= LONG {
        return None;
    }
    let library = libraries::with(TOKIO, capture, surroundings)?;
    let name = library.rsplit('/').next().unwrap_or(library);
    Some(Obstacle {
        kind: "clock".to_owned(),
        what: format!(
            "tokio, which is in {name}, keeps times of this machine's monotonic clock: on a machine that has been up for \
             less long the image is not used"
        ),
        module: None,
        file: None,
        line: None,
        library: Some(library.to_owned()),
        remedy: "take the image with CAP_SYS_ADMIN (as root, in a privileged container): its clock then begins anew"
            .to_owned(),
    })
}

fn begin() -> io::Result<()> {
    let seconds = |clock| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the C library writes `time`.
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        BEGIN - time.tv_sec
    };
    let mut text = [0; 96];
    let mut rest = &mut text[..];
    writeln!(rest, "monotonic {} 0", seconds(libc::CLOCK_MONOTONIC))?;
    writeln!(rest, "boottime {} 0", seconds(libc::CLOCK_BOOTTIME))?;
    let free = rest.len();
    // SAFETY: the path has a zero at its end, the kernel reads the text.
    unsafe {
        if libc::unshare(CLONE_NEWTIME) != 0 {
            return Err(io::Error::last_os_error());
        }
        let file = libc::open(c"/proc/self/timens_offsets".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::write(file, text.as_ptr().cast(), text.len() - free);
        libc::close(file);
    }
    Ok(())
}
