//! `_glowplug`: the import hook that serves Python modules from a `.glow` archive.
//!
//! One `abi3` build for every supported Python. It knows nothing of object layouts: the archive's
//! objects are ready-made, and what is left to do here is to unpack them, point them at this
//! process's types and strings, and hand them to `importlib`.
//!
//! The way of one start: [`activation`] finds and opens the archive and installs the [`finder`];
//! an import asks the finder, which says where the module lies ([`places`]) and whether it is
//! still good ([`staleness`]); the [`source_loader`] has its code brought to life by [`heap`] and
//! executed by `importlib`'s own code. Beside that: [`collection`] holds garbage collection back
//! while the imports run, [`expressions`] and [`texts`] answer `re.compile` and `exec` of a string,
//! [`scratch`] is the memory of code that runs once, [`footprint`] gives back what only activation
//! needed, and [`exit`] keeps the interpreter from freeing what is not its own.
//!
//! All state is touched with the GIL held only (free-threaded builds are refused), see [`gil`].

use pyo3::prelude::*;

mod activation;
mod collection;
mod exit;
mod expressions;
mod externs;
mod finder;
mod fingerprint;
mod footprint;
mod gil;
mod heap;
mod loaded;
mod log;
mod places;
mod read_ahead;
mod scratch;
mod session;
mod settings;
mod source_loader;
mod staleness;
mod status;
mod texts;

/// The extension module.
#[pymodule]
fn _glowplug(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(activation::activate, module)?)?;
    module.add_function(wrap_pyfunction!(activation::activate_from_environment, module)?)?;
    module.add_function(wrap_pyfunction!(status::status, module)?)?;
    module.add_function(wrap_pyfunction!(fingerprint::fingerprint, module)?)?;
    module.add_function(wrap_pyfunction!(loaded::loaded_objects, module)?)?;
    Ok(())
}
