//! Walks a code object and lays out all that it refers to, what stays in use apart from what is done
//! with when the code has been executed (`glowplug_archive::heap`).

mod constants;

use std::collections::{HashMap, HashSet};

use glowplug_archive::heap::{
    HeapBuilder, Objects, StringId, TRANSIENT_COUNT, Target, WATCHED, WATCHED_FRAME, externs,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFrozenSet, PySet, PyString, PyTuple};

use crate::images::NO_HASH;
use crate::interpreter::{Interpreter, Kind};
use crate::layouts::{FieldKind, GC_HEAD, REFERENCE_COUNT, SLICE, SLICE_FIELDS, TYPE, VAR_SIZE};
use crate::memory;
use crate::passing::Passing;

/// Deepest nesting of constants and code that is followed. The compiler stops far before
/// (100 nested blocks, about 200 nested displays); the limit keeps a crafted file from overflowing
/// the stack.
const MAX_DEPTH: usize = 500;
/// The first `co_version` given by an archive. The interpreter counts its own up from 1 or 2.
const FIRST_VERSION: u32 = 0x8000_0001;
/// Bytes of a cell: the tuple's address and the frozenset's.
const CELL: usize = 16;
/// Bytes of an entry of 3.10's `co_cell2arg`.
const CELL_ARGUMENT: usize = 8;
/// Set in `co_flags` of functions, not of modules and class bodies (`Include/cpython/code.h`).
const CO_OPTIMIZED: u32 = 1;

/// What the modules of an archive share.
#[derive(Default)]
pub struct Shared {
    /// Collects strings and ranges.
    pub heap: HeapBuilder,
    strings: HashMap<Vec<u8>, StringId>,
    versions: u32,
}

impl Shared {
    /// The interned string whose image is `image`: one for all modules. Compact strings of equal
    /// value have equal images.
    fn string(&mut self, image: Vec<u8>) -> StringId {
        if let Some(known) = self.strings.get(&image) {
            return *known;
        }
        let id = self.heap.add_string(image.clone());
        self.strings.insert(image, id);
        id
    }

    /// A `co_version` that no other code object of the archive has.
    fn version(&mut self) -> PyResult<u32> {
        let version = FIRST_VERSION
            .checked_add(self.versions)
            .ok_or_else(|| PyValueError::new_err("more than 2^31 code objects in one archive"))?;
        self.versions += 1;
        Ok(version)
    }
}

/// The objects of a module.
#[derive(Default)]
pub struct Dumped {
    /// What stays in use.
    pub persistent: Objects,
    /// What is done with when the module has been executed; its code object is here.
    pub transient: Objects,
    /// Offset of the code object.
    pub code: u32,
}

/// The objects of `code`. Interned strings and version numbers are taken from `shared`, which is
/// otherwise left as it was.
///
/// `kept` has `(co_firstlineno, co_name)` of the functions within `code` that were still there when
/// the target had run; without it, all functions count as such.
///
/// # Errors
/// `ValueError` naming a constant that cannot be stored and the code object it is in.
pub fn dump(
    interpreter: &Interpreter,
    shared: &mut Shared,
    code: &Bound<'_, PyAny>,
    kept: Option<&Bound<'_, PySet>>,
) -> PyResult<Dumped> {
    if interpreter.kind(code) != Some(Kind::Code) {
        return Err(PyValueError::new_err(format!("a {} instead of a code object", type_name(code))));
    }
    let file_name = code.getattr("co_filename")?;
    let mut walk = Walk {
        interpreter,
        shared,
        file_name,
        kept: kept.cloned(),
        passed_on: HashMap::new(),
        staying: HashSet::new(),
        area: Area::Transient,
        areas: Default::default(),
        depth: 0,
    };
    walk.note_constants(code, false, 0)?;
    match walk.target(code)? {
        Target::Local(code) => {
            let [persistent, transient] = walk.areas.map(|a| a.objects);
            Ok(Dumped { persistent, transient, code })
        }
        other => unreachable!("a code object became {other:?}"),
    }
}

/// One of the two ranges of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Persistent,
    Transient,
}

/// What has its place in a range.
#[derive(Default)]
struct Placed {
    objects: Objects,
    /// By address. All objects are alive as long as the outermost code object, so no address comes
    /// twice.
    known: HashMap<usize, Target>,
    /// Parts of code objects by value.
    parts: Parts,
}

struct Walk<'a, 'py> {
    interpreter: &'a Interpreter,
    shared: &'a mut Shared,
    /// The outermost code object's `co_filename`.
    file_name: Bound<'py, PyAny>,
    kept: Option<Bound<'py, PySet>>,
    /// By address of a body: which constants it only passes on, by their numbers.
    passed_on: HashMap<usize, HashMap<usize, Passing>>,
    /// Addresses of tuples that stay in use: a body that passes one on may not be the only one to have it.
    staying: HashSet<usize>,
    /// Where objects are put now.
    area: Area,
    areas: [Placed; 2],
    depth: usize,
}

/// Tables and name lists that code objects have in common are stored once a module: nothing but
/// the interpreter looks at them, and it never by identity.
#[derive(Default)]
struct Parts {
    bytes: HashMap<Vec<u8>, Target>,
    tuples: HashMap<Vec<Target>, Target>,
}

impl<'py> Walk<'_, 'py> {
    /// What a reference to `object` is to be, after storing the object where it is new.
    fn target(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Target> {
        if let Some(number) = self.interpreter.singleton(object) {
            return Ok(Target::Extern(number));
        }
        let address = object.as_ptr() as usize;
        if let Some(known) = self.find(|placed| placed.known.get(&address)) {
            return Ok(known);
        }
        let kind = self.interpreter.kind(object).ok_or_else(|| unstorable(object))?;
        if kind == Kind::Slice && !self.interpreter.layout.slices {
            return Err(unstorable(object));
        }
        if self.depth == MAX_DEPTH {
            return Err(PyValueError::new_err(format!("constants nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let target = self.store(object, kind, address)?;
        self.depth -= 1;
        Ok(target)
    }

    /// What is looked for, in this area or, from the transient one, in the persistent one.
    fn find(&self, get: impl Fn(&Placed) -> Option<&Target>) -> Option<Target> {
        let persistent = get(&self.areas[Area::Persistent as usize]).copied();
        match self.area {
            Area::Persistent => persistent,
            Area::Transient => {
                let found = get(&self.areas[Area::Transient as usize]).copied();
                found.or_else(|| persistent.map(from_transient))
            }
        }
    }

    fn here(&mut self) -> &mut Placed {
        &mut self.areas[self.area as usize]
    }

    /// As [`Walk::target`], for an object that is put into the persistent part.
    fn persistent(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Target> {
        let before = std::mem::replace(&mut self.area, Area::Persistent);
        let target = self.target(object);
        self.area = before;
        Ok(if before == Area::Transient { from_transient(target?) } else { target? })
    }

    /// Whether a function's code was still there when the target had run.
    fn is_kept(&self, code: &Bound<'py, PyAny>) -> PyResult<bool> {
        match &self.kept {
            Some(kept) => kept.contains((code.getattr("co_firstlineno")?, code.getattr("co_name")?)),
            None => is_function(code),
        }
    }

    fn store(&mut self, object: &Bound<'py, PyAny>, kind: Kind, address: usize) -> PyResult<Target> {
        let target = match kind {
            Kind::Str => {
                let image = self.interpreter.string(object.cast::<PyString>()?);
                let image = image.ok_or_else(|| PyValueError::new_err("a str in a legacy form"))?;
                if image.interned {
                    Target::Interned(self.shared.string(image.bytes))
                } else {
                    self.push(&image.bytes, externs::TYPE_STR)
                }
            }
            Kind::Bytes => {
                let image = self.interpreter.bytes(object.cast::<PyBytes>()?)?;
                self.push(&image, externs::TYPE_BYTES)
            }
            Kind::Int => self.push(&self.interpreter.int(object), externs::TYPE_INT),
            Kind::Float => self.push(&self.interpreter.float(object), externs::TYPE_FLOAT),
            Kind::Complex => self.push(&self.interpreter.complex(object), externs::TYPE_COMPLEX),
            // These four refer to others. They are noted in `known` before what they refer to is
            // looked at, so even a reference back to one of them ends well.
            Kind::Tuple => return self.tuple(object.cast::<PyTuple>()?, address),
            Kind::Slice => return self.slice(object, address),
            Kind::FrozenSet => return self.frozen_set(object.cast::<PyFrozenSet>()?, address),
            Kind::Code => return self.code(object, address),
        };
        self.here().known.insert(address, target);
        Ok(target)
    }

    /// What a reference from a code object to one of its parts is to be: as [`Walk::target`], but
    /// equal tables of bytes, and equal tuples of names and singletons, are stored once.
    fn part(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Target> {
        let address = object.as_ptr() as usize;
        if self.find(|placed| placed.known.get(&address)).is_some() {
            return self.target(object);
        }
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            let content = bytes.as_bytes().to_vec();
            return match self.find(|placed| placed.parts.bytes.get(&content)) {
                Some(stored) => Ok(stored),
                None => {
                    let target = self.target(object)?;
                    self.here().parts.bytes.insert(content, target);
                    Ok(target)
                }
            };
        }
        let Ok(tuple) = object.cast_exact::<PyTuple>() else { return self.target(object) };
        let Some(items) = self.atoms(tuple) else { return self.target(object) };
        match self.find(|placed| placed.parts.tuples.get(&items)) {
            Some(stored) => Ok(stored),
            None => {
                let target = self.target(object)?;
                self.here().parts.tuples.insert(items, target);
                Ok(target)
            }
        }
    }

    /// The targets of a tuple's items, if all of them are singletons or interned strings.
    fn atoms(&mut self, tuple: &Bound<'py, PyTuple>) -> Option<Vec<Target>> {
        let mut items = Vec::with_capacity(tuple.len());
        for item in tuple.iter() {
            items.push(match self.interpreter.singleton(&item) {
                Some(number) => Target::Extern(number),
                None => {
                    let image = self.interpreter.string(item.cast_exact::<PyString>().ok()?)?;
                    image.interned.then(|| Target::Interned(self.shared.string(image.bytes)))?
                }
            });
        }
        Some(items)
    }

    /// Appends an object that the garbage collector does not know of.
    fn push(&mut self, image: &[u8], type_number: u16) -> Target {
        Target::Local(self.push_at(image, type_number))
    }

    fn push_at(&mut self, image: &[u8], type_number: u16) -> u32 {
        let transient = self.area == Area::Transient;
        let objects = &mut self.here().objects;
        let at = objects.push(image);
        if transient {
            memory::set_word(&mut objects.bytes[at as usize..], REFERENCE_COUNT, TRANSIENT_COUNT);
        }
        objects.slot(at + TYPE as u32, Target::Extern(type_number));
        at
    }

    /// Appends an object with the head of an untracked object before it, for the garbage collector.
    fn push_collectable(&mut self, image: &[u8], type_number: u16) -> u32 {
        self.here().objects.push(&[0; GC_HEAD]);
        self.push_at(image, type_number)
    }

    fn tuple(&mut self, tuple: &Bound<'py, PyTuple>, address: usize) -> PyResult<Target> {
        let at = self.blank_tuple(tuple.len());
        self.here().known.insert(address, Target::Local(at));
        self.fill_tuple(at, tuple.iter())?;
        Ok(Target::Local(at))
    }

    fn blank_tuple(&mut self, length: usize) -> u32 {
        let layout = &self.interpreter.layout.tuple;
        let mut image = self.interpreter.blank(layout.items + 8 * length);
        memory::set_word(&mut image, VAR_SIZE, length as u64);
        if let Some(hash) = layout.hash {
            memory::set_word(&mut image, hash, NO_HASH);
        }
        self.push_collectable(&image, externs::TYPE_TUPLE)
    }

    fn fill_tuple(&mut self, at: u32, items: impl Iterator<Item = Bound<'py, PyAny>>) -> PyResult<()> {
        let mut place = at + self.interpreter.layout.tuple.items as u32;
        for item in items {
            let target = self.target(&item)?;
            self.here().objects.slot(place, target);
            place += 8;
        }
        Ok(())
    }

    fn slice(&mut self, slice: &Bound<'py, PyAny>, address: usize) -> PyResult<Target> {
        let at = self.push_collectable(&self.interpreter.blank(SLICE), externs::TYPE_SLICE);
        self.here().known.insert(address, Target::Local(at));
        for (name, offset) in ["start", "stop", "step"].into_iter().zip(SLICE_FIELDS) {
            let target = self.target(&slice.getattr(name)?)?;
            self.here().objects.slot(at + offset as u32, target);
        }
        Ok(Target::Local(at))
    }

    /// A cell with a tuple of the elements. Numbers stay in the set's own order, which the same
    /// elements put in again have too; others are ordered by their representation, so that the
    /// archive does not depend on this process's hash seed.
    ///
    /// It is always put into the persistent part: the set that is made holds its elements for good.
    fn frozen_set(&mut self, set: &Bound<'py, PyFrozenSet>, address: usize) -> PyResult<Target> {
        if self.area == Area::Transient {
            return self.persistent(set);
        }
        let mut elements = Vec::with_capacity(set.len());
        for element in set.iter() {
            elements.push((element.repr()?.to_string(), element));
        }
        if !elements.iter().all(|(_, e)| matches!(self.interpreter.kind(e), Some(Kind::Int | Kind::Float))) {
            elements.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let cell = self.here().objects.push(&[0; CELL]);
        self.here().known.insert(address, Target::Cell(cell));
        let tuple = self.blank_tuple(elements.len());
        self.here().objects.slot(cell, Target::Local(tuple));
        self.fill_tuple(tuple, elements.into_iter().map(|(_, element)| element))?;
        Ok(Target::Cell(cell))
    }

    fn code(&mut self, code: &Bound<'py, PyAny>, address: usize) -> PyResult<Target> {
        let layout = &self.interpreter.layout.code;
        // SAFETY: the fixed part of a code object has this size, as `probe` has checked.
        let fixed = unsafe { memory::copy(code, layout.size) };
        let mut image = self.interpreter.blank(layout.size);
        if layout.bytecode_follows {
            let units = memory::address(&fixed, VAR_SIZE);
            memory::set_word(&mut image, VAR_SIZE, units as u64);
            // SAFETY: `ob_size` counts the 2-byte units of bytecode that follow the fixed part.
            let live = unsafe { memory::copy(code, layout.size + 2 * units) };
            image.extend_from_slice(&live[layout.size..]);
        }
        for field in layout.fields {
            match field.kind {
                FieldKind::Number(size) => {
                    let bytes = field.offset..field.offset + size;
                    image[bytes.clone()].copy_from_slice(&fixed[bytes]);
                }
                FieldKind::Version => memory::set_half(&mut image, field.offset, self.shared.version()?),
                _ => {}
            }
        }
        let at = self.push_at(&image, externs::TYPE_CODE);
        self.here().known.insert(address, Target::Local(at));
        for field in layout.fields {
            let live = match field.kind {
                FieldKind::Object | FieldKind::FileName | FieldKind::CellArguments => {
                    memory::address(&fixed, field.offset)
                }
                FieldKind::Kept | FieldKind::Frame if self.area == Area::Transient => {
                    let what = if field.kind == FieldKind::Frame { WATCHED_FRAME } else { WATCHED };
                    self.here().objects.slot(at + field.offset as u32, Target::Watched(what));
                    continue;
                }
                _ => continue,
            };
            let target = match field.kind {
                FieldKind::CellArguments if live == 0 => continue,
                FieldKind::CellArguments => self.cell_arguments(code, live)?,
                _ => {
                    // SAFETY: `probe` found objects where the table has them, and `code` holds a
                    // reference to each.
                    let object = unsafe { memory::object_at(code.py(), live) };
                    if field.kind == FieldKind::FileName && object.eq(&self.file_name)? {
                        Target::Extern(externs::FILENAME)
                    } else {
                        self.field(code, field.name, &object).map_err(|e| within(code, e))?
                    }
                }
            };
            self.here().objects.slot(at + field.offset as u32, target);
        }
        Ok(Target::Local(at))
    }

    /// What a field of a code object refers to.
    fn field(
        &mut self,
        code: &Bound<'py, PyAny>,
        name: &str,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<Target> {
        match object.cast_exact::<PyTuple>() {
            Ok(constants) if self.area == Area::Transient && name == "co_consts" && !constants.is_empty() => {
                self.transient_constants(constants, code)
            }
            _ => self.part(object),
        }
    }

    /// 3.10's `co_cell2arg`: for each cell variable the number of its argument, or -1.
    fn cell_arguments(&mut self, code: &Bound<'py, PyAny>, address: usize) -> PyResult<Target> {
        let cells = code.getattr("co_cellvars")?.len()?;
        // SAFETY: `PyCode_NewWithPosOnlyArgs` (`Objects/codeobject.c`, 3.10) allocates one entry
        // per cell variable.
        let live = unsafe { memory::copy_at(address, cells * CELL_ARGUMENT) };
        Ok(Target::Local(self.here().objects.push(&live)))
    }
}

/// The same reference, from the transient part.
fn from_transient(target: Target) -> Target {
    match target {
        Target::Local(offset) => Target::Persistent(offset),
        Target::Cell(offset) => Target::PersistentCell(offset),
        other => other,
    }
}

fn is_function(code: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(code.getattr("co_flags")?.extract::<u32>()? & CO_OPTIMIZED != 0)
}

fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().fully_qualified_name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

fn unstorable(object: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!("a constant of type {}", type_name(object)))
}

/// `error` with the place: the innermost code object is named once.
fn within(code: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = code.py();
    let text = error.value(py).to_string();
    if !error.is_instance_of::<PyValueError>(py) || text.contains(" in the code of ") {
        return error;
    }
    let attribute = |name| code.getattr(name).map_or_else(|_| "?".to_owned(), |value| value.to_string());
    PyValueError::new_err(format!(
        "{text} in the code of {} (line {})",
        attribute("co_name"),
        attribute("co_firstlineno")
    ))
}
