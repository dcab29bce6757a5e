//! The files that have to be as they were: the interpreter's, and the function's own code.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use glowplug_archive::checksum;
use glowplug_archive::header::Validation;
use object::Object as _;

use super::found::{Capture, Process};
use super::surroundings::Surroundings;

/// More of the function's own files are not hashed at every start.
const MOST_FILES: usize = 256;
/// Larger sources are compared by size and time, in bytes.
const LARGEST: u64 = 1 << 20;

/// A file that has to be as it was.
#[derive(Debug)]
pub enum Guard {
    /// Told by its GNU build-id; where the image maps it, also by its size, as stripping and patching keep the build-id.
    BuildId { path: String, id: Vec<u8>, mapped: Option<u64> },
    /// Told by its content.
    Hash { path: String, size: u64, hash: u64 },
    /// Told by size and modification time, in nanoseconds since 1970.
    Time { path: String, size: u64, time: u64 },
}

impl Guard {
    /// The file.
    pub fn path(&self) -> &str {
        match self {
            Self::BuildId { path, .. } | Self::Hash { path, .. } | Self::Time { path, .. } => path,
        }
    }

    /// Of an executable or library at `real`, which the function sees at `path`.
    pub fn of_binary(path: &str, real: &Path) -> Option<Self> {
        let content = fs::read(real).ok()?;
        let file = object::File::parse(&*content).ok()?;
        match file.build_id() {
            Ok(Some(id)) => Some(Self::BuildId { path: path.to_owned(), id: id.to_vec(), mapped: None }),
            _ => Self::by_hash(path, real),
        }
    }

    fn by_hash(path: &str, real: &Path) -> Option<Self> {
        let content = fs::read(real).ok()?;
        Some(Self::Hash { path: path.to_owned(), size: content.len() as u64, hash: checksum::of(&content) })
    }

    fn by_time(path: &str, real: &Path) -> Option<Self> {
        let metadata = fs::metadata(real).ok()?;
        let nanoseconds = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
        Some(Self::Time { path: path.to_owned(), size: metadata.len(), time: nanoseconds.cast_unsigned() })
    }
}

/// All of them.
pub fn guards(
    capture: &Capture,
    process: &Process,
    surroundings: &Surroundings,
    validation: Validation,
) -> Vec<Guard> {
    let executable =
        fs::canonicalize(&process.executable).unwrap_or_else(|_| process.executable.clone().into());
    let is_interpreters = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        Path::new(path) == executable
            || ["libpython3", "libc.so", "libc-2", "ld-linux", "ld-2"]
                .iter()
                .any(|start| name.starts_with(start))
    };
    let mapped: BTreeSet<&str> =
        capture.areas.iter().filter(|a| a.inode != 0).map(|a| a.path.as_str()).collect();
    let mut found: Vec<Guard> = mapped
        .iter()
        .filter(|path| is_interpreters(path))
        .filter_map(|path| Guard::of_binary(path, &surroundings.real(path)))
        .collect();
    // A link may come to lead to another build, with the old one still in its place.
    if Path::new(&process.executable) != executable {
        let path = &process.executable;
        found.extend(Guard::of_binary(path, &surroundings.real(path)));
    }
    let sources: BTreeSet<&str> =
        process.modules.iter().map(|(_, path)| path.as_str()).filter(|path| path.ends_with(".py")).collect();
    match validation {
        Validation::CheckedStat => {
            let libraries = mapped.iter().filter(|path| !is_interpreters(path) && path.contains(".so"));
            found.extend(
                sources
                    .iter()
                    .chain(libraries)
                    .filter_map(|path| Guard::by_time(path, &surroundings.real(path))),
            );
        }
        Validation::CheckedHash => {
            found.extend(sources.iter().filter_map(|path| Guard::by_hash(path, &surroundings.real(path))))
        }
        Validation::Unchecked => {
            let own = own_sources(&sources, process, surroundings);
            let own = own.into_iter().take(MOST_FILES);
            found.extend(own.filter_map(|path| Guard::by_hash(path, &surroundings.real(path))));
        }
    }
    found
}

/// The function's own sources: below its directory, and not brought by an installed distribution. Of a program without a
/// directory, its main file.
fn own_sources<'a>(
    sources: &BTreeSet<&'a str>,
    process: &'a Process,
    surroundings: &Surroundings,
) -> Vec<&'a str> {
    let is_small =
        |path: &&str| fs::metadata(surroundings.real(path)).is_ok_and(|metadata| metadata.len() <= LARGEST);
    let Some(root) = surroundings.root() else {
        let main =
            process.modules.iter().filter(|(name, _)| name == "__main__").map(|(_, path)| path.as_str());
        return main.filter(is_small).collect();
    };
    let installed = installed(&surroundings.real(&root.to_string_lossy()));
    let is_own = |path: &&str| {
        let relative = Path::new(path).strip_prefix(root).ok();
        let top = relative.and_then(|path| path.components().next());
        top.is_some_and(|top| !installed.contains(Path::new(&top))) && !path.contains("/site-packages/")
    };
    sources.iter().copied().filter(is_own).filter(is_small).collect()
}

/// What distributions have put into a directory, by their `RECORD` (packaging.python.org, "Recording installed
/// projects").
fn installed(root: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let records =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "dist-info"));
    let mut found = BTreeSet::new();
    for record in records {
        let text = fs::read_to_string(record.join("RECORD")).unwrap_or_default();
        let tops = text.lines().filter_map(|line| line.split([',', '/']).next());
        found.extend(tops.map(PathBuf::from));
    }
    found
}
