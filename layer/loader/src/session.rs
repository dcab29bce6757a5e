//! The archive in use, and what was done with it so far.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use glowplug_archive::Archive;
use glowplug_archive::modules::ModuleRecord;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::collection::Hold;
use crate::footprint;
use crate::gil::GilCell;
use crate::heap::Heap;
use crate::log;
use crate::places::Places;
use crate::settings::Settings;

/// From so many modules on, whenever there are twice as many, memory of libraries is given back. Each time
/// costs some 50 page faults, a percent of a short import.
const SHRUNK_FROM: u64 = 64;

/// An activated archive. There is at most one in a process.
pub struct Session {
    pub archive: Archive,
    pub settings: Settings,
    pub heap: GilCell<Heap>,
    pub places: GilCell<Places>,
    /// By module number: whether the module was executed from the archive already.
    pub executed: GilCell<Vec<bool>>,
    pub hold: Option<Hold>,
    pub classes: Classes,
    pub counts: Counts,
    /// Module and reason of each fallback.
    pub fallbacks: GilCell<Vec<(String, String)>>,
}

/// What is needed of `importlib`.
pub struct Classes {
    pub module_spec: Py<PyAny>,
    pub extension_loader: Py<PyAny>,
    /// The class of a served module's `__loader__`.
    pub archive_loader: Py<PyAny>,
    /// `SourceFileLoader`, whose methods do the plain work.
    pub source_loader: Py<PyAny>,
    pub sys: Py<PyModule>,
    /// `.cpython-312.pyc` with the optimisation tag, or `None` where `sys.pycache_prefix` is set.
    pub cache_suffix: Option<String>,
}

/// Things counted for `status()`.
#[derive(Default)]
pub struct Counts {
    pub modules: AtomicU64,
    pub extensions: AtomicU64,
    pub regexes: AtomicU64,
    pub texts: AtomicU64,
}

impl Counts {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

static SESSION: OnceLock<Session> = OnceLock::new();

/// The active session.
pub fn current() -> Option<&'static Session> {
    SESSION.get()
}

/// Makes `session` the active one.
///
/// # Errors
/// Gives it back if there is one already.
pub fn start(session: Session) -> Result<&'static Session, Box<Session>> {
    SESSION.set(session).map_err(Box::new)?;
    SESSION.get().ok_or_else(|| unreachable!("set just now"))
}

impl Session {
    /// Counts a module that is served. Now and then, what imports needed of libraries until then is given back.
    ///
    /// The GIL must be held.
    pub fn count_module(&self) {
        let count = self.counts.modules.fetch_add(1, Ordering::Relaxed) + 1;
        if self.settings.gives_back && count >= SHRUNK_FROM && count.is_power_of_two() {
            footprint::shrink_again();
        }
    }

    pub fn module(&self, number: usize) -> &ModuleRecord {
        &self.archive.modules()[number]
    }

    pub fn module_name(&self, number: usize) -> &str {
        self.archive.name(self.module(number).name)
    }

    /// Notes that `module` (or `re.compile`, `exec`) goes the plain way. Where only the archive is to
    /// be used (`GLOWPLUG_STRICT`), that is an `ImportError`.
    ///
    /// # Errors
    /// The `ImportError`.
    pub fn fall_back(&self, py: Python<'_>, module: &str, reason: String) -> PyResult<()> {
        let archive = self.archive.path().display();
        if self.settings.strict {
            return Err(PyImportError::new_err(format!(
                "glowplug: {module}: {reason} ({archive}, GLOWPLUG_STRICT is set)"
            )));
        }
        let first = self.fallbacks.with(py, |f| {
            f.push((module.to_owned(), reason.clone()));
            f.len() == 1
        });
        // One line in the log; the rest on request, and all of them in `status()`.
        let level = if first { log::Level::Warn } else { log::Level::Debug };
        log::line(level, || format!("{module}: {reason}; done the plain way ({archive})"));
        Ok(())
    }

    /// Gives up what is done with when the code of `range` has been executed, if nobody refers to it.
    /// `name` is what it is of, for the log.
    pub fn release(&self, py: Python<'_>, range: u32, name: &str) {
        let held = self.heap.with(py, |heap| {
            // SAFETY: the GIL is held.
            unsafe { heap.release(range) }
        });
        if held {
            log::line(log::Level::Debug, || {
                format!("{name}: what ran once stays in memory, something refers to it")
            });
        }
    }

    /// The code object at `offset` of `range`, for source at `file_name`. `stays` says that it will not be
    /// released ([`Session::release`]).
    ///
    /// # Errors
    /// Why its objects cannot be used.
    pub fn code<'py>(
        &self,
        py: Python<'py>,
        range: u32,
        offset: u32,
        file_name: &Bound<'py, PyString>,
        stays: bool,
    ) -> Result<Bound<'py, PyAny>, String> {
        // Code objects refer to the name for as long as the process lives.
        let name = file_name.clone().into_ptr();
        self.heap.with(py, |heap| {
            // SAFETY: the GIL is held and the heap was reserved for this archive. The object is
            // borrowed from the heap, hence the new reference.
            unsafe {
                let object = heap.object(&self.archive, range, offset, name, stays)?;
                Ok(Bound::from_borrowed_ptr(py, object))
            }
        })
    }
}
