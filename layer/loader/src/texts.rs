//! Source texts that modules compile while they start: `exec`, `eval` and `compile` of a string.
//!
//! `dataclasses`, `collections.namedtuple`, `attrs` and others write functions as text. Where the
//! archive has code of such texts, functions of the same names stand in for the three builtins. They
//! look the text up by its hash and, where the archive has the code, give the builtin the code in
//! its place; everything else (name spaces, results, errors, auditing of `exec`) is the builtin's
//! own. The builtins see the caller's frame, as a function that is not written in Python has none.

use glowplug_archive::compiled;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::gil::GilCell;
use crate::session::{self, Counts, Session};

/// The flags that `compile` inherits from the calling code: its `__future__` statements
/// (`Include/cpython/compile.h`, `PyCF_MASK`).
const FUTURE_FLAGS: u32 = 0x1fe_0000;

/// Where the archive has a text's code, and the code, or why it cannot be used.
type Found<'py> = (&'static Session, u32, Result<Bound<'py, PyAny>, String>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Builtin {
    Exec,
    Eval,
    Compile,
}

impl Builtin {
    const ALL: [Self; 3] = [Self::Exec, Self::Eval, Self::Compile];

    const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Eval => "eval",
            Self::Compile => "compile",
        }
    }
}

/// The interpreter's own functions, in the order of [`Builtin::ALL`].
static ORIGINALS: GilCell<Option<[Py<PyAny>; 3]>> = GilCell::new(None);

#[pyfunction]
#[pyo3(name = "exec", signature = (*args, **options))]
fn exec_text<'py>(
    args: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    Builtin::Exec.call(args, options)
}

#[pyfunction]
#[pyo3(name = "eval", signature = (*args, **options))]
fn eval_text<'py>(
    args: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    Builtin::Eval.call(args, options)
}

#[pyfunction]
#[pyo3(name = "compile", signature = (*args, **options))]
fn compile_text<'py>(
    args: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    Builtin::Compile.call(args, options)
}

impl Builtin {
    fn call<'py>(
        self,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let original = ORIGINALS
            .with(py, |o| o.as_ref().map(|o| o[self as usize].clone_ref(py)))
            .ok_or_else(|| PyRuntimeError::new_err("the builtins were never replaced"))?
            .into_bound(py);
        match (self.archived(args, options)?, self) {
            (None, _) => original.call(args, options),
            (Some((code, ..)), Self::Compile) => Ok(code),
            (Some((code, session, range)), _) => {
                let rest = args.iter().skip(1);
                let args = PyTuple::new(py, std::iter::once(code).chain(rest).collect::<Vec<_>>())?;
                // The arguments are given up before the code is.
                let done = original.call(args, options);
                session.release(py, range, self.name());
                done
            }
        }
    }

    /// The code of the text that the call is about, and its range, where the archive has it.
    ///
    /// # Errors
    /// An `ImportError` where it is damaged and only the archive is to be used.
    fn archived<'py>(
        self,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, &'static Session, u32)>> {
        let Some((session, range, found)) = self.found(args, options) else { return Ok(None) };
        match found {
            Ok(code) => {
                Counts::add(&session.counts.texts);
                Ok(Some((code, session, range)))
            }
            Err(reason) => {
                session.fall_back(args.py(), self.name(), reason)?;
                Ok(None)
            }
        }
    }

    /// What the archive has for a call; `None` where it has nothing.
    fn found<'py>(
        self,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> Option<Found<'py>> {
        let py = args.py();
        let session = session::current()?;
        let source = args.get_item(0).ok()?.cast_into_exact::<PyString>().ok()?;
        let mut flags = inherited_flags(py)?;
        let text = source.to_str().ok()?;
        let (file_name, mode, text) = match self {
            Self::Exec => (PyString::intern(py, "<string>"), "exec", text),
            // `eval` skips leading blanks (`Python/bltinmodule.c`, `builtin_eval_impl`).
            Self::Eval => (PyString::intern(py, "<string>"), "eval", text.trim_start_matches([' ', '\t'])),
            Self::Compile => {
                let file_name = args.get_item(1).ok()?.cast_into_exact::<PyString>().ok()?;
                let mode = args.get_item(2).ok()?.cast_into_exact::<PyString>().ok()?;
                let mode = match mode.to_str().ok()? {
                    "exec" => "exec",
                    "eval" => "eval",
                    "single" => "single",
                    _ => return None,
                };
                if args.len() > 4 || options.is_some_and(|o| !o.is_empty()) {
                    return None;
                }
                if let Ok(explicit) = args.get_item(3) {
                    flags |= explicit.extract::<u32>().ok()?;
                }
                (file_name, mode, text)
            }
        };
        let key = compiled::key(text, file_name.to_str().ok()?, mode, flags);
        let found = session.archive.find_compiled(key)?;
        // Nobody says when the code that `compile` gives has been used.
        let stays = matches!(self, Self::Compile);
        Some((session, found.range, session.code(py, found.range, found.code, &file_name, stays)))
    }
}

/// The `__future__` flags of the code that called the builtin.
fn inherited_flags(py: Python<'_>) -> Option<u32> {
    // SAFETY: the GIL is held. The frame is borrowed (null where no Python code runs), its code a
    // new reference that `from_owned_ptr` takes.
    let code = unsafe {
        let frame = ffi::PyEval_GetFrame();
        if frame.is_null() {
            return None;
        }
        Bound::from_owned_ptr(py, ffi::PyFrame_GetCode(frame).cast())
    };
    let flags: u32 = code.getattr("co_flags").ok()?.extract().ok()?;
    Some(flags & FUTURE_FLAGS)
}

/// Replaces the three builtins.
///
/// # Errors
/// A Python exception if the builtins cannot be written.
pub fn attach(py: Python<'_>) -> PyResult<()> {
    let builtins = py.import("builtins")?;
    let own = |which: Builtin| builtins.getattr(which.name()).map(Bound::unbind);
    let [exec, eval, compile] = Builtin::ALL;
    let originals = [own(exec)?, own(eval)?, own(compile)?];
    ORIGINALS.with(py, |o| *o = Some(originals));
    builtins.setattr(exec.name(), wrap_pyfunction!(exec_text, &builtins)?)?;
    builtins.setattr(eval.name(), wrap_pyfunction!(eval_text, &builtins)?)?;
    builtins.setattr(compile.name(), wrap_pyfunction!(compile_text, &builtins)?)
}
