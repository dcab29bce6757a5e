//! A call that the main thread makes after a while, between two of its steps.

use std::ffi::{c_int, c_void};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyOSError;
use pyo3::ffi::{Py_AddPendingCall, PyErr_WriteUnraisable};
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

/// Whether the interpreter is on its way out: nothing may be added any more.
static IS_OVER: Mutex<bool> = Mutex::new(false);

/// Has the main thread call `function` after so many milliseconds, if the interpreter still runs then. What it raises is told as
/// of a finalizer. Raises `OSError` where there can be no thread.
#[pyfunction]
pub fn call_later(py: Python<'_>, milliseconds: u64, function: Py<PyAny>) -> PyResult<()> {
    let end = PyCFunction::new_closure(py, Some(c"end"), None, |_, _| set_over())?;
    py.import("atexit")?.call_method1("register", (end,))?;
    // It is never freed: whether it is going to be called is not known.
    let function = function.into_ptr() as usize;
    thread::Builder::new()
        .name("glowplug-later".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            thread::sleep(Duration::from_millis(milliseconds));
            if let Ok(is_over) = IS_OVER.lock()
                && !*is_over
            {
                // SAFETY: may be called without the interpreter's lock, while the interpreter lives.
                unsafe { Py_AddPendingCall(Some(call), function as *mut c_void) };
            }
        })
        .map(drop)
        .map_err(PyOSError::new_err)
}

fn set_over() {
    if let Ok(mut is_over) = IS_OVER.lock() {
        *is_over = true;
    }
}

/// Calls the object.
extern "C" fn call(function: *mut c_void) -> c_int {
    // SAFETY: the interpreter calls this with its lock held; the object is never freed.
    unsafe {
        let py = Python::assume_attached();
        let function = Bound::from_borrowed_ptr(py, function.cast());
        if let Err(error) = function.call0() {
            error.restore(py);
            PyErr_WriteUnraisable(function.as_ptr());
        }
    }
    0
}
