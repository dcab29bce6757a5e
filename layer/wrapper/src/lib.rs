//! The wrapper: starts the command that it is given, with an archive where there is one.
//!
//! ```text
//! exec PYTHON [options] PROGRAM...
//!   ->  PYTHON [options] start.py ARCHIVE... -- PROGRAM...
//! ```
//!
//! Lambda runs it as `AWS_LAMBDA_EXEC_WRAPPER`, a container as its `ENTRYPOINT`, and `glowplug run`
//! runs it for people. The way of one
//! start: the [`settings`] are read, the [`archives`] are looked for, the [`command`] is rewritten,
//! and the interpreter takes this process over. Where anything is amiss, the command that was given
//! is executed as it is. The environment stays as it is either way: what `start.py` has to know
//! are arguments, which it takes off again.
//!
//! No standard library and no C library: it is to be executed, read three files' names and be gone
//! within a fraction of a millisecond, on any Linux. Texts are [`CStr`](core::ffi::CStr)s on the
//! initial stack, which stays as it is, or in the [`arena`].

#![cfg_attr(not(test), no_std)]

pub mod arch;
pub mod archives;
pub mod arena;
pub mod command;
pub mod image;
pub mod moment;
pub mod process;
pub mod python_command;
pub mod settings;
pub mod system;

use arena::Arena;
use process::Start;
use settings::Settings;

/// Exit status for a command that cannot be executed (POSIX shell).
pub const CANNOT_EXECUTE: i32 = 126;
/// Exit status for a command that is not there (POSIX shell).
pub const NOT_FOUND: i32 = 127;

/// Executes the command; ends this process where that is impossible.
pub fn run(start: &Start) -> ! {
    let settings = Settings::new(start);
    let given = start.arguments().get(1..).unwrap_or_default();
    if given.is_empty() {
        settings.warn(&[b"exec: name a command, such as: exec python -m module"]);
        system::exit(NOT_FOUND);
    }
    if let Some(mut arena) = Arena::for_arguments(given.len())
        && let Some(command) = command::with_archive(given, start, &settings, &mut arena)
    {
        // Returns if it failed, and then the command as it was given will tell why.
        let _ = system::execute(&command, &settings, &mut arena);
    }
    let failed = Arena::for_arguments(given.len())
        .map_or(system::NO_MEMORY, |mut arena| system::execute_as_given(start, &settings, &mut arena));
    settings.warn(&[given[0].to_bytes(), b": ", system::describe(failed)]);
    system::exit(if failed == system::NO_ENTRY { NOT_FOUND } else { CANNOT_EXECUTE })
}
