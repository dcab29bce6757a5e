//! Code that the function runs, brought together before the image is taken.
//!
//! From 3.11 on an interpreter writes to the bytecode that it runs: its inline caches, and the counters before them
//! (`Python/specialize.c`; where no specialised instruction fits, the counters go on for ever). Code objects lie all over the heap,
//! a few hundred bytes each, so in a restored process every function that runs costs the copy of a page. So what has run
//! while the handler was primed is copied to one place, with its constants and names, and functions lead there. From 3.12 on, where code is
//! immortal ([`crate::immortal`]) by then: nobody frees the copies, and what still refers to an old one (a frame that is on the stack, a
//! suspended generator) goes on with it.

use std::collections::{HashMap, HashSet};

use glowplug_archive::checksum;
use glowplug_archive::header::PAGE;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::immortal::{immortal_count, immortal_word, is_immortal};
use crate::interpreter::code_type;
use crate::layouts::{CodeField, FieldKind, Layout, VAR_SIZE};
use crate::memory;

/// Offset of `PyFunctionObject.func_code` (`Include/cpython/funcobject.h`, 3.11 to 3.14); looked at before it is used.
const FUNCTION_CODE: usize = 48;
/// Bytes of an instruction or cache entry (`_Py_CODEUNIT`), which `ob_size` counts.
const CODE_UNIT: usize = 2;
/// What objects are aligned to.
const ALIGNMENT: usize = 16;
/// Fields of a code object that are read as it runs: tuples, which nobody writes to.
const READ: [&str; 2] = ["co_consts", "co_names"];
/// Bytes of `PyGC_Head` before a tuple; zeros where the garbage collector does not track it.
const COLLECTOR_HEAD: usize = 16;
/// Decoded fields that one code object makes for whoever asks; the copy may have the same, as neither is freed.
const SHARED: &str = "_co_cached";

/// The bytecode of all functions' code objects at some time.
#[pyclass(frozen)]
pub struct NotedCode(HashMap<usize, u64>);

/// A code object in memory.
struct Code<'py> {
    object: Bound<'py, PyAny>,
    address: usize,
}

impl<'py> Code<'py> {
    fn new(object: Bound<'py, PyAny>) -> Self {
        let address = object.as_ptr() as usize;
        Self { object, address }
    }

    fn bytes(&self, layout: &Layout) -> Vec<u8> {
        // SAFETY: a code object is as long as its number of code units says.
        unsafe {
            let head = memory::copy(&self.object, VAR_SIZE + size_of::<usize>());
            memory::copy(&self.object, layout.code.size + memory::address(&head, VAR_SIZE) * CODE_UNIT)
        }
    }

    fn digest(&self, layout: &Layout) -> u64 {
        checksum::of(&self.bytes(layout)[layout.code.size..])
    }

    /// Tuples that it reads as it runs, by the offsets of the fields, if nobody frees what they refer to.
    fn tuples(&self, layout: &Layout) -> Vec<(usize, Bound<'py, PyTuple>)> {
        let bytes = self.bytes(layout);
        let fields = layout.code.fields.iter().filter(|field| READ.contains(&field.name));
        let tuple = |field: &CodeField| {
            // SAFETY: a field of a live code object's that has an object.
            let object =
                unsafe { memory::object_at(self.object.py(), memory::address(&bytes, field.offset)) };
            let tuple = object.cast_into_exact::<PyTuple>().ok()?;
            (!tuple.is_empty() && tuple.iter().all(|each| is_immortal(&each)))
                .then_some((field.offset, tuple))
        };
        fields.filter_map(tuple).collect()
    }

    /// Whether a copy may stand for it: nobody frees it, or keeps anything about it.
    fn may_move(&self, layout: &Layout) -> bool {
        let bytes = self.bytes(layout);
        let mut kept = layout.code.fields.iter().filter(|f| f.kind == FieldKind::Kept && f.name != SHARED);
        is_immortal(&self.object) && kept.all(|field| memory::word(&bytes, field.offset) == 0)
    }
}

fn layout(py: Python<'_>) -> PyResult<&'static Layout> {
    Layout::of(py.version_info().minor)
        .ok_or_else(|| PyRuntimeError::new_err("this version of Python is not known"))
}

/// All functions, and the code objects that they and their code refer to.
fn all_of<'py>(py: Python<'py>) -> PyResult<(Vec<Bound<'py, PyAny>>, Vec<Code<'py>>)> {
    let function_type = py.import("types")?.getattr("FunctionType")?;
    let code_type = code_type(py)?;
    let objects = py.import("gc")?.call_method0("get_objects")?;
    let functions: Vec<_> =
        objects.cast::<PyList>()?.iter().filter(|object| object.get_type().is(&function_type)).collect();
    let mut open = functions.iter().map(|f| f.getattr("__code__")).collect::<PyResult<Vec<_>>>()?;
    let mut found: HashMap<usize, Code<'py>> = HashMap::new();
    while let Some(object) = open.pop() {
        let code = Code::new(object);
        if found.contains_key(&code.address) {
            continue;
        }
        let constants = code.object.getattr("co_consts")?;
        open.extend(constants.cast::<PyTuple>()?.iter().filter(|each| each.get_type().is(&code_type)));
        found.insert(code.address, code);
    }
    let mut codes: Vec<_> = found.into_values().collect();
    codes.sort_unstable_by_key(|code| code.address);
    Ok((functions, codes))
}

/// Notes what the bytecode of all functions is like. Before Python 3.12 nothing is noted.
#[pyfunction]
pub fn note_code(py: Python<'_>) -> PyResult<NotedCode> {
    let layout = layout(py)?;
    if layout.minor < 12 {
        return Ok(NotedCode(HashMap::new()));
    }
    let (_, codes) = all_of(py)?;
    Ok(NotedCode(codes.iter().map(|code| (code.address, code.digest(layout))).collect()))
}

/// Brings code together that ran from the first note to the last, and functions of some names in some files; returns how
/// many code objects that are. `notes` are the code before each round of the priming, and after the last one.
///
/// What changed in the last round, and what has not run yet, will be written to again: it comes first. The rest is
/// specialised, and only read. `files` and `names` are what code objects say. Call it when what lasts is immortal. Raises
/// `OSError` where there is no memory.
#[pyfunction]
pub fn gather_code(
    py: Python<'_>,
    notes: Vec<PyRef<'_, NotedCode>>,
    files: HashSet<String>,
    names: HashSet<String>,
) -> PyResult<usize> {
    let layout = layout(py)?;
    let [first, last, end] = match &notes[..] {
        [first, end] => [first, first, end],
        [first, .., last, end] => [first, last, end],
        _ => return Err(PyRuntimeError::new_err("code is gathered by two notes or more")),
    };
    let count = immortal_count(py)?.filter(|_| !end.0.is_empty());
    let Some(count) = count else { return Ok(0) };
    let (functions, codes) = all_of(py)?;
    let changed = |noted: &NotedCode, code: &Code<'_>| {
        let at = |note: &NotedCode| note.0.get(&code.address).copied();
        at(noted).is_some_and(|then| at(end).is_some_and(|now| now != then))
    };
    let is_wanted = |code: &Code<'_>| {
        let text = |name| code.object.getattr(name).and_then(|text| text.extract::<String>());
        text("co_name").is_ok_and(|name| names.contains(&name))
            && text("co_filename").is_ok_and(|file| files.contains(&file))
    };
    let mut chosen: Vec<&Code<'_>> = Vec::new();
    let mut settled: Vec<&Code<'_>> = Vec::new();
    for code in codes.iter().filter(|code| code.may_move(layout)) {
        if changed(last, code) {
            chosen.push(code);
        } else if changed(first, code) {
            settled.push(code);
        } else if is_wanted(code) {
            chosen.push(code);
        }
    }
    chosen.append(&mut settled);
    let images: Vec<Vec<u8>> = chosen.iter().map(|code| code.bytes(layout)).collect();
    let tuples: Vec<_> = chosen.iter().map(|code| code.tuples(layout)).collect();
    let of_tuple = |tuple: &Bound<'_, PyTuple>| layout.tuple.items + tuple.len() * size_of::<usize>();
    let aligned = |length: usize| length.next_multiple_of(ALIGNMENT);
    let length = images.iter().map(|bytes| aligned(bytes.len())).sum::<usize>()
        + tuples.iter().flatten().map(|(_, tuple)| COLLECTOR_HEAD + aligned(of_tuple(tuple))).sum::<usize>();
    if length == 0 {
        return Ok(0);
    }
    let mut at = map(length.next_multiple_of(PAGE))?;
    let mut moved = HashMap::new();
    for (code, bytes) in chosen.iter().zip(&images) {
        // SAFETY: new memory, long enough for all.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) };
        moved.insert(code.address, at);
        at += aligned(bytes.len());
    }
    for function in &functions {
        lead(function, FUNCTION_CODE, &moved);
    }
    for code in &codes {
        let constants = code.object.getattr("co_consts")?;
        for number in 0..constants.cast::<PyTuple>()?.len() {
            lead(&constants, layout.tuple.items + number * size_of::<usize>(), &moved);
        }
    }
    // Behind all code, as they are only read. What they refer to leads to the copies by now.
    for (code, tuples) in chosen.iter().zip(&tuples) {
        for (offset, tuple) in tuples {
            at += COLLECTOR_HEAD;
            // SAFETY: a tuple is as long as its length says, and so is what is left of the new memory; the field is the copy's.
            unsafe {
                let mut bytes = memory::copy(tuple, of_tuple(tuple));
                let word = immortal_word(memory::word(&bytes, 0), count);
                memory::set_word(&mut bytes, 0, word);
                core::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len());
                ((moved[&code.address] + offset) as *mut usize).write(at);
            }
            at += aligned(of_tuple(tuple));
        }
    }
    Ok(moved.len())
}

/// Has the reference at an offset of an object lead to the copy, if there is one.
fn lead(object: &Bound<'_, PyAny>, offset: usize, moved: &HashMap<usize, usize>) {
    let place = (object.as_ptr() as usize + offset) as *mut usize;
    // SAFETY: a reference of a live object's; both old and new are immortal, so that nobody counts them.
    unsafe {
        if let Some(copy) = moved.get(&place.read()) {
            place.write(*copy);
        }
    }
}

/// New memory, zeroed.
fn map(length: usize) -> PyResult<usize> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, where the kernel likes.
    let place = unsafe { libc::mmap(core::ptr::null_mut(), length, protection, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return Err(PyOSError::new_err("no memory for the code that the function runs"));
    }
    Ok(place as usize)
}
