//! What `glowplug.status()` says.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::gil::GilCell;
use crate::session;

static REFUSAL: GilCell<Option<String>> = GilCell::new(None);

/// Remembers why no archive is active.
pub fn refused(py: Python<'_>, reason: &str) {
    REFUSAL.with(py, |r| *r = Some(reason.to_owned()));
}

/// What this start used and why, as a dict: `rung` (`code` or `plain`), `archive`, `validation`,
/// `modules` (served so far), `modules_in_archive`, `extensions`, `regexes` and `texts` (answered
/// so far), `fallbacks` (a list of `(module, reason)`) and `reason` (why no archive is active).
#[pyfunction]
pub fn status(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    let reason = REFUSAL.with(py, |r| r.clone());
    let Some(session) = session::current() else {
        dict.set_item("rung", "plain")?;
        dict.set_item("archive", py.None())?;
        dict.set_item("modules", 0)?;
        dict.set_item("fallbacks", Vec::<(String, String)>::new())?;
        dict.set_item("reason", reason.unwrap_or_else(|| "no archive was asked for".to_owned()))?;
        return Ok(dict);
    };
    let fallbacks = session.fallbacks.with(py, |f| f.clone());
    dict.set_item("rung", "code")?;
    // A str: a path object would have `pathlib` imported.
    dict.set_item("archive", session.archive.path().as_os_str())?;
    dict.set_item("validation", session.archive.header().validation.name())?;
    dict.set_item("modules", session.counts.modules.load(Ordering::Relaxed))?;
    dict.set_item("modules_in_archive", session.archive.modules().len())?;
    dict.set_item("extensions", session.counts.extensions.load(Ordering::Relaxed))?;
    dict.set_item("regexes", session.counts.regexes.load(Ordering::Relaxed))?;
    dict.set_item("texts", session.counts.texts.load(Ordering::Relaxed))?;
    dict.set_item("fallbacks", fallbacks)?;
    dict.set_item("reason", reason)?;
    Ok(dict)
}
