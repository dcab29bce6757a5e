//! Objects that a restored process never frees: with a fixed reference count (PEP 683) using them writes nothing.
//!
//! Every use of an object writes its reference count, and the first write to a page of a restored process's memory costs
//! a copy of the page. What lives as long as the process anyway is made immortal before the image is taken: modules,
//! classes, functions without cells, code, and constants; of the rest what has [survived](crate::survivors) an invocation. Objects that own
//! something, and whatever a program may want to see die, are left as they are.

use std::collections::HashSet;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{Py_tp_dealloc, PyType_GetSlot, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyCFunction, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyModule, PyString,
    PyTuple, PyType,
};

use crate::interpreter::{code_type, reference_count};
use crate::layouts::{Layout, ReferenceCount};
use crate::memory;
use crate::survivors::{NotedObjects, Survivors};

/// Exact types in `types` and `builtins` whose objects live as long as what they are found in.
const IN_TYPES: [&str; 5] = [
    "GetSetDescriptorType",
    "MemberDescriptorType",
    "MethodDescriptorType",
    "WrapperDescriptorType",
    "ClassMethodDescriptorType",
];
const IN_BUILTINS: [&str; 3] = ["property", "classmethod", "staticmethod"];

/// Types of objects, by what is to be done with such an object.
struct Types {
    /// Immortal, and refers to nothing.
    leaves: HashSet<usize>,
    /// Immortal, and refers to more.
    nodes: HashSet<usize>,
    /// Immortal if all elements are.
    constants: [usize; 2],
    code: usize,
    function: usize,
    /// `type`'s and Python classes' way to free objects.
    deallocators: [usize; 2],
}

impl Types {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let (types, builtins) = (py.import("types")?, py.import("builtins")?);
        let address = |object: Bound<'_, PyAny>| object.as_ptr() as usize;
        let leaves = [
            py.get_type::<PyString>(),
            py.get_type::<PyBytes>(),
            py.get_type::<PyInt>(),
            py.get_type::<PyFloat>(),
            py.get_type::<PyComplex>(),
        ];
        let mut nodes: HashSet<usize> =
            [py.get_type::<PyCFunction>().into_any(), py.get_type::<PyModule>().into_any()]
                .map(address)
                .into();
        for name in IN_TYPES {
            nodes.insert(address(types.getattr(name)?));
        }
        for name in IN_BUILTINS {
            nodes.insert(address(builtins.getattr(name)?));
        }
        let python_class =
            py.get_type::<PyType>().call1(("made", PyTuple::empty(py), pyo3::types::PyDict::new(py)))?;
        Ok(Self {
            leaves: leaves.map(|leaf| address(leaf.into_any())).into(),
            nodes,
            constants: [py.get_type::<PyTuple>(), py.get_type::<PyFrozenSet>()]
                .map(|each| address(each.into_any())),
            code: address(code_type(py)?),
            function: address(types.getattr("FunctionType")?),
            deallocators: [deallocator(&py.get_type::<PyType>()), deallocator(python_class.cast()?)],
        })
    }

    /// Whether an object, not of [`Self::constants`], is to be immortal.
    fn is_lasting(&self, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let kind = object.get_type_ptr() as usize;
        if self.leaves.contains(&kind) || self.nodes.contains(&kind) || kind == self.code {
            return Ok(true);
        }
        if kind == self.function {
            return Ok(object.getattr("__closure__")?.is_none());
        }
        // Classes of classes that libraries made in C count what they made, and tell what is left at the end.
        Ok(object.is_instance_of::<PyType>() && self.deallocators.contains(&deallocator(&object.get_type())))
    }
}

pub fn deallocator(kind: &Bound<'_, PyType>) -> usize {
    // SAFETY: a live type; the slot is only compared.
    unsafe { PyType_GetSlot(kind.as_ptr().cast::<PyTypeObject>(), Py_tp_dealloc) as usize }
}

/// The reference count of immortal objects where the interpreter has them (from 3.12 on).
pub fn immortal_count(py: Python<'_>) -> PyResult<Option<u64>> {
    let layout = Layout::of(py.version_info().minor)
        .ok_or_else(|| PyRuntimeError::new_err("this version of Python is not known"))?;
    match layout.reference_count {
        ReferenceCount::Huge(_) => Ok(None),
        ReferenceCount::Immortal { .. } => reference_count(py, layout).map(Some),
    }
}

/// Makes what lasts as long as the process immortal, and returns how many objects that were; 0 before Python 3.12.
///
/// Looked at is what the garbage collector tracks and what that refers to. What was there when `noted` was made, before
/// an invocation, lasts as well, if [nobody sees its end](crate::survivors). Raises `RuntimeError`.
#[pyfunction]
#[pyo3(signature = (noted=None))]
pub fn immortalize(py: Python<'_>, noted: Option<PyRef<'_, NotedObjects>>) -> PyResult<usize> {
    let Some(count) = immortal_count(py)? else { return Ok(0) };
    let types = Types::new(py)?;
    let mut survivors = Survivors::new(py, noted.as_deref())?;
    let collector = py.import("gc")?;
    let referents = collector.getattr("get_referents")?;
    let mut open: Vec<Bound<'_, PyAny>> =
        collector.call_method0("get_objects")?.cast::<PyList>()?.iter().collect();
    let mut seen: HashSet<usize> = open.iter().map(|object| object.as_ptr() as usize).collect();
    let mut constants = Vec::new();
    let mut made = 0;
    while let Some(object) = open.pop() {
        let kind = object.get_type_ptr() as usize;
        if types.leaves.contains(&kind) {
            made += set(&object, count);
            continue;
        }
        let found = if kind == types.code {
            object
                .getattr("co_consts")?
                .call_method0("__iter__")?
                .try_iter()?
                .collect::<PyResult<Vec<_>>>()?
        } else if object.is_instance_of::<PyModule>() {
            // Not what it has beside: who looks at `_asyncio`'s in CPython 3.12.1 breaks its list of free objects (gh-122695).
            vec![object.getattr("__dict__")?]
        } else {
            let found = referents.call1((&object,))?.cast_into::<PyList>()?;
            match object.cast::<PyDict>() {
                // An instance's dict whose values are in the instance (3.13 and later) leaves them to that.
                Ok(dict) if found.is_empty() => dict.values().iter().collect(),
                _ => found.iter().collect(),
            }
        };
        if types.is_lasting(&object)? {
            made += set(&object, count);
            if object.is_instance_of::<PyModule>() || object.is_instance_of::<PyType>() {
                survivors.keep_parts(&found);
            }
        } else {
            survivors.add(&object, &found)?;
            if types.constants.contains(&kind) {
                constants.push(object.clone());
            }
        }
        open.extend(found.into_iter().filter(|each| seen.insert(each.as_ptr() as usize)));
    }
    loop {
        let before = constants.len();
        let mut left = Vec::new();
        for object in constants {
            let lasting = object.try_iter()?.all(|each| each.is_ok_and(|each| is_immortal(&each)));
            if lasting {
                made += set(&object, count);
            } else {
                left.push(object);
            }
        }
        constants = left;
        if constants.len() == before {
            break;
        }
    }
    Ok(made + survivors.unseen().map(|object| set(object, count)).sum::<usize>())
}

fn word(object: &Bound<'_, PyAny>) -> u64 {
    // SAFETY: every object begins with the word of its reference count.
    memory::word(&unsafe { memory::copy(object, size_of::<u64>()) }, 0)
}

/// `_Py_IsImmortal` (`Include/object.h` of 3.12 and 3.13, `Include/refcount.h` of 3.14): the lower half is negative.
pub fn is_immortal(object: &Bound<'_, PyAny>) -> bool {
    word(object) & (1 << 31) != 0
}

/// The word of a reference count with the count of immortal objects, and 3.14's flags in the upper half as they were.
pub fn immortal_word(word: u64, count: u64) -> u64 {
    const LOWER: u64 = u32::MAX as u64;
    (word & !LOWER) | count
}

/// Gives an object the count of immortal ones. 0 if it was immortal before.
fn set(object: &Bound<'_, PyAny>, count: u64) -> usize {
    if is_immortal(object) {
        return 0;
    }
    let new = immortal_word(word(object), count);
    // SAFETY: the word of the reference count of a live object; nobody changes counts but who has the interpreter's lock.
    unsafe { object.as_ptr().cast::<u64>().write(new) };
    1
}
