//! Objects that outlived an invocation of the handler, and of which nobody sees whether they die.
//!
//! What the process keeps for its whole life cannot be told from references: a dict in a module may be replaced by the
//! next event. So it is watched. What was there before the last round of the priming and is there after it is kept by
//! the function from one event to the next: its clients, registries, mapped classes, decorated functions. Should it be
//! dropped all the same one day, its memory stays in use, and what it refers to; so nothing is chosen whose end does
//! something: no type with a finalizer, and none of an extension but those named here, whose deallocators free memory
//! and nothing else, and those that do not define one.

use std::collections::{HashMap, HashSet};

use pyo3::ffi::{Py_tp_del, Py_tp_finalize, PyType_GetSlot, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::immortal::deallocator;

/// Types by module, looked up where the module is loaded: they own references, and nothing else.
const NAMED: [(&str, &[&str]); 10] = [
    (
        "builtins",
        &["object", "dict", "list", "set", "tuple", "frozenset", "str", "bytes", "int", "float", "complex"],
    ),
    (
        "types",
        &[
            "FunctionType",
            "MethodType",
            "CellType",
            "MappingProxyType",
            "GenericAlias",
            "UnionType",
            "SimpleNamespace",
        ],
    ),
    ("typing", &["Generic", "TypeVar", "ParamSpec", "TypeVarTuple"]),
    ("struct", &["Struct"]),
    ("weakref", &["ReferenceType"]),
    ("collections", &["deque", "OrderedDict", "defaultdict", "_tuplegetter"]),
    ("functools", &["partial", "_lru_cache_wrapper"]),
    ("operator", &["itemgetter", "attrgetter", "methodcaller"]),
    ("re", &["Pattern"]),
    ("_thread", &["LockType", "RLock"]),
];
/// An attribute of abstract base classes, by whose type their data are known.
const ABSTRACT: (&str, &str, &str) = ("abc", "ABC", "_abc_impl");
/// Functions of Cython's: a type in each of its versions, by the end of its name.
const CYTHON_FUNCTION: &str = "cython_function_or_method";

/// What the garbage collector tracked at some time: addresses of objects and of their types.
#[pyclass(frozen)]
pub struct NotedObjects(HashSet<(usize, usize)>);

impl NotedObjects {
    /// Whether an object was there then. One of the same type that has taken a freed one's place counts as it, and so
    /// does one that the collector does not track, as it refers to nothing that could be in a cycle.
    pub fn has(&self, object: &Bound<'_, PyAny>) -> bool {
        // SAFETY: any object may be asked about.
        let tracked = unsafe { pyo3::ffi::PyObject_GC_IsTracked(object.as_ptr()) };
        tracked == 0 || self.0.contains(&identity(object))
    }
}

fn identity(object: &Bound<'_, PyAny>) -> (usize, usize) {
    (object.as_ptr() as usize, object.get_type_ptr() as usize)
}

/// Notes which objects there are, of those that the garbage collector tracks and has not frozen. Before Python 3.12, where
/// nothing is made immortal, nothing is noted.
#[pyfunction]
pub fn note_objects(py: Python<'_>) -> PyResult<NotedObjects> {
    if py.version_info() < (3, 12) {
        return Ok(NotedObjects(HashSet::new()));
    }
    let objects = py.import("gc")?.call_method0("get_objects")?;
    Ok(NotedObjects(objects.cast::<PyList>()?.iter().map(|object| identity(&object)).collect()))
}

/// Tells types whose objects own nothing but references.
pub struct PlainTypes {
    named: HashSet<usize>,
    /// Python classes' way to free objects.
    class: usize,
    known: HashMap<usize, bool>,
}

impl PlainTypes {
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let modules = py.import("sys")?.getattr("modules")?;
        let mut named = HashSet::new();
        for (module, names) in NAMED {
            // Nothing is imported for this: it would be in the image.
            let Ok(module) = modules.get_item(module) else { continue };
            named.extend(
                names.iter().filter_map(|&name| module.getattr(name).ok()).map(|t| t.as_ptr() as usize),
            );
        }
        let (module, class, attribute) = ABSTRACT;
        let data = modules.get_item(module).and_then(|module| module.getattr(class)?.getattr(attribute));
        named.extend(data.map(|data| data.get_type_ptr() as usize));
        let made = py.get_type::<PyType>().call1(("made", PyTuple::empty(py), PyDict::new(py)))?;
        Ok(Self { named, class: deallocator(made.cast()?), known: HashMap::new() })
    }

    /// Whether the end of such an object is seen by nobody.
    pub fn has(&mut self, kind: &Bound<'_, PyType>) -> PyResult<bool> {
        let address = kind.as_ptr() as usize;
        if let Some(&known) = self.known.get(&address) {
            return Ok(known);
        }
        let plain = !ends_with_effect(kind) && (self.has_plain_bases(kind) || is_cython_function(kind)?);
        self.known.insert(address, plain);
        Ok(plain)
    }

    fn has_plain_bases(&self, kind: &Bound<'_, PyType>) -> bool {
        kind.mro().iter().all(|base| {
            self.named.contains(&(base.as_ptr() as usize))
                || base.cast::<PyType>().is_ok_and(|base| deallocator(base) == self.class)
        })
    }
}

/// Whether objects of a type are told of their end: `__del__`, and what C types have for it.
fn ends_with_effect(kind: &Bound<'_, PyType>) -> bool {
    let kind = kind.as_ptr().cast::<PyTypeObject>();
    // SAFETY: a live type; the slots are only compared.
    [Py_tp_finalize, Py_tp_del].into_iter().any(|slot| unsafe { !PyType_GetSlot(kind, slot).is_null() })
}

fn is_cython_function(kind: &Bound<'_, PyType>) -> PyResult<bool> {
    Ok(kind.name()?.to_str()?.ends_with(CYTHON_FUNCTION))
}
