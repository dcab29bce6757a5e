//! Source texts that modules compile while they start: `exec`, `eval` and `compile` of a string.
//!
//! `dataclasses`, `collections.namedtuple`, `attrs` and others write functions as text. A module
//! that did so at snapshot time gets stand-ins for the three builtins among its globals, before
//! its body runs. A stand-in looks the text up by its hash and, where the archive has the code,
//! gives the builtin the code in its place; everything else (name spaces, results, errors,
//! auditing of `exec`) is the builtin's own.

use glowplug_archive::compiled;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::gil::GilCell;
use crate::log;
use crate::session::{self, Counts};

/// The flags that `compile` inherits from the calling code: its `__future__` statements
/// (`Include/cpython/compile.h`, `PyCF_MASK`).
const FUTURE_FLAGS: u32 = 0x1fe_0000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Builtin {
    Exec,
    Eval,
    Compile,
}

/// Stands in for one of the builtins.
#[pyclass(frozen, module = "glowplug")]
struct TextBuiltin {
    which: Builtin,
    #[pyo3(get, name = "__wrapped__")]
    original: Py<PyAny>,
}

#[pymethods]
impl TextBuiltin {
    #[getter(__name__)]
    const fn name(&self) -> &'static str {
        match self.which {
            Builtin::Exec => "exec",
            Builtin::Eval => "eval",
            Builtin::Compile => "compile",
        }
    }

    #[pyo3(signature = (*args, **options))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let original = self.original.bind(py);
        match (self.archived(args, options), self.which) {
            (None, _) => original.call(args, options),
            (Some(code), Builtin::Compile) => Ok(code),
            (Some(code), _) => {
                let rest = args.iter().skip(1);
                let args = PyTuple::new(py, std::iter::once(code).chain(rest).collect::<Vec<_>>())?;
                original.call(args, options)
            }
        }
    }
}

impl TextBuiltin {
    /// The code of the text that the call is about, where the archive has it.
    fn archived<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> Option<Bound<'py, PyAny>> {
        let py = args.py();
        let session = session::current()?;
        let source = args.get_item(0).ok()?.cast_into_exact::<PyString>().ok()?;
        let mut flags = inherited_flags(py)?;
        let text = source.to_str().ok()?;
        let (file_name, mode, text) = match self.which {
            Builtin::Exec => (PyString::intern(py, "<string>"), "exec", text),
            // `eval` skips leading blanks (`Python/bltinmodule.c`, `builtin_eval_impl`).
            Builtin::Eval => (PyString::intern(py, "<string>"), "eval", text.trim_start_matches([' ', '\t'])),
            Builtin::Compile => {
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
        match session.code(py, found.range, found.code, &file_name) {
            Ok(code) => {
                Counts::add(&session.counts.texts);
                Some(code)
            }
            Err(reason) => {
                log::line(log::Level::Debug, || format!("a compiled text: {reason}"));
                None
            }
        }
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

/// Gives `module` the stand-ins, unless its globals have these names already.
///
/// # Errors
/// A Python exception if the module's globals cannot be written.
pub fn attach(module: &Bound<'_, PyAny>) -> PyResult<()> {
    static STAND_INS: GilCell<Option<[Py<TextBuiltin>; 3]>> = GilCell::new(None);
    let py = module.py();
    if STAND_INS.with(py, |s| s.is_none()) {
        let builtins = py.import("builtins")?;
        let make = |which, name: &str| -> PyResult<Py<TextBuiltin>> {
            Py::new(py, TextBuiltin { which, original: builtins.getattr(name)?.unbind() })
        };
        let made =
            [make(Builtin::Exec, "exec")?, make(Builtin::Eval, "eval")?, make(Builtin::Compile, "compile")?];
        STAND_INS.with(py, |s| *s = Some(made));
    }
    let globals = module.getattr("__dict__")?.cast_into::<PyDict>()?;
    let stand_ins = STAND_INS.with(py, |s| s.as_ref().map(|s| s.each_ref().map(|o| o.clone_ref(py))));
    for stand_in in stand_ins.into_iter().flatten() {
        let name = stand_in.get().name();
        if !globals.contains(name)? {
            globals.set_item(name, stand_in)?;
        }
    }
    Ok(())
}
