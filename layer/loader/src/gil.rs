//! State that the GIL guards.

use std::cell::UnsafeCell;

use pyo3::Python;

/// A value that is only reached with the GIL held.
///
/// Free-threaded interpreters are refused at activation and PyO3 refuses sub-interpreters, so
/// there is one GIL and holding it excludes every other thread.
pub struct GilCell<T>(UnsafeCell<T>);

// SAFETY: `with` asks for a GIL token, so two threads are never inside at once.
unsafe impl<T> Sync for GilCell<T> {}
// SAFETY: the values are plain data and Python references, which any thread with the GIL may drop.
unsafe impl<T> Send for GilCell<T> {}

impl<T> GilCell<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Runs `work` with the value. `work` must not run Python code (which could come back here
    /// while the value is borrowed); every caller is a few lines long for that reason.
    pub fn with<R>(&self, _py: Python<'_>, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the GIL is held, and `work` does not re-enter (see above), so this is the only
        // reference.
        work(unsafe { &mut *self.0.get() })
    }
}
