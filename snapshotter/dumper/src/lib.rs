//! `_glowplug_dumper`: dumps CPython code objects into a `.glow` archive. Deploy time only.
//!
//! Imported by the `glowplug` command's helper in a clean process of the Python that the archive
//! is for; nothing of the user's code runs there. [`dumper`] is the Python interface. [`probe`]
//! makes sure that the interpreter lays its objects out as [`layouts`] says; [`dump`] walks a code
//! object, with [`images`] for what refers to no other objects; the archive crate writes the file.
//! [`capture`] takes the process image, in the user's process.

mod capture;
mod dump;
mod dumper;
mod images;
mod interpreter;
mod layouts;
mod memory;
mod probe;

use pyo3::prelude::*;

/// Dumps CPython code objects into a .glow archive.
#[pymodule]
fn _glowplug_dumper(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<dumper::Dumper>()?;
    module.add_function(wrap_pyfunction!(capture::capture, module)?)?;
    module.add("NotCarriedError", module.py().get_type::<capture::NotCarriedError>())?;
    module.add_function(wrap_pyfunction!(capture::load_library, module)?)?;
    module.add_function(wrap_pyfunction!(capture::touched, module)?)?;
    module.add_function(wrap_pyfunction!(dumper::layout_table, module)?)
}
