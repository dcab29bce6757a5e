//! Whether this interpreter lays its objects out as the table for its version says. Checked against
//! live objects before anything is dumped; an interpreter that differs is refused.

mod code;
mod samples;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::interpreter::{Kind, types};
use crate::layouts::{ALL, BYTES_DATA, COMPLEX, FLOAT, INT_DIGIT, INT_DIGITS, Layout, SLICE};

/// `Py_TPFLAGS_HAVE_GC` (`Include/object.h`).
const HAVE_GC: u64 = 1 << 14;

/// The table for the running interpreter, once live objects have been found to agree with it.
///
/// # Errors
/// `RuntimeError` with one line that says what is not as expected, or what Python raises.
pub fn probe(py: Python<'_>) -> PyResult<&'static Layout> {
    let layout = supported(py)?;
    let agreed = check_types(py, layout)
        .and_then(|()| samples::check(py, layout))
        .and_then(|()| code::check(py, layout));
    match agreed {
        Ok(()) => Ok(layout),
        Err(Disagreement::Raised(error)) => Err(error),
        Err(Disagreement::Found { what, difference }) => Err(PyRuntimeError::new_err(format!(
            "this interpreter's {what} are not laid out as CPython 3.{}'s: {difference}; \
             no archive can be built for it",
            layout.minor
        ))),
    }
}

/// Why a probe failed.
#[derive(Debug)]
pub enum Disagreement {
    /// The table and an object differ.
    Found {
        /// Objects of which type, in the plural.
        what: &'static str,
        /// In what they differ.
        difference: String,
    },
    /// Python raised an exception.
    Raised(PyErr),
}

impl From<PyErr> for Disagreement {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// The outcome of one check.
type Checked = Result<(), Disagreement>;

/// `Ok` if `agrees`, else a disagreement about objects called `what`.
fn expect(agrees: bool, what: &'static str, difference: impl FnOnce() -> String) -> Checked {
    if agrees { Ok(()) } else { Err(Disagreement::Found { what, difference: difference() }) }
}

/// The table for this version of this build, by what `sys` says.
fn supported(py: Python<'_>) -> PyResult<&'static Layout> {
    let refuse = |why: String| Err(PyRuntimeError::new_err(format!("{why}; no archive can be built for it")));
    let sys = py.import("sys")?;
    let name: String = sys.getattr("implementation")?.getattr("name")?.extract()?;
    if name != "cpython" {
        return refuse(format!("this interpreter is {name}, not CPython"));
    }
    let flags: String = sys.getattr("abiflags")?.extract()?;
    if flags.contains('t') {
        return refuse("this is a free-threaded build of CPython".to_owned());
    }
    if flags.contains('d') || sys.hasattr("gettotalrefcount")? || sys.hasattr("getobjects")? {
        return refuse("this is a debug build of CPython".to_owned());
    }
    if cfg!(not(all(target_pointer_width = "64", target_endian = "little"))) {
        return refuse("this machine is not a 64-bit little-endian one".to_owned());
    }
    let version = py.version_info();
    match Layout::of(version.minor).filter(|_| version.major == 3) {
        Some(layout) => Ok(layout),
        None => refuse(format!(
            "CPython {}.{} is not supported, 3.{} to 3.{} are",
            version.major,
            version.minor,
            ALL[0].minor,
            ALL[ALL.len() - 1].minor
        )),
    }
}

/// Sizes of the types, and which of them the garbage collector knows.
fn check_types(py: Python<'_>, layout: &Layout) -> Checked {
    for (object, kind) in types(py)? {
        let unit = if layout.code.bytecode_follows { 2 } else { 0 };
        let (what, size, item, collected) = match kind {
            Kind::Str => ("strings", layout.string.object, 0, false),
            Kind::Bytes => ("bytes objects", BYTES_DATA + 1, 1, false),
            Kind::Tuple => ("tuples", layout.tuple.items, 8, true),
            Kind::Int => ("ints", INT_DIGITS, INT_DIGIT, false),
            Kind::Float => ("floats", FLOAT, 0, false),
            Kind::Complex => ("complex numbers", COMPLEX, 0, false),
            Kind::Slice => ("slices", SLICE, 0, true),
            Kind::Code => ("code objects", layout.code.size, unit, false),
            Kind::FrozenSet => continue, // stored as a tuple
        };
        let found: usize = object.getattr("__basicsize__")?.extract()?;
        expect(found == size, what, || format!("{found} bytes long instead of {size}"))?;
        let found: usize = object.getattr("__itemsize__")?.extract()?;
        expect(found == item, what, || format!("items of {found} bytes instead of {item}"))?;
        let flags: u64 = object.getattr("__flags__")?.extract()?;
        expect((flags & HAVE_GC != 0) == collected, what, || {
            format!("garbage-collected: {}, expected {collected}", !collected)
        })?;
    }
    Ok(())
}
