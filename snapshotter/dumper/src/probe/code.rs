//! Code objects against the table: each field that has an attribute must be where the table says.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::{Checked, expect};
use crate::layouts::{FieldKind, Layout, VAR_SIZE};
use crate::memory;

const WHAT: &str = "code objects";

/// Two functions. The first has one of everything: positional-only and keyword-only arguments, an
/// argument that is a cell, another cell, a free variable, a handler, constants and names.
const SOURCE: &str = "\
def outer(free):
    def sample(first, second, /, third=3, *rest, keyword, **others):
        local = first
        try:
            cell = name_of_a_global(local, 'constant', 12345.5)
        except Exception:
            return free
        return lambda: (second, cell, name_of_an_attribute.attribute)
    return sample
";

/// Checks a fresh code object.
pub fn check(py: Python<'_>, layout: &Layout) -> Checked {
    let compiled = py.import("builtins")?.getattr("compile")?.call1((SOURCE, "<glowplug probe>", "exec"))?;
    let marshal = py.import("marshal")?;
    let module = marshal.call_method1("loads", (marshal.call_method1("dumps", (compiled,))?,))?;
    let outer = nested(&module)?;
    let sample = nested(&outer)?;

    // SAFETY: `check_types` found the fixed part to have this size.
    let fresh = unsafe { memory::copy(&sample, layout.code.size) };
    check_objects(layout, &sample, &fresh)?;
    check_numbers(layout, &sample, &fresh)?;
    check_locals(layout, &sample, &fresh)?;
    check_bytecode(layout, &sample, &fresh)?;
    check_cell_arguments(layout, &sample, &fresh)?;
    check_versions(layout, &outer, &fresh)?;
    check_cleared(py, layout, &sample, &fresh)
}

/// The first code object among the constants of `code`.
fn nested<'py>(code: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    for constant in code.getattr("co_consts")?.cast::<PyTuple>()?.iter() {
        if constant.hasattr("co_consts")? {
            return Ok(constant);
        }
    }
    code.getattr("co_consts")?.get_item("no nested code")
}

/// The attribute called as the field is the object that the field refers to.
fn check_objects(layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    for field in layout.code.fields {
        if !matches!(field.kind, FieldKind::Object | FieldKind::FileName) || !code.hasattr(field.name)? {
            continue; // `co_localsplusnames` and `co_localspluskinds`, see `check_locals`
        }
        let object = code.getattr(field.name)?;
        expect(memory::address(fresh, field.offset) == object.as_ptr() as usize, WHAT, || {
            format!("{} not found at offset {}", field.name, field.offset)
        })?;
    }
    Ok(())
}

/// Numbers that are attributes too.
fn check_numbers(layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    for field in layout.code.fields {
        if field.kind != FieldKind::Number(4) || !code.hasattr(field.name)? {
            continue;
        }
        let value: u32 = code.getattr(field.name)?.extract()?;
        expect(memory::half(fresh, field.offset) == value, WHAT, || {
            format!("{} not found at offset {}", field.name, field.offset)
        })?;
    }
    for (field, attribute) in [("co_ncellvars", "co_cellvars"), ("co_nfreevars", "co_freevars")] {
        if let Some(field) = layout.code_field(field) {
            let count = code.getattr(attribute)?.len()?;
            expect(memory::half(fresh, field.offset) as usize == count, WHAT, || {
                format!("{} not found at offset {}", field.name, field.offset)
            })?;
        }
    }
    Ok(())
}

/// From 3.11 on, names and kinds of all variables together. They have no attributes; that the
/// fields on both sides were found is what makes it safe to take these for objects.
fn check_locals(layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    let fields = ["co_nlocalsplus", "co_localsplusnames", "co_localspluskinds"].map(|n| layout.code_field(n));
    let [Some(count), Some(names), Some(kinds)] = fields else {
        return Ok(());
    };
    let py = code.py();
    let count = memory::half(fresh, count.offset) as usize;
    let object = |offset| {
        // SAFETY: the fields on both sides of these two hold objects, see `check_objects`.
        unsafe { memory::object_at(py, memory::address(fresh, offset)) }
    };
    let variables = object(names.offset);
    let expected = py.import("builtins")?.getattr("set")?.call1((code.getattr("co_varnames")?,))?;
    expected.call_method1("update", (code.getattr("co_cellvars")?, code.getattr("co_freevars")?))?;
    let same = variables.is_exact_instance_of::<PyTuple>()
        && variables.len()? == count
        && expected.eq(expected.get_type().call1((&variables,))?)?;
    expect(same, WHAT, || format!("co_localsplusnames not found at offset {}", names.offset))?;
    let found = object(kinds.offset);
    let same = found.is_exact_instance_of::<PyBytes>() && found.len()? == count;
    expect(same, WHAT, || format!("co_localspluskinds not found at offset {}", kinds.offset))
}

/// The bytecode follows the fixed part.
fn check_bytecode(layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    if !layout.code.bytecode_follows {
        return Ok(()); // `co_code` is an object, found above
    }
    let adaptive = code.getattr("_co_code_adaptive")?;
    let adaptive = adaptive.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
    let at = layout.code.size;
    let length = 2 * memory::address(fresh, VAR_SIZE);
    expect(length == adaptive.len(), WHAT, || {
        format!("length of the bytecode not found at offset {VAR_SIZE}")
    })?;
    // SAFETY: as many bytes follow the fixed part as the attribute has.
    let live = unsafe { memory::copy(code, at + length) };
    expect(&live[at..] == adaptive, WHAT, || format!("bytecode not found at offset {at}"))
}

/// 3.10: which argument each cell variable is.
fn check_cell_arguments(layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    let Some(field) = layout.code_field("co_cell2arg") else {
        return Ok(());
    };
    let mut expected = Vec::new();
    for cell in code.getattr("co_cellvars")?.cast::<PyTuple>().map_err(PyErr::from)?.iter() {
        let argument: u64 = if cell.eq("second")? { 1 } else { u64::MAX };
        expected.extend_from_slice(&argument.to_ne_bytes());
    }
    let address = memory::address(fresh, field.offset);
    // SAFETY: where it is not null the fields on both sides were found, so this is the array.
    let found = address != 0 && unsafe { memory::copy_at(address, expected.len()) } == expected;
    expect(found, WHAT, || format!("co_cell2arg not found at offset {}", field.offset))
}

/// Versions are given in the order in which code objects are made, inner ones first, and are far
/// below those that an archive gives.
fn check_versions(layout: &Layout, outer: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    let Some(field) = layout.code_field("co_version") else {
        return Ok(());
    };
    // SAFETY: as in `check`.
    let later = unsafe { memory::copy(outer, layout.code.size) };
    let (first, second) = (memory::half(fresh, field.offset), memory::half(&later, field.offset));
    let counted = first > 0 && second > first && second < first + 1000 && second < 1 << 31;
    expect(counted, WHAT, || format!("co_version not found at offset {}: {first}, {second}", field.offset))
}

/// What is stored as zero is zero in a fresh object, and a weak reference appears where it should.
fn check_cleared(py: Python<'_>, layout: &Layout, code: &Bound<'_, PyAny>, fresh: &[u8]) -> Checked {
    for field in layout.code.fields {
        // The attributes read above have filled these; `_co_unique_id` is never set.
        if matches!(field.name, "_co_code" | "_co_cached" | "_co_unique_id") {
            continue;
        }
        if matches!(field.kind, FieldKind::Clear(_) | FieldKind::Kept | FieldKind::Frame) {
            let zero = fresh[field.offset..field.offset + field.kind.size()].iter().all(|b| *b == 0);
            expect(zero, WHAT, || format!("{} at offset {} is not unset", field.name, field.offset))?;
        }
    }
    let Some(field) = layout.code_field("co_weakreflist") else {
        return Ok(());
    };
    let reference = py.import("weakref")?.getattr("ref")?.call1((code,))?;
    // SAFETY: as in `check`.
    let live = unsafe { memory::copy(code, layout.code.size) };
    expect(memory::address(&live, field.offset) == reference.as_ptr() as usize, WHAT, || {
        format!("co_weakreflist not found at offset {}", field.offset)
    })
}
