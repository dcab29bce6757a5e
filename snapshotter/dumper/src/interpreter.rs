//! What the dumper knows of the interpreter it runs in: types, singletons, the immortal count.

use std::collections::HashMap;

use glowplug_archive::heap::externs;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyComplex, PyEllipsis, PyFloat, PyFrozenSet, PyInt, PyNone, PySlice, PyString, PyTuple,
};

use crate::layouts::{Layout, ReferenceCount};
use crate::memory;
use crate::passing::Instructions;

/// The greatest of the interpreter's small integers up to 3.14 (`_PY_NSMALLPOSINTS` is 257).
const SMALL_INT_MAX: i64 = 256;
/// Bytes of the word that holds the reference count.
const COUNT_BYTES: usize = 8;

/// Types that can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `str`.
    Str,
    /// `bytes`.
    Bytes,
    /// `tuple`.
    Tuple,
    /// `int`.
    Int,
    /// `float`.
    Float,
    /// `complex`.
    Complex,
    /// `slice`.
    Slice,
    /// `frozenset`.
    FrozenSet,
    /// `types.CodeType`.
    Code,
}

/// The running interpreter, after [`crate::probe`] has found it to be as the table says.
pub struct Interpreter {
    /// The table in force.
    pub layout: &'static Layout,
    /// The reference count word of stored objects.
    pub reference_count: u64,
    /// Its instructions.
    pub instructions: Instructions,
    types: HashMap<usize, Kind>,
    singletons: HashMap<usize, u16>,
    /// What the addresses above belong to.
    _kept: Vec<Py<PyAny>>,
}

/// The type of code objects.
///
/// # Errors
/// Whatever importing `types` raises.
pub fn code_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("types")?.getattr("CodeType")
}

/// The types that can be stored and what they are.
///
/// # Errors
/// As [`code_type`].
pub fn types(py: Python<'_>) -> PyResult<Vec<(Bound<'_, PyAny>, Kind)>> {
    Ok(vec![
        (py.get_type::<PyString>().into_any(), Kind::Str),
        (py.get_type::<PyBytes>().into_any(), Kind::Bytes),
        (py.get_type::<PyTuple>().into_any(), Kind::Tuple),
        (py.get_type::<PyInt>().into_any(), Kind::Int),
        (py.get_type::<PyFloat>().into_any(), Kind::Float),
        (py.get_type::<PyComplex>().into_any(), Kind::Complex),
        (py.get_type::<PySlice>().into_any(), Kind::Slice),
        (py.get_type::<PyFrozenSet>().into_any(), Kind::FrozenSet),
        (code_type(py)?, Kind::Code),
    ])
}

impl Interpreter {
    /// Looks around in the running interpreter, whose table is `layout`.
    ///
    /// # Errors
    /// `RuntimeError` where no immortal object is found, or what Python raises.
    pub fn new(py: Python<'_>, layout: &'static Layout) -> PyResult<Self> {
        let mut kept = Vec::new();
        let types = types(py)?
            .into_iter()
            .map(|(object, kind)| {
                let address = object.as_ptr() as usize;
                kept.push(object.unbind());
                (address, kind)
            })
            .collect();
        let singletons = singletons(py)?
            .into_iter()
            .map(|(object, number)| {
                let address = object.as_ptr() as usize;
                kept.push(object.unbind());
                (address, number)
            })
            .collect();
        let reference_count = reference_count(py, layout)?;
        let instructions = Instructions::new(py)?;
        Ok(Self { layout, reference_count, instructions, types, singletons, _kept: kept })
    }

    /// What the exact type of `object` is, where it can be stored.
    #[must_use]
    pub fn kind(&self, object: &Bound<'_, PyAny>) -> Option<Kind> {
        self.types.get(&(object.get_type_ptr() as usize)).copied()
    }

    /// The number of `object` among the [`externs`], if it is one of the interpreter's own. It is
    /// told by identity: an equal object that a plain import would make anew is made anew.
    #[must_use]
    pub fn singleton(&self, object: &Bound<'_, PyAny>) -> Option<u16> {
        self.singletons.get(&(object.as_ptr() as usize)).copied()
    }
}

/// The objects that every process of this interpreter has, with their numbers.
fn singletons(py: Python<'_>) -> PyResult<Vec<(Bound<'_, PyAny>, u16)>> {
    let mut found = vec![
        (PyNone::get(py).to_owned().into_any(), externs::NONE),
        (true.into_pyobject(py)?.to_owned().into_any(), externs::TRUE),
        (false.into_pyobject(py)?.to_owned().into_any(), externs::FALSE),
        (PyEllipsis::get(py).to_owned().into_any(), externs::ELLIPSIS),
        (PyTuple::empty(py).into_any(), externs::EMPTY_TUPLE),
        (PyString::new(py, "").into_any(), externs::EMPTY_STR),
        (PyBytes::new(py, b"").into_any(), externs::EMPTY_BYTES),
    ];
    for byte in 0..=u8::MAX {
        let mut utf8 = [0; 4];
        let character = PyString::new(py, char::from(byte).encode_utf8(&mut utf8));
        found.push((character.into_any(), externs::CHARACTER + u16::from(byte)));
        found.push((PyBytes::new(py, &[byte]).into_any(), externs::BYTE + u16::from(byte)));
    }
    for (number, value) in (externs::SMALL_INT..).zip(externs::SMALL_INT_MIN..=SMALL_INT_MAX) {
        found.push((value.into_pyobject(py)?.into_any(), number));
    }
    Ok(found)
}

/// The reference count word of stored objects.
///
/// # Errors
/// `RuntimeError` where no immortal object is found, or what Python raises.
pub fn reference_count(py: Python<'_>, layout: &Layout) -> PyResult<u64> {
    let forbidden = match layout.reference_count {
        ReferenceCount::Huge(count) => return Ok(count),
        ReferenceCount::Immortal { forbidden } => forbidden,
    };
    // The names in a code object are interned as immortal on every version that has immortal
    // objects (3.12: all interned strings; from 3.13 on: `intern_strings` in
    // `Objects/codeobject.c`), and this one is not part of the interpreter's binary.
    let code = py.import("builtins")?.getattr("compile")?.call1((
        "_glowplug_immortal_name_",
        "<glowplug>",
        "eval",
    ))?;
    let name = code.getattr("co_names")?.get_item(0)?;
    // SAFETY: every object begins with the word of its reference count.
    let count = memory::word(&unsafe { memory::copy(&name, COUNT_BYTES) }, 0);
    // `_Py_IsImmortal`: the count's lower half is negative.
    if count & (1 << 31) == 0 || count & forbidden != 0 {
        return Err(PyRuntimeError::new_err(format!(
            "this interpreter's interned names are not immortal as CPython 3.{}'s are (reference count {count:#x}); \
             no archive can be built for it",
            layout.minor
        )));
    }
    Ok(count)
}
