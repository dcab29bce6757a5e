//! Where the planned files are now.
//!
//! A plan names files by what they are relative to. For each such base there is a short list of
//! directories, Lambda's own first and the one at snapshot time last; the first that holds the file,
//! with the size it had, is taken.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use glowplug_archive::plan::{Base, Plan, PlanRecord};

use crate::settings::Settings;

/// What became of a planned file.
pub enum Place {
    /// Open for reading.
    Found(File),
    /// In none of the directories.
    Missing,
    /// There, but of another size: another file.
    Different,
}

/// Looks for the files of one archive's plan.
pub struct Places<'a> {
    settings: &'a Settings,
    /// `python3.12`.
    library: String,
    /// By base and origin: the directories, the one that was right last time first.
    directories: HashMap<(u16, &'a str), Vec<PathBuf>>,
}

impl<'a> Places<'a> {
    /// For an archive of the Python whose standard library's directory is called `library`.
    pub fn new(settings: &'a Settings, library: String) -> Self {
        Self { settings, library, directories: HashMap::new() }
    }

    /// Opens the file of a record that is not of the archive itself.
    pub fn open(&mut self, plan: Plan<'a>, record: &PlanRecord) -> Place {
        let (settings, library) = (self.settings, &self.library);
        let origin = plan.origin(record);
        let directories = self
            .directories
            .entry((record.base, origin))
            .or_insert_with(|| directories(plan.base(record), Path::new(origin), library, settings));
        let mut seen = false;
        for number in 0..directories.len() {
            let Some(file) = regular(&directories[number].join(plan.path(record))) else { continue };
            if file.metadata().is_ok_and(|m| m.len() == record.file_size) {
                directories[..=number].rotate_right(1);
                return Place::Found(file);
            }
            seen = true;
        }
        if seen { Place::Different } else { Place::Missing }
    }
}

fn regular(path: &Path) -> Option<File> {
    // Opening a pipe must not wait for its other end.
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    file.metadata().is_ok_and(|m| m.is_file()).then_some(file)
}

/// The directories of a base. Those of Lambda are from the developer guide: "Creating layers"
/// (paths of Python layers) and "Python runtimes" (search path).
fn directories(base: Base, origin: &Path, library: &str, settings: &Settings) -> Vec<PathBuf> {
    let Settings { task, layers, runtime, .. } = settings;
    let installed = |prefix: &Path| prefix.join("lib").join(library).join("site-packages");
    let mut found = match base {
        Base::Archive | Base::Absolute => vec![],
        Base::Function => vec![task.clone()],
        Base::Layer => vec![layers.clone()],
        Base::Runtime => vec![runtime.clone()],
        Base::Path => vec![
            task.clone(),
            installed(&layers.join("python")),
            layers.join("python"),
            installed(runtime),
            "/var/runtime".into(),
        ],
    };
    found.push(origin.to_owned());
    if base == Base::Runtime {
        found.extend(["/usr/local".into(), "/usr".into()]);
    }
    found.dedup();
    found
}
