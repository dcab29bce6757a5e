//! Which archives there are. The one for the interpreter is chosen by the start script, since only
//! a running interpreter knows its fingerprint.

use crate::arena::{Arena, List};
use crate::process::Text;
use crate::settings::{FOLDER, Settings};
use crate::system;

/// More are not looked at: a layer holds one per Python and function.
pub const AT_MOST: usize = 64;

/// Ending of an archive's name.
const SUFFIX: &[u8] = b".glow";

/// Appends the paths of the archives: the one that the environment names, or those of the folder that it
/// names; else those in `/opt/glowplug`, then those in the function's directory. Each folder's are sorted
/// by name. `None` without memory.
pub fn find<'a>(settings: &Settings<'a>, arena: &mut Arena<'a>, found: &mut List<'a>) -> Option<()> {
    if let Some(archive) = settings.archive {
        return found.push(arena.join(&[archive])?);
    }
    if let Some(folder) = settings.archive_folder {
        let folder = arena.join(&[folder])?;
        add_folder(folder, settings, arena, found, found.len() + AT_MOST);
        return Some(());
    }
    let layer = arena.join(&[settings.layers, FOLDER])?;
    let task = arena.join(&[settings.task])?;
    let before = found.len();
    for folder in [layer, task] {
        add_folder(folder, settings, arena, found, before + AT_MOST);
    }
    if found.len() == before {
        settings.warn(&[
            b"no archive in ",
            layer.to_bytes(),
            b" or ",
            task.to_bytes(),
            b"; starting the plain way",
        ]);
    }
    Some(())
}

fn add_folder<'a>(
    folder: Text<'a>,
    settings: &Settings<'a>,
    arena: &mut Arena<'a>,
    found: &mut List<'a>,
    at_most: usize,
) {
    let from = found.len();
    let listed = system::list_folder(folder, |name| {
        if found.len() == at_most {
            return None;
        }
        if name.len() > SUFFIX.len() && name.ends_with(SUFFIX) {
            found.push(arena.join(&[folder.to_bytes(), b"/", name])?)?;
        }
        Some(())
    });
    found.sort_from(from);
    if let Err(error) = listed
        && error != system::NO_ENTRY
    {
        settings.warn(&[folder.to_bytes(), b": ", system::describe(error)]);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;
    use crate::process::Start;

    #[test]
    fn the_layers_archives_come_first_and_each_folders_are_sorted() {
        let root = std::env::temp_dir().join(format!("glowplug-archives-{}", std::process::id()));
        for file in
            ["opt/glowplug/b.glow", "opt/glowplug/a.glow", "opt/glowplug/exec", "task/0.glow", "task/.glow"]
        {
            std::fs::create_dir_all(root.join(file).parent().expect("a folder")).expect("made");
            std::fs::write(root.join(file), "").expect("written");
        }
        let variable =
            |name, folder| CString::new(format!("{name}={}/{folder}", root.display())).expect("no zero");
        let (layers, task) = (variable("GLOWPLUG_OPT", "opt"), variable("GLOWPLUG_TASK_ROOT", "task"));
        let environment = [layers.as_c_str().into(), task.as_c_str().into()];
        let settings = Settings::new(&Start::new(&[], &environment));
        let mut arena = Arena::for_arguments(1).expect("memory");
        let mut found = arena.list(8).expect("room");
        find(&settings, &mut arena, &mut found).expect("room");
        std::fs::remove_dir_all(&root).expect("removed");
        let names: Vec<String> = found
            .texts()
            .iter()
            .map(|text| String::from_utf8_lossy(text.to_bytes()).replace(root.to_str().expect("text"), ""))
            .collect();
        assert_eq!(names, ["/opt/glowplug/a.glow", "/opt/glowplug/b.glow", "/task/0.glow"]);
    }
}
