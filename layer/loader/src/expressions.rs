//! Compiled regular expressions from the archive.
//!
//! `re.compile` parses the pattern and generates code for the matching engine in Python
//! (`Lib/re/_compiler.py`, `compile`), then hands the code to `_sre.compile`. For a pattern that
//! was met at snapshot time the code is in the archive, and only `_sre.compile` is called, with
//! the very arguments that were recorded: the result is the same in every attribute.

use glowplug_archive::regex::CompiledRegex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use crate::session::{self, Counts};

/// Whether this module is the one whose `compile` is answered.
pub fn is_compiler(name: &str) -> bool {
    // 3.11 and later, 3.10.
    name == "re._compiler" || name == "sre_compile"
}

/// Stands in for `re._compiler.compile`.
#[pyclass(frozen, module = "glowplug")]
struct RegexCompile {
    #[pyo3(get, name = "__wrapped__")]
    original: Py<PyAny>,
    compile: Py<PyAny>,
}

#[pymethods]
impl RegexCompile {
    #[getter(__name__)]
    #[allow(clippy::unused_self)]
    const fn name(&self) -> &'static str {
        "compile"
    }

    #[pyo3(signature = (p, flags=None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        p: &Bound<'py, PyAny>,
        flags: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(arguments) = archived(py, p, flags)? {
            return self.compile.bind(py).call1(arguments);
        }
        match flags {
            Some(flags) => self.original.bind(py).call1((p, flags)),
            None => self.original.bind(py).call1((p,)),
        }
    }
}

/// The recorded arguments of `_sre.compile`, where the archive has them.
///
/// # Errors
/// An `ImportError` where they are damaged and only the archive is to be used.
fn archived<'py>(
    py: Python<'py>,
    pattern: &Bound<'py, PyAny>,
    flags: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    match found(pattern, flags) {
        Some(Ok(regex)) => Ok(built(py, pattern, &regex)),
        Some(Err(damage)) => {
            if let Some(session) = session::current() {
                session.fall_back(py, "re.compile", damage.to_string())?;
            }
            Ok(None)
        }
        None => Ok(None),
    }
}

/// What the archive has for a pattern; `None` where it has nothing.
fn found(
    pattern: &Bound<'_, PyAny>,
    flags: Option<&Bound<'_, PyAny>>,
) -> Option<glowplug_archive::Result<CompiledRegex>> {
    let session = session::current()?;
    let given: u32 = flags.map_or(Ok(0), |f| f.extract()).ok()?;
    let found = if let Ok(text) = pattern.cast_exact::<PyString>() {
        session.archive.regex(text.to_str().ok()?.as_bytes(), false, given)
    } else if let Ok(bytes) = pattern.cast_exact::<PyBytes>() {
        session.archive.regex(bytes.as_bytes(), true, given)
    } else {
        return None;
    };
    found.transpose()
}

/// The arguments of `_sre.compile` for an archived expression.
fn built<'py>(
    py: Python<'py>,
    pattern: &Bound<'py, PyAny>,
    regex: &CompiledRegex,
) -> Option<Bound<'py, PyTuple>> {
    let build = || -> PyResult<Bound<'py, PyTuple>> {
        let group_index = PyDict::new(py);
        let mut index_group: Vec<Py<PyAny>> = (0..=regex.groups).map(|_| py.None()).collect();
        for (name, group) in &regex.names {
            let name = PyString::new(py, name);
            group_index.set_item(&name, group)?;
            *index_group
                .get_mut(*group as usize)
                .ok_or_else(|| PyTypeError::new_err("group outside of the pattern"))? =
                name.into_any().unbind();
        }
        let index_group = PyTuple::new(py, index_group)?;
        (pattern, regex.flags, &regex.code, regex.groups, group_index, index_group).into_pyobject(py)
    };
    let built = build().ok()?;
    Counts::add(&session::current()?.counts.regexes);
    Some(built)
}

/// Puts the archive before the `compile` of `module` (`re._compiler`).
///
/// # Errors
/// A Python exception if the module does not look as expected; nothing is changed then.
pub fn attach(module: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = module.py();
    let original = module.getattr("compile")?;
    if original.is_instance_of::<RegexCompile>() {
        return Ok(());
    }
    let compile = module.getattr("_sre")?.getattr("compile")?.unbind();
    module.setattr("compile", Py::new(py, RegexCompile { original: original.unbind(), compile })?)
}
