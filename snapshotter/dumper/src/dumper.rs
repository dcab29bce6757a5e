//! The module's Python interface.

use std::collections::HashSet;
use std::path::PathBuf;

use glowplug_archive::compiled;
use glowplug_archive::header::Validation;
use glowplug_archive::modules::{RootKind, module_flags};
use glowplug_archive::regex::CompiledRegex;
use glowplug_archive::writer::{self, CompiledEntry, Contents, ModuleEntry, Source};
use glowplug_archive::{Fingerprint, Manifest};
use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySet, PyString};

use crate::dump::{Shared, dump};
use crate::interpreter::Interpreter;
use crate::layouts::Layout;
use crate::probe::probe;

/// Collects modules, compiled texts and regular expressions, then writes one archive.
///
/// `fingerprint` has the keys `machine`, `page_size`, `python_version`, `flags` (int), `soabi`
/// (str), `interpreter` and `libc` (bytes); `validation` is `checked-stat`, `checked-hash` or
/// `unchecked`; `optimize` is `sys.flags.optimize` of the interpreter that compiled the code.
///
/// Raises RuntimeError if this interpreter is not laid out as CPython of its version.
#[pyclass(module = "_glowplug_dumper", name = "Dumper")]
pub struct Dumper {
    interpreter: Interpreter,
    names: HashSet<String>,
    /// `None` once the archive has been written.
    content: Option<Content>,
}

struct Content {
    fingerprint: Fingerprint,
    validation: Validation,
    optimize: u8,
    roots: Vec<(RootKind, String)>,
    shared: Shared,
    modules: Vec<ModuleEntry>,
    compiled: Vec<CompiledEntry>,
    regexes: Vec<CompiledRegex>,
}

#[pymethods]
impl Dumper {
    #[new]
    #[pyo3(signature = (fingerprint, validation, optimize))]
    fn new(
        py: Python<'_>,
        fingerprint: &Bound<'_, PyDict>,
        validation: &str,
        optimize: u8,
    ) -> PyResult<Self> {
        let fingerprint = fingerprint_of(fingerprint)?;
        let validation = match validation {
            "checked-stat" => Validation::CheckedStat,
            "checked-hash" => Validation::CheckedHash,
            "unchecked" => Validation::Unchecked,
            other => {
                return Err(PyValueError::new_err(format!("unknown validation mode {other:?}")));
            }
        };
        Ok(Self {
            interpreter: Interpreter::new(py, probe(py)?)?,
            names: HashSet::new(),
            content: Some(Content {
                fingerprint,
                validation,
                optimize,
                roots: Vec::new(),
                shared: Shared::default(),
                modules: Vec::new(),
                compiled: Vec::new(),
                regexes: Vec::new(),
            }),
        })
    }

    /// Adds a directory that module paths are relative to, in sys.path order, and returns its
    /// number. `kind` is `function`, `stdlib` or `path`.
    #[pyo3(signature = (path, kind))]
    fn add_root(&mut self, path: String, kind: &str) -> PyResult<u16> {
        let kind = match kind {
            "function" => RootKind::Function,
            "stdlib" => RootKind::Stdlib,
            "path" => RootKind::Path,
            other => {
                return Err(PyValueError::new_err(format!("unknown kind of root {other:?}")));
            }
        };
        let content = self.content()?;
        let number =
            u16::try_from(content.roots.len()).map_err(|_| PyValueError::new_err("more than 65536 roots"))?;
        content.roots.push((kind, path));
        Ok(number)
    }

    /// Adds a module and returns the bytes of its objects, shared strings aside.
    ///
    /// `path` is relative to the root with the number `root`; `package` says that it is an
    /// `__init__`; `code` must come fresh from marshal.loads; `source` and `mtime` (seconds) are
    /// those of the source file, None where there is none; `compiles` says that the module
    /// compiles texts that are added with add_compiled; `kept` is a set of (co_firstlineno, co_name)
    /// of the functions that were still there when the target had run (None: all of them), so that
    /// the others are put where they are dropped.
    ///
    /// Raises ValueError with the reason if the module cannot be stored. The dumper stays usable
    /// and nothing of the module is in it.
    #[pyo3(signature = (name, root, path, package, code, source, mtime, compiles=false, kept=None))]
    #[expect(clippy::too_many_arguments, reason = "called with keywords from Python")]
    fn add_module(
        &mut self,
        name: String,
        root: u16,
        path: String,
        package: bool,
        code: &Bound<'_, PyAny>,
        source: Option<Vec<u8>>,
        mtime: i64,
        compiles: bool,
        kept: Option<&Bound<'_, PySet>>,
    ) -> PyResult<usize> {
        self.check_module(&name, root)?;
        let Self { interpreter, content, .. } = self;
        let content = content.as_mut().ok_or_else(written)?;
        let dumped = dump(interpreter, &mut content.shared, code, kept)?;
        let length = dumped.persistent.bytes.len() + dumped.transient.bytes.len();
        let range = content.shared.heap.add_module(dumped.persistent, dumped.transient);
        let code = dumped.code;
        let mut flags = if package { module_flags::PACKAGE } else { 0 };
        if compiles {
            flags |= module_flags::COMPILES;
        }
        let source = source.map(|content| Source { content, mtime });
        let entry = ModuleEntry { name, root, path, flags, code: Some((range, code)), source };
        self.keep_module(entry)?;
        Ok(length)
    }

    /// Records where an extension module is, so that it is found at once.
    ///
    /// Raises ValueError for a name that was added before.
    #[pyo3(signature = (name, root, path, package))]
    fn add_extension(&mut self, name: String, root: u16, path: String, package: bool) -> PyResult<()> {
        self.check_module(&name, root)?;
        let flags = module_flags::EXTENSION | if package { module_flags::PACKAGE } else { 0 };
        self.keep_module(ModuleEntry { name, root, path, flags, code: None, source: None })
    }

    /// Adds the code of a text that the program compiles. `mode` is `exec`, `eval` or `single`,
    /// `flags` the __future__ and compiler flags in effect. A text that was added before is ignored.
    ///
    /// Raises ValueError as add_module does.
    #[pyo3(signature = (source, filename, mode, flags, code))]
    fn add_compiled(
        &mut self,
        source: &str,
        filename: &str,
        mode: &str,
        flags: u32,
        code: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let Self { interpreter, content, .. } = self;
        let content = content.as_mut().ok_or_else(written)?;
        let key = compiled::key(source, filename, mode, flags);
        if content.compiled.iter().any(|known| known.key == key) {
            return Ok(());
        }
        let dumped = dump(interpreter, &mut content.shared, code, None)?;
        let range = content.shared.heap.add_module(dumped.persistent, dumped.transient);
        content.compiled.push(CompiledEntry { key, range, code: dumped.code });
        Ok(())
    }

    /// Adds the arguments that re gives to _sre.compile for `pattern` (str or bytes) with
    /// `given_flags`. `names` maps group names to numbers, in the order of definition.
    #[pyo3(signature = (pattern, given_flags, flags, code, groups, names))]
    fn add_regex(
        &mut self,
        pattern: &Bound<'_, PyAny>,
        given_flags: u32,
        flags: u32,
        code: Vec<u32>,
        groups: u32,
        names: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let (pattern, is_bytes) = match pattern.cast::<PyBytes>() {
            Ok(bytes) => (bytes.as_bytes().to_vec(), true),
            Err(_) => (pattern.cast::<PyString>()?.to_str()?.as_bytes().to_vec(), false),
        };
        let names = names.iter().map(|(k, v)| Ok((k.extract()?, v.extract()?))).collect::<PyResult<_>>()?;
        let regex = CompiledRegex { pattern, is_bytes, given_flags, flags, code, groups, names };
        self.content()?.regexes.push(regex);
        Ok(())
    }

    /// Writes the archive at `path` and returns its length in bytes. `manifest_json` is the
    /// manifest; the modules' sizes in it are filled in. `garbage` is how many objects the target left
    /// to the garbage collector. The dumper is of no use afterwards.
    ///
    /// Raises ValueError for a manifest or content that does not fit the format, OSError if the
    /// file cannot be written.
    #[pyo3(signature = (path, manifest_json, garbage=0))]
    fn finish(&mut self, py: Python<'_>, path: PathBuf, manifest_json: &str, garbage: u32) -> PyResult<u64> {
        let manifest: Manifest = serde_json::from_str(manifest_json)
            .map_err(|e| PyValueError::new_err(format!("the manifest: {e}")))?;
        let content = self.content.take().ok_or_else(written)?;
        let contents = Contents {
            fingerprint: content.fingerprint,
            validation: content.validation,
            optimize: content.optimize,
            string_mark: self.interpreter.layout.string_mark(),
            garbage,
            roots: content.roots,
            heap: content.shared.heap,
            modules: content.modules,
            compiled: content.compiled,
            regexes: content.regexes,
            manifest,
        };
        py.detach(|| writer::write(contents, &path)).map_err(|e| match e {
            glowplug_archive::Error::Io { .. } => PyOSError::new_err(e.to_string()),
            other => PyValueError::new_err(other.to_string()),
        })
    }
}

impl Dumper {
    fn content(&mut self) -> PyResult<&mut Content> {
        self.content.as_mut().ok_or_else(written)
    }

    fn check_module(&mut self, name: &str, root: u16) -> PyResult<()> {
        if self.names.contains(name) {
            return Err(PyValueError::new_err(format!("{name} was added before")));
        }
        let roots = self.content()?.roots.len();
        if usize::from(root) >= roots {
            return Err(PyValueError::new_err(format!("no root has the number {root}")));
        }
        Ok(())
    }

    fn keep_module(&mut self, module: ModuleEntry) -> PyResult<()> {
        self.names.insert(module.name.clone());
        self.content()?.modules.push(module);
        Ok(())
    }
}

fn written() -> PyErr {
    PyRuntimeError::new_err("this dumper's archive has been written")
}

fn fingerprint_of(given: &Bound<'_, PyDict>) -> PyResult<Fingerprint> {
    let item = |key: &str| given.get_item(key)?.ok_or_else(|| PyKeyError::new_err(key.to_owned()));
    Ok(Fingerprint {
        machine: item("machine")?.extract()?,
        page_size: item("page_size")?.extract()?,
        python_version: item("python_version")?.extract()?,
        flags: item("flags")?.extract()?,
        soabi: item("soabi")?.extract()?,
        interpreter: item("interpreter")?.extract()?,
        libc: item("libc")?.extract()?,
    })
}

/// The layout table of CPython `minor` (as "3.12"; the running interpreter's by default): per C
/// struct a dict of field names and offsets in bytes, `size` being the struct's. The entry
/// `PyASCIIObject.state` has the masks of the bit fields.
///
/// Raises ValueError for a version without a table.
#[pyfunction]
#[pyo3(signature = (minor=None))]
pub fn layout_table<'py>(py: Python<'py>, minor: Option<&str>) -> PyResult<Bound<'py, PyDict>> {
    let number = match minor {
        None => Some(py.version_info().minor),
        Some(text) => text.strip_prefix("3.").and_then(|n| n.parse().ok()),
    };
    let layout = number.and_then(Layout::of).ok_or_else(|| {
        PyValueError::new_err(format!("no layout table for CPython {}", minor.unwrap_or("of this version")))
    })?;
    let table = PyDict::new(py);
    for (name, fields) in layout.table() {
        let entries = PyDict::new(py);
        for (field, offset) in fields {
            entries.set_item(field, offset)?;
        }
        table.set_item(name, entries)?;
    }
    Ok(table)
}
