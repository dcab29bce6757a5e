//! Finding the archive, and installing the import hook.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use glowplug_archive::Archive;
use glowplug_archive::fingerprint::{Fingerprint, flags};
use glowplug_archive::header::Validation;
use glowplug_archive::modules::RootKind;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::collection::Hold;
use crate::finder::ArchiveFinder;
use crate::gil::GilCell;
use crate::heap::Heap;
use crate::places::Places;
use crate::session::{self, Classes, Counts, Session};
use crate::settings::{Mode, Settings};
use crate::{exit, expressions, fingerprint, footprint, log, read_ahead, source_loader, status, texts};

/// Activates an archive in this process: modules that it holds are imported from it from now on.
///
/// `archive` is a `.glow` file, or a folder of which the archive built for this interpreter is
/// taken; without it, what `GLOWPLUG_ARCHIVE` or `GLOWPLUG_ARCHIVE_DIR` says. `root` is where the
/// function's directory is now, if it is neither where it was nor in `sys.path`.
///
/// Returns whether an archive is active. What is wrong with it is one line on stderr and stands in
/// `status()`; with `GLOWPLUG_STRICT=1` it is an `ImportError`. `late` says that the process was restored from an image, so that its
/// rung is decided. `gives_back` is false where it is recorded which pages of files a start touches: none of them is given back then.
#[pyfunction]
#[pyo3(signature = (archive=None, *, root=None, late=false, gives_back=true))]
pub fn activate(
    py: Python<'_>,
    archive: Option<PathBuf>,
    root: Option<PathBuf>,
    late: bool,
    gives_back: bool,
) -> PyResult<bool> {
    let (mut settings, unknown) = Settings::from_environment();
    if let Some(unknown) = unknown {
        log::warn(&unknown);
    }
    match archive {
        Some(folder) if folder.is_dir() => {
            settings.archive = None;
            settings.archive_dir = Some(folder);
        }
        Some(file) => settings.archive = Some(file),
        None => {}
    }
    if root.is_some() {
        settings.root = root;
    }
    settings.gives_back = gives_back;
    let strict = settings.strict;
    if settings.mode == Mode::Off {
        status::refused(py, "GLOWPLUG_MODE is off");
        log::moment("plain");
        return Ok(false);
    }
    match prepare(py, settings).and_then(|session| install(py, session)) {
        Ok(session) => {
            if !late {
                log::moment("code");
            }
            if gives_back {
                footprint::shrink(&session.archive);
            }
            Ok(true)
        }
        Err(refusal) => {
            status::refused(py, &refusal.0);
            log::moment("plain");
            if strict {
                return Err(PyImportError::new_err(format!(
                    "glowplug: {} (GLOWPLUG_STRICT is set)",
                    refusal.0
                )));
            }
            log::warn(&format!("{}; starting the plain way", refusal.0));
            Ok(false)
        }
    }
}

/// What the `.pth` file and the start script call: activates what the environment asks for. With
/// `GLOWPLUG_STRICT=1` a refusal ends the process with status 1 (`site` would swallow an exception).
///
/// Only the first call does something: in a virtual environment `site` reads each `.pth` file
/// twice (CPython `Lib/site.py`, `venv` and `main` both call `addsitepackages`).
#[pyfunction]
pub fn activate_from_environment(py: Python<'_>) -> bool {
    static ASKED: AtomicBool = AtomicBool::new(false);
    if ASKED.swap(true, Ordering::Relaxed) {
        return session::current().is_some();
    }
    activate(py, None, None, false, true).unwrap_or_else(|error| {
        log::warn(&error.value(py).to_string());
        std::process::exit(1)
    })
}

/// Why there will be no archive.
struct Refusal(String);

impl From<glowplug_archive::Error> for Refusal {
    fn from(e: glowplug_archive::Error) -> Self {
        Self(e.to_string())
    }
}

impl From<PyErr> for Refusal {
    fn from(e: PyErr) -> Self {
        Self(format!("this interpreter lacks something: {e}"))
    }
}

/// As [`install`] a function of its own, so that what runs after [`footprint::shrink`] is small.
#[inline(never)]
fn prepare(py: Python<'_>, settings: Settings) -> Result<Session, Refusal> {
    if let Some(active) = session::current() {
        return Err(Refusal(format!("{} is active already", active.archive.path().display())));
    }
    let running = fingerprint::of_this_process(py)?;
    if running.flags & flags::FREE_THREADED != 0 {
        return Err(Refusal("free-threaded builds of Python are not supported".to_owned()));
    }
    if running.flags & flags::DEBUG != 0 {
        return Err(Refusal("debug builds of Python are not supported".to_owned()));
    }
    let path = match (&settings.archive, &settings.archive_dir) {
        (Some(file), _) => file.clone(),
        (None, Some(folder)) => choose(folder, &running)?,
        (None, None) => {
            return Err(Refusal("no archive: set GLOWPLUG_ARCHIVE, or give one to activate()".to_owned()));
        }
    };
    let archive = Archive::open(&path).map_err(|e| named(&path, &e))?;
    if let Some(difference) = archive.header().fingerprint.difference(&running) {
        return Err(Refusal(format!("{}: built for another interpreter: {difference}", path.display())));
    }
    let sys = py.import("sys")?;
    let optimize: u8 = sys.getattr("flags")?.getattr("optimize")?.extract()?;
    if archive.header().optimize != optimize {
        return Err(Refusal(format!(
            "{}: compiled at optimisation level {}, running at {optimize}",
            path.display(),
            archive.header().optimize
        )));
    }
    read_ahead::begin(&archive);
    let heap = Heap::reserve(&archive).map_err(|e| named(&path, &e))?;
    let function = archive.roots().iter().position(|r| r.kind == RootKind::Function as u32);
    let places = Places::new(archive.roots().len(), function.zip(settings.root.as_deref()));
    Ok(Session {
        heap: GilCell::new(heap),
        places: GilCell::new(places),
        executed: GilCell::new(vec![false; archive.modules().len()]),
        hold: if settings.hold_collection { Some(Hold::new(py, archive.header().garbage)?) } else { None },
        classes: classes(py, &sys, optimize)?,
        counts: Counts::default(),
        fallbacks: GilCell::new(Vec::new()),
        archive,
        settings,
    })
}

fn named(path: &Path, why: &dyn std::fmt::Display) -> Refusal {
    let (path, why) = (path.display().to_string(), why.to_string());
    // Errors of the file system name the file already.
    Refusal(if why.starts_with(&path) { why } else { format!("{path}: {why}") })
}

/// The archive in `folder` that was built for this interpreter.
fn choose(folder: &Path, running: &Fingerprint) -> Result<PathBuf, Refusal> {
    let suffix = running.file_suffix();
    let listed = std::fs::read_dir(folder).map_err(|e| named(folder, &e))?;
    let mut archives: Vec<PathBuf> =
        listed.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "glow")).collect();
    archives.sort();
    let fits = |p: &&PathBuf| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.ends_with(&suffix));
    let mut fitting = archives.iter().filter(fits);
    let Some(first) = fitting.next() else {
        return Err(Refusal(format!(
            "{}: none of {} archives is for this interpreter (*{suffix})",
            folder.display(),
            archives.len()
        )));
    };
    if let Some(second) = fitting.next() {
        log::warn(&format!(
            "{}: several archives fit, {} is taken, not {}",
            folder.display(),
            first.display(),
            second.display()
        ));
    }
    Ok(first.clone())
}

fn classes(py: Python<'_>, sys: &Bound<'_, PyModule>, optimize: u8) -> PyResult<Classes> {
    let bootstrap = py.import("_frozen_importlib")?;
    let external = py.import("_frozen_importlib_external")?;
    let source_loader = external.getattr("SourceFileLoader")?;
    let tag: Option<String> = sys.getattr("implementation")?.getattr("cache_tag")?.extract()?;
    let prefixed = !sys.getattr("pycache_prefix")?.is_none();
    let cache_suffix = tag.filter(|_| !prefixed).map(|tag| match optimize {
        0 => format!(".{tag}.pyc"),
        level => format!(".{tag}.opt-{level}.pyc"),
    });
    Ok(Classes {
        module_spec: bootstrap.getattr("ModuleSpec")?.unbind(),
        extension_loader: external.getattr("ExtensionFileLoader")?.unbind(),
        archive_loader: source_loader::make_class(py, &source_loader)?.unbind(),
        source_loader: source_loader.unbind(),
        sys: sys.clone().unbind(),
        cache_suffix,
    })
}

#[inline(never)]
fn install(py: Python<'_>, session: Session) -> Result<&'static Session, Refusal> {
    let session =
        session::start(session).map_err(|_| Refusal("another archive is active already".to_owned()))?;
    exit::watch(py, &session.archive.header().fingerprint)?;
    if let Some(hold) = &session.hold {
        hold.start(py)?;
    }
    let sys = session.classes.sys.bind(py);
    let meta_path = sys.getattr("meta_path")?.cast_into::<PyList>().map_err(PyErr::from)?;
    meta_path.insert(0, Py::new(py, ArchiveFinder)?)?;
    if session.settings.texts && !session.archive.compiled().is_empty() {
        texts::attach(py)?;
    }
    if session.settings.expressions {
        let modules = sys.getattr("modules")?;
        for name in ["re._compiler", "sre_compile"] {
            if let Ok(module) = modules.get_item(name)
                && expressions::is_compiler(name)
                && module.hasattr("_sre")?
            {
                expressions::attach(&module)?;
            }
        }
    }
    log::line(log::Level::Info, || {
        let header = session.archive.header();
        let stale = if header.validation == Validation::Unchecked { ", sources are not checked" } else { "" };
        format!(
            "{} is active: {} modules{stale}",
            session.archive.path().display(),
            session.archive.modules().len()
        )
    });
    Ok(session)
}
