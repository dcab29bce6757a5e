//! `_glowplug_dumper`: dumps CPython code objects into a `.glow` archive. Deploy time only.
//!
//! Imported by the `glowplug` command's helper in a clean process of the Python that the archive
//! is for; nothing of the user's code runs there. [`dumper`] is the Python interface. [`probe`]
//! makes sure that the interpreter lays its objects out as [`layouts`] says; [`dump`] walks a code
//! object, with [`images`] for what refers to no other objects and [`passing`] for what a body is done with;
//! the archive crate writes the file.
//! [`capture`] takes the process image, in the user's process; [`descriptors`], [`io_uring`], [`tasks`] and [`endpoint`] serve it.

mod capture;
mod descriptors;
mod dump;
mod dumper;
mod endpoint;
mod holes;
mod hot_code;
mod images;
mod immortal;
mod interpreter;
mod io_uring;
mod later;
mod layouts;
mod memory;
mod own_mappings;
mod passing;
mod probe;
mod relocations;
mod shared_keys;
mod survivors;
mod tasks;

use own_mappings::OwnMappings;
use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: OwnMappings = OwnMappings;

/// Dumps CPython code objects into a .glow archive.
#[pymodule]
fn _glowplug_dumper(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<dumper::Dumper>()?;
    module.add_function(wrap_pyfunction!(capture::capture, module)?)?;
    module.add("NotCarriedError", module.py().get_type::<capture::NotCarriedError>())?;
    module.add_function(wrap_pyfunction!(capture::not_carried, module)?)?;
    module.add_function(wrap_pyfunction!(endpoint::load_with_endpoint, module)?)?;
    module.add_function(wrap_pyfunction!(holes::fill_holes, module)?)?;
    module.add_function(wrap_pyfunction!(hot_code::note_code, module)?)?;
    module.add_function(wrap_pyfunction!(hot_code::gather_code, module)?)?;
    module.add_function(wrap_pyfunction!(relocations::forget_relocations, module)?)?;
    module.add_function(wrap_pyfunction!(shared_keys::note_shared_keys, module)?)?;
    module.add_function(wrap_pyfunction!(shared_keys::settle_shared_keys, module)?)?;
    module.add_function(wrap_pyfunction!(survivors::note_objects, module)?)?;
    module.add_function(wrap_pyfunction!(immortal::immortalize, module)?)?;
    module.add_function(wrap_pyfunction!(capture::load_library, module)?)?;
    module.add_function(wrap_pyfunction!(capture::digest_of_files, module)?)?;
    module.add_function(wrap_pyfunction!(capture::touched, module)?)?;
    module.add_function(wrap_pyfunction!(capture::read_around_again, module)?)?;
    module.add_function(wrap_pyfunction!(descriptors::in_pipe, module)?)?;
    module.add_function(wrap_pyfunction!(descriptors::same_open_file, module)?)?;
    module.add_function(wrap_pyfunction!(later::call_later, module)?)?;
    module.add_function(wrap_pyfunction!(io_uring::without_io_uring, module)?)?;
    module.add_function(wrap_pyfunction!(tasks::calls_of, module)?)?;
    module.add_function(wrap_pyfunction!(dumper::layout_table, module)?)
}
