//! Garbage collection held back while imports run.
//!
//! An import allocates much and frees little, so the collections that its allocations trigger find
//! nothing (3-13 % of the import phase). While the outermost served import runs, the threshold of
//! the youngest generation is out of reach; afterwards it is what it was, and what the import made
//! is frozen, so that later collections do not walk it again. `gc.isenabled()` stays what the
//! program made it, and a program that sets a threshold itself meanwhile keeps its own.
//!
//! What is frozen is not collected at interpreter exit either, which saves most of that time. Where
//! a file is still open for writing then, it might be one whose buffer only a finalizer would
//! flush, so everything is unfrozen first and the exit is the plain one.

use std::os::fd::RawFd;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::gil::GilCell;

/// Stands for "held": no allocation count reaches it, and no program sets it.
const HELD: i32 = 2_147_418_113;

struct State {
    depth: u32,
    saved: Option<i32>,
    exit_watched: bool,
}

/// The hold, and the `gc` functions it needs.
pub struct Hold {
    state: GilCell<State>,
    get_threshold: Py<PyAny>,
    set_threshold: Py<PyAny>,
    freeze: Py<PyAny>,
}

impl Hold {
    /// # Errors
    /// A Python exception if `gc` cannot be imported.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let gc = py.import("gc")?;
        Ok(Self {
            state: GilCell::new(State { depth: 0, saved: None, exit_watched: false }),
            get_threshold: gc.getattr("get_threshold")?.unbind(),
            set_threshold: gc.getattr("set_threshold")?.unbind(),
            freeze: gc.getattr("freeze")?.unbind(),
        })
    }

    fn threshold(&self, py: Python<'_>) -> PyResult<i32> {
        self.get_threshold.bind(py).call0()?.cast::<PyTuple>()?.get_item(0)?.extract()
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
        let saved =
            self.threshold(py).ok().filter(|t| *t > 0 && self.set_threshold.bind(py).call1((HELD,)).is_ok());
        self.state.with(py, |s| s.saved = saved);
    }

    /// A served import ends.
    pub fn leave(&self, py: Python<'_>) {
        let saved = self.state.with(py, |s| {
            s.depth -= 1;
            if s.depth == 0 { s.saved.take() } else { None }
        });
        let Some(saved) = saved else { return };
        if self.threshold(py).is_ok_and(|now| now == HELD) {
            // Neither can fail: the value came from `get_threshold`, and `freeze` takes nothing.
            let _ = self.set_threshold.bind(py).call1((saved,));
            let _ = self.freeze.bind(py).call0();
            if self.state.with(py, |s| !std::mem::replace(&mut s.exit_watched, true)) {
                let _ = watch_exit(py);
            }
        }
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

/// Whether any descriptor beyond the standard streams can be written to (proc_pid_fd(5),
/// fcntl(2)). Where that cannot be told, it is assumed.
fn writable_descriptors() -> bool {
    let Ok(listed) = std::fs::read_dir("/proc/self/fd") else { return true };
    listed.flatten().filter_map(|e| e.file_name().to_str()?.parse::<RawFd>().ok()).any(|fd| {
        // SAFETY: F_GETFL only reads the flags; a descriptor closed meanwhile is an error value.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
        fd > 2 && flags >= 0 && flags & libc::O_ACCMODE != libc::O_RDONLY && flags & libc::O_PATH == 0
    })
}
