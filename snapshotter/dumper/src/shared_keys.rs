//! Tables of attribute names that all objects of a class share.
//!
//! A class leaves room for names that it does not know yet, and with each object that is made it leaves room for one
//! less, down to one (`init_inline_values` and `_PyObject_InitInlineValues` in `Objects/dictobject.c`, 3.12 to 3.14):
//! so every class of which a start makes an object costs the copy of a page. Here that is done for classes of which an
//! invocation has made objects, as if it had made more: their names are known by then.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use pyo3::ffi::PyType_GetFlags;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::memory;

/// `struct _dictkeysobject` (`Include/internal/pycore_dict.h`, 3.12 to 3.14), as far as it is read.
const KIND: usize = 10;
const USABLE: usize = 16;
const NAMES: usize = 24;
const HEAD: usize = 32;
/// `DICT_KEYS_SPLIT`.
const SPLIT: u8 = 2;
/// `Py_TPFLAGS_HEAPTYPE`: only such types have names.
const HEAP_TYPE: u64 = 1 << 9;
/// `SHARED_KEYS_MAX_SIZE`.
const MOST: u64 = 30;
/// What a class goes down to.
const LEAST: u64 = 1;

/// How much room classes leave, by the addresses of their tables.
#[pyclass(frozen)]
pub struct NotedKeys(HashMap<usize, u64>);

/// The words of a table's head.
struct Table {
    kind: u8,
    usable: u64,
    names: u64,
}

/// Memory that may not be there.
struct Memory(File);

impl Memory {
    fn table(&self, address: usize) -> Option<Table> {
        let mut head = [0; HEAD];
        self.0.read_exact_at(&mut head, address as u64).ok()?;
        Some(Table {
            kind: head[KIND],
            usable: memory::word(&head, USABLE),
            names: memory::word(&head, NAMES),
        })
    }
}

/// Where a class has the address of its table (`PyHeapTypeObject.ht_cached_keys`), found by a class made for that; `None`
/// where it is not found beyond doubt, as before 3.12, where the room is counted otherwise.
fn place(py: Python<'_>, memory: &Memory) -> PyResult<Option<usize>> {
    if py.version_info() < (3, 12) {
        return Ok(None);
    }
    let kind = py.get_type::<PyType>();
    let class = kind.call1(("made", PyTuple::empty(py), PyDict::new(py)))?;
    let first = class.call0()?;
    first.setattr("a", 1)?;
    first.setattr("b", 2)?;
    let size: usize = kind.getattr("__basicsize__")?.extract()?;
    // SAFETY: a class is as large as its type says.
    let bytes = unsafe { memory::copy(&class, size) };
    let usable = |place: usize| {
        let table = memory.table(memory::address(&bytes, place))?;
        (table.kind == SPLIT && table.names == 2 && table.usable <= MOST).then_some(table.usable)
    };
    let candidates: Vec<(usize, u64)> =
        (0..size - 7).step_by(8).filter_map(|place| Some((place, usable(place)?))).collect();
    class.call0()?;
    let mut found =
        candidates.iter().filter(|(place, before)| usable(*place).is_some_and(|now| now + 1 == *before));
    Ok(match (found.next(), found.next()) {
        (Some((place, _)), None) => Some(*place),
        _ => None,
    })
}

/// Addresses of the tables of all classes, with the room that is left.
fn tables(py: Python<'_>) -> PyResult<HashMap<usize, u64>> {
    let memory = Memory(File::open("/proc/self/mem")?);
    let Some(place) = place(py, &memory)? else { return Ok(HashMap::new()) };
    let objects = py.import("gc")?.call_method0("get_objects")?;
    let mut found = HashMap::new();
    for class in objects.cast::<PyList>()?.iter().filter(|each| each.is_instance_of::<PyType>()) {
        // SAFETY: a live type.
        if unsafe { PyType_GetFlags(class.as_ptr().cast()) } & HEAP_TYPE == 0 {
            continue;
        }
        // SAFETY: heap types are as large as `type` says, at least.
        let address = memory::address(&unsafe { memory::copy(&class, place + size_of::<usize>()) }, place);
        if address == 0 {
            continue;
        }
        let table = memory.table(address).filter(|table| table.kind == SPLIT && table.usable <= MOST);
        found.extend(table.map(|table| (address, table.usable)));
    }
    Ok(found)
}

/// Notes how much room classes leave for further names of attributes.
#[pyfunction]
pub fn note_shared_keys(py: Python<'_>) -> PyResult<NotedKeys> {
    tables(py).map(NotedKeys)
}

/// Has classes leave as little room as they will in the end, if objects of them were made since the note; returns how
/// many classes that are. Raises `OSError` where there is no `/proc`.
#[pyfunction]
pub fn settle_shared_keys(py: Python<'_>, noted: &NotedKeys) -> PyResult<usize> {
    let mut settled = 0;
    for (address, usable) in tables(py)? {
        if usable > LEAST && noted.0.get(&address).is_some_and(|&then| then > usable) {
            // SAFETY: a table of a live class's, found as such twice; who has the interpreter's lock may change it.
            unsafe { ((address + USABLE) as *mut u64).write(LEAST) };
            settled += 1;
        }
    }
    Ok(settled)
}
