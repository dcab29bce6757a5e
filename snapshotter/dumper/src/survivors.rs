//! Objects that outlived an invocation of the handler, and of which nobody sees whether they die.
//!
//! What the process keeps for its whole life cannot be told from references: a dict in a module may be replaced by the
//! next event. So it is watched. What was there before the last round of the priming and is there after it is kept by
//! the function from one event to the next: its clients, registries, mapped classes, decorated functions. Should it be
//! dropped all the same one day, its memory stays in use, and what it refers to. So nothing is chosen whose end does
//! something, nor what refers to such an object, however far away: no type with a finalizer, none of an extension but
//! those named here, whose deallocators free memory and nothing else, and those that do not define one, and nothing
//! that a weak reference with a callback waits for.

use std::collections::{HashMap, HashSet};

use pyo3::ffi::{Py_tp_del, Py_tp_finalize, PyType_GetSlot, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::immortal::{deallocator, is_immortal};

/// Types by module, looked up where the module is loaded: they own references, and nothing else.
const NAMED: [(&str, &[&str]); 15] = [
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
    ("typing", &["Generic", "TypeVar", "ParamSpec", "TypeVarTuple", "TypeAliasType"]),
    ("struct", &["Struct"]),
    ("weakref", &["ReferenceType", "ProxyType", "CallableProxyType"]),
    ("collections", &["deque", "OrderedDict", "defaultdict", "_tuplegetter"]),
    ("functools", &["partial", "_lru_cache_wrapper"]),
    ("operator", &["itemgetter", "attrgetter", "methodcaller"]),
    ("re", &["Pattern"]),
    ("_thread", &["LockType", "RLock"]),
    ("datetime", &["date", "time", "datetime", "timedelta", "timezone", "tzinfo"]),
    ("decimal", &["Decimal", "Context"]),
    ("_random", &["Random"]),
    ("_ssl", &["_SSLContext"]),
    ("numpy", &["ufunc", "dtype"]),
];
/// An attribute of abstract base classes, by whose type their data are known.
const ABSTRACT: (&str, &str, &str) = ("abc", "ABC", "_abc_impl");
/// Types that no module has an attribute for: functions of Cython's (one in each of its versions, so the end of their
/// name), and links of `functools.lru_cache`.
const ENDS_OF_NAMES: [&str; 2] = ["cython_function_or_method", "_lru_list_elem"];

/// What the garbage collector tracked at some time: addresses of objects and of their types.
#[pyclass(frozen)]
pub struct NotedObjects(HashSet<(usize, usize)>);

impl NotedObjects {
    /// Whether an object was there then. One of the same type that has taken a freed one's place counts as it, and so
    /// does one that the collector does not track, as it refers to nothing that could be in a cycle.
    fn has(&self, object: &Bound<'_, PyAny>) -> bool {
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

/// Finds what has survived and may be made immortal.
pub struct Survivors<'a, 'py> {
    noted: Option<&'a NotedObjects>,
    plain: PlainTypes,
    /// `weakref.getweakrefs`, `weakref.ref`, and what reads such a reference's callback, whatever its class calls so.
    weak_references: Bound<'py, PyAny>,
    reference: Bound<'py, PyAny>,
    callback: Bound<'py, PyAny>,
    proxies: [Bound<'py, PyAny>; 2],
    /// What was noted and is plain.
    chosen: Vec<Bound<'py, PyAny>>,
    /// What has an end that is seen.
    watched: Vec<Bound<'py, PyAny>>,
    /// Addresses of an object and of what refers to it, as far as that may die.
    references: Vec<(usize, usize)>,
    /// What belongs to a module or class, which stay.
    kept: HashSet<usize>,
}

impl<'a, 'py> Survivors<'a, 'py> {
    /// Without noted objects none is found.
    pub fn new(py: Python<'py>, noted: Option<&'a NotedObjects>) -> PyResult<Self> {
        let module = py.import("_weakref")?;
        let reference = module.getattr("ref")?;
        Ok(Self {
            noted,
            plain: PlainTypes::new(py)?,
            weak_references: module.getattr("getweakrefs")?,
            callback: reference.getattr("__callback__")?,
            reference,
            proxies: [module.getattr("ProxyType")?, module.getattr("CallableProxyType")?],
            chosen: Vec::new(),
            watched: Vec::new(),
            references: Vec::new(),
            kept: HashSet::new(),
        })
    }

    /// What a module or class refers to, which is immortal itself: its own dict does not go before it.
    pub fn keep_parts(&mut self, parts: &[Bound<'py, PyAny>]) {
        self.kept.extend(parts.iter().filter(|part| part.is_exact_instance_of::<PyDict>()).map(address));
    }

    /// Looks at an object that is not immortal anyway, and at what it refers to.
    pub fn add(&mut self, object: &Bound<'py, PyAny>, referents: &[Bound<'py, PyAny>]) -> PyResult<()> {
        let Some(noted) = self.noted else { return Ok(()) };
        if !self.plain.has(&object.get_type())? || self.is_waited_for(object)? {
            self.watched.push(object.clone());
            return Ok(());
        }
        self.references.extend(referents.iter().map(|referent| (address(referent), address(object))));
        if noted.has(object) && !self.calls_back(object)? {
            self.chosen.push(object.clone());
        }
        Ok(())
    }

    /// What is left when nobody sees its end, nor that of anything that would stay with it.
    pub fn unseen(&mut self) -> impl Iterator<Item = &Bound<'py, PyAny>> {
        self.references.sort_unstable();
        let mut open: Vec<usize> =
            self.watched.iter().filter(|object| !is_immortal(object)).map(address).collect();
        let mut seen: HashSet<usize> = self.kept.iter().chain(&open).copied().collect();
        while let Some(object) = open.pop() {
            let first = self.references.partition_point(|&(referent, _)| referent < object);
            let referrers = self.references[first..].iter().take_while(|&&(referent, _)| referent == object);
            open.extend(referrers.map(|&(_, referrer)| referrer).filter(|&referrer| seen.insert(referrer)));
        }
        let kept = &self.kept;
        self.chosen
            .iter()
            .filter(move |object| kept.contains(&address(object)) || !seen.contains(&address(object)))
    }

    /// Whether a weak reference calls something when the object dies.
    fn is_waited_for(&self, object: &Bound<'py, PyAny>) -> PyResult<bool> {
        for each in self.weak_references.call1((object,))?.cast::<PyList>()? {
            if self.calls_back(&each)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether this is a weak reference with a callback: who drops it does not want to be called any more. Of a proxy it
    /// cannot be told.
    fn calls_back(&self, object: &Bound<'py, PyAny>) -> PyResult<bool> {
        let kind = object.get_type();
        if kind.is_subclass(&self.reference)? {
            return Ok(!self.callback.call_method1("__get__", (object,))?.is_none());
        }
        Ok(self.proxies.iter().any(|proxy| kind.is(proxy)))
    }
}

fn address(object: &Bound<'_, PyAny>) -> usize {
    object.as_ptr() as usize
}

/// Tells types whose objects own nothing but references.
struct PlainTypes {
    named: HashSet<usize>,
    /// Python classes' way to free objects.
    class: usize,
    known: HashMap<usize, bool>,
}

impl PlainTypes {
    fn new(py: Python<'_>) -> PyResult<Self> {
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
    fn has(&mut self, kind: &Bound<'_, PyType>) -> PyResult<bool> {
        let address = kind.as_ptr() as usize;
        if let Some(&known) = self.known.get(&address) {
            return Ok(known);
        }
        let plain = !ends_with_effect(kind) && (self.has_plain_bases(kind) || is_nameless(kind)?);
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

fn is_nameless(kind: &Bound<'_, PyType>) -> PyResult<bool> {
    let name = kind.name()?;
    let name = name.to_str()?;
    Ok(ENDS_OF_NAMES.iter().any(|end| name.ends_with(end)))
}
