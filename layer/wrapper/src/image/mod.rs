//! Restoring the process image.
//!
//! One start: [`section`] finds the image in the archive and verifies its metadata, [`guards`] see
//! whether it fits this start, [`memory`] puts its memory in place (where the page cache is cold with [`unpack`], for which there is a [`helper`]), [`vdso`] and [`descriptors`] make what
//! belongs to this boot and this process, [`threads`] starts the other threads, [`latch`] notes that a restore is under way, [`kernel`]
//! sets what the kernel holds for a process, and then the process goes on where the image was taken.
//!
//! Nothing of this process is unmapped or closed on the way, so whatever is wrong before the last
//! steps is a [`Reason`], and the command is started from the code archive instead.

pub mod calls;
pub mod descriptors;
pub mod guards;
pub mod helper;
pub mod kernel;
pub mod latch;
pub mod memory;
pub mod reason;
pub mod section;
pub mod threads;
pub mod unpack;
pub mod vdso;

use core::ptr::addr_of_mut;

use glowplug_records::image::Restored;

use crate::arch;
use crate::arena::Arena;
use crate::command::Command;
use crate::moment;
use crate::process::{Start, Text};
use crate::settings::Settings;
pub use reason::Reason;

/// Another address layout is drawn so often where the image's addresses are taken.
const DRAWS: usize = 8;

/// What the restored process is told; in this program's own memory, which stays mapped.
static mut RESTORED: Restored = Restored {
    environment: core::ptr::null(),
    arguments: core::ptr::null(),
    argument_count: 0,
    archive: core::ptr::null(),
    folder: core::ptr::null(),
    folder_length: 0,
    latch: -1,
    begun: 0,
    resumed: 0,
    cold: 0,
};

/// Goes on as the process that the archive's image is of. Returns only where that is not possible:
/// why, or `None` where the archive has no image.
pub fn restore<'a>(
    archive: Text<'a>,
    command: &Command<'a>,
    start: &Start<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Option<Reason<'a>> {
    match attempt(archive, command, start, settings, arena) {
        Ok(never) => match never {},
        Err(reason) => reason,
    }
}

/// No value: a successful restore does not return.
enum Never {}

fn attempt<'a>(
    archive: Text<'a>,
    command: &Command<'a>,
    start: &Start<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Result<Never, Option<Reason<'a>>> {
    let begun = calls::now();
    let image = section::open(archive, settings.record)?;
    guards::check(&image, command, start, settings)?;
    let latch = latch::arm(&image, settings, arena)?;
    let done = memory::place(&image, settings.record).and_then(|is_cold| {
        vdso::redirect(&image, start)?;
        kernel::check(&image, start)?;
        descriptors::make(&image)?;
        threads::make(&image)?;
        Ok(is_cold)
    });
    let is_cold = match done {
        Ok(is_cold) => is_cold,
        Err(reason) => {
            latch.disarm();
            if reason.is_conflict() {
                draw_again(start, settings);
            }
            return Err(Some(reason));
        }
    };
    let resumed = calls::now();
    moment::image(settings, resumed);
    // SAFETY: one thread, and nobody has a reference to it.
    unsafe {
        *addr_of_mut!(RESTORED) = Restored {
            environment: settings.environment.as_ptr().cast(),
            arguments: command.arguments.as_ptr().cast(),
            argument_count: command.arguments.len() as u64,
            archive: archive.as_ptr().cast(),
            folder: settings.own_folder.map_or(core::ptr::dangling(), <[u8]>::as_ptr),
            folder_length: settings.own_folder.map_or(0, <[u8]>::len) as u64,
            latch: latch.descriptor(),
            begun,
            resumed,
            cold: u64::from(is_cold),
        };
    }
    // SAFETY: the memory of the image is in place.
    unsafe {
        kernel::take_over(&image);
        threads::release();
        arch::enter(&image.header.context, addr_of_mut!(RESTORED))
    }
}

/// Executes this program once more, for other random addresses. The number of attempts is kept
/// behind the program's name, which nobody else looks at. Returns where that was tried often enough.
fn draw_again(start: &Start<'_>, settings: &Settings<'_>) {
    const AT_EXECFN: usize = 31;
    let Some(own) = start.arguments().first() else { return };
    let mut name = [0; 256];
    let mark = b"#draw";
    let bytes = own.to_bytes();
    let (base, drawn) = match bytes.windows(mark.len()).position(|part| part == mark) {
        Some(at) => (&bytes[..at], bytes.get(at + mark.len()).map_or(0, |digit| usize::from(digit - b'0'))),
        None => (bytes, 0),
    };
    if drawn + 1 >= DRAWS || base.len() + mark.len() + 2 > name.len() {
        return;
    }
    name[..base.len()].copy_from_slice(base);
    name[base.len()..base.len() + mark.len()].copy_from_slice(mark);
    name[base.len() + mark.len()] = b'1' + drawn as u8;
    let Some(path) = start.auxiliary(AT_EXECFN) else { return };
    calls::execute_again(path as *const u8, name.as_ptr(), start.arguments(), settings.environment);
}
