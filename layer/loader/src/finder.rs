//! The meta-path finder: first in line, and silent about everything the archive does not hold.

use glowplug_archive::modules::{ModuleRecord, module_flags};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::session::{self, Counts, Session};
use crate::source_loader::LoaderBase;
use crate::staleness;

/// Finds modules in the archive.
#[pyclass(frozen, module = "glowplug")]
pub struct ArchiveFinder;

#[pymethods]
impl ArchiveFinder {
    /// The spec of a module that the archive holds, `None` for any other.
    #[pyo3(signature = (fullname, path=None, target=None))]
    #[allow(clippy::unused_self)]
    fn find_spec<'py>(
        &self,
        py: Python<'py>,
        fullname: &Bound<'py, PyAny>,
        path: Option<&Bound<'py, PyAny>>,
        target: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let _ = target;
        let (Some(session), Ok(fullname)) = (session::current(), fullname.cast::<PyString>()) else {
            return Ok(None);
        };
        let Ok(name) = fullname.to_str() else { return Ok(None) };
        let Some(number) = session.archive.find_module(name) else { return Ok(None) };
        let module = *session.module(number);
        if session.executed.with(py, |e| e[number]) {
            return Ok(None);
        }
        let Some(file) = locate(py, session, &module, name, path)? else { return Ok(None) };
        if module.flags & module_flags::EXTENSION != 0 {
            return extension_spec(py, session, fullname, &module, &file);
        }
        if let Err(reason) = staleness::check(session.archive.header().validation, &module, &file) {
            session.fall_back(py, name, reason)?;
            return Ok(None);
        }
        source_spec(py, session, fullname, number, &module, &file).map(Some)
    }

    /// Nothing is cached that could go stale unnoticed.
    #[allow(clippy::unused_self)]
    const fn invalidate_caches(&self) {}
}

fn locate(
    py: Python<'_>,
    session: &Session,
    module: &ModuleRecord,
    name: &str,
    path: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<String>> {
    let Ok(sys_path) = session.classes.sys.bind(py).getattr(intern!(py, "path"))?.cast_into::<PyList>()
    else {
        return Ok(None);
    };
    let Some((_, tail)) = name.rsplit_once('.') else {
        return Ok(session.places.with(py, |p| p.top_level(&session.archive, module, name, &sys_path)));
    };
    let _ = tail;
    // A list, or importlib's `_NamespacePath`; both can be indexed.
    let Some(Ok(first)) = path.map(|p| p.get_item(0)) else { return Ok(None) };
    let Ok(first) = first.cast_into::<PyString>() else { return Ok(None) };
    let Ok(first) = first.to_str() else { return Ok(None) };
    Ok(session.places.with(py, |p| p.submodule(&session.archive, module, first, &sys_path)))
}

/// As `spec_from_file_location` makes it for a `SourceFileLoader`
/// (`Lib/importlib/_bootstrap_external.py`).
fn source_spec<'py>(
    py: Python<'py>,
    session: &Session,
    fullname: &Bound<'py, PyString>,
    number: usize,
    module: &ModuleRecord,
    file: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let origin = PyString::new(py, file);
    let loader = session.classes.archive_loader.bind(py).call1((fullname, &origin))?;
    loader.cast::<LoaderBase>()?.get().set_module(number);
    let package = module.flags & module_flags::PACKAGE != 0;
    let spec = make_spec(py, session, fullname, &loader, &origin)?;
    let (directory, file_name) = file.rsplit_once('/').unwrap_or(("", file));
    if package {
        let locations = PyList::new(py, [directory])?;
        spec.setattr(intern!(py, "submodule_search_locations"), locations)?;
    }
    if let (Some(suffix), Some((stem, _))) = (&session.classes.cache_suffix, file_name.rsplit_once('.')) {
        spec.setattr(intern!(py, "cached"), format!("{directory}/__pycache__/{stem}{suffix}"))?;
    }
    Ok(spec)
}

/// The spec that the path finder would give for an extension module, if its file is there.
fn extension_spec<'py>(
    py: Python<'py>,
    session: &Session,
    fullname: &Bound<'py, PyString>,
    module: &ModuleRecord,
    file: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !std::path::Path::new(file).is_file() {
        return Ok(None);
    }
    let origin = PyString::new(py, file);
    let loader = session.classes.extension_loader.bind(py).call1((fullname, &origin))?;
    let spec = make_spec(py, session, fullname, &loader, &origin)?;
    if module.flags & module_flags::PACKAGE != 0 {
        let directory = file.rsplit_once('/').map_or("", |(d, _)| d);
        spec.setattr(intern!(py, "submodule_search_locations"), PyList::new(py, [directory])?)?;
    }
    Counts::add(&session.counts.extensions);
    Ok(Some(spec))
}

fn make_spec<'py>(
    py: Python<'py>,
    session: &Session,
    fullname: &Bound<'py, PyString>,
    loader: &Bound<'py, PyAny>,
    origin: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    options.set_item(intern!(py, "origin"), origin)?;
    let spec = session.classes.module_spec.bind(py).call((fullname, loader), Some(&options))?;
    spec.setattr(intern!(py, "_set_fileattr"), true)?;
    Ok(spec)
}
