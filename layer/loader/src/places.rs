//! Where modules lie now: the archive's roots found again among the entries of `sys.path`.
//!
//! A module is served only if the plain import would have found the same file: for a top-level
//! module, no earlier entry of `sys.path` may hold something of that name; for a submodule, its
//! directory must stand first in the package's `__path__`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glowplug_archive::modules::{ModuleRecord, module_flags};
use glowplug_archive::{Archive, checksum};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// What stands in one entry of `sys.path`.
struct Entry {
    /// The list's item, kept so that its address stays taken.
    object: Py<PyAny>,
    /// Absolute directory without a trailing slash; `None` for what the path finder skips.
    directory: Option<String>,
    listing: Option<Listing>,
}

/// Names in a directory that could satisfy a top-level import.
struct Listing {
    modified: Option<SystemTime>,
    stems: HashSet<String>,
}

/// The roots and `sys.path` as last seen.
pub struct Places {
    /// The working directory that relative entries were resolved with, where there are any.
    here: Option<PathBuf>,
    /// By root number: where the root is now.
    roots: Vec<Option<String>>,
    entries: Vec<Entry>,
}

impl Places {
    /// `root` is where the function's directory is now, if that is known.
    pub fn new(roots: usize, function: Option<(usize, &Path)>) -> Self {
        let mut bound = vec![None; roots];
        if let Some((number, path)) = function {
            bound[number] = path.to_str().map(|p| p.trim_end_matches('/').to_owned());
        }
        Self { here: None, roots: bound, entries: Vec::new() }
    }

    /// The file of a top-level module, or `None` where the plain import has to look for it.
    pub fn top_level(
        &mut self,
        archive: &Archive,
        module: &ModuleRecord,
        tail: &str,
        sys_path: &Bound<'_, PyList>,
    ) -> Option<String> {
        self.refresh(sys_path);
        let root = self.bind(archive, module)?;
        let at = self.entries.iter().position(|e| e.directory.as_ref() == Some(&root))?;
        let shadowed = (0..at).any(|earlier| {
            !self.passed_at_snapshot(earlier, module.root.into()) && self.entries[earlier].has(tail)
        });
        (!shadowed).then(|| join(&root, archive.name(module.path)))
    }

    /// The file of a submodule whose package's `__path__` begins with `first`.
    pub fn submodule(
        &mut self,
        archive: &Archive,
        module: &ModuleRecord,
        first: &str,
        sys_path: &Bound<'_, PyList>,
    ) -> Option<String> {
        let number = usize::from(module.root);
        if self.roots[number].is_none() {
            self.refresh(sys_path);
        }
        let root = self.bind(archive, module)?;
        let path = archive.name(module.path);
        let container = container(path, module.flags & module_flags::PACKAGE != 0);
        let rest = first.strip_prefix(root.as_str())?;
        let same = rest == container || rest.strip_prefix('/') == Some(container);
        same.then(|| join(&root, path))
    }

    /// Whether the search at snapshot time went past this entry on its way to `root`.
    fn passed_at_snapshot(&self, entry: usize, root: usize) -> bool {
        let directory = self.entries[entry].directory.as_ref();
        directory.is_none() || self.roots[..root].iter().any(|r| r.is_some() && r.as_ref() == directory)
    }

    /// Where the root of `module` is now.
    fn bind(&mut self, archive: &Archive, module: &ModuleRecord) -> Option<String> {
        let number = usize::from(module.root);
        if let Some(known) = &self.roots[number] {
            return Some(known.clone());
        }
        let recorded = archive.name(archive.roots()[number].path);
        let directories = || self.entries.iter().filter_map(|e| e.directory.as_ref());
        let recorded_elsewhere = |d: &str| archive.roots().iter().any(|r| archive.name(r.path) == d);
        let free = |d: &&String| !self.roots.iter().any(|r| r.as_ref() == Some(d)) && !recorded_elsewhere(d);
        let found = directories()
            .find(|d| d.as_str() == recorded)
            .or_else(|| directories().filter(free).find(|d| holds(d, archive.name(module.path), module)))
            .cloned();
        self.roots[number].clone_from(&found);
        // Every other root that stands in `sys.path` under its old name is known with it.
        for (root, record) in self.roots.iter_mut().zip(archive.roots()) {
            let recorded = archive.name(record.path);
            if root.is_none() && self.entries.iter().any(|e| e.directory.as_deref() == Some(recorded)) {
                *root = Some(recorded.to_owned());
            }
        }
        found
    }

    fn refresh(&mut self, sys_path: &Bound<'_, PyList>) {
        let same = sys_path.len() == self.entries.len()
            && self.entries.iter().zip(sys_path.iter()).all(|(e, item)| e.object.as_ptr() == item.as_ptr());
        let moved = same && self.here.is_some() && self.here != std::env::current_dir().ok();
        if !same || moved {
            self.here = None;
            let relative = |item: &Bound<'_, PyAny>| {
                item.cast::<PyString>().is_ok_and(|t| t.to_str().is_ok_and(|t| !t.starts_with('/')))
            };
            if sys_path.iter().any(|item| relative(&item)) {
                self.here = std::env::current_dir().ok();
            }
            let entry = |item: Bound<'_, PyAny>| Entry {
                directory: directory(&item),
                object: item.unbind(),
                listing: None,
            };
            self.entries = sys_path.iter().map(entry).collect();
        }
    }
}

impl Entry {
    /// Whether this directory holds something that an import of `tail` might take. True for what
    /// cannot be looked into, such as a zip file.
    fn has(&mut self, tail: &str) -> bool {
        let Some(directory) = &self.directory else { return false };
        let metadata = match std::fs::metadata(directory) {
            Ok(metadata) => metadata,
            Err(e) => return e.kind() != std::io::ErrorKind::NotFound,
        };
        if !metadata.is_dir() {
            return true;
        }
        let modified = metadata.modified().ok();
        let fresh = self.listing.as_ref().is_some_and(|l| l.modified.is_some() && l.modified == modified);
        if !fresh {
            let Ok(listed) = std::fs::read_dir(directory) else { return true };
            let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
            let stems = listed.flatten().map(|e| stem(&e.file_name().to_string_lossy())).collect();
            self.listing = Some(Listing { modified, stems });
        }
        self.listing.as_ref().is_some_and(|l| l.stems.contains(tail))
    }
}

/// The directory that an entry of `sys.path` names (CPython `Lib/importlib/_bootstrap_external.py`,
/// `FileFinder.__init__`: relative ones count from the working directory).
fn directory(item: &Bound<'_, PyAny>) -> Option<String> {
    let text = item.cast::<PyString>().ok()?.to_str().ok()?;
    let absolute = if text.starts_with('/') {
        text.to_owned()
    } else {
        let here = std::env::current_dir().ok()?;
        if text.is_empty() { here.to_str()?.to_owned() } else { here.join(text).to_str()?.to_owned() }
    };
    let trimmed = absolute.trim_end_matches('/');
    Some(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
}

fn join(root: &str, path: &str) -> String {
    if root.ends_with('/') { format!("{root}{path}") } else { format!("{root}/{path}") }
}

/// The directory, relative to the root, in which the search finds the module.
fn container(path: &str, package: bool) -> &str {
    let (directory, _) = path.rsplit_once('/').unwrap_or(("", path));
    if package { directory.rsplit_once('/').map_or("", |(outer, _)| outer) } else { directory }
}

/// Whether `directory` holds the module file `path` as it was archived (another project's file may
/// have the same name), or what is left of it where sources were stripped.
fn holds(directory: &str, path: &str, module: &ModuleRecord) -> bool {
    let file = join(directory, path);
    if module.flags & module_flags::EXTENSION == 0
        && let Ok(content) = std::fs::read(&file)
    {
        return content.len() as u64 == module.source_size && checksum::of(&content) == module.source_hash;
    }
    let package = file.rsplit_once('/').filter(|(d, _)| *d != directory);
    Path::new(&file).exists()
        || Path::new(&format!("{file}c")).exists()
        || package.is_some_and(|(d, _)| Path::new(d).is_dir())
}
