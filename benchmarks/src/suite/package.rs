//! A function as it would be deployed: its files, and its requirements beside them.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::functions::Function;
use super::tree;
use super::variants::Kind;
use super::workplace::Workplace;
use crate::process::Command;

/// What is never part of a deployment.
const NOT_DEPLOYED: &[&str] = &["__pycache__", ".git", ".venv", "node_modules"];

/// A function with its requirements and good `.pyc` files.
#[derive(Debug)]
pub struct Package {
    /// The function.
    pub function: Function,
    /// The directory, as it would be at `/var/task`.
    pub root: PathBuf,
    folder: PathBuf,
    archives: [OnceCell<Result<PathBuf, String>>; 2],
}

impl Package {
    /// Copies the function, installs its requirements and compiles everything, unless that was done
    /// before and nothing has changed since.
    ///
    /// # Errors
    /// When the requirements cannot be installed.
    pub fn build(place: &Workplace, function: &Function) -> Result<Self> {
        let folder = place.folder(&["functions", &function.name])?;
        let package = Self {
            function: function.clone(),
            root: folder.join("package"),
            folder,
            archives: Default::default(),
        };
        let (stamp, wanted) = (package.folder.join("stamp"), stamp(place, &function.folder)?);
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(package);
        }
        tree::remove(&package.folder)?;
        tree::copy(&function.folder, &package.root, NOT_DEPLOYED)?;
        let requirements = function.folder.join("requirements.txt");
        if requirements.is_file() {
            let words = [
                OsStr::new("--no-compile"),
                OsStr::new("--target"),
                package.root.as_os_str(),
                OsStr::new("--requirement"),
                requirements.as_os_str(),
            ];
            place
                .install(&place.runtime(), &words)
                .with_context(|| format!("installing {}", requirements.display()))?;
        }
        package.compile(place, &package.root)?;
        fs::write(stamp, wanted)?;
        Ok(package)
    }

    /// A folder for what a variant makes of the package; empty.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(&self, variant: &str) -> Result<PathBuf> {
        let folder = self.folder.join(variant);
        tree::remove(&folder)?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// Where Glowplug's archive of that kind is kept, once it was made.
    pub const fn archive(&self, kind: Kind) -> &OnceCell<Result<PathBuf, String>> {
        &self.archives[kind as usize]
    }

    /// Where a start sees a directory that takes the package's place.
    pub fn seen(&self, place: &Workplace, root: &Path) -> PathBuf {
        if place.isolated { PathBuf::from("/var/task") } else { root.to_owned() }
    }

    /// Versions of the packages in the directory.
    ///
    /// # Errors
    /// When the interpreter does not answer.
    pub fn versions(&self, place: &Workplace) -> Result<std::collections::BTreeMap<String, String>> {
        const SCRIPT: &str = "import json, sys; from importlib.metadata import distributions as d
print(json.dumps({i.metadata['Name']: i.version for i in d(path=[sys.argv[1]])}))";
        let text =
            place.command(&place.runtime()).argument("-c").argument(SCRIPT).argument(&self.root).output()?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes good `.pyc` files. They name the files as starts see them: otherwise plain Python would
    /// put the names right in every code object it reads.
    fn compile(&self, place: &Workplace, root: &Path) -> Result<()> {
        let mut compile = place.command(&place.runtime());
        for word in ["-m", "compileall", "-q"] {
            compile.argument(word);
        }
        compile.argument("-s").argument(root).argument("-p").argument(self.seen(place, root)).argument(root);
        // Its status is 1 where a file is for another Python; such files are in many packages.
        compile.run().map(drop)
    }

    /// A command that imports the function as a start does: in its directory, which is first in `sys.path`.
    pub fn command(&self, place: &Workplace, python: &Path) -> Command {
        let mut command = place.command(python);
        for (name, value) in super::workplace::LAMBDA {
            command.set(name, value);
        }
        command.set("PYTHONPATH", &self.root).set("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// What the package is made of, in a line for each file; it changes when a file does.
fn stamp(place: &Workplace, folder: &Path) -> Result<String> {
    let mut text = format!("{} isolated {}\n", place.versions.python, place.isolated);
    for file in tree::files(folder)? {
        let about = file.metadata()?;
        let content = if about.len() < 1 << 20 { fs::read(&file)? } else { Vec::new() };
        let name = file.strip_prefix(folder).unwrap_or(&file).display();
        text += &format!("{name} {} {:?}\n", about.len(), String::from_utf8_lossy(&content));
    }
    Ok(text)
}
