//! The command line with the start script in it.

use crate::arena::{Arena, List};
use crate::process::{Start, Text};
use crate::python_command::{first_line, is_python, split};
use crate::settings::{FOLDER, Settings};
use crate::{archives, image, system};

/// A command to be executed.
pub struct Command<'a> {
    /// The program, to be looked for in `PATH` if there is no slash in it.
    pub program: Text<'a>,
    /// Its name and arguments.
    pub arguments: List<'a>,
}

/// What the start script's own arguments end with.
const END: &core::ffi::CStr = c"--";
/// What the reason for not using an image begins with.
const REFUSED: &[u8] = b"image-refused=";

/// The command `given`, changed so that it starts with a code archive. `None` where it is to be
/// executed as it is. Does not return where a process image of the command can be restored.
pub fn with_archive<'a>(
    given: &'a [Text<'a>],
    start: &Start<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Option<Command<'a>> {
    if !settings.enabled {
        return None;
    }
    let command = python_command(given, settings, arena)?;
    let mut found = arena.list(archives::AT_MOST)?;
    archives::find(settings, arena, &mut found)?;
    let refused =
        if settings.image { restore(found.texts(), &command, start, settings, arena) } else { None };
    let script = start_script(settings, arena)?;
    if !system::is_readable(script) {
        settings.warn(&[script.to_bytes(), b": cannot be read; starting the plain way"]);
        return None;
    }
    let archives = if settings.archive_is_named() { &[] } else { found.texts() };
    if archives.is_empty() && !settings.archive_is_named() {
        return None;
    }
    insert(&command, script, refused, archives, arena)
}

/// Goes on as the first process image that fits. Returns where there is none, has said why, and gives what the
/// start script is told about the last one.
fn restore<'a>(
    archives: &[Text<'a>],
    command: &Command<'a>,
    start: &Start<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Option<Text<'a>> {
    let mut refused = None;
    for archive in archives {
        if let Some(reason) = image::restore(*archive, command, start, settings, arena) {
            settings.warn(&[
                archive.to_bytes(),
                b": the process image is not used: ",
                reason.what,
                reason.about,
                reason.error(),
                b"; starting from the code archive",
            ]);
            refused = arena.join(&[REFUSED, reason.what, reason.about, reason.error()]);
        }
    }
    refused
}

/// The start script: beside this program, else where the layer has it.
fn start_script<'a>(settings: &Settings<'a>, arena: &mut Arena<'a>) -> Option<Text<'a>> {
    const NAME: &[u8] = b"/start.py";
    let beside = settings.own_folder.and_then(|folder| arena.join(&[folder, NAME]));
    match beside.filter(|script| system::is_readable(*script)) {
        Some(script) => Some(script),
        None => arena.join(&[settings.layers, FOLDER, NAME]),
    }
}

/// The Python and its arguments that a command comes down to: itself, or the script that it names
/// where that script says so in its first line, as the kernel would go on with it.
fn python_command<'a>(
    given: &'a [Text<'a>],
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
) -> Option<Command<'a>> {
    let program = *given.first()?;
    let mut arguments = arena.list(given.len() + 2)?;
    if is_python(program.to_bytes()) {
        arguments.extend(given)?;
        return Some(Command { program, arguments });
    }
    /// What the kernel reads of a script (BINPRM_BUF_SIZE).
    const LINE: usize = 256;
    let mut buffer = [0; LINE];
    let script = find(program, settings, arena)?;
    let (python, argument) = first_line(system::read_start(script, &mut buffer).ok()?)?;
    if !is_python(python) {
        return None;
    }
    let python = arena.join(&[python])?;
    arguments.push(python)?;
    if let Some(argument) = argument {
        arguments.push(arena.join(&[argument])?)?;
    }
    arguments.push(script)?;
    arguments.extend(&given[1..])?;
    Some(Command { program: python, arguments })
}

/// A script as execvp(3) finds it.
fn find<'a>(program: Text<'a>, settings: &Settings<'a>, arena: &mut Arena<'a>) -> Option<Text<'a>> {
    let name = program.to_bytes();
    if name.contains(&b'/') {
        return Some(program);
    }
    let folders = settings.path.split(|byte| *byte == b':');
    folders.map_while(|folder| arena.join(&[folder, b"/", name])).find(|path| system::is_readable(*path))
}

/// Puts the start script and the archives between the interpreter's options and the program.
fn insert<'a>(
    command: &Command<'a>,
    script: Text<'a>,
    refused: Option<Text<'a>>,
    archives: &[Text<'a>],
    arena: &mut Arena<'a>,
) -> Option<Command<'a>> {
    let given = command.arguments.texts();
    let place = split(given.get(1..)?)?;
    let (before, program) = given.split_at(1 + place.options);
    let mut arguments = arena.list(given.len() + archives.len() + 4)?;
    arguments.extend(before)?;
    if place.shared > 0 {
        arguments.push(arena.join(&[&program.first()?.to_bytes()[..place.shared]])?)?;
    }
    arguments.push(script)?;
    if let Some(refused) = refused {
        arguments.push(refused)?;
    }
    arguments.extend(archives)?;
    arguments.push(END.into())?;
    arguments.extend(program)?;
    Some(Command { program: command.program, arguments })
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    /// The arguments that a command becomes, with `GLOWPLUG_ARCHIVE` set and the start script there.
    fn started(line: &str) -> Option<String> {
        let folder = std::env::temp_dir().join(format!("glowplug-command-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("glowplug")).expect("made");
        std::fs::write(folder.join("glowplug/start.py"), "").expect("written");
        let layers = CString::new(format!("GLOWPLUG_OPT={}", folder.display())).expect("no zero");
        let environment = [layers.as_c_str().into(), c"GLOWPLUG_ARCHIVE=a.glow".into()];
        let start = Start::new(&[], &environment);
        let settings = Settings::new(&start);
        let words: Vec<CString> = line.split(' ').map(|w| CString::new(w).expect("no zero")).collect();
        let given: Vec<Text<'_>> = words.iter().map(|w| w.as_c_str().into()).collect();
        let mut arena = Arena::for_arguments(given.len()).expect("memory");
        let command = with_archive(&given, &start, &settings, &mut arena)?;
        let texts: Vec<_> =
            command.arguments.texts().iter().map(|t| String::from_utf8_lossy(t.to_bytes())).collect();
        Some(texts.join(" ").replace(folder.to_str().expect("text"), ""))
    }

    #[test]
    fn the_start_script_stands_before_the_program() {
        let found = started("/var/lang/bin/python3.12 /var/runtime/bootstrap.py").expect("changed");
        assert_eq!(found, "/var/lang/bin/python3.12 /glowplug/start.py -- /var/runtime/bootstrap.py");
        assert_eq!(
            started("python -B -m awslambdaric app.handler").expect("changed"),
            "python -B /glowplug/start.py -- -m awslambdaric app.handler"
        );
    }

    #[test]
    fn options_that_share_an_argument_with_the_program_are_repeated() {
        assert_eq!(
            started("python -Isc pass a").expect("changed"),
            "python -Is /glowplug/start.py -- -Isc pass a"
        );
    }

    #[test]
    fn what_is_not_a_python_program_stays_as_it_is() {
        for line in ["node app.js", "/bin/sh -c true", "python", "python -V", "python3 -"] {
            assert_eq!(started(line), None, "{line}");
        }
    }
}
