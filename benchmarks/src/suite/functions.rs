//! The functions: those that come with the suite, and directories of the user's.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use include_dir::{Dir, include_dir};

use super::arguments::Arguments;
use super::tree;

/// The functions that come with the suite, each a folder with `app.py`, `event.json` and, if it needs
/// any, `requirements.txt`.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/functions");

/// Their names, in the order of the report. A new function is a folder and a line here.
pub const NAMES: &[&str] = &[
    "bare-json",
    "requests",
    "boto3",
    "fastapi",
    "powertools",
    "pandas",
    "numpy",
    "sqlalchemy",
    "polars",
    "duckdb",
    "pyarrow",
    "large",
];

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name in tables.
    pub name: String,
    /// What it is: the first line of the handler's file, where that is a docstring.
    pub title: String,
    /// Its directory.
    pub folder: PathBuf,
    /// Its handler, as Lambda names it.
    pub handler: String,
    /// The file with the event.
    pub event: PathBuf,
}

impl Function {
    /// The module of the handler.
    pub fn module(&self) -> String {
        let (module, _) = self.handler.rsplit_once('.').unwrap_or((&self.handler, ""));
        module.replace('/', ".")
    }
}

/// The functions that were asked for; those that come with the suite are laid out below `folder`.
///
/// # Errors
/// When there is no such function, or it has no handler's file or event.
pub fn chosen(arguments: &Arguments, defaults: &[&str], folder: &Path) -> Result<Vec<Function>> {
    if arguments.function.is_empty() {
        return defaults.iter().map(|name| shipped(name, folder)).collect();
    }
    arguments
        .function
        .iter()
        .map(|function| {
            if NAMES.contains(&function.as_str()) {
                shipped(function, folder)
            } else if Path::new(function).is_dir() {
                own(Path::new(function), arguments)
            } else {
                bail!("no function {function:?}: neither a directory nor one of {}", NAMES.join(", "))
            }
        })
        .collect()
}

fn shipped(name: &str, folder: &Path) -> Result<Function> {
    let files = SHIPPED.get_dir(name).with_context(|| format!("no function {name}"))?;
    let target = folder.join(name);
    tree::remove(&target)?;
    std::fs::create_dir_all(&target)?;
    for file in files.files() {
        std::fs::write(target.join(file.path().file_name().unwrap_or_default()), file.contents())?;
    }
    described(name.to_owned(), target.clone(), "app.handler".to_owned(), target.join("event.json"))
}

fn own(folder: &Path, arguments: &Arguments) -> Result<Function> {
    let folder = folder.canonicalize()?;
    let name = folder.file_name().context("the root directory is no function")?;
    let event = arguments.event.clone().unwrap_or_else(|| folder.join("event.json"));
    let event = event
        .canonicalize()
        .with_context(|| format!("no event {}: name one with --event", event.display()))?;
    described(name.to_string_lossy().into_owned(), folder.clone(), arguments.handler.clone(), event)
}

fn described(name: String, folder: PathBuf, handler: String, event: PathBuf) -> Result<Function> {
    let (module, function) = handler.rsplit_once('.').context("a handler is MODULE.FUNCTION")?;
    ensure!(!function.is_empty(), "a handler is MODULE.FUNCTION");
    let file = folder.join(format!("{}.py", module.replace('.', "/")));
    let source =
        std::fs::read_to_string(&file).with_context(|| format!("the handler's file {}", file.display()))?;
    let title = docstring(&source).unwrap_or(&name).to_owned();
    Ok(Function { name, title, folder, handler, event })
}

/// The first line of a docstring at the beginning of a file.
fn docstring(source: &str) -> Option<&str> {
    let line = source.lines().next()?.strip_prefix("\"\"\"")?;
    Some(line.trim_end_matches("\"\"\"").trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_folder_is_registered_and_has_what_a_function_needs() {
        let mut folders: Vec<_> = SHIPPED.dirs().map(|d| d.path().to_str().unwrap()).collect();
        folders.sort_unstable();
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        assert_eq!(folders, names);
        for folder in SHIPPED.dirs() {
            let file = |name: &str| folder.get_file(folder.path().join(name));
            let source = file("app.py").unwrap().contents_utf8().unwrap();
            assert!(
                docstring(source).is_some() && source.contains("def handler(event, context):"),
                "{folder:?}"
            );
            let event = file("event.json").unwrap().contents();
            assert!(serde_json::from_slice::<serde_json::Value>(event).is_ok(), "{folder:?}");
            let pinned = |line: &str| line.is_empty() || line.starts_with('#') || line.contains("==");
            let requirements = file("requirements.txt").map_or("", |f| f.contents_utf8().unwrap());
            assert!(requirements.lines().all(pinned), "{folder:?}");
        }
    }

    #[test]
    fn the_first_line_of_a_docstring_is_the_title() {
        assert_eq!(docstring("\"\"\"An echo.\"\"\"\nimport json\n"), Some("An echo"));
        assert_eq!(docstring("import json\n"), None);
    }
}
