//! The `__loader__` of served modules: importlib's `SourceFileLoader` with another way to the code.
//!
//! The class that programs see is made at activation, as a subclass of [`LoaderBase`] and
//! `SourceFileLoader`. All that is not overridden here is importlib's own: `get_source`,
//! `is_package`, `get_filename`, `get_resource_reader`, `path_stats`, `load_module`.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use crate::session::{self, Session};
use crate::{expressions, log};

/// No module: an instance that somebody made by calling the class.
const NONE: u32 = u32::MAX;

/// What the archive adds to `SourceFileLoader`.
#[pyclass(frozen, subclass, module = "glowplug")]
pub struct LoaderBase {
    module: AtomicU32,
}

impl LoaderBase {
    pub fn set_module(&self, number: usize) {
        self.module.store(u32::try_from(number).unwrap_or(NONE), Ordering::Relaxed);
    }

    fn served(&self) -> Option<(&'static Session, usize)> {
        let number = self.module.load(Ordering::Relaxed);
        (number != NONE).then_some(())?;
        Some((session::current()?, number as usize))
    }
}

/// Calls `SourceFileLoader`'s own method.
fn plain<'py>(
    slf: &Bound<'py, LoaderBase>,
    method: &Bound<'py, PyString>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let session = session::current().ok_or_else(|| PyOSError::new_err("no archive is active"))?;
    session.classes.source_loader.bind(slf.py()).getattr(method)?.call1((slf, argument))
}

#[pymethods]
impl LoaderBase {
    #[new]
    #[pyo3(signature = (*_args, **_options))]
    fn new(_args: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyDict>>) -> Self {
        Self { module: AtomicU32::new(NONE) }
    }

    /// The module's code object, from the archive.
    fn get_code<'py>(slf: &Bound<'py, Self>, fullname: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some((session, number)) = slf.get().served() {
            let name = session.module_name(number);
            let asked = fullname.cast::<PyString>().ok().and_then(|f| f.to_str().ok());
            let path = slf.getattr(intern!(py, "path"))?;
            if let (true, Ok(path)) = (asked == Some(name), path.cast::<PyString>()) {
                let module = session.module(number);
                match session.code(py, module.range, module.code, path, false) {
                    Ok(code) => {
                        log::line(log::Level::Debug, || format!("{name} is served"));
                        session.count_module();
                        return Ok(code);
                    }
                    Err(reason) => session.fall_back(py, name, reason)?,
                }
            }
        }
        plain(slf, intern!(py, "get_code"), fullname)
    }

    /// Executes the module, by importlib's own `exec_module`.
    fn exec_module<'py>(slf: &Bound<'py, Self>, module: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let Some((session, number)) = slf.get().served() else {
            plain(slf, intern!(py, "exec_module"), module)?;
            return Ok(());
        };
        session.executed.with(py, |e| e[number] = true);
        if let Some(hold) = &session.hold {
            hold.enter(py);
        }
        let done = plain(slf, intern!(py, "exec_module"), module);
        session.release(py, session.module(number).range, session.module_name(number));
        if let Some(hold) = &session.hold {
            hold.leave(py);
        }
        done?;
        if session.settings.expressions && expressions::is_compiler(session.module_name(number)) {
            expressions::attach(module)?;
        }
        Ok(())
    }

    /// The file's content; the module's own source also where a packager removed the file and the
    /// archive is an unchecked one.
    fn get_data<'py>(slf: &Bound<'py, Self>, path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let missing = match plain(slf, intern!(py, "get_data"), path) {
            Err(e) if e.is_instance_of::<PyOSError>(py) => e,
            other => return other,
        };
        let Some((session, number)) = slf.get().served() else { return Err(missing) };
        if !path.eq(slf.getattr(intern!(py, "path"))?)? {
            return Err(missing);
        }
        match session.archive.source(session.module(number)) {
            Ok(Some(source)) => return Ok(PyBytes::new(py, &source).into_any()),
            Ok(None) => {}
            Err(damage) => session.fall_back(py, session.module_name(number), damage.to_string())?,
        }
        Err(missing)
    }
}

/// Makes the class of served modules' loaders.
///
/// # Errors
/// A Python exception if the class cannot be made.
pub fn make_class<'py>(
    py: Python<'py>,
    source_file_loader: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let body = PyDict::new(py);
    body.set_item("__module__", "glowplug")?;
    body.set_item("__doc__", "Loads modules from a Glowplug archive.")?;
    let bases = (py.get_type::<LoaderBase>(), source_file_loader);
    py.get_type::<PyType>().call1(("ArchiveLoader", bases, body))
}
