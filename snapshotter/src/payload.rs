//! The files that the command carries: the loader, the dumper, the start script of `run`, and what a
//! layer is made of.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use glowplug_archive::checksum;

/// A file of the payload.
struct Part {
    name: &'static str,
    content: &'static [u8],
}

const LOADER: Part = Part {
    name: "_glowplug.abi3.so",
    content: include_bytes!(concat!(env!("OUT_DIR"), "/_glowplug.abi3.so")),
};
const DUMPER: Part = Part {
    name: "_glowplug_dumper.abi3.so",
    content: include_bytes!(concat!(env!("OUT_DIR"), "/_glowplug_dumper.abi3.so")),
};
/// Name of the auditor where it is unpacked.
pub const AUDITOR_NAME: &str = "auditor.so";
/// The module that the dynamic linker loads into process C of a snapshot.
const AUDITOR: Part =
    Part { name: AUDITOR_NAME, content: include_bytes!(concat!(env!("OUT_DIR"), "/auditor.so")) };
const START: Part = Part { name: "start.py", content: include_bytes!(concat!(env!("OUT_DIR"), "/start.py")) };

/// Name of the wrapper in the start folder.
pub const WRAPPER_NAME: &str = "exec";
/// The wrapper: what `AWS_LAMBDA_EXEC_WRAPPER` names.
const WRAPPER: Part = Part { name: WRAPPER_NAME, content: include_bytes!(concat!(env!("OUT_DIR"), "/exec")) };
/// The Lambda extension.
const EXTENSION: Part =
    Part { name: "extension", content: include_bytes!(concat!(env!("OUT_DIR"), "/extension")) };
/// `import glowplug` inside the function: path in the package, and content.
const PACKAGE: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/package.rs"));

/// A file of a layer.
pub struct LayerFile {
    /// Its path below `/opt`.
    pub path: String,
    /// What it is, in a word.
    pub part: &'static str,
    /// Its name in the payload.
    pub name: &'static str,
    /// What is in it.
    pub content: &'static [u8],
    /// Whether it is a program.
    pub executable: bool,
    /// Whether it was built for one architecture.
    pub compiled: bool,
}

/// The ELF machine number that the layer's programs are for.
pub const LAYER_MACHINE: u16 = glowplug_archive::fingerprint::this_machine();

/// What every layer consists of, in the order of paths.
pub fn layer_files() -> Result<Vec<LayerFile>> {
    check(&[LOADER, START, WRAPPER, EXTENSION])?;
    let file = |path: &str, part, Part { name, content }: Part, executable| LayerFile {
        path: path.to_owned(),
        part,
        name,
        content,
        executable,
        compiled: executable || name == LOADER.name,
    };
    let mut files = vec![
        file("extensions/glowplug", "extension", EXTENSION, true),
        file("glowplug/exec", "wrapper", WRAPPER, true),
        file("glowplug/start.py", "start script", START, false),
        // One file for two uses: the start script loads it from here, and `import glowplug` finds it
        // here when the wrapper was not used, since Lambda has /opt/python in `sys.path`.
        file("python/_glowplug.abi3.so", "loader", LOADER, false),
    ];
    for (name, content) in PACKAGE {
        files.push(file(&format!("python/glowplug/{name}"), "package", Part { name, content }, false));
    }
    Ok(files)
}

/// Writes the package, the wrapper and the start script, which process D and its replays need, into `folder`.
pub fn unpack_for_image(folder: &Path) -> Result<()> {
    unpack(&[START, WRAPPER], folder)?;
    for (name, content) in PACKAGE {
        let path = folder.join("glowplug").join(name);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, content))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes the modules that processes B and C need into `folder`.
pub fn unpack_for_snapshot(folder: &Path) -> Result<()> {
    unpack(&[LOADER, DUMPER, AUDITOR], folder)
}

/// A folder with the wrapper, the start script and the loader: kept in the user's cache, so that it is written
/// once, or else in the folder for temporary files.
pub fn start_folder() -> Result<PathBuf> {
    let parts = [LOADER, START, WRAPPER];
    check(&parts)?;
    let mut content = Vec::new();
    for part in &parts {
        content.extend_from_slice(part.content);
    }
    if let Some(cache) = cache_folder() {
        let folder = cache.join(format!("{:016x}", checksum::of(&content)));
        match keep(&parts, &cache, &folder) {
            Ok(()) => return Ok(folder),
            Err(error) => tracing::info!("the cache cannot be used: {error:#}"),
        }
    }
    let folder = tempfile::Builder::new()
        .prefix("glowplug-")
        .tempdir()
        .context("cannot make a folder for the loader (set TMPDIR or XDG_CACHE_HOME)")?;
    unpack(&parts, folder.path())?;
    // The command that is executed next needs it: nobody is left to remove it.
    Ok(folder.keep())
}

/// `$XDG_CACHE_HOME/glowplug` or `~/.cache/glowplug` (XDG Base Directory Specification).
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("glowplug"))
}

/// Makes sure that `folder`, in `cache`, holds the parts. Others may do the same at the same time.
fn keep(parts: &[Part], cache: &Path, folder: &Path) -> Result<()> {
    if holds(parts, folder) {
        return Ok(());
    }
    fs::create_dir_all(cache)?;
    let fresh = tempfile::Builder::new().prefix("new-").tempdir_in(cache)?;
    unpack(parts, fresh.path())?;
    if fs::rename(fresh.path(), folder).is_err() && !holds(parts, folder) {
        // What is there is damaged: out of the way with it.
        fs::rename(folder, fresh.path().join("damaged"))?;
        let again = tempfile::Builder::new().prefix("new-").tempdir_in(cache)?;
        unpack(parts, again.path())?;
        if fs::rename(again.path(), folder).is_err() && !holds(parts, folder) {
            bail!("cannot replace {}", folder.display());
        }
    }
    Ok(())
}

fn holds(parts: &[Part], folder: &Path) -> bool {
    parts.iter().all(|part| fs::read(folder.join(part.name)).is_ok_and(|found| found == part.content))
}

fn check(parts: &[Part]) -> Result<()> {
    if parts.iter().any(|part| part.content.is_empty()) {
        bail!("this build of glowplug carries no payload: build it with `make wheel`");
    }
    Ok(())
}

fn unpack(parts: &[Part], folder: &Path) -> Result<()> {
    check(parts)?;
    for part in parts {
        let path = folder.join(part.name);
        let write = || {
            fs::write(&path, part.content)?;
            let mode = if part.name == WRAPPER_NAME { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [Part; 1] = [Part { name: "a", content: b"content" }];

    #[test]
    fn an_empty_payload_is_refused() {
        let empty = [Part { name: "a", content: b"" }];
        let folder = tempfile::tempdir().expect("a folder");
        let error = unpack(&empty, folder.path()).expect_err("there is nothing to unpack");
        assert!(error.to_string().contains("make wheel"));
    }

    #[test]
    fn a_damaged_cache_is_replaced() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("key");
        keep(&PARTS, cache.path(), &folder).expect("written");
        fs::write(folder.join("a"), b"cut").expect("damaged");
        keep(&PARTS, cache.path(), &folder).expect("replaced");
        assert!(holds(&PARTS, &folder));
    }

    #[test]
    fn nothing_but_the_folder_is_left_in_the_cache() {
        let cache = tempfile::tempdir().expect("a folder");
        keep(&PARTS, cache.path(), &cache.path().join("key")).expect("written");
        keep(&PARTS, cache.path(), &cache.path().join("key")).expect("found");
        assert_eq!(fs::read_dir(cache.path()).expect("listed").count(), 1);
    }
}
