//! What a restored process finds: environment, arguments and what the restorer says.

use core::ffi::{CStr, c_char};

use glowplug_archive::image::Restored;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

unsafe extern "C" {
    /// The C library's (environ(7)).
    static mut environ: *const *const c_char;
}

/// Makes the new process's environment the C library's, and tells Python all that is new. `threads` are those that were
/// stopped when the image was taken.
///
/// # Errors
/// `MemoryError`.
pub fn take_over<'py>(
    py: Python<'py>,
    restored: *const Restored,
    threads: &[glowplug_parking::Thread],
) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: the restorer points to a record that stays.
    let restored = unsafe { &*restored };
    // SAFETY: a pointer; who reads the old environment meanwhile finds that, it stays.
    unsafe { environ = restored.environment.cast() };
    let environment = PyDict::new(py);
    // SAFETY: both lists are the kernel's, on the initial stack, which stays mapped.
    for entry in unsafe { texts(restored.environment, usize::MAX) } {
        let mut parts = entry.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && !environment.contains(PyBytes::new(py, name))?
        {
            environment.set_item(PyBytes::new(py, name), PyBytes::new(py, value))?;
        }
    }
    let arguments = PyList::empty(py);
    // SAFETY: as above.
    for argument in unsafe { texts(restored.arguments, restored.argument_count as usize) } {
        arguments.append(PyBytes::new(py, argument))?;
    }
    let found = PyDict::new(py);
    found.set_item("environment", environment)?;
    found.set_item("arguments", arguments)?;
    // SAFETY: zero-terminated, in the restorer's memory.
    let archive = unsafe { CStr::from_ptr(restored.archive.cast()) };
    found.set_item("archive", PyBytes::new(py, archive.to_bytes()))?;
    // SAFETY: that many bytes, on the initial stack.
    let folder = unsafe { core::slice::from_raw_parts(restored.folder, restored.folder_length as usize) };
    found.set_item("folder", PyBytes::new(py, folder))?;
    found.set_item("latch", restored.latch)?;
    found.set_item("begun", restored.begun)?;
    found.set_item("resumed", restored.resumed)?;
    found.set_item("cold", restored.cold == 1)?;
    let renumbered = threads.iter().map(|thread| (thread.tid_then, thread.tid));
    found.set_item("threads", PyList::new(py, renumbered.collect::<Vec<_>>())?)?;
    Ok(found)
}

/// The texts of a list that ends with a null or after `count` of them.
///
/// # Safety
/// `list` is such a list of zero-terminated texts that stay as they are.
unsafe fn texts<'a>(list: *const *const u8, count: usize) -> impl Iterator<Item = &'a [u8]> {
    (0..count).map_while(move |number| {
        // SAFETY: the caller's word: not behind the end.
        let text = unsafe { *list.add(number) };
        // SAFETY: the same.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text.cast()) }.to_bytes())
    })
}
