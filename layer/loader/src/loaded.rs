//! Which objects are loaded, for whoever records in which order a start needs files.
//!
//! `/proc/self/maps` has them too, a line for each mapping. But a recording start has tens of thousands of mappings
//! (`snapshotter/auditor`), and asks with each extension module.

use std::ffi::{CStr, OsStr, OsString, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;

use pyo3::prelude::*;

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record with a text that ends with a zero, and `found` is the vector of `paths`.
    let (name, found) = unsafe { (CStr::from_ptr((*info).dlpi_name), &mut *found.cast::<Vec<OsString>>()) };
    if name.to_bytes().starts_with(b"/") {
        found.push(OsStr::from_bytes(name.to_bytes()).into());
    }
    0
}

/// The paths of the loaded shared objects, as the dynamic linker found them, in the order in which they were loaded.
#[pyfunction]
pub fn loaded_objects() -> Vec<OsString> {
    let mut found: Vec<OsString> = Vec::new();
    // SAFETY: `visit` keeps to its contract and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
    found
}
