//! Strings, bytes, tuples, numbers and slices against the table.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyComplex, PyFloat, PyInt, PyString, PyTuple};

use super::{Checked, expect};
use crate::layouts::{
    BYTES_DATA, BYTES_HASH, COMPLEX, FLOAT, INT_DIGIT, INT_DIGITS, IntSize, Layout, OBJECT, SLICE,
    SLICE_FIELDS, StringLayout, TYPE, VAR_SIZE,
};
use crate::memory;

const UNKNOWN: u64 = u64::MAX;

/// Checks samples of every type but code.
pub fn check(py: Python<'_>, layout: &Layout) -> Checked {
    for (text, width) in
        [("gl0w plug", 1), ("gl\u{f6}w plug", 1), ("gl\u{151}w plug", 2), ("gl\u{1f50c}w", 4)]
    {
        check_string(py, layout, text, width)?;
    }
    check_interned(py)?;
    check_bytes(py)?;
    check_tuple(py, layout)?;
    check_ints(py, layout)?;
    check_numbers(py)?;
    check_slice(py)
}

fn check_string(py: Python<'_>, layout: &Layout, text: &str, width: usize) -> Checked {
    let string = PyString::new(py, text);
    let data = if text.is_ascii() { layout.string.ascii } else { layout.string.compact };
    let length = text.chars().count();
    // SAFETY: `check_types` found strings to be as long as the table says, which is longer than
    // the smallest form; `data` and `width` follow from the table, and the reads below are of
    // what a string of that length has at least on every CPython since 3.3 (PEP 393).
    let live = unsafe { memory::copy(&string, data + length * width) };
    let characters: Vec<u8> =
        text.chars().flat_map(|c| u32::from(c).to_le_bytes().into_iter().take(width)).collect();
    expect(live[data..] == characters, "strings", || format!("characters not found at offset {data}"))?;
    let state = memory::half(&live, StringLayout::STATE);
    let expected = StringLayout::COMPACT
        | (width as u32) << StringLayout::KIND.trailing_zeros()
        | if text.is_ascii() { StringLayout::ASCII } else { 0 };
    let mask = StringLayout::COMPACT | StringLayout::KIND | StringLayout::ASCII | StringLayout::INTERNED;
    expect(state & mask == expected, "strings", || {
        format!("state {state:#x} found at offset {}, expected {expected:#x}", StringLayout::STATE)
    })?;
    let found = memory::address(&live, StringLayout::LENGTH);
    expect(found == length && memory::word(&live, StringLayout::HASH) == UNKNOWN, "strings", || {
        format!("length and unset hash not found at offset {}", StringLayout::LENGTH)
    })
}

/// That an interned string is known by its state.
fn check_interned(py: Python<'_>) -> Checked {
    let string = PyString::intern(py, "_glowplug_interned_");
    // SAFETY: a string has at least these fields, as above.
    let live = unsafe { memory::copy(&string, StringLayout::STATE + 4) };
    let state = memory::half(&live, StringLayout::STATE);
    expect(state & StringLayout::INTERNED != 0, "strings", || {
        format!("state {state:#x} of an interned one does not say so")
    })
}

fn check_bytes(py: Python<'_>) -> Checked {
    let content = b"glowplug";
    let object = PyBytes::new(py, content);
    // SAFETY: `check_types` found the size of an empty one to be `BYTES_DATA + 1`.
    let live = unsafe { memory::copy(&object, BYTES_DATA + content.len() + 1) };
    expect(&live[BYTES_DATA..BYTES_DATA + content.len()] == content, "bytes objects", || {
        format!("content not found at offset {BYTES_DATA}")
    })?;
    expect(memory::word(&live, BYTES_HASH) == UNKNOWN, "bytes objects", || {
        format!("unset hash not found at offset {BYTES_HASH}")
    })
}

fn check_tuple(py: Python<'_>, layout: &Layout) -> Checked {
    let items = [PyString::new(py, "first"), PyString::new(py, "second")];
    let tuple = PyTuple::new(py, &items)?;
    let at = layout.tuple.items;
    // SAFETY: `check_types` found items of 8 bytes to begin there.
    let live = unsafe { memory::copy(&tuple, at + 16) };
    let found = memory::address(&live, at) == items[0].as_ptr() as usize
        && memory::address(&live, at + 8) == items[1].as_ptr() as usize
        && memory::word(&live, VAR_SIZE) == 2;
    expect(found, "tuples", || format!("items not found at offset {at}"))?;
    let unset = layout.tuple.hash.is_none_or(|hash| memory::word(&live, hash) == UNKNOWN);
    expect(unset, "tuples", || "unset hash not found".to_owned())
}

fn check_ints(py: Python<'_>, layout: &Layout) -> Checked {
    let bits: u32 = py.import("sys")?.getattr("int_info")?.getattr("bits_per_digit")?.extract()?;
    expect(bits == 30, "ints", || format!("digits of {bits} bits instead of 30"))?;
    // Two digits: 5 + 7 * 2^30, then the same below zero, then one digit.
    for (value, digits) in
        [(5 + (7 << 30), &[5, 7][..]), (-5 - (7 << 30), &[5, 7]), (1_000_000_i64, &[1_000_000])]
    {
        let int = PyInt::new(py, value);
        // SAFETY: so many digits of 4 bytes follow the head, as `check_types` has found.
        let live = unsafe { memory::copy(&int, INT_DIGITS + digits.len() * INT_DIGIT) };
        let found: Vec<u32> =
            (0..digits.len()).map(|n| memory::half(&live, INT_DIGITS + n * INT_DIGIT)).collect();
        expect(found == digits, "ints", || format!("digits not found at offset {INT_DIGITS}"))?;
        let count = digits.len() as u64;
        let size = match (layout.int, value < 0) {
            (IntSize::VarSize, false) => count,
            (IntSize::VarSize, true) => count.wrapping_neg(),
            (IntSize::Tag, false) => count << IntSize::TAG_SHIFT,
            (IntSize::Tag, true) => count << IntSize::TAG_SHIFT | 2, // `_PyLong_SIGN_MASK`: 2 is negative
        };
        let found = memory::word(&live, IntSize::OFFSET);
        expect(found == size, "ints", || format!("size {found:#x} found, expected {size:#x}"))?;
    }
    Ok(())
}

fn check_numbers(py: Python<'_>) -> Checked {
    let float = PyFloat::new(py, 1234.5);
    // SAFETY: `check_types` found this size.
    let live = unsafe { memory::copy(&float, FLOAT) };
    expect(memory::word(&live, OBJECT) == 1234.5_f64.to_bits(), "floats", || {
        format!("value not found at offset {OBJECT}")
    })?;
    let complex = PyComplex::from_doubles(py, 1.5, -2.5);
    // SAFETY: `check_types` found this size.
    let live = unsafe { memory::copy(&complex, COMPLEX) };
    let found = [memory::word(&live, OBJECT), memory::word(&live, OBJECT + 8)];
    expect(found == [1.5_f64.to_bits(), (-2.5_f64).to_bits()], "complex numbers", || {
        format!("value not found at offset {OBJECT}")
    })?;
    expect(memory::address(&live, TYPE) == complex.get_type_ptr() as usize, "complex numbers", || {
        format!("type not found at offset {TYPE}")
    })
}

fn check_slice(py: Python<'_>) -> Checked {
    let parts = [PyString::new(py, "start"), PyString::new(py, "stop"), PyString::new(py, "step")];
    let slice = py.import("builtins")?.getattr("slice")?.call1(PyTuple::new(py, &parts)?)?;
    // SAFETY: `check_types` found this size.
    let live = unsafe { memory::copy(&slice, SLICE) };
    for (part, offset) in parts.iter().zip(SLICE_FIELDS) {
        expect(memory::address(&live, offset) == part.as_ptr() as usize, "slices", || {
            format!("{part} not found at offset {offset}")
        })?;
    }
    Ok(())
}
