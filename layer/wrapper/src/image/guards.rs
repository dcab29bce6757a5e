//! Whether the image fits this start. Cheap checks come first; each names what does not fit.

use core::hash::Hasher as _;

use glowplug_records::cpu;
use glowplug_records::image::{FileGuard, Text as TextRecord, Variable, file_guard};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use syscalls::{Errno, Sysno, syscall};
use xxhash_rust::xxh3::Xxh3;

use super::Reason;
use super::calls::{self, File};
use super::section::Image;
use crate::arch;
use crate::command::Command;
use crate::process::Start;
use crate::python_command::split;
use crate::settings::Settings;

// asm-generic/resource.h.
const RLIMIT_STACK: usize = 3;
const RLIMIT_AS: usize = 9;
/// What this process needs beside the image.
const OWN_MEMORY: u64 = 32 << 20;

/// All guards.
///
/// # Errors
/// The first that trips.
pub fn check<'a>(
    image: &Image<'a>,
    command: &Command<'a>,
    start: &Start<'a>,
    settings: &Settings<'a>,
) -> Result<(), Reason<'a>> {
    command_fits(image, command, start, settings)?;
    folder_fits(image)?;
    processor_fits(image, start)?;
    limits_fit(image)?;
    clock_fits(image)?;
    variables_fit(image, start)?;
    for guard in image.records::<FileGuard>(image.header.files)? {
        file_fits(image, guard)?;
    }
    Ok(())
}

/// The machine has been up for as long as libraries in the image believe.
fn clock_fits<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    if calls::now() < image.header.earliest {
        let reason = b"this machine has been up for less long than the one it was taken on, which a library in it counts on";
        return Err(Reason::new(reason, b""));
    }
    Ok(())
}

/// The same interpreter with the same options, and the same handler or the same program.
fn command_fits<'a>(
    image: &Image<'a>,
    command: &Command<'a>,
    start: &Start<'a>,
    settings: &Settings<'a>,
) -> Result<(), Reason<'a>> {
    let executable = image.bytes(image.header.executable)?;
    let program = command.program.to_bytes();
    let same = if program.contains(&b'/') {
        program == executable
    } else {
        // As execvp(3) would find it: the first folder of PATH that has it.
        let joins = |folder: &&[u8]| {
            executable.strip_prefix(*folder).and_then(|rest| rest.strip_prefix(b"/")) == Some(program)
        };
        settings.path.split(|byte| *byte == b':').any(|folder| joins(&folder))
    };
    if !same {
        return Err(Reason::new(b"it is of another interpreter: ", executable));
    }
    let recorded: &[TextRecord] = image.records(image.header.arguments)?;
    let given = command.arguments.texts().get(1..).unwrap_or_default();
    let handler = image.bytes(image.header.handler)?;
    let other = Reason::new(b"it is of another command", b"");
    let compared = if handler.is_empty() {
        given
    } else {
        let place = split(given).filter(|place| place.shared == 0).ok_or(other)?;
        let (options, program) = given.split_at(place.options);
        if named_handler(program, start) != Some(handler) {
            return Err(Reason::new(b"it is of another handler: ", handler));
        }
        options
    };
    if compared.len() != recorded.len() {
        return Err(other);
    }
    for (text, argument) in recorded.iter().zip(compared) {
        if image.bytes(*text)? != argument.to_bytes() {
            return Err(other);
        }
    }
    Ok(())
}

/// The handler that a command of Lambda's runtime names: `-m awslambdaric HANDLER`, or the managed
/// runtime's bootstrap, which takes it from `_HANDLER`.
fn named_handler<'a>(program: &[crate::process::Text<'a>], start: &Start<'a>) -> Option<&'a [u8]> {
    let first = program.first()?.to_bytes();
    if first == b"-m" {
        return (program.get(1)?.to_bytes() == b"awslambdaric")
            .then(|| program.get(2).map(|h| h.to_bytes()))?;
    }
    let name = first.rsplit(|byte| *byte == b'/').next()?;
    let is_runtime = [&b"bootstrap.py"[..], b"bootstrap", b"awslambdaric"].contains(&name);
    let argument = program.get(1).map(|handler| handler.to_bytes());
    is_runtime.then(|| argument.or_else(|| start.variable(b"_HANDLER")))?
}

fn folder_fits<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    let mut buffer = [0; 4096];
    // SAFETY: the kernel writes at most that many bytes.
    let length = unsafe { syscall!(Sysno::getcwd, buffer.as_mut_ptr(), buffer.len()) }
        .map_err(|e| Reason::failed(b"the current folder is not known", e))?;
    let wanted = image.bytes(image.header.folder)?;
    if buffer.get(..length.saturating_sub(1)) == Some(wanted) {
        Ok(())
    } else {
        Err(Reason::new(b"it was taken in another folder: ", wanted))
    }
}

fn processor_fits<'a>(image: &Image<'a>, start: &Start<'_>) -> Result<(), Reason<'a>> {
    const AT_HWCAP: usize = 16;
    const AT_HWCAP2: usize = 26;
    let auxiliary = [AT_HWCAP, AT_HWCAP2].map(|kind| start.auxiliary(kind).unwrap_or(0) as u64);
    let here = cpu::features(auxiliary);
    let missing = image.header.cpu.words.iter().zip(here.words).any(|(needed, found)| needed & !found != 0);
    if missing {
        return Err(Reason::new(b"this processor lacks features of the one it was built for", b""));
    }
    arch::sign_nothing(auxiliary[0])
        .map_err(|e| Reason::failed(b"this kernel has return addresses signed", e))
}

fn limits_fit<'a>(image: &Image<'a>) -> Result<(), Reason<'a>> {
    if calls::limit(RLIMIT_STACK) < image.header.context.stack_limit {
        return Err(Reason::new(b"the stack's limit (RLIMIT_STACK) is lower than at the snapshot", b""));
    }
    if calls::limit(RLIMIT_AS) < image.header.memory_size.saturating_add(OWN_MEMORY) {
        return Err(Reason::new(b"the limit of memory (RLIMIT_AS) is lower than it needs", b""));
    }
    Ok(())
}

/// What was read of the environment while the process initialised has the same values.
fn variables_fit<'a>(image: &Image<'a>, start: &Start<'_>) -> Result<(), Reason<'a>> {
    let [low, high] = image.header.key;
    for variable in image.records::<Variable>(image.header.variables)? {
        let name = image.bytes(variable.name)?;
        let found = start
            .environment()
            .iter()
            .find_map(|entry| entry.to_bytes().strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")));
        let same = match found {
            None => variable.set == 0,
            Some(value) => {
                let mut hasher = SipHasher24::new_with_keys(low, high);
                hasher.write(value);
                let digest = hasher.finish128();
                variable.set == 1 && variable.digest == [digest.h1, digest.h2]
            }
        };
        if !same {
            return Err(Reason::new(b"this environment variable, which was read, has changed: ", name));
        }
    }
    Ok(())
}

fn file_fits<'a>(image: &Image<'a>, guard: &FileGuard) -> Result<(), Reason<'a>> {
    let path = image.text(guard.path)?;
    let changed = Reason::new(b"this file has changed: ", path.to_bytes());
    let file = match File::open(path, 0) {
        Ok(file) => file,
        // An interpreter's file that this user may not read cannot be loaded later either, so nothing can
        // be mixed; and the interpreter itself could not be started.
        Err(Errno::EACCES) if guard.kind == file_guard::BUILD_ID => return Ok(()),
        Err(_) => return Err(Reason::new(b"this file cannot be read: ", path.to_bytes())),
    };
    let fits = match guard.kind {
        file_guard::BUILD_ID => {
            let same_size =
                || guard.size == 0 || file.size_and_time().is_ok_and(|(size, _)| size == guard.size);
            build_id_is(file, image.bytes(guard.content)?) && same_size()
        }
        file_guard::HASH => content_is(file, guard.size, guard.value),
        file_guard::TIME => file.size_and_time() == Ok((guard.size, guard.value)),
        _ => false,
    };
    file.close();
    if fits { Ok(()) } else { Err(changed) }
}

fn content_is(file: File, size: u64, hash: u64) -> bool {
    if !file.size_and_time().is_ok_and(|(found, _)| found == size) {
        return false;
    }
    let (mut buffer, mut state, mut offset) = ([0; 16384], Xxh3::new(), 0);
    while offset < size {
        match file.read_at(&mut buffer, offset) {
            Ok(read) if !read.is_empty() => {
                state.update(read);
                offset += read.len() as u64;
            }
            _ => return false,
        }
    }
    state.digest() == hash
}

/// Whether a 64-bit ELF file has this GNU build-id (elf(5), notes).
fn build_id_is(file: File, wanted: &[u8]) -> bool {
    const PT_NOTE: u32 = 4;
    const NT_GNU_BUILD_ID: u32 = 3;
    let mut page = [0; 4096];
    let Ok(start) = file.read_at(&mut page, 0) else { return false };
    let half = |at: usize| start.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let long = |at: usize| {
        start.get(at..at + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap_or_default())) as usize
    };
    let (table, size, count) = (long(32), half(54), half(56));
    for header in (0..count).map(|number| table + number * size) {
        if half(header) as u32 != PT_NOTE {
            continue;
        }
        let (offset, length) = (long(header + 8), long(header + 32).min(1024));
        let mut notes = [0; 1024];
        let Ok(mut notes) = file.read_at(&mut notes[..length], offset as u64).map(|read| &*read) else {
            continue;
        };
        while let Some((head, rest)) = notes.split_at_checked(12) {
            let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let (name, content) = (word(0).next_multiple_of(4) as usize, word(4) as usize);
            if word(8) == NT_GNU_BUILD_ID
                && rest.get(..4) == Some(b"GNU\0")
                && rest.get(name..name + content) == Some(wanted)
            {
                return true;
            }
            notes = rest.get(name + content.next_multiple_of(4)..).unwrap_or_default();
        }
    }
    false
}
