//! Garbage collection held back while imports run.
//!
//! An import allocates much and frees little, so the collections that its allocations trigger find
//! nothing (3-13 % of the import phase). While the outermost served import runs, the threshold of
//! the youngest generation is so high that few imports reach it; afterwards it is what it was, and what
//! the import made is frozen, so that later collections do not walk it again. `gc.isenabled()` stays what the
//! program made it, `gc.get_threshold()` says what it would be without us, and a program that sets a
//! threshold itself meanwhile keeps its own.
//!
//! Some imports do leave garbage: a client that is made and dropped takes megabytes with it. The snapshot
//! step counts it. Where it was much, the threshold is lower, and what such an import left is collected
//! before the rest is frozen, if the program lets collections happen.
//!
//! What the program made before the import is not frozen: cyclic garbage among it would never be
//! found. `gc.freeze` knows no exceptions, so these objects are taken from the collector's lists
//! while it runs. Where there are many, the program is past its start, and nothing is frozen any
//! more.
//!
//! What is frozen is not collected at interpreter exit either, which saves most of that time. Where
//! a file is still open for writing then, it might be one whose buffer only a finalizer would
//! flush, so everything is unfrozen first and the exit is the plain one.

use std::os::fd::RawFd;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::gil::GilCell;
use crate::session;

/// The threshold that stands for "held"; no program sets it. Imports of pandas, boto3, sqlalchemy and
/// fastapi allocate 56,000 to 97,000 objects more than they free.
const HELD: i32 = 200_003;
/// The same where the target left much garbage.
const HELD_WITH_GARBAGE: i32 = 50_021;
/// So much garbage is much, in objects: a megabyte or two. Of so many new objects an import is worth a
/// collection at its end, if the target left that much.
const MUCH_GARBAGE: u32 = 10_000;

/// With more objects than this outside of imports, a program is past its start. Taking them from
/// the collector's lists and back costs 20 to 50 microseconds for a thousand.
const MANY: usize = 10_000;

struct State {
    depth: u32,
    saved: Option<i32>,
    /// What the program made before this import; `None` if nothing is to be frozen after it.
    made_before: Option<Py<PyList>>,
    past_start: bool,
    exit_watched: bool,
}

/// The hold, and the `gc` functions it needs.
pub struct Hold {
    state: GilCell<State>,
    /// [`HELD`] or [`HELD_WITH_GARBAGE`].
    held: i32,
    collect: Py<PyAny>,
    is_enabled: Py<PyAny>,
    get_threshold: Py<PyAny>,
    set_threshold: Py<PyAny>,
    freeze: Py<PyAny>,
    get_count: Py<PyAny>,
    get_objects: Py<PyAny>,
}

impl Hold {
    /// `garbage` is how many objects the target left to the collector at snapshot time.
    ///
    /// # Errors
    /// A Python exception if `gc` cannot be imported.
    pub fn new(py: Python<'_>, garbage: u32) -> PyResult<Self> {
        let gc = py.import("gc")?;
        let state =
            State { depth: 0, saved: None, made_before: None, past_start: false, exit_watched: false };
        Ok(Self {
            state: GilCell::new(state),
            held: if garbage < MUCH_GARBAGE { HELD } else { HELD_WITH_GARBAGE },
            collect: gc.getattr("collect")?.unbind(),
            is_enabled: gc.getattr("isenabled")?.unbind(),
            get_threshold: gc.getattr("get_threshold")?.unbind(),
            set_threshold: gc.getattr("set_threshold")?.unbind(),
            freeze: gc.getattr("freeze")?.unbind(),
            get_count: gc.getattr("get_count")?.unbind(),
            get_objects: gc.getattr("get_objects")?.unbind(),
        })
    }

    /// Activation: freezes what the interpreter has made so far, so that it need not be told from
    /// what the program makes. `__main__` stays out: the program's names will stand in it.
    ///
    /// # Errors
    /// A Python exception if `gc` cannot be written to.
    pub fn start(&self, py: Python<'_>) -> PyResult<()> {
        let gc = py.import("gc")?;
        gc.setattr("get_threshold", wrap_pyfunction!(get_threshold, &gc)?)?;
        let main = || {
            let main = py.import("__main__")?;
            PyList::new(py, [main.getattr("__dict__")?, main.into_any()])
        };
        if let Ok(kept) = main() {
            self.freeze_all_but(py, &kept);
        }
        Ok(())
    }

    /// What lives now and is not frozen, or `None` if that is so much that the program is past its
    /// start.
    fn made_before(&self, py: Python<'_>) -> Option<Py<PyList>> {
        if self.state.with(py, |s| s.past_start) {
            return None;
        }
        // Collections of the oldest generation are counted last; none was due so far.
        let (_, _, old): (u64, u64, u64) = self.get_count.bind(py).call0().ok()?.extract().ok()?;
        let few = (old == 0)
            .then(|| self.get_objects.bind(py).call0().ok()?.cast_into::<PyList>().ok())
            .flatten()
            .filter(|objects| objects.len() <= MANY);
        self.state.with(py, |s| s.past_start = few.is_none());
        few.map(Bound::unbind)
    }

    /// Freezes everything but these objects.
    fn freeze_all_but(&self, py: Python<'_>, kept: &Bound<'_, PyList>) {
        let untracked: Vec<_> = kept
            .iter()
            .filter(|object| {
                // What is tracked is fully built, and may leave the collector's lists and come back; no Python code runs in
                // between, since `gc.freeze` only joins lists (`Modules/gcmodule.c`, `gc_freeze_impl`).
                // SAFETY: the list holds a reference to each object.
                unsafe {
                    let tracked = ffi::PyObject_GC_IsTracked(object.as_ptr()) != 0;
                    if tracked {
                        ffi::PyObject_GC_UnTrack(object.as_ptr().cast());
                    }
                    tracked
                }
            })
            .collect();
        // Cannot fail: it takes nothing.
        let _ = self.freeze.bind(py).call0();
        for object in untracked {
            // SAFETY: as above; it was tracked before.
            unsafe { ffi::PyObject_GC_Track(object.as_ptr().cast()) };
        }
    }

    fn threshold(&self, py: Python<'_>) -> PyResult<i32> {
        self.get_threshold.bind(py).call0()?.cast::<PyTuple>()?.get_item(0)?.extract()
    }

    /// How many objects were allocated and not freed since the last collection.
    fn made(&self, py: Python<'_>) -> u32 {
        let counts = self.get_count.bind(py).call0();
        counts.and_then(|c| c.extract()).map_or(0, |(young, _, _): (u32, u32, u32)| young)
    }

    fn is_enabled(&self, py: Python<'_>) -> bool {
        self.is_enabled.bind(py).call0().and_then(|e| e.extract()).unwrap_or(false)
    }

    /// A served import begins.
    pub fn enter(&self, py: Python<'_>) {
        let outermost = self.state.with(py, |s| {
            s.depth += 1;
            s.depth == 1
        });
        if !outermost {
            return;
        }
        let saved = self
            .threshold(py)
            .ok()
            .filter(|t| *t > 0 && self.set_threshold.bind(py).call1((self.held,)).is_ok());
        let made_before = saved.and_then(|_| self.made_before(py));
        self.state.with(py, |s| (s.saved, s.made_before) = (saved, made_before));
    }

    /// A served import ends.
    pub fn leave(&self, py: Python<'_>) {
        let (saved, made_before) = self.state.with(py, |s| {
            s.depth -= 1;
            if s.depth == 0 { (s.saved.take(), s.made_before.take()) } else { (None, None) }
        });
        let Some(saved) = saved else { return };
        if self.threshold(py).is_ok_and(|now| now == self.held) {
            let made = self.made(py);
            // Cannot fail: the value came from `get_threshold`.
            let _ = self.set_threshold.bind(py).call1((saved,));
            if self.held == HELD_WITH_GARBAGE && made >= MUCH_GARBAGE && self.is_enabled(py) {
                // What a finalizer raises is printed, not returned.
                let _ = self.collect.bind(py).call0();
            }
            let Some(made_before) = made_before else { return };
            self.freeze_all_but(py, made_before.bind(py));
            if self.state.with(py, |s| !std::mem::replace(&mut s.exit_watched, true)) {
                let _ = watch_exit(py);
            }
        }
    }
}

/// Stands in for `gc.get_threshold`: a program may save what it says and set it again later, or
/// multiply it, so the threshold of the hold must not show.
#[pyfunction]
fn get_threshold(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let hold = session::current()
        .and_then(|s| s.hold.as_ref())
        .ok_or_else(|| PyRuntimeError::new_err("garbage collection was never held back"))?;
    let thresholds = hold.get_threshold.bind(py).call0()?;
    let (first, second, third): (i32, i32, i32) = thresholds.extract()?;
    match hold.state.with(py, |s| s.saved) {
        Some(saved) if first == hold.held => Ok((saved, second, third).into_pyobject(py)?.into_any()),
        _ => Ok(thresholds),
    }
}

fn watch_exit(py: Python<'_>) -> PyResult<()> {
    let at_exit = wrap_pyfunction!(thaw_for_open_files, py)?;
    py.import("atexit")?.call_method1("register", (at_exit,))?;
    Ok(())
}

/// Run at interpreter exit, after the program's own `atexit` functions.
#[pyfunction]
fn thaw_for_open_files(py: Python<'_>) -> PyResult<()> {
    if writable_descriptors() {
        py.import("gc")?.call_method0("unfreeze")?;
    }
    Ok(())
}

/// Whether a file that this process opened can still be written to (proc_pid_fd(5), fcntl(2)).
/// Where that cannot be told, it is assumed.
///
/// A pipe or socket that was inherited (a job server's, a supervisor's) is none: what Python opens
/// is not inheritable (PEP 446), and what is inherited is.
fn writable_descriptors() -> bool {
    let Ok(listed) = std::fs::read_dir("/proc/self/fd") else { return true };
    listed.flatten().any(|entry| {
        let name = entry.file_name();
        let Some(fd) = name.to_str().and_then(|n| n.parse::<RawFd>().ok()) else { return false };
        let read = |command| {
            // SAFETY: only flags are read; a descriptor closed meanwhile is an error value.
            unsafe { libc::fcntl(fd, command) }
        };
        let (flags, close_on_exec) = (read(libc::F_GETFL), read(libc::F_GETFD));
        let writable = flags >= 0 && flags & libc::O_ACCMODE != libc::O_RDONLY && flags & libc::O_PATH == 0;
        let ours = close_on_exec & libc::FD_CLOEXEC != 0 || entry.path().is_file();
        fd > 2 && writable && ours
    })
}
